//! The two ways in which a machine learns who it is, against servers on this one.
#![allow(clippy::unwrap_used, reason = "a test stops where it is wrong")]

use super::*;
use serde_json::{Value, json};
use std::{
    io::{Read, Write},
    net::TcpListener,
    thread::JoinHandle,
};

/// Answers one request with `status` and `body`; gives its head.
fn once(status: u16, body: &Value) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = format!("http://{}", listener.local_addr().unwrap());
    let body = body.to_string();
    let served = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut head, mut buffer) = (String::new(), [0; 1024]);
        while !head.contains("\r\n\r\n") {
            let count = stream.read(&mut buffer).unwrap();
            assert!(count > 0);
            head.push_str(&String::from_utf8_lossy(&buffer[..count]));
        }
        let length = body.len();
        let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n\r\n{body}");
        stream.write_all(answer.as_bytes()).unwrap();
        head
    });
    (at, served)
}

fn managed(client_id: Option<&str>) -> AzureLogin {
    AzureLogin::ManagedIdentity { client_id: client_id.map(str::to_owned) }
}

fn token(identity: &Identity) -> (Result<Secret, Trouble>, bool) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut is_new = false;
    (runtime.block_on(identity.token(&mut is_new)), is_new)
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

#[test]
fn a_platform_is_asked_with_its_header() {
    let granted = json!({ "access_token": "t0ken", "expires_on": (now_s() + 3600).to_string(),
        "resource": RESOURCE, "token_type": "Bearer" });
    let (at, served) = once(200, &granted);
    let variable = |name: &str| match name {
        "IDENTITY_ENDPOINT" => Some(format!("{at}/msi/token")),
        "IDENTITY_HEADER" => Some("853b9a84".to_owned()),
        _ => None,
    };
    let identity = Identity::within(&managed(Some("one")), &variable).unwrap();
    let (granted, is_new) = token(&identity);
    assert_eq!((granted.unwrap().expose(), is_new), ("t0ken", true));
    let head = served.join().unwrap().to_lowercase();
    let target = "get /msi/token?api-version=2019-08-01&resource=https%3a%2f%2fvault.azure.net&client_id=one ";
    assert!(head.starts_with(target), "{head}");
    assert!(head.contains("x-identity-header: 853b9a84"), "{head}");
    // It is held until it ends: nobody answers any more.
    let (held, is_new) = token(&identity);
    assert_eq!((held.unwrap().expose(), is_new), ("t0ken", false));
}

#[test]
fn a_machine_asks_its_metadata_service() {
    let (at, served) = once(200, &json!({ "access_token": "t0ken", "expires_in": "86399" }));
    let mut identity = Identity::within(&managed(None), &|_| None).unwrap();
    assert_eq!(identity.server.endpoint, Endpoint::instance_metadata());
    identity.server = Server::at(Endpoint::parse(&at).unwrap());
    assert_eq!(token(&identity).0.unwrap().expose(), "t0ken");
    let head = served.join().unwrap().to_lowercase();
    let target = "get /metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3a%2f%2fvault.azure.net ";
    assert!(head.starts_with(target) && head.contains("metadata: true"), "{head}");
}

#[test]
fn what_refuses_or_is_elsewhere_gives_no_token() {
    let (at, served) = once(400, &json!({ "error": "invalid_request" }));
    let variable = |name: &str| match name {
        "IDENTITY_ENDPOINT" => Some(at.clone()),
        _ => Some("h".to_owned()),
    };
    let identity = Identity::within(&managed(None), &variable).unwrap();
    assert!(token(&identity).0.is_err());
    served.join().unwrap();
    let far = |name: &str| (name == "IDENTITY_ENDPOINT").then(|| "http://10.0.0.1/t".to_owned());
    // Without the header it is no platform's.
    assert!(Identity::within(&managed(None), &far).is_ok_and(|it| it.platform.is_none()));
    let far = |_: &str| Some("http://10.0.0.1/t".to_owned());
    let refused = Identity::within(&managed(None), &far).err().unwrap();
    assert!(refused.contains("IDENTITY_ENDPOINT") && !refused.contains("10.0.0.1"), "{refused}");
}

#[test]
fn how_long_a_token_lasts_is_told_in_several_ways() {
    let lasts = |granted: Value| {
        let text = granted.to_string();
        serde_json::from_str::<Granted<'_>>(&text).unwrap().lasts().as_secs()
    };
    assert_eq!(lasts(json!({ "access_token": "t", "expires_in": 5 })), 5);
    assert_eq!(lasts(json!({ "access_token": "t", "expires_in": "5" })), 5);
    let soon = lasts(json!({ "access_token": "t", "expires_on": now_s() + 500 }));
    assert!((400..=500).contains(&soon));
    assert_eq!(lasts(json!({ "access_token": "t", "expires_on": "1" })), 0);
    assert_eq!(lasts(json!({ "access_token": "t", "expires_on": "06/20/2026" })), 60);
    assert_eq!(lasts(json!({ "access_token": "t" })), 60);
}
