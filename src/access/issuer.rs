//! An issuer of tokens: its settings, and its keys as far as they are known.
//!
//! Owns who waits for keys and how seldom they are asked for. `identity` asks.

use super::keyset::KeySet;
use crate::{config, name::Identifier};
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::{Notify, watch};

/// How long a request waits at most for keys that are being asked for.
const PATIENCE: Duration = Duration::from_secs(3);

/// The keys of an issuer.
#[derive(Clone, Default)]
pub enum Keys {
    /// Nobody has told them yet.
    #[default]
    Awaited,
    /// These.
    Known(Arc<KeySet>),
}

/// What is known of an issuer's keys.
#[derive(Clone, Default)]
struct State {
    keys: Keys,
    /// Attempts to learn them that have ended.
    attempts: u64,
}

/// When the keys were asked for last, and whether the answer is still awaited.
#[derive(Clone, Copy, Default)]
struct Asked {
    at: Option<Instant>,
    awaits: bool,
}

/// An issuer of tokens.
pub struct Issuer {
    /// What the manifest calls it.
    pub name: Identifier,
    /// Its settings.
    pub settings: config::Issuer,
    state: watch::Sender<State>,
    wanted: Notify,
    asked: Mutex<Asked>,
    changes: Arc<AtomicU64>,
}

impl Issuer {
    pub(super) fn new(name: Identifier, settings: config::Issuer, changes: Arc<AtomicU64>) -> Self {
        let (state, _) = watch::channel(State::default());
        Self { name, settings, state, wanted: Notify::new(), asked: Mutex::default(), changes }
    }

    /// The keys as they are known now.
    pub fn keys(&self) -> Keys {
        self.state.borrow().keys.clone()
    }

    /// Notes that the keys are being asked for from now on.
    pub fn begins(&self) {
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) =
            Asked { at: Some(Instant::now()), awaits: true };
    }

    /// Notes what came of asking: new keys, or none, and then the old ones go on.
    pub fn ends(&self, keys: Option<KeySet>) {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).awaits = false;
        self.state.send_modify(|state| {
            state.attempts += 1;
            if let Some(keys) = keys {
                state.keys = Keys::Known(Arc::new(keys));
                self.changes.fetch_add(1, Ordering::AcqRel);
            }
        });
    }

    /// Resolves when somebody wants the keys to be asked for.
    pub async fn wanted(&self) {
        self.wanted.notified().await;
    }

    /// Wants newer keys, and waits a moment for them; says whether it is worth another look. Asked
    /// for less than a pause ago, they are not asked for again.
    pub async fn refreshed(&self) -> bool {
        let mut news = self.state.subscribe();
        let seen = news.borrow_and_update().attempts;
        let asked = *self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let rested = asked.at.is_none_or(|at| at.elapsed() >= self.settings.pause);
        if !asked.awaits && !rested {
            return false;
        }
        if !asked.awaits {
            self.wanted.notify_one();
        }
        let limit = self.settings.timeout.min(PATIENCE);
        let changed = news.wait_for(|state| state.attempts > seen);
        tokio::time::timeout(limit, changed).await.is_ok_and(|changed| changed.is_ok())
    }
}
