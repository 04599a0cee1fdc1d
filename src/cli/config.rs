//! `howdah config`.

use super::{Config, Exit};

pub(super) fn run(arguments: &Config) -> Exit {
    let text = if arguments.reference {
        crate::config::Config::reference()
    } else {
        crate::config::Config::documented_default()
    };
    print!("{text}");
    Exit::Success
}
