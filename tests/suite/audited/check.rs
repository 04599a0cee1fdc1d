//! What is said before anything is served.

use super::*;
use crate::support::service::project;

/// What `check` says of an endpoint file, with the database or without.
fn checked(database: Option<&Database>, text: &str) -> (bool, String) {
    let folder = Folder::new("audited-check");
    folder.write(
        "howdah.toml",
        std::fs::read_to_string(project(FOLDER).join("howdah.toml")).unwrap(),
    );
    folder.write("keys.toml", "");
    folder.write("endpoints/a.sql", text);
    let mut command = howdah(["check"]);
    command.arg(folder.path()).env("KEYS_FILE", folder.path().join("keys.toml"));
    match database {
        Some(database) => command.arg("--database").envs(database.environment()),
        None => {
            command.envs([("DB_HOST", "h"), ("DB_PORT", "1"), ("DB_NAME", "a"), ("DB_USER", "a")])
        }
    };
    let output = command.output().unwrap();
    let text = [output.stderr, output.stdout].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn what_would_answer_without_a_record_is_refused() {
    for (text, expected) in [
        ("get = '/a'\naudit = 'yes'", "`audit` takes"),
        ("get = '/a'\naudit = true\nstream = true", "`audit` does not go with `stream`"),
        ("get = '/a'\naudit = true\ncache = '1s'", "`audit` does not go with `cache`"),
        ("get = '/a'\naduit = true", "did you mean `audit`?"),
    ] {
        let (good, said) = checked(None, &format!("/*\n{text}\n*/\nSELECT 1 AS a"));
        assert!(!good && said.contains(expected) && said.contains("a.sql:"), "{text}: {said}");
    }
    for text in ["get = '/a'\naudit = false\ncache = '1s'", "get = '/a'\naudit = true"] {
        let (good, said) = checked(None, &format!("/*\n{text}\n*/\nSELECT 1 AS a"));
        assert!(good, "{text}: {said}");
    }
}

#[test]
fn what_the_database_lacks_is_told_with_its_place() {
    let read = "/*\nget = '/a'\naudit = true\n*/\nSELECT 1 AS a";
    let bare = postgres::database();
    let (good, said) = checked(Some(&bare), read);
    assert!(!good && said.contains("needs the function howdah.audit_service"), "{said}");
    assert!(said.contains("a.sql:3:") && said.contains("howdah keeper"), "{said}");
    let stage = Stage::new();
    let (good, said) = checked(Some(&stage.database), read);
    assert!(good, "{said}");
    let call = "/*\npost = '/a'\nresult = 'none'\naudit = true\n*/\nCALL work()";
    stage.database.psql_as_superuser("CREATE PROCEDURE work() LANGUAGE sql AS 'SELECT 1'");
    let (good, said) = checked(Some(&stage.database), call);
    assert!(!good && said.contains("`audit` does not go with CALL"), "{said}");
    let user = &stage.database.user;
    stage.database.psql_as_superuser(&format!("REVOKE USAGE ON SCHEMA howdah FROM {user}"));
    let (good, said) = checked(Some(&stage.database), read);
    assert!(!good && said.contains("may not write to the audit trail"), "{said}");
    assert!(said.contains("GRANT EXECUTE ON FUNCTION howdah.audit_service"), "{said}");
}

#[test]
fn a_service_writes_nothing_that_a_keeper_would() {
    let stage = Stage::new();
    let denied = |sql: &str| {
        let config = stage.database.config();
        std::panic::catch_unwind(|| crate::support::database::run(&config, sql)).is_err()
    };
    let ours = r#"SELECT howdah.audit_service(0, '{"action":"service.request"}')"#;
    assert!(!denied(ours));
    for forged in [
        r#"SELECT howdah.audit_service(0, '{"action":"rotation.applied"}')"#,
        r#"SELECT howdah.audit_service(8, '{"action":"service.request"}')"#,
        r#"SELECT howdah.audit_service(NULL, '{"action":"service.request"}')"#,
        "SELECT howdah.audit_service(0, '{}')",
        r#"SELECT howdah.audit_write('rotation', '{"action":"rotation.applied"}')"#,
        "SELECT body FROM howdah.audit_inbox",
        "DELETE FROM howdah.audit_inbox",
    ] {
        assert!(denied(forged), "{forged}");
    }
}
