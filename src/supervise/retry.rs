//! Asking the database about a service.

use crate::{
    audit::inbox::{Entry, Outcome, write_service},
    diagnostic::{Code, Diagnostic, Diagnostics},
    postgres::{Target, session},
    service::{Service, ServiceDefinition},
};
use serde_json::{Map, json};

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

/// Asks the database once about what is to be served. A service with an audited endpoint is served when
/// its configuration, by its digest, is in the audit trail, and not before.
pub async fn attempt_told(
    definition: &ServiceDefinition,
    target: &Target,
    before: Option<&Service>,
) -> Attempt {
    let attempt = attempt(definition, target, before).await;
    let Attempt::Prepared(service, warnings) = attempt else { return attempt };
    if !service.is_audited {
        return Attempt::Prepared(service, warnings);
    }
    match tell(definition, target, before.is_some_and(|it| !it.is_pending())).await {
        Ok(()) => Attempt::Prepared(service, warnings),
        Err(why) => {
            let message = format!("the configuration could not be told to the audit trail: {why}");
            Attempt::Away(Diagnostic::error(Code::Database, message).into())
        }
    }
}

/// Tells the trail which configuration is served from now on.
async fn tell(definition: &ServiceDefinition, target: &Target, again: bool) -> Result<(), String> {
    let service = &definition.config.service;
    let detail = [
        ("configuration", json!(definition.digest)),
        ("version", json!(service.version)),
        ("endpoints", json!(definition.endpoints.len())),
    ];
    let entry = Entry {
        writer: "service",
        action: if again { "service.reloaded" } else { "service.started" },
        actor: "howdah serve",
        subject: service.name.as_str(),
        outcome: Outcome::Done,
        detail: Map::from_iter(detail.map(|(name, value)| (name.to_owned(), value))),
    };
    let session = session::connect(target).await.map_err(|it| it.to_string())?;
    let written = write_service(&session, &entry).await;
    session.close().await;
    written.map(drop).map_err(|it| it.to_string())
}
