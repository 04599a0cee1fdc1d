//! Every example of a service works: its files are put into a folder and the real `howdah check`
//! has nothing to say, nor has the database where the example brings its tables.
//!
//! A block is a file of an example when its fence names the file: `sql endpoints/ports.sql`. All
//! blocks of a page up to the next manifest make one service; what every manifest needs and an
//! example leaves out is added.

use super::{Block, pages, parts};
use crate::support::{database::Database, folder::Folder, postgres, service::howdah};
use std::{collections::BTreeMap, process::Command};

const MANIFEST: &str = "howdah.toml";

/// The files of one example, with the place where it begins.
struct Example {
    place: String,
    files: BTreeMap<String, String>,
}

/// The examples of a page.
fn examples(page: &str, blocks: &[Block]) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    for block in blocks {
        let place = format!("{page}:{}", block.line);
        let Some((language, name)) = block.info.split_once(' ') else {
            assert!(!is_a_file(block), "{place}: the fence must say which file this is");
            continue;
        };
        assert!(name.ends_with(&format!(".{language}")) || language == "toml", "{place}");
        if name == MANIFEST || examples.is_empty() {
            examples.push(Example { place: place.clone(), files: BTreeMap::new() });
        }
        let files = &mut examples.last_mut().unwrap().files;
        let before = files.insert(name.to_owned(), block.text.clone());
        assert!(before.is_none(), "{place}: {name} is there already");
    }
    examples
}

/// Whether the block can only be a file of a service.
fn is_a_file(block: &Block) -> bool {
    let manifest = ["[[route]]", "[service]", "service.", "[lanes.", "[listen]", "[database]"];
    match block.info.as_str() {
        "sql" => block.text.starts_with("/*"),
        "toml" => block.text.lines().any(|line| manifest.iter().any(|it| line.starts_with(it))),
        _ => false,
    }
}

/// Adds what every manifest needs.
fn complete(example: &mut Example) {
    let endpoints = example.files.keys().any(|name| name.starts_with("endpoints/"));
    let manifest = example.files.entry(MANIFEST.to_owned()).or_default();
    if endpoints && !manifest.contains("database") {
        manifest.insert_str(0, "database.name = \"example\"\n");
    }
    if !manifest.contains("service") {
        manifest.insert_str(0, "service.name = \"example\"\n");
    }
}

fn reaches(command: &mut Command, database: &Database) {
    let variables = [
        ("HOST", database.host.clone()),
        ("PORT", database.port.to_string()),
        ("NAME", database.name.clone()),
        ("USER", database.user.clone()),
        ("PASSWORD", database.password.clone()),
    ];
    command.envs(variables.map(|(name, value)| (format!("HOWDAH_DATABASE_{name}"), value)));
}

/// What `howdah` says about an example when it is not content.
fn complaint(example: &Example) -> Option<String> {
    let folder = Folder::new("example");
    for (name, text) in &example.files {
        folder.write(name, text);
    }
    let run = |mut command: Command| {
        let output = command.current_dir(folder.path()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (!output.status.success() || said.contains("error")).then_some(said)
    };
    let offline = howdah(["check"]);
    if let Some(said) = run(offline) {
        return Some(said);
    }
    if !example.files.keys().any(|name| name.starts_with("migrations/")) {
        return None;
    }
    let database = postgres::database();
    [&["migrate"] as &[_], &["check", "--database"]].into_iter().find_map(|arguments| {
        let mut command = howdah(arguments);
        reaches(&mut command, &database);
        run(command)
    })
}

#[test]
fn every_example_of_a_service_works() {
    let (mut files, mut wrong) = (0, Vec::new());
    for page in pages() {
        for mut example in examples(&page.name, &parts(&page.text).1) {
            files += example.files.len();
            complete(&mut example);
            if let Some(said) = complaint(&example) {
                wrong.push(format!("{}: {said}", example.place));
            }
        }
    }
    assert!(files >= 8, "the examples are found");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn an_example_that_does_not_work_is_found() {
    let page = "```sql migrations/0001_a.sql\nCREATE TABLE a (b int);\n```\n\
                ```sql endpoints/a.sql\n/*\nget = \"/a\"\n*/\nSELECT c FROM a\n```\n";
    let mut examples = examples("page", &parts(page).1);
    complete(&mut examples[0]);
    assert!(complaint(&examples[0]).is_some_and(|said| said.contains("42703")), "no such column");
    assert!(is_a_file(&parts("```sql\n/*\n*/\nSELECT 1\n```\n").1[0]));
}
