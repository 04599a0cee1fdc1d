//! Asking the database about a service.

use crate::{
    diagnostic::Diagnostics,
    postgres::{Target, session},
    service::{Service, ServiceDefinition},
};

/// What came of asking the database once.
pub enum Attempt {
    /// The service is typed; with warnings.
    Prepared(Box<Service>, Diagnostics),
    /// The database is away, and may come back.
    Away(Diagnostics),
    /// The login is refused; another credential may help, or the keeper, which mends this one.
    Refused(Diagnostics),
    /// Something is wrong that waiting does not mend.
    Wrong(Diagnostics),
}

/// Asks the database once. `before` is what is served now.
pub async fn attempt(
    definition: &ServiceDefinition,
    target: &Target,
    before: Option<&Service>,
) -> Attempt {
    let session = match session::connect(target).await {
        Ok(session) => session,
        Err(error) if error.reason().is_passing() => return Attempt::Away(error.into()),
        Err(error) if error.reason().is_denial() => return Attempt::Refused(error.into()),
        Err(error) => return Attempt::Wrong(error.into()),
    };
    let outcome = Service::prepare(definition, &session, before).await;
    let lost = session.is_closed();
    session.close().await;
    match outcome {
        Ok((service, warnings)) => Attempt::Prepared(Box::new(service), warnings),
        Err(diagnostics) if lost => Attempt::Away(diagnostics),
        Err(diagnostics) => Attempt::Wrong(diagnostics),
    }
}
