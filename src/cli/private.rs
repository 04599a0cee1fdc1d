//! `--embedded`: a private PostgreSQL that lasts for one question.

use super::serve::Signals;
use crate::{
    diagnostic::{Code, Diagnostic, Diagnostics},
    embedded::{self, Environment, Running},
    migration::{self, Migrations},
    postgres::session,
    service::{Service, ServiceDefinition},
    startup::Folder,
    supervise::{Attempt, attempt},
};

/// Types the service by a PostgreSQL that is started for it, has nothing but the folder's
/// migrations, and is gone afterwards. Beside that of `howdah up`, which may run meanwhile.
///
/// # Errors
/// The server does not start, a migration fails, or what is wrong with the endpoints.
pub(super) async fn prepare(
    folder: &Folder,
    definition: &ServiceDefinition,
) -> Result<(Service, Diagnostics), Diagnostics> {
    let Some(database) = &definition.config.database else {
        return Ok((Service::without_database(definition)?, Diagnostics::new()));
    };
    let mut environment = Environment::of_process();
    environment.storage = environment.storage.join("check");
    let options = embedded::Options {
        service_folder: folder.directory.clone(),
        service: definition.config.service.name.clone(),
        database: database.name.clone(),
        user: database.user.clone(),
        fresh: true,
        keeps: false,
        environment,
    };
    // Before the database starts, so that no signal finds nobody to stop it.
    let mut signals = Signals::listen()?;
    let tell = |progress: embedded::Progress| super::show::complain!("  {progress}");
    let running = tokio::select! {
        running = embedded::start(&options, &tell) => running?,
        () = signals.end() => return Err(interrupted()),
    };
    let outcome = tokio::select! {
        outcome = ask(folder, definition, &running) => outcome,
        () = signals.end() => Err(interrupted()),
    };
    let place = running.folder().to_owned();
    running.stop().await;
    // What stays is thrown away by the next one.
    let _ = std::fs::remove_dir_all(place);
    outcome
}

async fn ask(
    folder: &Folder,
    definition: &ServiceDefinition,
    running: &Running,
) -> Result<(Service, Diagnostics), Diagnostics> {
    let migrations = Migrations::parse(&folder.migrations()?)?;
    let mut session = session::connect(&running.owner).await?;
    migration::apply(&mut session, &migrations, &|_| {}).await?;
    session.close().await;
    match attempt(definition, &running.service, None).await {
        Attempt::Prepared(service, warnings) => Ok((*service, warnings)),
        Attempt::Away(found) | Attempt::Refused(found) | Attempt::Wrong(found) => Err(found),
    }
}

fn interrupted() -> Diagnostics {
    Diagnostic::error(Code::Database, "interrupted").into()
}
