//! `howdah new`.

use super::{Exit, full::New, show};
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
                show::say!("  {}", file.display());
            }
            show::say!("\nServe it: howdah up {}", quoted(&directory.to_string_lossy()));
            Exit::Success
        }
        Err(diagnostic) => {
            show::diagnostics(&(*diagnostic).into());
            Exit::Failure
        }
    }
}

/// A path as a shell takes it.
fn quoted(path: &str) -> String {
    let plain = |it: char| it.is_alphanumeric() || "/._-+:@%".contains(it);
    if path.chars().all(plain) {
        path.to_owned()
    } else {
        format!("'{}'", path.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_quoted_where_a_shell_would_cut_it() {
        assert_eq!(quoted("/srv/my-notes_2"), "/srv/my-notes_2");
        assert_eq!(quoted("my notes"), "'my notes'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted("~/$HOME"), "'~/$HOME'");
    }
}
