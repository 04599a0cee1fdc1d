//! A new service: a small one that works, to be changed into the one that is wanted.
//!
//! Owns the files of `src/scaffold/template` and putting them into a folder. Does not own what they
//! mean; a test reads them with the rooms that do.

use crate::diagnostic::{Code, Diagnostic};
use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

/// Where each file goes, and its text. `{{name}}` and `{{database}}` are replaced.
const TEMPLATE: &[(&str, &str)] = &[
    ("howdah.toml", include_str!("scaffold/template/howdah.toml")),
    ("endpoints/notes/list.sql", include_str!("scaffold/template/endpoints/notes/list.sql")),
    ("endpoints/notes/one.sql", include_str!("scaffold/template/endpoints/notes/one.sql")),
    ("endpoints/notes/write.sql", include_str!("scaffold/template/endpoints/notes/write.sql")),
    ("migrations/0001_notes.sql", include_str!("scaffold/template/migrations/0001_notes.sql")),
    ("seed/0001_notes.sql", include_str!("scaffold/template/seed/0001_notes.sql")),
    // Under its own name it would count for this repository.
    (".gitignore", include_str!("scaffold/template/gitignore")),
    ("README.md", include_str!("scaffold/template/README.md")),
];

/// The longest name: PostgreSQL's for a database and a role.
const MAX_NAME_BYTES: usize = 63;

/// Writes a new service called `name` into `directory`, which is made at need and must be empty but
/// for `.git`; gives the paths of the files, below `directory`.
///
/// # Errors
/// The name is none, the folder holds something, or the operating system says no. Nothing that was
/// there is changed.
pub fn create(directory: &Path, name: &str) -> Result<Vec<PathBuf>, Box<Diagnostic>> {
    let database = database(name)?;
    let failed = |what: &str, path: &Path, error: &io::Error| {
        let message = format!("cannot {what} {}: {error}", path.display());
        Diagnostic::error(Code::Machine, message).boxed()
    };
    fs::create_dir_all(directory).map_err(|error| failed("make", directory, &error))?;
    let entries = fs::read_dir(directory).map_err(|error| failed("read", directory, &error))?;
    let mut names = entries.filter_map(Result::ok).map(|entry| entry.file_name());
    if let Some(present) = names.find(|entry| entry != ".git") {
        let present = present.to_string_lossy();
        let message = format!("{} is not empty: it has `{present}`", directory.display());
        return Err(Diagnostic::error(Code::Conflict, message)
            .help("name a folder that is empty or not there yet")
            .boxed());
    }
    let mut written = Vec::new();
    for (place, text) in TEMPLATE {
        let path = directory.join(place);
        let text = text.replace("{{name}}", name).replace("{{database}}", &database);
        write(&path, &text).map_err(|error| failed("write", &path, &error))?;
        written.push(PathBuf::from(place));
    }
    Ok(written)
}

/// The name for a service in `directory`: the folder's own, as far as it makes one.
pub fn name_for(directory: &Path) -> String {
    let absolute = std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned());
    let last = absolute.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let letters = last.chars().map(|it| if it.is_ascii_alphanumeric() { it } else { '-' });
    let name: String = letters.collect();
    let name = name.trim_start_matches(|it: char| it == '-' || it.is_ascii_digit());
    name.trim_end_matches('-').chars().take(MAX_NAME_BYTES).collect()
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    // Never over a file that came up meanwhile.
    OpenOptions::new().write(true).create_new(true).open(path)?.write_all(text.as_bytes())
}

/// The database and role of a service of that name.
fn database(name: &str) -> Result<String, Box<Diagnostic>> {
    let why = match name.bytes().next() {
        None => "is empty",
        Some(first) if !first.is_ascii_lowercase() => "does not begin with a lower-case letter",
        Some(_) if name.len() > MAX_NAME_BYTES => "is longer than 63 characters",
        Some(_) if !name.bytes().all(|it| matches!(it, b'a'..=b'z' | b'0'..=b'9' | b'-')) => {
            "has a character other than lower-case letters, digits and hyphens"
        }
        Some(_) if name.starts_with("pg-") || RESERVED.contains(&name) => {
            "would name a database or role that PostgreSQL or Howdah keeps for itself"
        }
        Some(_) => return Ok(name.replace('-', "_")),
    };
    let message = format!("the service's name {name:?} {why}");
    Err(Diagnostic::error(Code::InvalidValue, message)
        .help("choose one like `notes` or `freight-rates`; `--name` gives one apart from the folder's")
        .boxed())
}

const RESERVED: &[&str] =
    &["howdah-admin", "howdah-owner", "none", "postgres", "public", "template0", "template1"];

#[cfg(test)]
mod tests;
