//! `howdah describe`: what a folder serves.

use super::{Describe, Exit, show};
use crate::{
    diagnostic::{Code, Diagnostic, Diagnostics},
    openapi,
    service::Service,
    startup::{self, Folder},
    supervise::{Attempt, attempt},
};

pub(super) fn run(arguments: Describe) -> Exit {
    let folder = Folder::from(arguments.folder);
    match super::serve::block_on(describe(&folder, arguments.openapi)).and_then(|inner| inner) {
        Ok(()) => Exit::Success,
        Err(found) => show::failed(&found),
    }
}

async fn describe(folder: &Folder, as_openapi: bool) -> Result<(), Diagnostics> {
    let read = folder.definition()?;
    show::diagnostics(&read.warnings);
    let definition = read.value;
    let service = match &definition.config.database {
        None => Service::without_database(&definition)?,
        Some(database) => {
            let target = startup::target(database)?;
            match attempt(&definition, &target).await {
                Attempt::Prepared(service, warnings) => {
                    show::diagnostics(&warnings);
                    *service
                }
                // A table of routes needs no types; an OpenAPI document does.
                Attempt::Away(found) if as_openapi => return Err(hinted(found)),
                Attempt::Away(_) => Service::without_database(&definition)?,
                Attempt::Wrong(found) => return Err(found),
            }
        }
    };
    if as_openapi {
        println!("{:#}", openapi::document(&service));
    } else {
        print!("{}", openapi::table(&service));
    }
    Ok(())
}

fn hinted(mut found: Diagnostics) -> Diagnostics {
    found.push(
        Diagnostic::warning(Code::Database, "an OpenAPI document needs the database's types")
            .help("start the database that the manifest names, or say where it is: `--set database.host=…`"),
    );
    found
}
