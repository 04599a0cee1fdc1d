//! The protocol under every interleaving: two keepers, a sink, a `serve`, crashes between any two
//! steps, writes that fail or whose outcome nobody knows, and a restore to an earlier point.
//!
//! The transitions are those of [`State`] itself. What the ledger promises (one transaction, fenced
//! and compared) is one step here; what is outside of it (reading, publishing) is a step of its own.
//! Of the seven invariants these are about interleavings and checked here: 1 the published
//! credential signs in, 2 no generation decreases, 3 at most two logins are enabled and one when
//! idle, 4 no login is retired while the sink or a live `serve` lacks the new one. The others are
//! about what is written, and are tests of the suite. Each seeded mistake must be found.

mod promises;

use super::state::{Issue, Phase, State};
use stateright::{Model, Property};
use std::collections::BTreeMap;

/// Generations that are walked through.
const LAST: u64 = 2;

/// A mistake that the checker must find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mistake {
    None,
    /// The old login is retired whether or not the service has adopted the new one.
    RetiresUnadopted,
    /// A write whose outcome nobody knows counts as one that did not happen.
    TakesUnsureForRefused,
    /// Nobody compares the state before writing it, nor the epoch.
    ComparesNothing,
    /// On the way back a refused write disables the login in use.
    AbortsTheWayBack,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Credential {
    issue: Issue,
    /// Which password it is: the generation that it was first made for.
    password: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Database {
    state: State,
    current: u64,
    old: u64,
    /// The logins that may sign in, and by which password.
    enabled: BTreeMap<String, u64>,
    epoch: u8,
}

/// What a keeper knows. It may be out of date.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Keeper {
    Waits,
    Leads(u8),
    /// It has looked: at this state, and found that the step may be made.
    Looked(u8, State),
    /// It has tried to publish, and this came of it.
    Tried(u8, State, Outcome),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Outcome {
    Taken,
    Refused,
    Unsure,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    database: Database,
    backup: Option<Database>,
    /// Whether it was restored, and nobody has checked since.
    restored: bool,
    sink: Credential,
    /// The highest generation that the sink ever had.
    sink_highest: u64,
    serve: Credential,
    keepers: [Keeper; 2],
    takeovers: u8,
    /// Whether it was restored once; that is enough.
    was_restored: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Action {
    TakeOver(usize),
    Crash(usize),
    Begin(usize),
    Look(usize),
    Publish(usize, Outcome, bool),
    Commit(usize),
    GiveUp(usize),
    GoBack(usize),
    Check(usize),
    Follow,
    Save,
    Restore,
}

struct Protocol(Mistake);

impl World {
    fn signs_in(&self, credential: &Credential) -> bool {
        self.database.enabled.get(&credential.issue.login) == Some(&credential.password)
    }

    /// What the ledger does: all of it or nothing.
    fn commit(&mut self, mistake: Mistake, epoch: u8, from: &State, to: State) -> bool {
        let database = &mut self.database;
        let same = database.epoch == epoch && database.state == *from;
        if !same && mistake != Mistake::ComparesNothing {
            return false;
        }
        match to.phase() {
            Phase::Applied => {
                database.old = database.current;
                database.current = to.current().generation;
                database.enabled.insert(to.current().login.clone(), database.current);
            }
            // The way back.
            Phase::Verified if to.highest() > from.highest() => {
                std::mem::swap(&mut database.current, &mut database.old);
            }
            Phase::Retired => {
                if let Some(old) = to.old() {
                    database.enabled.remove(&old.login);
                }
            }
            // Given up.
            Phase::Idle if matches!(from.phase(), Phase::Applied | Phase::Verified) => {
                database.enabled.remove(&from.current().login);
                database.current = database.old;
            }
            _ => {}
        }
        database.state = to;
        true
    }

    /// What the sink does: it takes nothing that is not higher.
    fn publish(&mut self, credential: Credential) -> bool {
        let is_news = credential.issue.generation > self.sink.issue.generation;
        if is_news {
            self.sink = credential;
            self.sink_highest = self.sink_highest.max(self.sink.issue.generation);
        }
        is_news
    }

    fn current(&self, state: &State) -> Credential {
        Credential { issue: state.current().clone(), password: self.database.current }
    }
}

fn standby(state: &State) -> &'static str {
    if state.current().login == "app_a" { "app_b" } else { "app_a" }
}

/// The transition that follows `state`, when nothing stands against it.
fn next(state: &State) -> Option<State> {
    match state.phase() {
        Phase::Idle => None,
        Phase::Applied => state.verified().ok(),
        Phase::Verified => state.published().ok(),
        Phase::Published => state.adopted().ok(),
        Phase::Adopted => state.overlapping().ok(),
        Phase::Overlap => state.retired().ok(),
        Phase::Retired => state.finished().ok(),
    }
}

impl Protocol {
    /// Whether what a keeper sees lets it make the next transition.
    fn may(&self, world: &World, state: &State) -> bool {
        let generation = state.current().generation;
        let is_used = world.serve.issue.generation >= generation;
        match state.phase() {
            Phase::Applied => world.signs_in(&world.current(state)),
            Phase::Published => is_used || self.0 == Mistake::RetiresUnadopted,
            Phase::Overlap => {
                (is_used && world.sink.issue.generation == generation)
                    || self.0 == Mistake::RetiresUnadopted
            }
            Phase::Adopted | Phase::Retired => true,
            Phase::Idle | Phase::Verified => false,
        }
    }

    fn check(&self, world: &mut World, epoch: u8) -> bool {
        let state = world.database.state.clone();
        let sink = world.sink.issue.generation;
        if state.phase() != Phase::Idle || world.database.epoch != epoch {
            return false;
        }
        world.restored = false;
        let current = world.current(&state);
        if world.sink == current {
            return true;
        }
        if sink < state.current().generation {
            return world.publish(current);
        }
        // The sink is ahead: a new generation above it.
        let from = state.overtaken(sink).unwrap_or_else(|_| state.clone());
        let Ok(to) = from.applied(standby(&state)) else { return false };
        world.restored = true;
        world.commit(self.0, epoch, &state, to)
    }
}

impl Model for Protocol {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        let state = State::unadopted("app");
        let first = Credential { issue: state.current().clone(), password: 0 };
        let enabled = BTreeMap::from([("app".to_owned(), 0)]);
        vec![World {
            database: Database { state, current: 0, old: 0, enabled, epoch: 0 },
            backup: None,
            restored: false,
            sink: first.clone(),
            sink_highest: 0,
            serve: first,
            keepers: [Keeper::Waits, Keeper::Waits],
            takeovers: 0,
            was_restored: false,
        }]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        for (k, keeper) in world.keepers.iter().enumerate() {
            match keeper {
                Keeper::Waits => actions.push(Action::TakeOver(k)),
                Keeper::Leads(_) => {
                    actions.extend([Action::Begin(k), Action::Look(k), Action::Check(k)]);
                    actions.extend([Action::GoBack(k), Action::GiveUp(k)]);
                }
                Keeper::Looked(_, state) if state.phase() == Phase::Verified => {
                    actions.push(Action::Publish(k, Outcome::Taken, true));
                    actions.push(Action::Publish(k, Outcome::Refused, false));
                    actions.push(Action::Publish(k, Outcome::Unsure, true));
                    actions.push(Action::Publish(k, Outcome::Unsure, false));
                }
                Keeper::Looked(..) => actions.push(Action::Commit(k)),
                Keeper::Tried(..) => actions.extend([Action::Commit(k), Action::GiveUp(k)]),
            }
            if *keeper != Keeper::Waits {
                actions.push(Action::Crash(k));
            }
        }
        actions.extend([Action::Follow, Action::Save, Action::Restore]);
    }

    fn next_state(&self, last: &World, action: Action) -> Option<World> {
        let mut world = last.clone();
        let state = last.database.state.clone();
        match action {
            Action::TakeOver(k) => {
                if world.takeovers == 2 {
                    return None;
                }
                world.takeovers += 1;
                world.database.epoch += 1;
                world.keepers[k] = Keeper::Leads(world.database.epoch);
            }
            Action::Crash(k) => world.keepers[k] = Keeper::Waits,
            Action::Begin(k) => {
                let Keeper::Leads(epoch) = last.keepers[k] else { return None };
                if state.highest() >= LAST || world.restored {
                    return None;
                }
                let to = state.applied(standby(&state)).ok()?;
                world.commit(self.0, epoch, &state, to).then_some(())?;
            }
            Action::Look(k) => {
                let Keeper::Leads(epoch) = last.keepers[k] else { return None };
                let may = state.phase() == Phase::Verified || self.may(last, &state);
                may.then_some(())?;
                world.keepers[k] = Keeper::Looked(epoch, state);
            }
            Action::Publish(k, outcome, arrives) => {
                let Keeper::Looked(epoch, seen) = last.keepers[k].clone() else { return None };
                // It opens the seal that it read.
                let password = last.database.current;
                if arrives && last.database.state == seen {
                    world.publish(Credential { issue: seen.current().clone(), password });
                }
                world.keepers[k] = Keeper::Tried(epoch, seen, outcome);
            }
            Action::Commit(k) => {
                let (epoch, seen, outcome) = match last.keepers[k].clone() {
                    Keeper::Looked(epoch, seen) => (epoch, seen, Outcome::Taken),
                    Keeper::Tried(epoch, seen, outcome) => (epoch, seen, outcome),
                    _ => return None,
                };
                world.keepers[k] = Keeper::Leads(epoch);
                // It was read back.
                let has = seen.phase() != Phase::Verified || last.sink.issue == *seen.current();
                if outcome == Outcome::Taken && has {
                    world.commit(self.0, epoch, &seen, next(&seen)?);
                }
            }
            Action::GiveUp(k) => {
                let (epoch, seen) = match last.keepers[k].clone() {
                    // It did not work where it was tried.
                    Keeper::Leads(epoch) if state.phase() == Phase::Applied => (epoch, state),
                    Keeper::Tried(epoch, seen, outcome) => {
                        let refused = outcome == Outcome::Refused
                            && last.sink.issue.generation < seen.current().generation;
                        let sure = refused || self.0 == Mistake::TakesUnsureForRefused;
                        (sure && outcome != Outcome::Taken).then_some((epoch, seen))?
                    }
                    _ => return None,
                };
                let to = match seen.aborted() {
                    Ok(to) => to,
                    Err(_) if self.0 == Mistake::AbortsTheWayBack => {
                        world.database.enabled.remove(&seen.current().login);
                        seen.clone()
                    }
                    Err(_) => return None,
                };
                world.keepers[k] = Keeper::Leads(epoch);
                world.commit(self.0, epoch, &seen, to);
            }
            Action::GoBack(k) => {
                let Keeper::Leads(epoch) = last.keepers[k] else { return None };
                if state.highest() >= LAST || last.restored {
                    return None;
                }
                let to = state.returned().ok()?;
                world.commit(self.0, epoch, &state, to).then_some(())?;
            }
            Action::Check(k) => {
                let Keeper::Leads(epoch) = last.keepers[k] else { return None };
                (last.restored && self.check(&mut world, epoch)).then_some(())?;
            }
            Action::Follow => {
                (last.signs_in(&last.sink) && last.serve != last.sink).then_some(())?;
                world.serve = last.sink.clone();
            }
            Action::Save => {
                let quiet =
                    !last.was_restored && last.backup.is_none() && state.phase() == Phase::Idle;
                quiet.then_some(())?;
                world.backup = Some(last.database.clone());
            }
            Action::Restore => {
                let quiet = state.phase() == Phase::Idle && !last.restored;
                let backup = last.backup.clone().filter(|it| quiet && *it != last.database)?;
                // Every session is gone, and with them the leads.
                world.keepers = [Keeper::Waits, Keeper::Waits];
                world.takeovers = 0;
                world.database = backup;
                world.backup = None;
                (world.restored, world.was_restored) = (true, true);
            }
        }
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        promises::all()
    }

    fn within_boundary(&self, world: &World) -> bool {
        world.database.state.highest() <= LAST + 2
    }
}
