//! Rows that are somebody's: two tenants on one connection, pipelined, never see each other's.

use super::{Stage, get, internal, rows};
use crate::support::http::PATIENCE;
use serde_json::json;
use std::{
    io::{Read, Write},
    net::TcpStream,
};

#[test]
fn row_level_security_chooses_by_the_caller() {
    let stage = Stage::new();
    let service = stage.start();
    let (acme, bolt) = (internal("acme", "notes:write"), internal("bolt", ""));
    assert_eq!(rows(&get(&service, "/notes", &acme)), ["a1", "a2"]);
    assert_eq!(rows(&get(&service, "/notes", &bolt)), ["b1"]);
    let post = |token: &str| {
        let bearer = format!("Bearer {token}");
        let fields = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        service.send("POST", "/notes", &fields, br#"{"text":"a3"}"#)
    };
    assert_eq!(post(&bolt).problem(), "insufficient-scope");
    assert_eq!(post(&acme).json()["tenant"], "acme");
    assert_eq!(rows(&get(&service, "/notes", &acme)), ["a1", "a2", "a3"]);
    assert_eq!(rows(&get(&service, "/notes", &bolt)), ["b1"]);
    assert!(rows(&get(&service, "/notes", &internal("none of them", ""))).is_empty());
    // Nobody says for themselves whose they are.
    let bearer = format!("Bearer {acme}");
    let fields = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let forged = service.send("POST", "/notes", &fields, br#"{"text":"x","tenant":"bolt"}"#);
    assert_eq!(forged.problem(), "invalid-arguments");
}

#[test]
fn a_public_endpoint_knows_its_caller_and_refuses_a_wrong_one() {
    let stage = Stage::new();
    let service = stage.start();
    let nobody = service.get("/whoami");
    assert_eq!(nobody.json(), json!({ "sub": null, "role": stage.database.user }));
    let known = get(&service, "/whoami", &internal("acme", "")).json();
    assert_eq!(known, json!({ "sub": "user of acme", "role": stage.role }));
    assert_eq!(service.get("/whoami").json(), nobody.json(), "nothing stays on the connection");
    assert_eq!(get(&service, "/whoami", "a.b.c").problem(), "invalid-credential");
}

#[test]
fn tenants_that_share_a_connection_never_see_each_others_rows() {
    const EACH: usize = 150;
    let stage = Stage::new();
    let service = stage.start();
    let tokens = [internal("acme", ""), internal("bolt", "")];
    let own = [
        r#"[{"tenant":"acme","text":"a1"},{"tenant":"acme","text":"a2"}]"#,
        r#"[{"tenant":"bolt","text":"b1"}]"#,
    ];
    std::thread::scope(|scope| {
        for caller in 0..6 {
            let (tokens, at) = (&tokens, service.http);
            scope.spawn(move || {
                let mut stream = TcpStream::connect(at).unwrap();
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                let mut requests = String::new();
                for number in 0..EACH {
                    let token = &tokens[(caller + number) % 2];
                    let last = if number + 1 == EACH { "Connection: close\r\n" } else { "" };
                    let head = format!("GET /notes HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n{last}\r\n");
                    requests.push_str(&head);
                }
                stream.write_all(requests.as_bytes()).unwrap();
                let mut text = String::new();
                stream.read_to_string(&mut text).unwrap();
                let bodies: Vec<&str> = text.split("HTTP/1.1 200 OK\r\n").skip(1).collect();
                assert_eq!(bodies.len(), EACH, "{text}");
                for (number, answer) in bodies.iter().enumerate() {
                    let body = answer.split("\r\n\r\n").nth(1).unwrap();
                    assert_eq!(body, own[(caller + number) % 2], "answer {number} of caller {caller}");
                }
            });
        }
    });
}
