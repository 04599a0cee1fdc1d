//! `howdah config`.

use super::{Config, Exit, show};

pub(super) fn run(arguments: &Config) -> Exit {
    let text = if arguments.reference {
        crate::config::Config::reference()
    } else {
        crate::config::Config::documented_default()
    };
    show::print(format_args!("{text}"));
    Exit::Success
}
