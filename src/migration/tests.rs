//! Names and numbers; what needs a database is tested with one, in `tests/suite/migration.rs`.

use super::Migrations;
use crate::diagnostic::{Code, SourceFile};

fn parse(paths: &[&str]) -> Result<Vec<(i64, String)>, Vec<String>> {
    let files: Vec<_> = paths.iter().map(|path| SourceFile::new(*path, "SELECT 1")).collect();
    Migrations::parse(&files)
        .map(|all| all.iter().map(|it| (it.version, it.name.clone())).collect())
        .map_err(|found| {
            assert!(found.iter().all(|it| it.code() == Code::Migration));
            found.iter().map(|it| it.message().to_owned()).collect()
        })
}

#[test]
fn files_run_in_the_order_of_their_numbers() {
    let all = parse(&["migrations/10_b.sql", "migrations/0002_a_c.sql", "20210131120000_d.sql"]);
    let names = [(2, "a_c"), (10, "b"), (20_210_131_120_000, "d")];
    assert_eq!(all.unwrap(), names.map(|(version, name)| (version, name.to_owned())));
}

#[test]
fn misnamed_files_are_told_all_at_once() {
    let found = parse(&[
        "0001.sql",
        "_a.sql",
        "a_1.sql",
        "1_.sql",
        "1_a-b.sql",
        "1_é.sql",
        "1_a.txt",
        "99999999999999999999_a.sql",
        "",
        "2_fine.sql",
    ]);
    assert_eq!(found.unwrap_err().len(), 9);
    assert!(parse(&[&format!("1_{}.sql", "x".repeat(256))]).is_err());
}

#[test]
fn a_number_is_given_once() {
    let found = parse(&["0001_a.sql", "1_b.sql", "2_c.sql"]).unwrap_err();
    assert_eq!(found, ["two migrations have the number 1"]);
}

#[test]
fn a_file_leaves_its_transaction_alone() {
    let text = "BEGIN;\nCREATE TABLE t (a int); -- COMMIT;\nDO $$ BEGIN END $$;\ncommit;";
    let found = Migrations::parse(&[SourceFile::new("1_a.sql", text)]).unwrap_err();
    let lines: Vec<_> =
        found.to_json().as_array().unwrap().iter().map(|it| it["line"].clone()).collect();
    assert_eq!(lines, [1, 4]);
}
