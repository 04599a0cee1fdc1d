//! Where PostgreSQL's binaries are on this machine.

use super::{Progress, download, environment::Environment};
use crate::{
    diagnostic::{Code, Diagnostic},
    postgres::session::major,
};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The major versions that are known to work.
const KNOWN: std::ops::RangeInclusive<u32> = 13..=18;

/// Where packages put the binaries; a star stands for part of one folder's name.
const PLACES: &[&str] = &[
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/usr/bin",
    "/usr/local/bin",
    "/usr/local/pgsql/bin",
    "/usr/libexec/postgresql*",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
];

/// What to do when there are none.
const INSTALL: &str = "install PostgreSQL 13 to 18 (Debian, Ubuntu: `apt install postgresql`; Fedora: \
    `dnf install postgresql-server`; macOS: `brew install postgresql@17`), or name the folder of its \
    binaries in HOWDAH_POSTGRES_BIN";

type Failure = Box<Diagnostic>;

/// A folder with `initdb` and `postgres` that run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Binaries {
    folder: PathBuf,
    /// `15.18 (Debian …)`.
    pub(super) version: String,
    pub(super) major: u32,
}

impl Binaries {
    pub(super) fn initdb(&self) -> PathBuf {
        self.folder.join("initdb")
    }

    pub(super) fn postgres(&self) -> PathBuf {
        self.folder.join("postgres")
    }

    /// The binaries in `folder`; `None` when there are none, else why they will not do.
    fn probe(environment: &Environment, folder: &Path) -> Option<Result<Self, String>> {
        // Where packages link them to, since PostgreSQL finds its other files from there.
        let initdb = folder.join("initdb").canonicalize().ok()?;
        let folder = initdb.parent()?.to_owned();
        let postgres = folder.join("postgres");
        if !postgres.is_file() {
            return None;
        }
        let shown = postgres.display();
        let output = match environment.command(&postgres).arg("--version").output() {
            Ok(output) if output.status.success() => output,
            Ok(output) => return Some(Err(format!("{shown} does not run: {}", output.status))),
            Err(error) => {
                let user = environment.child.as_ref().map(|it| format!(" as {}", it.name));
                let user = user.unwrap_or_default();
                return Some(Err(format!("{shown} does not run{user}: {error}")));
            }
        };
        let text = String::from_utf8_lossy(&output.stdout);
        let version = text.trim().trim_start_matches("postgres (PostgreSQL) ").to_owned();
        match major(&version) {
            Some(major) if KNOWN.contains(&major) => Some(Ok(Self { folder, version, major })),
            _ => Some(Err(format!("{shown} is {version}, not one of 13 to 18"))),
        }
    }
}

/// The binaries to use: those of `wanted`, the major version that made the data folder, when there
/// is one; else those that `PATH` finds, else the newest, else ones that are downloaded.
pub(super) async fn find(
    environment: &Environment,
    wanted: Option<u32>,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Binaries, Failure> {
    if let Some(folder) = &environment.binaries {
        return match Binaries::probe(environment, folder) {
            Some(Ok(found)) => fit(vec![found], wanted),
            other => Err(unusable(
                other.and_then(Result::err).into_iter().collect(),
                &format!("HOWDAH_POSTGRES_BIN, {},", folder.display()),
            )),
        };
    }
    let mut refused = Vec::new();
    let found = installed(environment, PLACES, &mut refused);
    if !found.is_empty() {
        return fit(found, wanted);
    }
    if !environment.download {
        return Err(unusable(refused, "this machine"));
    }
    let folder = download::fetch(environment, wanted, progress).await.map_err(|why| {
        let message = "there is no PostgreSQL on this machine, and it cannot be downloaded";
        let mut diagnostic = Diagnostic::error(Code::Machine, message).note(why);
        for reason in &refused {
            diagnostic = diagnostic.note(reason);
        }
        diagnostic.help(INSTALL).boxed()
    })?;
    match Binaries::probe(environment, &folder) {
        Some(Ok(found)) => fit(vec![found], wanted),
        other => Err(unusable(
            other.and_then(Result::err).into_iter().collect(),
            &format!("what was downloaded to {}", folder.display()),
        )),
    }
}

/// What is on the machine, best first: `PATH` in its order, then by version, newest first.
fn installed(
    environment: &Environment,
    places: &[&str],
    refused: &mut Vec<String>,
) -> Vec<Binaries> {
    let mut found: Vec<Binaries> = Vec::new();
    let mut add =
        |folder: &Path, found: &mut Vec<Binaries>| match Binaries::probe(environment, folder) {
            Some(Ok(binaries)) if !found.contains(&binaries) => found.push(binaries),
            Some(Err(why)) if !refused.contains(&why) => refused.push(why),
            _ => {}
        };
    for folder in std::env::split_paths(&environment.path).filter(|it| it.is_absolute()) {
        add(&folder, &mut found);
    }
    let on_path = found.len();
    let cache = environment.cache.join("postgresql-*/bin");
    for place in places.iter().map(Path::new).chain([cache.as_path()]) {
        for folder in expand(place) {
            add(&folder, &mut found);
        }
    }
    found[on_path..].sort_by_key(|binaries| std::cmp::Reverse(binaries.major));
    found
}

fn fit(found: Vec<Binaries>, wanted: Option<u32>) -> Result<Binaries, Failure> {
    let versions: Vec<&str> = found.iter().map(|it| it.version.as_str()).collect();
    let versions = versions.join(", ");
    let mut fitting = found.into_iter().filter(|it| wanted.is_none_or(|wanted| it.major == wanted));
    if let Some(binaries) = fitting.next() {
        return Ok(binaries);
    }
    let wanted = wanted.unwrap_or_default();
    let message = format!(
        "the service's data was made by PostgreSQL {wanted}, and this machine has {versions}"
    );
    Err(Diagnostic::error(Code::Machine, message)
        .help(format!(
            "install PostgreSQL {wanted} beside it, or throw the data away with `howdah up --fresh`"
        ))
        .boxed())
}

fn unusable(reasons: Vec<String>, place: &str) -> Failure {
    let message = format!("{place} has no PostgreSQL that can be used");
    let mut diagnostic = Diagnostic::error(Code::Machine, message);
    for reason in reasons {
        diagnostic = diagnostic.note(reason);
    }
    diagnostic.help(INSTALL).boxed()
}

/// The folders that a place with at most one star stands for.
fn expand(place: &Path) -> Vec<PathBuf> {
    let text = place.to_string_lossy();
    let Some((before, after)) = text.split_once('*') else { return vec![place.to_owned()] };
    let Some((parent, prefix)) = before.rsplit_once('/') else { return Vec::new() };
    let entries = fs::read_dir(if parent.is_empty() { "/" } else { parent });
    let entries = entries.into_iter().flatten().filter_map(Result::ok);
    entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
        .map(|entry| entry.path().join(after.trim_start_matches('/')))
        .collect()
}

#[cfg(test)]
mod tests;
