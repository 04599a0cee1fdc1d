//! How a thread goes over to another service, or to the same one with other connections.

use crate::{http::connection::Shared, service::Serving};
use std::{rc::Rc, time::Duration};
use tokio::time::Instant;

/// How often it is looked at whether new lanes are connected.
pub(super) const RENEWAL_PERIOD: Duration = Duration::from_millis(5);
/// How long another service waits for its lanes to be connected. Where the old lanes have all the
/// connections that the database gives, the new ones get theirs when the old are closed.
pub(super) const REPLACING: Duration = Duration::from_secs(5);

/// Lanes that are being opened, to be gone over to. Dropping it leaves things as they are.
pub(super) struct Renewal(tokio::task::JoinHandle<()>);

impl Renewal {
    /// Has the thread go over to `serving` when its lanes are connected, and at `latest`. A service that
    /// was never typed has no lanes to wait for, and one that waits for nothing begins at once.
    pub(super) fn begin(
        shared: &Rc<Shared>,
        serving: Rc<Serving>,
        latest: Option<Instant>,
    ) -> Option<Self> {
        let ready = |it: &Serving| it.service.is_pending() || it.waits_for().is_none();
        if ready(&serving) || shared.serving.borrow().service.is_pending() {
            drop(shared.serving.replace(serving));
            return None;
        }
        let shared = Rc::clone(shared);
        Some(Self(tokio::task::spawn_local(async move {
            while !ready(&serving) && latest.is_none_or(|latest| Instant::now() < latest) {
                tokio::time::sleep(RENEWAL_PERIOD).await;
            }
            drop(shared.serving.replace(serving));
        })))
    }
}

impl Drop for Renewal {
    fn drop(&mut self) {
        self.0.abort();
    }
}
