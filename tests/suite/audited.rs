//! Requests that go to the audit trail: against the real binary and a real PostgreSQL. The service
//! stands in `tests/suite/audited/service`.

mod check;
mod deadlines;

use crate::support::{
    database::Database,
    eventually,
    folder::Folder,
    http::{PATIENCE, Reply},
    postgres,
    service::{self, Serve, Service, howdah, serve},
};
use howdah::audit::MIGRATIONS;
use serde_json::{Value, json};
use std::time::Duration;

const FOLDER: &str = "tests/suite/audited/service";

/// A database with the trail, which the service's role may write to by one function alone.
pub(crate) struct Stage {
    folder: Folder,
    /// As the service signs in.
    database: Database,
    key: String,
}

impl Stage {
    fn new() -> Self {
        let owner = postgres::database();
        let mut database = owner.clone();
        database.user = format!("clinic_of_{}", owner.name);
        let (user, password) = (&database.user, &database.password);
        for (_, sql) in MIGRATIONS {
            owner.psql_as_superuser(sql);
        }
        owner.psql_as_superuser(&format!(
            "CREATE ROLE {user} LOGIN PASSWORD '{password}';
             GRANT USAGE ON SCHEMA howdah TO {user};
             GRANT EXECUTE ON FUNCTION howdah.audit_service(integer, text) TO {user};
             CREATE TABLE patients (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
               name text NOT NULL CHECK (name <> 'nobody') UNIQUE);
             INSERT INTO patients (name) VALUES ('ann'), ('bob');
             GRANT SELECT, INSERT ON patients TO {user};
             CREATE TABLE pauses (seconds float8 NOT NULL);
             INSERT INTO pauses VALUES (600);
             GRANT SELECT ON pauses TO {user};
             CREATE FUNCTION sly() RETURNS bigint LANGUAGE sql AS
               $$ INSERT INTO patients (name) VALUES ('sly') RETURNING id $$;
             CREATE TABLE howdah.idempotency (key bytea PRIMARY KEY, request bytea NOT NULL,
               status integer NOT NULL, media_type text NOT NULL, rows bigint NOT NULL,
               body bytea NOT NULL, created_at timestamptz NOT NULL DEFAULT now());
             GRANT SELECT, INSERT, UPDATE, DELETE ON howdah.idempotency TO {user}"
        ));
        let folder = Folder::new("audited");
        folder.write("keys.toml", "");
        let mut stage = Self { folder, database, key: String::new() };
        stage.key = stage.key("reader", "patients:read");
        stage
    }

    /// A new key of that name.
    fn key(&self, name: &str, scope: &str) -> String {
        service::new_key(&self.folder.path().join("keys.toml"), name, &["--scope", scope])
    }

    fn serve(&self) -> Serve {
        let serve = serve(FOLDER).database(&self.database).arg("--threads=1");
        serve.env("KEYS_FILE", self.folder.path().join("keys.toml"))
    }

    fn start(&self) -> Service {
        let service = self.serve().start();
        eventually("ready", PATIENCE, || service.get_admin("/ready").status == 200);
        service
    }

    fn send(&self, service: &Service, method: &str, path: &str, body: &Value) -> Reply {
        let bearer = format!("Bearer {}", self.key);
        let fields = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        let body = if method == "GET" { String::new() } else { body.to_string() };
        service.send(method, path, &fields, body.as_bytes())
    }

    fn get(&self, service: &Service, path: &str) -> Reply {
        self.send(service, "GET", path, &Value::Null)
    }

    /// The entries of this action, in their order, each with the role that wrote it.
    fn told(&self, action: &str) -> Vec<Value> {
        let sql = format!(
            "SELECT body FROM howdah.audit_inbox WHERE body::json #>> '{{entry,action}}' = '{action}' \
             ORDER BY id"
        );
        let rows = self.database.psql_as_superuser(&sql);
        rows.iter()
            .map(|row| {
                let mut body: Value = serde_json::from_str(row[0].as_deref().unwrap()).unwrap();
                assert_eq!(body["role"], json!(self.database.user));
                assert!(body["writer"].as_str().unwrap().starts_with("service."));
                body["entry"].take()
            })
            .collect()
    }

    fn requests(&self) -> Vec<Value> {
        self.told("service.request")
    }

    /// How many have that name.
    fn patients(&self, name: &str) -> String {
        let sql = format!("SELECT count(*) FROM patients WHERE name = '{name}'");
        self.database.psql_as_superuser(&sql)[0][0].clone().unwrap()
    }
}

#[test]
fn an_answer_has_its_record_and_the_record_no_argument() {
    let stage = Stage::new();
    let service = stage.start();
    let reply = stage.get(&service, "/patients/2");
    assert_eq!((reply.status, reply.json()), (200, json!({ "id": 2, "name": "bob" })));
    assert_eq!(stage.get(&service, "/patients/77").problem(), "row-not-found");
    // More rows than are streamed otherwise; this one is whole.
    assert_eq!(stage.get(&service, "/patients").json().as_array().unwrap().len(), 2);
    let told = stage.requests();
    assert_eq!(told.len(), 3);
    for (entry, (subject, rows)) in told.iter().zip([
        ("GET /patients/{id}", 1),
        ("GET /patients/{id}", 0),
        ("GET /patients", 2),
    ]) {
        assert_eq!((&entry["actor"], &entry["outcome"]), (&json!("key reader"), &json!("done")));
        assert_eq!((&entry["subject"], &entry["detail"]["rows"]), (&json!(subject), &json!(rows)));
    }
    let digest = |at: usize| told[at]["detail"]["arguments"].as_str().unwrap();
    assert!(digest(0).starts_with("sha256:") && digest(0).len() == 7 + 64);
    assert_ne!(digest(0), digest(1));
    assert_eq!(told[0]["detail"]["request_id"], reply.header("x-request-id").unwrap());
    assert!(!json!(told).to_string().contains("bob"));
    // Asked at once, each request has its own: nothing is shared.
    let bearer = format!("Bearer {}", stage.key);
    std::thread::scope(|scope| {
        let ask = || {
            scope.spawn(|| {
                service.send("GET", "/patients/1", &[("authorization", &bearer)], b"").status
            })
        };
        let asked: Vec<_> = (0..20).map(|_| ask()).collect();
        assert!(asked.into_iter().all(|it| it.join().unwrap() == 200));
    });
    assert_eq!(stage.requests().len(), 23);
}

#[test]
fn a_read_stays_one_and_a_write_goes_with_its_record() {
    let stage = Stage::new();
    let service = stage.start();
    // Its transaction may write, for the record; what the endpoint's statement calls may not.
    let sly = stage.get(&service, "/sly");
    assert!(sly.status >= 400, "{}", sly.text());
    assert_eq!(stage.patients("sly"), "0");
    let last = stage.requests().pop().unwrap();
    assert_eq!(
        (&last["outcome"], &last["detail"]["sqlstate"]),
        (&json!("failed"), &json!("25006"))
    );

    assert_eq!(stage.send(&service, "POST", "/patients", &json!({ "name": "cyd" })).status, 200);
    let refused = stage.send(&service, "POST", "/patients", &json!({ "name": "nobody" }));
    assert_eq!(refused.problem(), "unprocessable");
    let told = stage.requests();
    let [.., made, failed] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((&made["outcome"], &made["detail"]["rows"]), (&json!("done"), &json!(1)));
    assert_eq!(failed["outcome"], "failed");
    assert_eq!(failed["detail"]["code"], "unprocessable");
    // One that is carried out once is recorded each time that it is answered.
    let bearer = format!("Bearer {}", stage.key);
    let fields = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/json"),
        ("idempotency-key", "k1"),
    ];
    for _ in 0..2 {
        let reply = service.send("POST", "/patients", &fields, br#"{"name":"dan"}"#);
        assert_eq!(reply.status, 200, "{}", reply.text());
    }
    let other = service.send("POST", "/patients", &fields, br#"{"name":"eve"}"#);
    assert_eq!(other.problem(), "idempotency-key-reused");
    let told = stage.requests();
    let [.., first, again, reused] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(first["detail"]["replayed"], Value::Null);
    assert_eq!(again["detail"]["replayed"], true);
    assert_eq!((&first["detail"]["arguments"]), (&again["detail"]["arguments"]));
    assert_eq!(reused["detail"]["code"], "idempotency-key-reused");
    assert_eq!((stage.patients("dan"), stage.patients("eve")), ("1".into(), "0".into()));
    // So is a load, with the digest of its body.
    let fields = [("authorization", bearer.as_str()), ("content-type", "application/x-ndjson")];
    let body = b"{\"name\":\"fay\"}\n{\"name\":\"gus\"}\n";
    assert_eq!(service.send("POST", "/patients/load", &fields, body).status, 200);
    assert_eq!(service.send("POST", "/patients/load", &fields, body).problem(), "conflict");
    let told = stage.requests();
    let [.., loaded, refused] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(loaded["detail"]["rows"], 2);
    assert!(loaded["detail"]["arguments"].as_str().unwrap().starts_with("sha256:"));
    assert_eq!(refused["detail"]["code"], "conflict");
}

#[test]
fn without_its_record_there_is_no_answer() {
    let stage = Stage::new();
    let service = stage.start();
    assert_eq!(stage.get(&service, "/patients/1").status, 200);
    let (user, before) = (&stage.database.user, stage.requests().len());
    stage.database.psql_as_superuser(&format!(
        "REVOKE EXECUTE ON FUNCTION howdah.audit_service(integer, text) FROM {user}"
    ));
    let refused = stage.get(&service, "/patients/1");
    assert_eq!((refused.status, refused.problem()), (503, "audit-unavailable".to_owned()));
    assert!(!refused.text().contains("name"));
    let write = stage.send(&service, "POST", "/patients", &json!({ "name": "hal" }));
    assert_eq!((write.status, write.problem()), (503, "audit-unavailable".to_owned()));
    // Not even that it would have failed, for that tells what is stored.
    let failing = stage.send(&service, "POST", "/patients", &json!({ "name": "ann" }));
    assert_eq!(failing.problem(), "audit-unavailable");
    assert_eq!((stage.patients("hal"), stage.requests().len()), ("0".into(), before));
    // What is not audited goes on.
    let other = stage.key("other", "plain");
    let fields = [("authorization", format!("Bearer {other}"))];
    let fields = [(fields[0].0, fields[0].1.as_str())];
    eventually("the key is read", PATIENCE, || {
        service.send("GET", "/plain", &fields, b"").status == 200
    });
    stage.database.psql_as_superuser(&format!(
        "GRANT EXECUTE ON FUNCTION howdah.audit_service(integer, text) TO {user}"
    ));
    assert_eq!(stage.get(&service, "/patients/1").status, 200);
}

#[test]
fn refusals_are_counted_and_told_and_so_is_the_configuration() {
    let stage = Stage::new();
    let service = stage.start();
    let started = stage.told("service.started");
    assert_eq!(started.len(), 1);
    assert!(started[0]["detail"]["configuration"].as_str().unwrap().starts_with("sha256:"));
    assert_eq!(started[0]["subject"], "patients");
    for _ in 0..5 {
        assert_eq!(service.get("/patients/1").problem(), "unauthenticated");
    }
    assert_eq!(stage.get(&service, "/plain").problem(), "insufficient-scope");
    assert_eq!(stage.get(&service, "/patients/x").problem(), "invalid-arguments");
    // Written by a task now and then, and the rest when the service stops.
    let times = |subject: &str, actor: &str, code: &str| {
        let of = |it: &&Value| {
            it["subject"] == subject && it["actor"] == actor && it["detail"]["code"] == code
        };
        let told = stage.told("service.refused");
        told.iter().filter(of).map(|it| it["detail"]["times"].as_u64().unwrap()).sum::<u64>()
    };
    eventually("they are told", Duration::from_secs(10), || {
        times("GET /patients/{id}", "anonymous", "unauthenticated") == 5
    });
    assert_eq!(service.get("/patients/1").status, 401);
    let (status, _) = service.stop();
    assert!(status.success());
    assert_eq!(times("GET /patients/{id}", "anonymous", "unauthenticated"), 6);
    assert_eq!(times("GET /plain", "key reader", "insufficient-scope"), 1);
    assert_eq!(times("GET /patients/{id}", "key reader", "invalid-arguments"), 1);
    assert!(stage.requests().is_empty());
}
