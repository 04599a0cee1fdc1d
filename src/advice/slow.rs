//! Which endpoints are slow, by what their callers wait.

use crate::event::{Event, Observer};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::mpsc;

/// An answer that took longer is slow.
pub const SLOW: Duration = Duration::from_millis(250);
/// So many slow answers make a slow endpoint.
pub const SLOW_ANSWERS: u32 = 20;
/// Routes that are counted; a service has fewer.
const MOST_ROUTES: usize = 1000;

/// A route that was found slow, once: its method and path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slow {
    /// The method.
    pub method: String,
    /// The path as it was declared.
    pub route: String,
}

impl Slow {
    /// An observer that passes every event on to `next`, and where each slow route comes out, once.
    pub fn watch(next: Observer) -> (Observer, mpsc::UnboundedReceiver<Self>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let counts: Mutex<HashMap<(String, String), u32>> = Mutex::default();
        let observer: Observer = Arc::new(move |event| {
            if let Event::Answered { method, route, status: 200..=299, duration, .. } = event
                && *duration > SLOW
            {
                let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
                let full = counts.len() >= MOST_ROUTES;
                let key = ((*method).to_owned(), (*route).to_owned());
                if !full || counts.contains_key(&key) {
                    let count = counts.entry(key).or_default();
                    *count = count.saturating_add(1);
                    if *count == SLOW_ANSWERS {
                        let slow = Self { method: (*method).into(), route: (*route).into() };
                        // Nobody listens when the process ends.
                        let _ = sender.send(slow);
                    }
                }
            }
            next(event);
        });
        (observer, receiver)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_is_slow_once_and_only_when_it_often_is() {
        let (observer, mut slow) = Slow::watch(Arc::new(|_| ()));
        let answer = |route: &str, status: u16, ms: u64| {
            observer(&Event::Answered {
                request_id: "",
                method: "GET",
                route,
                status,
                code: None,
                rows: 0,
                bytes: 0,
                duration: Duration::from_millis(ms),
                address: None,
                caller: None,
            });
        };
        for _ in 0..SLOW_ANSWERS {
            answer("/fast", 200, 250);
            answer("/failing", 504, 5000);
        }
        for _ in 1..SLOW_ANSWERS {
            answer("/slow", 200, 251);
        }
        assert!(slow.try_recv().is_err());
        for _ in 0..SLOW_ANSWERS * 2 {
            answer("/slow", 200, 251);
        }
        assert_eq!(slow.try_recv(), Ok(Slow { method: "GET".into(), route: "/slow".into() }));
        assert!(slow.try_recv().is_err());
    }
}
