//! `howdah keeper`.

use super::{
    Exit, Keeper as Arguments, WhoArgs, harden,
    serve::{Signals, block_on, warn},
    show,
};
use crate::{
    config::Config,
    diagnostic::{Code, Diagnostic, Diagnostics},
    event::Event,
    http::listener::Bound,
    keeper::{Desk, Keeper, document},
    observe,
    startup::{Folder, Read},
};
use serde_json::json;
use std::{path::Path, time::Duration};

pub(super) fn run(arguments: Arguments) -> Exit {
    let folder = Folder::from(arguments.folder);
    let ready_file = arguments.ready_file;
    let outcome = if arguments.openapi {
        describe(&folder)
    } else {
        prepare(&folder, &arguments.who, ready_file.as_deref())
            .and_then(|ready| block_on(keep(ready, ready_file.as_deref())).and_then(|inner| inner))
    };
    match outcome {
        Ok(()) => Exit::Success,
        Err(found) => show::failed(&found),
    }
}

fn describe(folder: &Folder) -> Result<(), Diagnostics> {
    let read = folder.manifest()?;
    let document = document(Desk::new(&read.value, observe::observer())?)?;
    show::print(format_args!("{document}\n"));
    Ok(())
}

/// What is there before any thread but the main one.
struct Prepared {
    config: Config,
    /// The digest of the files that it was read from.
    digest: String,
    warnings: Diagnostics,
    bound: Bound,
}

/// Reads the manifest, takes the address, and gives up everything else.
fn prepare(
    folder: &Folder,
    who: &WhoArgs,
    ready_file: Option<&Path>,
) -> Result<Prepared, Diagnostics> {
    let user = harden::who(who)?;
    let read = folder.manifest()?;
    let digest = read.shown_digest();
    let Read { value: config, mut warnings, .. } = read;
    let keeper = Desk::settings(&config)?;
    let bound = Keeper::take(&keeper.listen)?;
    let needs = harden::keeper(folder, &config, user, ready_file);
    warnings.append(harden::now(&config, &needs)?);
    Ok(Prepared { config, digest, warnings, bound })
}

async fn keep(prepared: Prepared, ready_file: Option<&Path>) -> Result<(), Diagnostics> {
    let Prepared { config, digest, warnings, bound } = prepared;
    observe::start(&config.log);
    let observer = observe::observer();
    warn(&observer, &warnings);
    let mut signals = Signals::listen()?;
    let desk = Desk::new(&config, observer.clone())?.of_files(digest);
    let keeper = Keeper::open(desk, bound)?;
    if let Some(file) = ready_file {
        announce(file, &keeper.address)?;
    }
    tokio::select! {
        never = keeper.run() => match never {},
        () = signals.end() => {}
    }
    // A rotation that is under way goes on where it stood when a keeper leads again.
    observer(&Event::Stopping { delay: Duration::ZERO, deadline: Duration::ZERO });
    observer(&Event::Stopped { unfinished: 0 });
    Ok(())
}

fn announce(file: &Path, address: &str) -> Result<(), Box<Diagnostic>> {
    let line = json!({ "keeper": address, "pid": std::process::id() });
    let draft = file.with_extension("draft");
    std::fs::write(&draft, format!("{line}\n"))
        .and_then(|()| std::fs::rename(&draft, file))
        .map_err(|error| {
            let shown = file.display();
            Diagnostic::error(Code::Machine, format!("{shown} cannot be written: {error}")).boxed()
        })
}
