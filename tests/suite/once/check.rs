//! What is said before anything is served.

use super::*;
use crate::support::{folder::Folder, service::project};

/// What `check` says of an endpoint file, with the database or without.
fn checked(database: Option<&Database>, text: &str) -> (bool, String) {
    let folder = Folder::new("once");
    let manifest = std::fs::read_to_string(project(FOLDER).join("howdah.toml")).unwrap();
    folder.write("howdah.toml", manifest);
    folder.write("endpoints/a.sql", text);
    let mut command = howdah(["check"]);
    command.arg(folder.path());
    let output = match database {
        Some(database) => command.arg("--database").envs(database.environment()).output(),
        None => command
            .env("DB_HOST", "localhost")
            .env("DB_PORT", "1")
            .env("DB_NAME", "a")
            .env("DB_USER", "a")
            .output(),
    };
    let output = output.unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned()
        + &String::from_utf8_lossy(&output.stdout);
    (output.status.success(), text)
}

#[test]
fn a_read_and_a_wrong_value_are_refused_without_a_database() {
    for (text, expected) in [
        ("get = '/a'\nidempotent = true", "`idempotent` is for writes, and the method is GET"),
        ("get = '/a'\nidempotent = 'required'", "`idempotent` is for writes"),
        ("post = '/a'\nidempotent = 'always'", "takes true, false or \"required\""),
        ("post = '/a'\nidempotent = 1", "`idempotent` takes"),
        ("post = '/a'\nidempotnet = true", "did you mean `idempotent`?"),
    ] {
        let (good, said) = checked(None, &format!("/*\n{text}\n*/\nSELECT 1 AS a"));
        assert!(!good && said.contains(expected), "{text}: {said}");
        assert!(said.contains("a.sql:"), "{said}");
    }
    let (good, said) = checked(None, "/*\nget = '/a'\nidempotent = false\n*/\nSELECT 1 AS a");
    assert!(good, "{said}");
}

#[test]
fn what_the_database_lacks_is_told_with_its_place() {
    let bare = postgres::database();
    bare.psql(ORDERS);
    let write = "/*\npost = '/a'\nresult = 'none'\nidempotent = true\n*/\nDELETE FROM orders";
    let (good, said) = checked(Some(&bare), write);
    assert!(!good && said.contains("needs the table howdah.idempotency"), "{said}");
    assert!(said.contains("`howdah migrate` makes it") && said.contains("a.sql:4:"), "{said}");
    let load = "/*\npost = '/a'\ncopy = 'orders (item)'\nidempotent = true\n*/\n";
    let (good, said) = checked(Some(&bare), load);
    assert!(!good && said.contains("needs the table howdah.idempotency"), "{said}");

    let database = database();
    for text in [write, load] {
        let (good, said) = checked(Some(&database), text);
        assert!(good, "{said}");
    }
    database.psql("CREATE PROCEDURE work() LANGUAGE sql AS 'SELECT 1'");
    for (text, expected) in [
        ("lane = 'read'\n*/\nSELECT 1 AS a", "is for writes, and the lane only reads"),
        ("result = 'none'\n*/\nCALL work()", "`idempotent` does not go with CALL"),
    ] {
        let text = format!("/*\npost = '/a'\nidempotent = true\n{text}");
        let (good, said) = checked(Some(&database), &text);
        assert!(!good && said.contains(expected), "{said}");
    }
    // Another role than the one that migrated needs to be let in.
    let mut guest = database.clone();
    guest.user = format!("guest_of_{}", database.name);
    let (user, password) = (&guest.user, &guest.password);
    database.psql_as_superuser(&format!(
        "CREATE ROLE {user} LOGIN PASSWORD '{password}'; GRANT DELETE, SELECT ON orders TO {user}"
    ));
    let (good, said) = checked(Some(&guest), write);
    assert!(!good && said.contains("the role may not keep answers"), "{said}");
    database.psql(&format!(
        "GRANT USAGE ON SCHEMA howdah TO {user};
         GRANT SELECT, INSERT, UPDATE, DELETE ON howdah.idempotency TO {user}"
    ));
    // Migrating again leaves that as it is.
    migrate(Path::new(FOLDER), &database);
    let (good, said) = checked(Some(&guest), write);
    assert!(good, "{said}");
}

#[test]
fn the_openapi_document_says_what_a_key_does() {
    let database = database();
    let mut command = howdah(["describe", FOLDER, "--openapi"]);
    let output = command.envs(database.environment()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    for (path, required) in [("/orders", None), ("/strict", Some(true)), ("/load", None)] {
        let operation = &document["paths"][path]["post"];
        let parameters = operation["parameters"].as_array().unwrap();
        let key = parameters.iter().find(|it| it["name"] == "Idempotency-Key").unwrap();
        assert_eq!((key["in"].as_str(), key["required"].as_bool()), (Some("header"), required));
        let codes = |status: &str| {
            let content = &operation["responses"][status]["content"]["application/problem+json"];
            content["schema"]["properties"]["code"]["enum"].to_string()
        };
        assert!(codes("409").contains("request-in-progress"), "{operation:#}");
        assert!(codes("422").contains("idempotency-key-reused"));
        assert!(codes("400").contains("idempotency-key-invalid"));
        assert_eq!(codes("400").contains("idempotency-key-missing"), required.is_some());
        assert!(operation["responses"]["200"]["headers"]["Idempotent-Replayed"].is_object());
        assert!(operation["responses"]["409"]["headers"]["Retry-After"].is_object());
    }
    assert!(!document["paths"]["/plain"].to_string().contains("dempoten"));
}
