//! How long a request may take, where its endpoint says so.

use crate::support::{eventually, folder::Folder, http, postgres::database, service};

/// Lanes that would let a statement run for longer than any test, and one that does not.
const MANIFEST: &str = r#"
[service]
name = "deadlines"

[database]
host = "${DB_HOST:-localhost}"
port = "${DB_PORT:-5432}"
name = "${DB_NAME:-deadlines}"
user = "${DB_USER:-deadlines}"
password = "${DB_PASSWORD:-}"

[lanes.read]
deadline = "10m"
statement_timeout = "10m"

[lanes.write]
deadline = "10m"
statement_timeout = "10m"

[lanes.brief]
deadline = "300ms"
access = "read"
"#;

const ENDPOINTS: [(&str, &str); 4] = [
    ("read", "get = \"/read\"\ndeadline = \"300ms\""),
    ("stream", "get = \"/stream\"\nstream = true\ndeadline = \"300ms\""),
    ("write", "post = \"/write\"\ndeadline = \"300ms\""),
    ("brief", "get = \"/brief\"\nlane = \"brief\"\ndeadline = \"10m\""),
];

/// The shorter of the two counts, the endpoint's and its lane's; what runs then is stopped in the server.
#[test]
fn an_endpoint_that_says_how_long_is_answered_by_then() {
    let folder = Folder::new("deadlines");
    folder.write("howdah.toml", MANIFEST);
    for (name, keys) in ENDPOINTS {
        let sql = format!("/*\n{keys}\n*/\nSELECT 1 AS one FROM pg_sleep(600)");
        folder.write(&format!("endpoints/{name}.sql"), sql);
    }
    let database = database();
    let service = service::serve(folder.path()).database(&database).start();
    eventually("ready", http::PATIENCE, || service.get_admin("/ready").status == 200);
    for (name, keys) in ENDPOINTS {
        let path = format!("/{name}");
        let json = [("content-type", "application/json")];
        let answer = if keys.starts_with("post") {
            service.send("POST", &path, &json, b"{}")
        } else {
            service.get(&path)
        };
        assert_eq!(answer.status, 504, "{name}: {answer}");
        assert_eq!(answer.json()["code"], "deadline-exceeded", "{name}: {answer}");
    }
    eventually("nothing runs", http::PATIENCE, || {
        let running = "SELECT count(*)::text FROM pg_stat_activity WHERE state = 'active' \
                       AND datname = current_database() AND pid <> pg_backend_pid()";
        database.psql(running)[0][0].as_deref() == Some("0")
    });
}
