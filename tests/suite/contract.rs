//! What the clients of the five services rely on, over real HTTP against the real binary.

mod about;
mod catalog;
mod rates;
mod rates_dump;
mod rates_lists;
mod rates_prices;
mod status;
mod toolbox;

pub(crate) use rates::SEEDED;

use crate::support::{
    database::Database,
    service::{Service, project},
};

/// Runs the `.sql` files of `folder` in the order of their names, as the database's owner.
fn run_files(database: &Database, folder: &str) {
    let entries = std::fs::read_dir(project(folder)).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{folder} has files");
    for file in files {
        database.psql(&std::fs::read_to_string(file).unwrap());
    }
}

/// Asserts that GET of `path` is refused with 400 and a problem that names each of `parameters`.
#[track_caller]
fn assert_refused(service: &Service, path: &str, parameters: &[&str]) {
    let reply = service.get(path);
    assert_eq!(reply.status, 400, "{path}: {reply}");
    reply.problem();
    for parameter in parameters {
        assert!(reply.text().contains(parameter), "{path} does not name {parameter}: {reply}");
    }
}
