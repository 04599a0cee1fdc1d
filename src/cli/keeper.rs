//! `howdah keeper`.

use super::{
    Exit, Keeper as Arguments,
    serve::{Signals, block_on, warn},
    show,
};
use crate::{
    diagnostic::{Code, Diagnostic, Diagnostics},
    event::Event,
    keeper::{Desk, Keeper, document},
    observe,
    startup::Folder,
};
use serde_json::json;
use std::{path::Path, time::Duration};

pub(super) fn run(arguments: Arguments) -> Exit {
    let folder = Folder::from(arguments.folder);
    let ready_file = arguments.ready_file;
    let outcome = if arguments.openapi {
        describe(&folder)
    } else {
        block_on(keep(&folder, ready_file.as_deref())).and_then(|inner| inner)
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

async fn keep(folder: &Folder, ready_file: Option<&Path>) -> Result<(), Diagnostics> {
    let read = folder.manifest()?;
    observe::start(&read.value.log);
    let observer = observe::observer();
    warn(&observer, &read.warnings);
    let mut signals = Signals::listen()?;
    let desk = Desk::new(&read.value, observer.clone())?;
    let bound = Keeper::take(&desk.keeper.listen)?;
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
