//! What becomes of rows that are there already.

use super::*;
use serde_json::{Value, json};

fn ports(database: &Database) -> String {
    one(
        database,
        "SELECT coalesce(string_agg(code || '=' || name, ' ' ORDER BY code), '') FROM ports",
    )
}

fn send(service: &Service, method: &str, path: &str, rows: &[(&str, &str)]) -> Reply {
    let rows: Vec<Value> =
        rows.iter().map(|(code, name)| json!({ "code": code, "name": name })).collect();
    let body = serde_json::to_vec(&rows).unwrap();
    service.send(method, path, &[("content-type", JSON)], &body)
}

#[test]
fn a_conflict_refuses_all_skips_or_replaces() {
    let database = database();
    let service = started(&database);
    database.psql("INSERT INTO ports VALUES ('A', 'old'), ('B', 'other')");

    let reply = send(&service, "POST", "/ports", &[("C", "c"), ("D", "d"), ("A", "new")]);
    assert_eq!((reply.status, reply.problem().as_str()), (409, "conflict"), "{reply}");
    assert_eq!(errors(&reply), ["1 -: its key exists already"]);
    assert_eq!(reply.json()["errors"][0]["row"], 3);
    assert_eq!(ports(&database), "A=old B=other");

    let rows = [("C", "c"), ("A", "new"), ("C", "again"), ("D", "d")];
    let reply = send(&service, "POST", "/ports/new", &rows);
    assert_eq!(reply.json(), json!({ "rows": 4, "inserted": 2, "skipped": 2 }), "{reply}");
    assert_eq!(ports(&database), "A=old B=other C=c D=d");

    let rows = [("E", "first"), ("A", "newer"), ("E", "second"), ("A", "newest")];
    let reply = send(&service, "PUT", "/ports", &rows);
    assert_eq!(
        reply.json(),
        json!({ "rows": 4, "inserted": 1, "replaced": 1, "superseded": 2 }),
        "{reply}"
    );
    assert_eq!(ports(&database), "A=newest B=other C=c D=d E=second");

    // By another key than the primary one; keys that are NULL are never the same.
    let body =
        r#"[{"code":"F","name":"newest"},{"code":"G","name":null},{"code":"H","name":null}]"#;
    let headers = [("content-type", JSON)];
    let reply = service.send("PUT", "/ports/by-name", &headers, body.as_bytes());
    assert_eq!(
        reply.json(),
        json!({ "rows": 3, "inserted": 2, "replaced": 1, "superseded": 0 }),
        "{reply}"
    );
    assert_eq!(ports(&database), "B=other C=c D=d E=second F=newest");

    // Another key is in the way of one row.
    let reply = send(&service, "POST", "/ports/new", &[("X", "x"), ("Y", "other")]);
    assert_eq!(reply.status, 409, "{reply}");
    assert!(!ports(&database).contains('X'));
}

#[test]
fn partitioned_tables_and_row_level_security_are_no_hindrance() {
    let database = database();
    database.psql(
        "DROP TABLE ports;
         CREATE TABLE ports (code text PRIMARY KEY, name text) PARTITION BY LIST (code);
         CREATE TABLE ports_rest PARTITION OF ports DEFAULT;
         ALTER TABLE ports_rest ADD UNIQUE (name);
         ALTER TABLE prices ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
         CREATE POLICY cheap ON prices USING (true) WITH CHECK (price < 10)",
    );
    let folder = crate::support::folder::Folder::new("partitioned");
    let project = crate::support::service::project;
    let file = |name: &str| std::fs::read_to_string(project(FOLDER).join(name)).unwrap();
    for name in
        ["howdah.toml", "endpoints/replace.sql", "endpoints/skip.sql", "endpoints/prices.sql"]
    {
        folder.write(name, file(name));
    }
    let service = serve(folder.path()).database(&database).start();
    wait_until_ready(&service);
    let reply = send(&service, "POST", "/ports/new", &[("A", "a"), ("A", "again")]);
    assert_eq!(reply.json(), json!({ "rows": 2, "inserted": 1, "skipped": 1 }), "{reply}");
    let reply = send(&service, "PUT", "/ports", &[("A", "new"), ("B", "b"), ("B", "c")]);
    assert_eq!(
        reply.json(),
        json!({ "rows": 3, "inserted": 0, "replaced": 2, "superseded": 1 }),
        "{reply}"
    );
    assert_eq!(ports(&database), "A=new B=c");

    let reply = post(&service, "/prices", CSV, super::formats::prices(CSV, 10).as_bytes());
    assert_eq!(reply.json(), json!({ "rows": 10, "inserted": 10 }), "{reply}");
    let reply = post(&service, "/prices", CSV, super::formats::prices(CSV, 11).as_bytes());
    assert_eq!((reply.status, reply.problem().as_str()), (403, "forbidden"), "{reply}");
    assert_eq!(count(&database, "prices"), "10");
}

#[test]
fn rows_that_a_trigger_keeps_out_were_rows_of_the_body_and_are_not_said_to_be_in() {
    let database = database();
    let service = started(&database);
    database.psql(
        "CREATE FUNCTION keep_out() RETURNS trigger LANGUAGE plpgsql AS
           $$ BEGIN IF new.name = 'out' THEN RETURN NULL; END IF; RETURN new; END $$;
         CREATE TRIGGER keep_out BEFORE INSERT ON ports FOR EACH ROW EXECUTE FUNCTION keep_out()",
    );
    let reply = send(&service, "POST", "/ports", &[("A", "a"), ("B", "out"), ("C", "c")]);
    assert_eq!(reply.json(), json!({ "rows": 3, "inserted": 2 }), "{reply}");
    let reply = send(&service, "POST", "/ports/new", &[("C", "c"), ("D", "out"), ("E", "e")]);
    assert_eq!(reply.json(), json!({ "rows": 3, "inserted": 1, "skipped": 2 }), "{reply}");
    assert_eq!(ports(&database), "A=a C=c E=e");
}
