//! `howdah describe`: what a folder serves.

use super::{Describe, Exit, Format, full, show};
use crate::{
    diagnostic::{Code, Diagnostic, Diagnostics},
    openapi,
    service::{Service, ServiceDefinition},
    startup::{self, Folder},
    supervise::{Attempt, attempt},
};

pub(super) fn run(arguments: Describe) -> Exit {
    let asked = super::serve::block_on(describe(arguments));
    match asked.and_then(|inner| inner) {
        Ok(text) => {
            show::print(format_args!("{text}"));
            Exit::Success
        }
        Err(found) => show::failed(&found),
    }
}

async fn describe(arguments: Describe) -> Result<String, Diagnostics> {
    let Describe { folder, openapi: as_openapi, embedded, format } = arguments;
    let folder = Folder::from(folder);
    let read = folder.definition()?;
    show::diagnostics(&read.warnings);
    let definition = read.value;
    let (service, warnings) = if embedded {
        full::prepare(&folder, &definition).await?
    } else {
        ask(&definition, as_openapi).await?
    };
    show::diagnostics(&warnings);
    Ok(match format {
        _ if as_openapi => format!("{:#}\n", openapi::document(&service)),
        Format::Json => format!("{:#}\n", openapi::listing(&service)),
        Format::Text => openapi::table(&service),
    })
}

/// The service as the manifest's database sees it; while that is away, as far as it goes without,
/// which is not as far as an OpenAPI document.
async fn ask(
    definition: &ServiceDefinition,
    as_openapi: bool,
) -> Result<(Service, Diagnostics), Diagnostics> {
    let untyped = || Ok((Service::without_database(definition)?, Diagnostics::new()));
    let Some(database) = definition.config.database.as_ref().filter(|_| needs_types(definition))
    else {
        return untyped();
    };
    match attempt(definition, &startup::target(database)?, None).await {
        Attempt::Prepared(service, warnings) => Ok((*service, warnings)),
        Attempt::Away(found) if as_openapi => Err(hinted(found)),
        Attempt::Away(_) => untyped(),
        Attempt::Refused(found) | Attempt::Wrong(found) => Err(found),
    }
}

fn needs_types(definition: &ServiceDefinition) -> bool {
    !definition.endpoints.is_empty()
}

fn hinted(mut found: Diagnostics) -> Diagnostics {
    found.push(
        Diagnostic::warning(Code::Database, "an OpenAPI document needs the database's types").help(
            "start the database that the manifest names, say where it is \
             (`--set database.host=…`), or let a private one tell: `--embedded`",
        ),
    );
    found
}
