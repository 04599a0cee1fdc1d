//! `docs/dependencies.md` has a row for each dependency, and `Cargo.toml` a dependency for each row.

use crate::support::service::project;
use std::{collections::BTreeMap, fs};

type Releases = BTreeMap<String, String>;

/// The direct dependencies of a section with the release that `Cargo.lock` has of each; of several
/// releases, the one that the declared version takes.
fn declared(section: &str) -> Releases {
    let read = |name| fs::read_to_string(project(name)).unwrap().parse::<toml::Table>().unwrap();
    let (manifest, lock) = (read("Cargo.toml"), read("Cargo.lock"));
    let packages = lock["package"].as_array().unwrap();
    let release = |name: &str, wanted: &str| {
        let named = packages.iter().filter(|it| it["name"].as_str() == Some(name));
        let mut versions = named.map(|it| it["version"].as_str().unwrap());
        let release = versions.find(|it| format!("{it}.").starts_with(&format!("{wanted}.")));
        release.unwrap().split('+').next().unwrap().to_owned()
    };
    let dependencies = manifest[section].as_table().unwrap();
    let releases = dependencies.iter().map(|(name, value)| {
        let wanted = value.as_str().unwrap_or_else(|| value["version"].as_str().unwrap());
        (name.clone(), release(name, wanted))
    });
    releases.collect()
}

/// The rows below a heading: the crate and its release.
fn rows(page: &str, heading: &str) -> Releases {
    let section = page.split("\n## ").find(|it| it.starts_with(heading)).expect("the heading");
    let rows = section.lines().filter_map(|line| line.strip_prefix("| [`")?.split_once('`'));
    rows.map(|(name, rest)| (name.to_owned(), rest.split(" | ").nth(1).unwrap().to_owned()))
        .collect()
}

#[test]
fn every_dependency_has_its_row() {
    let page = fs::read_to_string(project("docs/dependencies.md")).unwrap();
    for (heading, section) in
        [("In the program", "dependencies"), ("In the tests", "dev-dependencies")]
    {
        let (rows, declared) = (rows(&page, heading), declared(section));
        assert!(!declared.is_empty());
        assert_eq!(rows, declared, "docs/dependencies.md (left) and Cargo.toml (right)");
    }
}
