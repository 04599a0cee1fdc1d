//! The calls that wait to be sent.
//!
//! Owns their order, and finding one that asks the same as another. Does not own when there is room
//! for them (`pool`).

use super::{RowSink, call::Call, load::Load, ticket::Ticket};
use crate::value::Argument;
use std::{
    collections::{HashMap, VecDeque},
    hash::{BuildHasher, RandomState},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

/// The most calls that one execution answers.
const LARGEST_BATCH: usize = 64;
/// How far into the line is looked for calls that go together.
const LOOK_AHEAD: usize = 256;
/// Runs in flight that answer the same question. Whoever asks it meanwhile waits for the next one, with
/// all others who do: a question that many ask is not worth every connection.
const ALIKE_IN_FLIGHT: u32 = 2;
/// The largest arguments of a call that goes with others, in bytes.
const LARGEST_ARGUMENTS: usize = 4096;

/// What a call waits behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Statements that answer many calls at once.
    Batch,
    /// All others that are not known to be slow.
    Fast,
    /// Statements that are known to take long.
    Slow,
}

/// Calls in their lines.
pub(super) struct Queue<S> {
    lines: [VecDeque<Rc<Load<S>>>; 3],
    /// Those that others may join, by what they ask.
    shared: HashMap<u64, Rc<Load<S>>>,
    /// How many in flight ask the same.
    flying: HashMap<u64, u32>,
    /// Those that stand in no line until one of them has landed, with their line.
    held: HashMap<u64, (Rc<Load<S>>, Line)>,
    hasher: RandomState,
}

impl<S> Default for Queue<S> {
    fn default() -> Self {
        Self {
            lines: Default::default(),
            shared: HashMap::new(),
            flying: HashMap::new(),
            held: HashMap::new(),
            hasher: RandomState::new(),
        }
    }
}

impl<S: RowSink> Queue<S> {
    /// Everybody who waits, in a line or not.
    pub(super) fn len(&self) -> usize {
        self.ready() + self.held.len()
    }

    /// Those who are to be sent.
    pub(super) fn ready(&self) -> usize {
        self.lines.iter().map(VecDeque::len).sum()
    }

    /// Whether nobody is to be sent.
    pub(super) fn is_empty(&self) -> bool {
        self.lines.iter().all(VecDeque::is_empty)
    }

    pub(super) fn is_line_empty(&self, line: Line) -> bool {
        self.lines[line as usize].is_empty()
    }

    /// Everybody who waits.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Rc<Load<S>>> {
        self.lines.iter().flatten().chain(self.held.values().map(|(load, _)| load))
    }

    /// What a call asks, when it may share its run.
    pub(super) fn key(&self, call: &Call<S>) -> Option<u64> {
        let medium = call.sink.medium().filter(|_| call.statement.repeatable)?;
        let arguments: &[_] = &call.arguments;
        let asked = (call.statement.index, medium, call.identity.as_deref());
        Some(self.hasher.hash_one((asked, arguments)))
    }

    /// A call that waits and asks the same as `call`.
    pub(super) fn same(&self, key: u64, call: &Call<S>) -> Option<&Rc<Load<S>>> {
        self.shared
            .get(&key)
            .filter(|load| load.with_call(|other| asks_the_same(other, call)).unwrap_or(false))
    }

    /// Puts a new call at the end of its line, or aside while enough that ask the same are in flight. Says
    /// whether it was put aside.
    pub(super) fn push(&mut self, load: Rc<Load<S>>, line: Line, key: Option<u64>) -> bool {
        if let Some(key) = key {
            load.key.set(Some(key));
            self.shared.insert(key, Rc::clone(&load));
            let alike = self.flying.get(&key).copied().unwrap_or(0);
            // One that may not be joined, and has the same key, is aside already: this one is not to take
            // its place.
            let has_room = !self.held.contains_key(&key);
            if line != Line::Batch && alike >= ALIKE_IN_FLIGHT && has_room {
                self.held.insert(key, (load, line));
                return true;
            }
        }
        self.lines[line as usize].push_back(load);
        false
    }

    /// Puts those into their lines who have waited aside for longer than `at_most` says of the statement with
    /// an index: the runs that they wait for may be held up by their connections alone. Says whether others
    /// are left.
    pub(super) fn lets_go(&mut self, at_most: impl Fn(usize) -> Duration) -> bool {
        let lines = &mut self.lines;
        self.held.retain(|_, (load, line)| {
            let waits = load.waits_since().elapsed() < at_most(load.statement.index);
            if !waits {
                lines[*line as usize].push_back(Rc::clone(load));
            }
            waits
        });
        !self.held.is_empty()
    }

    /// A call that was sent is over, or in flight no more: another that asks the same may go.
    pub(super) fn lands(&mut self, load: &Load<S>) {
        let Some(key) = load.flying.take() else { return };
        if let Some(alike) = self.flying.get_mut(&key) {
            *alike -= 1;
            if *alike == 0 {
                self.flying.remove(&key);
            }
        }
        if let Some((held, line)) = self.held.remove(&key) {
            self.lines[line as usize].push_back(held);
        }
    }

    /// Puts a call that was sent at the front of its line.
    pub(super) fn push_front(&mut self, load: Rc<Load<S>>, line: Line) {
        self.lines[line as usize].push_front(load);
    }

    /// The first call of a line.
    pub(super) fn first(&self, line: Line) -> Option<&Rc<Load<S>>> {
        self.lines[line as usize].front()
    }

    /// Takes the first call of a line. Nobody joins it from now on.
    pub(super) fn pop(&mut self, line: Line) -> Option<Rc<Load<S>>> {
        let load = self.lines[line as usize].pop_front()?;
        let key = load.key.get().filter(|_| line != Line::Batch);
        self.close(&load);
        if let Some(key) = key {
            load.flying.set(Some(key));
            *self.flying.entry(key).or_default() += 1;
        }
        Some(load)
    }

    /// Takes the first call of the batch line, and those behind it that one execution answers too.
    pub(super) fn pop_batch(&mut self) -> Vec<Rc<Load<S>>> {
        let Some(first) = self.pop(Line::Batch) else { return Vec::new() };
        let mut batch = vec![first];
        let line = &mut self.lines[Line::Batch as usize];
        let alike = |load: &Rc<Load<S>>| goes_with(&batch[0], load);
        if line.iter().take(LARGEST_BATCH - 1).all(alike) {
            // All that wait ask one thing: the usual case.
            batch.extend(line.drain(..line.len().min(LARGEST_BATCH - 1)));
        } else {
            let mut at = 0;
            while at < line.len().min(LOOK_AHEAD) && batch.len() < LARGEST_BATCH {
                if goes_with(&batch[0], &line[at]) {
                    batch.extend(line.remove(at));
                } else {
                    at += 1;
                }
            }
        }
        for load in &batch[1..] {
            close(&mut self.shared, load);
        }
        batch
    }

    /// Takes `ticket` out; a call that nobody waits for goes with it.
    pub(super) fn forget(&mut self, ticket: &Rc<Ticket<S>>) -> Option<Rc<Load<S>>> {
        let held = self.held.iter().find(|(_, (load, _))| load.has(ticket));
        if let Some((&key, (load, _))) = held {
            let gone = load.leave(ticket).then(|| self.held.remove(&key)).flatten();
            return gone.map(|(gone, _)| {
                self.close(&gone);
                gone
            });
        }
        for line in &mut self.lines {
            let Some(at) = line.iter().position(|load| load.has(ticket)) else { continue };
            if line[at].leave(ticket) {
                let gone = line.remove(at)?;
                self.close(&gone);
                return Some(gone);
            }
            break;
        }
        None
    }

    fn close(&mut self, load: &Rc<Load<S>>) {
        close(&mut self.shared, load);
    }
}

fn close<S>(shared: &mut HashMap<u64, Rc<Load<S>>>, load: &Rc<Load<S>>) {
    let Some(key) = load.key.take() else { return };
    if shared.get(&key).is_some_and(|known| Rc::ptr_eq(known, load)) {
        shared.remove(&key);
    }
}

/// Whether the two ask the same: one run answers both.
fn asks_the_same<S: RowSink>(one: &Call<S>, other: &Call<S>) -> bool {
    Arc::ptr_eq(&one.statement, &other.statement)
        && one.arguments == other.arguments
        && one.identity == other.identity
        && one.sink.medium() == other.sink.medium()
        && one.parks == other.parks
}

/// Whether one execution answers both, each with its own rows.
fn goes_with<S: RowSink>(one: &Load<S>, other: &Load<S>) -> bool {
    let same = one.with_call(|one| other.with_call(|other| one.identity == other.identity));
    Arc::ptr_eq(&one.statement, &other.statement) && same.flatten() == Some(true)
}

/// Whether both may go with others, and with each other.
pub(super) fn same_batch<S: RowSink>(one: &Load<S>, other: &Load<S>) -> bool {
    let may = |load: &Load<S>| load.with_call(|call| may_go_with_others(call)) == Some(true);
    may(one) && may(other) && goes_with(one, other)
}

/// Whether the call may go with others.
pub(super) fn may_go_with_others<S>(call: &Call<S>) -> bool {
    let sizes = || call.arguments.iter().map(Argument::size);
    call.statement.batch.is_some() && !call.alone && sizes().sum::<usize>() <= LARGEST_ARGUMENTS
}
