//! The protocol under every interleaving: two keepers, a sink, a `serve`, crashes between any two
//! steps, writes that fail or whose outcome nobody knows, and a restore to an earlier point.
//!
//! The transitions are those of [`State`] itself. What the ledger promises (one transaction, fenced
//! and compared) is one step here; what is outside of it (reading, publishing) is a step of its own,
//! and so is that its outcome is not heard of.
//!
//! All seven invariants are checked: 1 the published credential signs in, 2 no generation decreases,
//! 3 at most two logins are enabled and one when idle, 4 no login is retired while the sink or a live
//! `serve` lacks the new one, 5 no statement holds a password, 6 each transition has one entry in the
//! trail, 7 no object belongs to a login. For each there is a seeded mistake, which must be found.
//!
//! Not walked through: a keeper that stands still between its fence and its write for longer than
//! another is patient, and then publishes what that one has given up. The check finds and mends it.

mod promises;
mod world;

use super::state::{Issue, Phase, State};
use stateright::{Model, Property};
use std::collections::{BTreeMap, BTreeSet};
use world::standby;

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
    /// The sink takes what it is given.
    SinkTakesAnything,
    /// A retired login keeps its password.
    RetiresNothing,
    /// The password itself is in the statement that sets it.
    SendsThePassword,
    /// The entry in the trail is written in a transaction of its own, before the transition.
    WritesTheEntryApart,
    /// The entry in the trail is forgotten when a new credential is given up.
    ForgetsAnEntry,
    /// It is enough that the new login signs in, whoever it acts as then.
    VerifiesTheLoginAlone,
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
    /// The logins that act as the owner from their first statement.
    acting: BTreeSet<String>,
    /// Entries in the trail less transitions.
    entries_over: i8,
    epoch: u8,
}

/// What a keeper knows. It may be out of date.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Keeper {
    Waits,
    Leads(u8),
    /// It has looked: at this state with this password, and found that the step may be made.
    Looked(u8, State, u64),
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
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
struct World {
    database: Database,
    backup: Option<Database>,
    /// Whether it was restored, and nobody has checked since.
    restored: bool,
    sink: Credential,
    /// The highest generation that the sink ever had.
    sink_highest: u64,
    serve: Credential,
    /// Generations that were given up.
    given_up: BTreeSet<u64>,
    /// Whether a statement held a password.
    leaked: bool,
    /// Whether a login owns something.
    login_owns: bool,
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
    /// Whether it hears of the outcome.
    Commit(usize, bool),
    GiveUp(usize),
    GoBack(usize),
    Check(usize),
    Follow,
    /// The service makes an object.
    Make,
    Save,
    Restore,
}

struct Protocol(Mistake);

impl Model for Protocol {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        let state = State::unadopted("app");
        let first = Credential { issue: state.current().clone(), password: 0 };
        let enabled = BTreeMap::from([("app".to_owned(), 0)]);
        // Set up whole, and with one login that does not act as the owner.
        let logins = |names: &[&str]| names.iter().map(|&it| it.to_owned()).collect();
        let setups: [BTreeSet<String>; 2] =
            [logins(&["app", "app_a", "app_b"]), logins(&["app", "app_a"])];
        let world = |acting| World {
            database: Database {
                state: state.clone(),
                current: 0,
                old: 0,
                enabled: enabled.clone(),
                acting,
                entries_over: 0,
                epoch: 0,
            },
            backup: None,
            restored: false,
            sink: first.clone(),
            sink_highest: 0,
            serve: first.clone(),
            given_up: BTreeSet::new(),
            leaked: false,
            login_owns: false,
            keepers: [Keeper::Waits, Keeper::Waits],
            takeovers: 0,
            was_restored: false,
        };
        setups.into_iter().map(world).collect()
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        for (k, keeper) in world.keepers.iter().enumerate() {
            match keeper {
                Keeper::Waits => actions.push(Action::TakeOver(k)),
                Keeper::Leads(_) => {
                    actions.extend([Action::Begin(k), Action::Look(k), Action::Check(k)]);
                    actions.extend([Action::GoBack(k), Action::GiveUp(k)]);
                }
                Keeper::Looked(_, state, _) if state.phase() == Phase::Verified => {
                    actions.push(Action::Publish(k, Outcome::Taken, true));
                    actions.push(Action::Publish(k, Outcome::Refused, false));
                    actions.push(Action::Publish(k, Outcome::Unsure, true));
                    actions.push(Action::Publish(k, Outcome::Unsure, false));
                }
                Keeper::Looked(..) => {
                    actions.extend([Action::Commit(k, true), Action::Commit(k, false)]);
                }
                Keeper::Tried(..) => {
                    actions.extend([Action::Commit(k, true), Action::Commit(k, false)]);
                    actions.push(Action::GiveUp(k));
                }
            }
            if *keeper != Keeper::Waits {
                actions.push(Action::Crash(k));
            }
        }
        actions.extend([Action::Follow, Action::Make, Action::Save, Action::Restore]);
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
                let may = state.phase() == Phase::Verified || last.may(self.0, &state);
                may.then_some(())?;
                world.keepers[k] = Keeper::Looked(epoch, state, last.database.current);
            }
            Action::Publish(k, outcome, arrives) => {
                let Keeper::Looked(epoch, seen, password) = last.keepers[k].clone() else {
                    return None;
                };
                // It opened the seal when it looked; since then it may have lost the lead.
                let issue = seen.current().clone();
                if arrives && !last.given_up.contains(&issue.generation) {
                    world.publish(self.0, Credential { issue, password });
                }
                world.keepers[k] = Keeper::Tried(epoch, seen, outcome);
            }
            Action::Commit(k, is_heard) => {
                let (epoch, seen, outcome) = match last.keepers[k].clone() {
                    Keeper::Looked(epoch, seen, _) => (epoch, seen, Outcome::Taken),
                    Keeper::Tried(epoch, seen, outcome) => (epoch, seen, outcome),
                    _ => return None,
                };
                // It was read back.
                let has = seen.phase() != Phase::Verified || last.sink.issue == *seen.current();
                let made = outcome == Outcome::Taken
                    && has
                    && world.commit(self.0, epoch, &seen, world::next(&seen)?);
                if is_heard {
                    world.keepers[k] = Keeper::Leads(epoch);
                } else if !made {
                    // It would try the same again, which is where it stands.
                    return None;
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
                (last.restored && world.check(self.0, epoch)).then_some(())?;
            }
            Action::Follow => {
                (last.signs_in(&last.sink) && last.serve != last.sink).then_some(())?;
                world.serve = last.sink.clone();
            }
            Action::Make => {
                let login = &last.serve.issue.login;
                let is_good = last.database.acting.contains(login);
                (last.signs_in(&last.serve) && !is_good).then_some(())?;
                world.login_owns = true;
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
                world.given_up.clear();
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
