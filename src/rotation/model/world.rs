//! What happens in the world: in the database in one step, at the sink in another.

use super::{Credential, Mistake, World};
use crate::{
    rotation::{
        role,
        state::{Phase, State},
    },
    secret::Secret,
};
use std::{
    collections::BTreeMap,
    sync::{LazyLock, Mutex},
};

/// Statements that were made, by login and password: whether they hold the password.
type Made = BTreeMap<(String, u64, bool), bool>;

/// Whether the very statement that lets a login sign in holds its password.
fn leaks(mistake: Mistake, login: &str, password: u64) -> bool {
    // A verifier takes thousands of hashes, and the same one is met in many worlds.
    static MADE: LazyLock<Mutex<Made>> = LazyLock::new(Mutex::default);
    let is_plain = mistake == Mistake::SendsThePassword;
    let mut made = MADE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    *made.entry((login.to_owned(), password, is_plain)).or_insert_with(|| {
        let secret = Secret::new(format!("the password of generation {password}"));
        let statement = if is_plain {
            format!("ALTER ROLE {login} LOGIN PASSWORD '{}'", secret.expose())
        } else {
            role::Hand::Keeper.enable(login, &secret)
        };
        statement.contains(secret.expose())
    })
}

impl World {
    pub(super) fn signs_in(&self, credential: &Credential) -> bool {
        self.database.enabled.get(&credential.issue.login) == Some(&credential.password)
    }

    /// What the ledger does: all of it or nothing.
    pub(super) fn commit(&mut self, mistake: Mistake, epoch: u8, from: &State, to: State) -> bool {
        let database = &mut self.database;
        let same = database.epoch == epoch && database.state == *from;
        if mistake == Mistake::WritesTheEntryApart {
            database.entries_over += 1;
        }
        if !same && mistake != Mistake::ComparesNothing {
            return false;
        }
        let is_aborted =
            to.phase() == Phase::Idle && matches!(from.phase(), Phase::Applied | Phase::Verified);
        let forgets = mistake == Mistake::ForgetsAnEntry && is_aborted;
        let has_entry = !forgets && mistake != Mistake::WritesTheEntryApart;
        database.entries_over += i8::from(has_entry) - 1;
        match to.phase() {
            Phase::Applied => {
                database.old = database.current;
                database.current = to.current().generation;
                let login = &to.current().login;
                self.leaked |= leaks(mistake, login, database.current);
                database.enabled.insert(login.clone(), database.current);
            }
            // The way back.
            Phase::Verified if to.highest() > from.highest() => {
                std::mem::swap(&mut database.current, &mut database.old);
            }
            Phase::Retired => {
                if let Some(old) = to.old()
                    && mistake != Mistake::RetiresNothing
                {
                    database.enabled.remove(&old.login);
                }
            }
            // Given up.
            Phase::Idle if is_aborted => {
                database.enabled.remove(&from.current().login);
                database.current = database.old;
                self.given_up.insert(from.current().generation);
            }
            _ => {}
        }
        database.state = to;
        true
    }

    /// What the sink does: it takes nothing that is not higher.
    pub(super) fn publish(&mut self, mistake: Mistake, credential: Credential) -> bool {
        let is_news = credential.issue.generation > self.sink.issue.generation
            || mistake == Mistake::SinkTakesAnything;
        if is_news {
            self.sink = credential;
            self.sink_highest = self.sink_highest.max(self.sink.issue.generation);
        }
        is_news
    }

    fn current(&self, state: &State) -> Credential {
        Credential { issue: state.current().clone(), password: self.database.current }
    }

    /// Whether what a keeper sees lets it make the next transition.
    pub(super) fn may(&self, mistake: Mistake, state: &State) -> bool {
        let generation = state.current().generation;
        let is_used = self.serve.issue.generation >= generation;
        match state.phase() {
            Phase::Applied => self.is_verified(mistake, state),
            Phase::Published => is_used || mistake == Mistake::RetiresUnadopted,
            Phase::Overlap => {
                (is_used && self.sink.issue.generation == generation)
                    || mistake == Mistake::RetiresUnadopted
            }
            Phase::Adopted | Phase::Retired => true,
            Phase::Idle | Phase::Verified => false,
        }
    }

    /// A real login, and who one is then.
    fn is_verified(&self, mistake: Mistake, state: &State) -> bool {
        let acts = self.database.acting.contains(&state.current().login);
        self.signs_in(&self.current(state)) && (acts || mistake == Mistake::VerifiesTheLoginAlone)
    }

    pub(super) fn check(&mut self, mistake: Mistake, epoch: u8) -> bool {
        let state = self.database.state.clone();
        let sink = self.sink.issue.generation;
        if state.phase() != Phase::Idle || self.database.epoch != epoch {
            return false;
        }
        self.restored = false;
        let current = self.current(&state);
        if self.sink == current {
            return true;
        }
        if sink < state.current().generation {
            return self.publish(mistake, current);
        }
        // The sink is ahead: a new generation above it.
        let from = state.overtaken(sink).unwrap_or_else(|_| state.clone());
        let Ok(to) = from.applied(standby(&state)) else { return false };
        self.restored = true;
        self.commit(mistake, epoch, &state, to)
    }
}

pub(super) fn standby(state: &State) -> &'static str {
    if state.current().login == "app_a" { "app_b" } else { "app_a" }
}

/// The transition that follows `state`, when nothing stands against it.
pub(super) fn next(state: &State) -> Option<State> {
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
