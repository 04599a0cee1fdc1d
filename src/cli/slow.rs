//! Advice while a service is served: about an endpoint that is measured slow, once.

use crate::{
    advice::{Slow, advise_endpoint},
    diagnostic::Diagnostic,
    event::{Event, Observer},
    postgres::{Target, session},
    service::{Action, Service, ServiceDefinition},
};
use std::{convert::Infallible, sync::Arc};
use tokio::sync::mpsc;

/// Logs advice about each route that comes out of `slow`.
pub(super) async fn advise(
    definition: &ServiceDefinition,
    target: Option<&Arc<Target>>,
    mut slow: mpsc::UnboundedReceiver<Slow>,
    observer: &Observer,
) -> Infallible {
    if let Some(target) = target {
        while let Some(slow) = slow.recv().await {
            for diagnostic in about(definition, target, &slow).await {
                let help = diagnostic.help_text().unwrap_or_default();
                let message = format!(
                    "{} {} is slow: {}; {help}",
                    slow.method,
                    slow.route,
                    diagnostic.message()
                );
                observer(&Event::Warning { message: &message });
            }
        }
    }
    std::future::pending().await
}

/// What there is to say about one route. A database that does not answer now has other troubles.
async fn about(definition: &ServiceDefinition, target: &Target, slow: &Slow) -> Vec<Diagnostic> {
    let Ok(session) = session::connect(target).await else { return Vec::new() };
    let mut found = Vec::new();
    if let Ok((service, _)) = Service::prepare(definition, &session).await {
        for entry in service.entries() {
            if let Action::Endpoint(endpoint) = &entry.action
                && entry.path.as_str() == slow.route
                && entry.method.as_str() == slow.method
            {
                found = advise_endpoint(&session, endpoint).await.unwrap_or_default();
            }
        }
    }
    session.close().await;
    found
}
