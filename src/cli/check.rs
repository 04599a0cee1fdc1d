//! `howdah check`: everything that is wrong, in one run.

use super::{Check, Exit, Format, full, show};
use crate::{
    advice,
    diagnostic::{Code, Diagnostics},
    identity,
    migration::Migrations,
    postgres::{Target, session},
    service::{Service, ServiceDefinition},
    startup::{self, Folder},
    supervise::{Attempt, attempt},
};
use serde_json::json;

pub(super) fn run(arguments: Check) -> Exit {
    let folder = Folder::from(arguments.folder);
    let (definition, mut found) = without_database(&folder);
    match &definition {
        Some(definition) if arguments.database => found.append(with_database(definition)),
        // What is wrong already would only be found once more.
        Some(definition) if arguments.embedded && !found.has_errors() => {
            let prepared = full::prepare(&folder, definition);
            let outcome = super::serve::block_on(prepared).and_then(|inner| inner);
            found.append(outcome.map_or_else(|errors| errors, |(_, warnings)| warnings));
        }
        _ => {}
    }
    found.sort();
    let exit = if found.has_errors() { show::exit_for(&found) } else { Exit::Success };
    match arguments.format {
        Format::Json => {
            let (errors, warnings) = found.counts();
            let report =
                json!({ "errors": errors, "warnings": warnings, "diagnostics": found.to_json() });
            show::say!("{report:#}");
        }
        Format::Text => {
            show::diagnostics(&found);
            if let (Some(definition), false) = (definition, found.has_errors()) {
                summary(&definition, arguments.database || arguments.embedded);
            }
        }
    }
    exit
}

/// What the files say by themselves.
fn without_database(folder: &Folder) -> (Option<ServiceDefinition>, Diagnostics) {
    let mut found = Diagnostics::new();
    match folder.migrations().and_then(|files| Migrations::parse(&files)) {
        Ok(_) => {}
        Err(diagnostics) => found.append(diagnostics),
    }
    if let Err(diagnostics) = folder.seeds() {
        found.append(diagnostics);
    }
    match folder.definition() {
        Ok(mut read) => {
            found.append(read.warnings);
            if let Err(diagnostics) = Service::without_database(&read.value) {
                found.append(diagnostics);
            }
            // Keys come to where it is served, and need not be here.
            let keys =
                [identity::load(&read.value.authority), startup::take_cursor_key(&mut read.value)];
            for diagnostics in keys.into_iter().filter_map(Result::err) {
                let wrong = diagnostics.iter().filter(|it| it.code() != Code::Unreadable);
                found.append(wrong.cloned().collect());
            }
            (Some(read.value), found)
        }
        Err(diagnostics) => {
            found.append(diagnostics);
            (None, found)
        }
    }
}

/// What the database says about the statements.
fn with_database(definition: &ServiceDefinition) -> Diagnostics {
    let Some(database) = &definition.config.database else { return Diagnostics::new() };
    let target = match startup::target(database) {
        Ok(target) => target,
        Err(diagnostic) => return diagnostic.into(),
    };
    let outcome = super::serve::block_on(async {
        match attempt(definition, &target, None).await {
            Attempt::Prepared(service, mut found) => {
                found.append(advice(&service, &target).await);
                found
            }
            Attempt::Away(found) | Attempt::Refused(found) | Attempt::Wrong(found) => found,
        }
    });
    outcome.unwrap_or_else(|found| found)
}

/// Which indexes the endpoints lack. A database that went away meanwhile gives no advice.
async fn advice(service: &Service, target: &Target) -> Diagnostics {
    let Ok(session) = session::connect(target).await else { return Diagnostics::new() };
    let advice = advice::advise(&session, service).await;
    session.close().await;
    advice
}

fn summary(definition: &ServiceDefinition, is_asked: bool) {
    let endpoints = definition.endpoints.len();
    let routes = definition.config.routes.len();
    let asked = if is_asked || endpoints == 0 {
        ""
    } else {
        " (without the database; `--database` asks it about the statements, `--embedded` a private one)"
    };
    show::say!(
        "{}: {endpoints} endpoint{}, {routes} route{} without SQL, no error{asked}",
        definition.config.service.name,
        if endpoints == 1 { "" } else { "s" },
        if routes == 1 { "" } else { "s" },
    );
    if let Ok(service) = Service::without_database(definition) {
        show::say!("{}", open_to(&service));
    }
}

/// Who may call what, in a line.
fn open_to(service: &Service) -> String {
    let all = service.entries().len();
    let open = service.entries().iter().filter(|entry| entry.policy.is_public()).count();
    let authority = &service.authority;
    let tls = service.config.tls.is_some();
    let plain = if authority.is_configured() && !tls {
        "; keys and tokens come without TLS, unless a proxy in front speaks it"
    } else {
        ""
    };
    match (authority.is_configured(), open) {
        (false, _) => "open to everybody: nobody can sign in, for there is no `[auth]`".to_owned(),
        (true, 0) => format!("open to nobody who has not signed in{plain}"),
        (true, _) => format!(
            "open to everybody: {open} of {all}; the others want a caller who has signed in{plain}"
        ),
    }
}
