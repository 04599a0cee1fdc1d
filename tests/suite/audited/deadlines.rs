//! An endpoint's own deadline: what takes longer is undone, and the trail says so.

use super::*;

impl Stage {
    /// Sessions of the service in which something runs, or which keep a transaction open.
    fn busy(&self) -> String {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                   AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND state <> 'idle'";
        self.database.psql_as_superuser(sql)[0][0].clone().unwrap()
    }

    /// The number that was given last to a patient, or to one that did not come to be.
    fn last_number(&self) -> i64 {
        let sql = "SELECT last_value FROM patients_id_seq";
        self.database.psql_as_superuser(sql)[0][0].as_ref().unwrap().parse().unwrap()
    }
}

/// The lanes would let each run for longer than any test.
#[test]
fn what_takes_longer_than_its_endpoint_says_is_undone_and_told() {
    let stage = Stage::new();
    let service = stage.serve().env("DEADLINE", "10m").start();
    eventually("ready", PATIENCE, || service.get_admin("/ready").status == 200);
    // From now on there are connections, which no deadline is spent on.
    assert_eq!(stage.get(&service, "/patients/1").status, 200);
    assert_eq!(stage.send(&service, "POST", "/patients", &json!({ "name": "cyd" })).status, 200);
    let bearer = format!("Bearer {}", stage.key);
    let ask = |method: &str, path: &str| {
        let fields = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
            ("idempotency-key", "k1"),
        ];
        let fields = if path == "/hurry/once" { &fields[..] } else { &fields[..2] };
        let body: &[u8] = if method == "GET" { b"" } else { br#"{"name":"eve"}"# };
        service.send(method, path, fields, body)
    };
    let hurried = [("GET", "/hurry"), ("POST", "/hurry"), ("POST", "/hurry/once")];
    for (method, path) in hurried {
        let (told, number) = (stage.requests().len(), stage.last_number());
        let mut tries = 0;
        eventually("it runs in the database before it is late", PATIENCE, || {
            tries += 1;
            let late = ask(method, path);
            let found = (late.status, late.problem());
            assert_eq!(found, (504, "deadline-exceeded".to_owned()), "{late}");
            // What a sequence gave is not given back; a read takes nothing.
            method == "GET" || stage.last_number() > number
        });
        eventually("nothing runs", PATIENCE, || stage.busy() == "0");
        assert_eq!(stage.patients("eve"), "0", "{method} {path}");
        let requests = stage.requests();
        assert_eq!(requests.len(), told + tries, "{requests:?}");
        for entry in &requests[told..] {
            assert_eq!(entry["subject"], format!("{method} {path}"));
            let failed = (&json!("failed"), &json!("deadline-exceeded"));
            assert_eq!((&entry["outcome"], &entry["detail"]["code"]), failed);
        }
    }
    // The key has kept nothing.
    stage.database.psql_as_superuser("UPDATE pauses SET seconds = 0");
    let mut made = ask("POST", "/hurry/once");
    eventually("it is made in time", PATIENCE, || {
        if made.status == 504 {
            made = ask("POST", "/hurry/once");
        }
        made.status != 504
    });
    assert_eq!((made.status, made.header("idempotent-replayed")), (200, None), "{made}");
    assert_eq!(stage.patients("eve"), "1");
    let last = stage.requests().pop().unwrap();
    assert_eq!((&last["outcome"], &last["detail"]["replayed"]), (&json!("done"), &Value::Null));
}
