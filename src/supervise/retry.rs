//! Asking the database about a service until it answers.

use crate::{
    diagnostic::Diagnostics,
    event::{Event, Observer},
    postgres::{Target, session},
    service::{Service, ServiceDefinition},
};
use std::{sync::Arc, time::Duration};

/// The first wait between two attempts.
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// The longest wait between two attempts: the service follows the database's return within a second.
const LONGEST_WAIT: Duration = Duration::from_millis(800);

/// What came of asking the database once.
pub enum Attempt {
    /// The service is typed; with warnings.
    Prepared(Box<Service>, Diagnostics),
    /// The database is away, and may come back.
    Away(Diagnostics),
    /// Something is wrong that waiting does not mend.
    Wrong(Diagnostics),
}

/// Asks the database once.
pub async fn attempt(definition: &ServiceDefinition, target: &Target) -> Attempt {
    let session = match session::connect(target).await {
        Ok(session) => session,
        Err(error) if error.reason().is_passing() => return Attempt::Away(error.into()),
        Err(error) => return Attempt::Wrong(error.into()),
    };
    let outcome = Service::prepare(definition, &session).await;
    let lost = session.is_closed();
    session.close().await;
    match outcome {
        Ok((service, warnings)) => Attempt::Prepared(Box::new(service), warnings),
        Err(diagnostics) if lost => Attempt::Away(diagnostics),
        Err(diagnostics) => Attempt::Wrong(diagnostics),
    }
}

/// Asks the database until it has answered, one way or the other.
///
/// # Errors
/// What is wrong with the service, or with the way in.
pub async fn until_prepared(
    definition: &ServiceDefinition,
    target: &dyn Fn() -> Option<Arc<Target>>,
    observer: &Observer,
) -> Result<(Service, Diagnostics), Diagnostics> {
    let mut wait = FIRST_WAIT;
    loop {
        tokio::time::sleep(wait).await;
        // It may have another credential than the last time.
        let Some(target) = target() else { return std::future::pending().await };
        match attempt(definition, &target).await {
            Attempt::Prepared(service, warnings) => return Ok((*service, warnings)),
            Attempt::Wrong(diagnostics) => return Err(diagnostics),
            Attempt::Away(diagnostics) => {
                wait = (wait * 2).min(LONGEST_WAIT);
                let reason = diagnostics.iter().next().map_or("it is away", |it| it.message());
                observer(&Event::Disconnected { lane: "start", reason, retry_in: wait });
            }
        }
    }
}
