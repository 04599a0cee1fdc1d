//! What a database notifies: one connection of the service listens, for all threads.

use crate::{
    event::{CacheAct, Event, Observer},
    postgres::{Target, listen::Listener},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

/// How long to wait before listening anew; each failure doubles it.
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// The channels of a service, and their states: what is kept for one state is not for another.
#[derive(Default)]
pub(in crate::service) struct Channels {
    states: Vec<(String, AtomicU64)>,
    /// Whether every notification is heard now.
    heard: AtomicBool,
    /// Of all threads, the one that holds it listens.
    turn: tokio::sync::Mutex<()>,
}

impl Channels {
    /// The channels of these names.
    pub(in crate::service) fn new(names: impl IntoIterator<Item = String>) -> Self {
        let states = names.into_iter().map(|name| (name, AtomicU64::new(0))).collect();
        Self { states, ..Self::default() }
    }

    pub(in crate::service) fn is_empty(&self) -> bool {
        self.states.is_empty()
    }

    /// The channel's place and state; nothing while its notifications may be missed.
    pub(super) fn state(&self, name: &str) -> Option<(usize, u64)> {
        let place = self.states.iter().position(|(it, _)| it == name)?;
        // In this order: whoever finds it heard finds what was heard before, too.
        let state = self.states[place].1.load(Ordering::SeqCst);
        self.heard.load(Ordering::SeqCst).then_some((place, state))
    }

    /// Something was notified on the channel.
    fn hear(&self, name: &str) {
        if let Some((_, state)) = self.states.iter().find(|(it, _)| it == name) {
            state.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn all_change(&self) {
        for (_, state) in &self.states {
            state.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Listens as long as it is let, once it is this one's turn.
    pub(in crate::service) async fn follow(
        self: Arc<Self>,
        target: Arc<Target>,
        observer: Observer,
    ) {
        let _turn = self.turn.lock().await;
        let names: Vec<String> = self.states.iter().map(|(name, _)| name.clone()).collect();
        let mut wait = FIRST_WAIT;
        loop {
            let reason = match Listener::open(&target, &names).await {
                Ok(mut listener) => {
                    wait = FIRST_WAIT;
                    let hearing = Hearing::begin(&self);
                    let reason = loop {
                        match listener.next().await {
                            Ok(channel) => {
                                self.hear(&channel);
                                observer(&Event::Cache { did: CacheAct::Invalidated });
                            }
                            Err(error) => break error.to_string(),
                        }
                    };
                    drop(hearing);
                    reason
                }
                Err(error) => error.to_string(),
            };
            let message = format!(
                "notifications cannot be heard, so answers of `cache` with a channel are not kept: {reason}"
            );
            observer(&Event::Warning { message: &message });
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }
}

/// As long as it is there, notifications are heard.
struct Hearing<'c>(&'c Channels);

impl<'c> Hearing<'c> {
    fn begin(channels: &'c Channels) -> Self {
        channels.all_change();
        channels.heard.store(true, Ordering::SeqCst);
        Self(channels)
    }
}

impl Drop for Hearing<'_> {
    fn drop(&mut self) {
        self.0.heard.store(false, Ordering::SeqCst);
        self.0.all_change();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_holds_until_something_is_heard_or_may_have_been_missed() {
        let channels = Channels::new(["a".to_owned(), "b".to_owned()]);
        assert_eq!(channels.state("a"), None, "nobody listens");
        let hearing = Hearing::begin(&channels);
        let (a, b) = (channels.state("a"), channels.state("b"));
        assert!(a.is_some() && b.is_some() && channels.state("c").is_none());
        assert_eq!(channels.state("a"), a);
        channels.hear("a");
        channels.hear("c");
        assert_ne!(channels.state("a"), a);
        assert_eq!(channels.state("b"), b);
        drop(hearing);
        assert_eq!(channels.state("b"), None);
        let _hearing = Hearing::begin(&channels);
        assert!(channels.state("b").is_some_and(|it| Some(it) != b));
    }
}
