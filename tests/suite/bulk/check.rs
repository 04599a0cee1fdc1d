//! What the database says of an endpoint that loads, before anything is served.

use super::*;
use crate::support::{folder::Folder, service::howdah};

/// What `check --database` says of these endpoint files.
fn checked(database: &Database, files: &[(&str, &str)]) -> (bool, String) {
    let folder = Folder::new("bulk");
    let manifest =
        std::fs::read_to_string(crate::support::service::project(FOLDER).join("howdah.toml"));
    folder.write("howdah.toml", manifest.unwrap());
    for (name, text) in files {
        folder.write(&format!("endpoints/{name}.sql"), text);
    }
    let mut command = howdah(["check", "--database"]);
    let output = command.arg(folder.path()).envs(database.environment()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned()
        + &String::from_utf8_lossy(&output.stdout);
    (output.status.success(), text)
}

#[test]
fn every_mistake_about_the_table_is_told_with_its_place() {
    let database = database();
    database.psql(
        "CREATE TABLE plain (a int, b int, made int GENERATED ALWAYS AS (a + 1) STORED, point point);
         CREATE UNIQUE INDEX plain_b ON plain (b) WHERE a > 0;
         CREATE VIEW seen AS SELECT 1 AS a",
    );
    for (text, expected) in [
        ("post = '/a'\ncopy = 'price (day)'", "there is no table `price`"),
        ("post = '/a'\ncopy = 'price (day)'", "did you mean `prices`?"),
        ("post = '/a'\ncopy = 'nowhere.prices (day)'", "there is no table `prices`"),
        ("post = '/a'\ncopy = 'prices (day, cost)'", "the table has no column `cost`"),
        ("post = '/a'\ncopy = 'prices (dya)'", "did you mean `day`?"),
        ("post = '/a'\ncopy = 'prices (id)'", "the database makes the values of `id` itself"),
        ("post = '/a'\ncopy = 'plain (made)'", "the database makes the values of `made` itself"),
        ("post = '/a'\ncopy = 'plain (point)'", "which has no form in a request"),
        ("post = '/a'\ncopy = 'seen (a)'", "`seen` is not a table"),
        ("post = '/a'\ncopy = 'plain (a)'\non_conflict = 'skip'", "`plain` has no primary key"),
        (
            "post = '/a'\ncopy = 'plain (a, b)'\non_conflict = 'skip'\nconflict = ['b']",
            "no unique key of `plain` has just these columns",
        ),
        (
            "post = '/a'\ncopy = 'ports (name)'\non_conflict = 'replace'",
            "the key's column `code` is not among those that are loaded",
        ),
        ("post = '/a'\ncopy = 'ports (code)'\nlane = 'read'", "the lane `read` only reads"),
    ] {
        let (good, said) = checked(&database, &[("a", &format!("/*\n{text}\n*/\n"))]);
        assert!(!good && said.contains(expected), "{text}: {said}");
        assert!(said.contains("a.sql:"), "{said}");
    }
    let (good, said) = checked(
        &database,
        &[(
            "a",
            "/*\npost = '/a'\ncopy = 'public.ports (code, name)'\non_conflict = 'replace'\n*/\n-- Nothing more.\n",
        )],
    );
    assert!(good, "{said}");
}

#[test]
fn what_the_role_may_not_do_is_told_before_a_request() {
    let database = database();
    let role = one(&database, "SELECT current_user");
    database.psql_as_superuser(&format!(
        "ALTER TABLE ports OWNER TO CURRENT_USER; REVOKE ALL ON ports FROM \"{role}\", PUBLIC"
    ));
    let reject = [("a", "/*\npost = '/a'\ncopy = 'ports (code, name)'\n*/")];
    let replace =
        [("a", "/*\npost = '/a'\ncopy = 'ports (code, name)'\non_conflict = 'replace'\n*/")];
    let (good, said) = checked(&database, &reject);
    assert!(good && said.contains("the role may not insert into `code`"), "{said}");
    // The service may have more to offer, so it serves; callers are told that they may not.
    let service = started(&database);
    let reply = post(&service, "/ports", JSON, b"[]");
    assert_eq!((reply.status, reply.problem().as_str()), (403, "forbidden"), "{reply}");
    database.psql_as_superuser(&format!("GRANT INSERT (code, name) ON ports TO \"{role}\""));
    let (good, said) = checked(&database, &reject);
    assert!(good && !said.contains("may not"), "{said}");
    let (good, said) = checked(&database, &replace);
    assert!(good && said.contains("PostgreSQL refuses the load"), "{said}");
    assert!(said.contains("42501") && said.contains("needs INSERT, SELECT and UPDATE"), "{said}");
}
