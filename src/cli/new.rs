//! `howdah new`.

use super::{Exit, New, show};
use crate::scaffold;

pub(super) fn run(arguments: &New) -> Exit {
    let directory = &arguments.directory;
    let name = match &arguments.name {
        Some(name) => name.clone(),
        None => scaffold::name_for(directory),
    };
    match scaffold::create(directory, &name) {
        Ok(files) => {
            for file in files {
                println!("  {}", file.display());
            }
            println!("\nServe it: howdah up {}", directory.display());
            Exit::Success
        }
        Err(diagnostic) => {
            show::diagnostics(&(*diagnostic).into());
            Exit::Failure
        }
    }
}
