//! Advice while a service is served: about an endpoint that is measured slow, once.

use crate::{
    advice::{Slow, advise_endpoint},
    diagnostic::Diagnostic,
    event::{Event, Observer},
    http::server::Served,
    postgres::session,
    service::Action,
    supervise::Supervisor,
};
use std::convert::Infallible;
use tokio::sync::mpsc;

/// Logs advice about each route that comes out of `slow`.
pub(super) async fn advise(
    supervisor: &Supervisor,
    mut slow: mpsc::UnboundedReceiver<Slow>,
    observer: &Observer,
) -> Infallible {
    while let Some(slow) = slow.recv().await {
        let served = supervisor.served().borrow().clone();
        for diagnostic in about(&served, &slow).await {
            let help = diagnostic.help_text().unwrap_or_default();
            let message =
                format!("{} {} is slow: {}; {help}", slow.method, slow.route, diagnostic.message());
            observer(&Event::Warning { message: &message });
        }
    }
    std::future::pending().await
}

/// What there is to say about one route. A database that does not answer now has other troubles.
async fn about(served: &Served, slow: &Slow) -> Vec<Diagnostic> {
    let entry =
        served.service.entries().iter().find(|entry| {
            entry.path.as_str() == slow.route && entry.method.as_str() == slow.method
        });
    let (Some(Action::Endpoint(endpoint)), Some(target)) =
        (entry.map(|it| &it.action), &served.target)
    else {
        return Vec::new();
    };
    let Ok(session) = session::connect(target).await else { return Vec::new() };
    let found = advise_endpoint(&session, endpoint).await.unwrap_or_default();
    session.close().await;
    found
}
