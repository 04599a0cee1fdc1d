//! Every way a connection fails is told in its own words.

use super::*;
use crate::{
    diagnostic::{Code, Diagnostic},
    secret::Secret,
};
use std::{
    io::{Read, Write},
    net::TcpListener,
    thread,
};

fn target(host: &str, port: u16) -> Target {
    Target {
        host: host.to_owned(),
        port,
        database: "rates".to_owned(),
        user: "ada".to_owned(),
        password: Some(Secret::new("hunter2".to_owned())),
        connect_timeout: Duration::from_millis(300),
        application_name: "howdah".to_owned(),
        also: Vec::new(),
        direct: Vec::new(),
        session: crate::config::SessionAttrs::Any,
        shuffles: false,
        tls: std::sync::Arc::default(),
    }
}

/// A server that reads the first message and answers with `answer`.
fn answering(answer: Vec<u8>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 1024]);
        let _ = stream.write_all(&answer);
        let _ = stream.read(&mut [0; 1024]);
    });
    port
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap();
    [&[kind], &length.to_be_bytes()[..], body].concat()
}

fn refusal(sqlstate: &str, text: &str) -> Vec<u8> {
    message(b'E', format!("SFATAL\0VFATAL\0C{sqlstate}\0M{text}\0\0").as_bytes())
}

async fn failure(target: &Target) -> ConnectError {
    match connect(target).await {
        Ok(_) => panic!("connected"),
        Err(error) => error,
    }
}

#[tokio::test]
async fn each_sqlstate_has_its_reason() {
    for (sqlstate, said, reason) in [
        ("28P01", "password authentication failed", Reason::PasswordWrong),
        ("28000", "role \"ada\" does not exist", Reason::NoRole),
        ("28000", "no pg_hba.conf entry for host", Reason::NotAllowed),
        ("3D000", "database \"rates\" does not exist", Reason::NoDatabase),
        ("42501", "permission denied for database", Reason::NoPrivilege),
        ("53300", "too many clients already", Reason::TooManyConnections),
        ("57P03", "the database system is starting up", Reason::Starting),
        ("XX000", "oh", Reason::Other),
    ] {
        let error = failure(&target("127.0.0.1", answering(refusal(sqlstate, said)))).await;
        assert_eq!(error.reason(), reason, "{error}");
        assert_eq!(error.sqlstate(), Some(sqlstate));
        let diagnostic = Diagnostic::from(error);
        assert_eq!(diagnostic.code(), Code::Database);
        assert!(!format!("{diagnostic:?}").contains("hunter2"));
    }
}

#[tokio::test]
async fn what_is_not_there_is_told_apart() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    assert_eq!(failure(&target("127.0.0.1", free)).await.reason(), Reason::Refused);
    assert_eq!(failure(&target("/nowhere", 5432)).await.reason(), Reason::Refused);
    let unknown = failure(&target("no-such-host.invalid", 5432)).await;
    assert!(matches!(unknown.reason(), Reason::UnknownHost | Reason::TimedOut), "{unknown}");
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    assert_eq!(failure(&target("127.0.0.1", port)).await.reason(), Reason::TimedOut);
    let other = failure(&target("127.0.0.1", answering(message(b'G', b"")))).await;
    assert_eq!(other.reason(), Reason::Other, "{other}");
}

#[tokio::test]
async fn a_password_that_is_asked_for_and_not_there_is_told() {
    let cleartext = message(b'R', &3_u32.to_be_bytes());
    let mut target = target("127.0.0.1", answering(cleartext));
    target.password = None;
    assert_eq!(failure(&target).await.reason(), Reason::PasswordMissing);
}

#[tokio::test]
async fn a_server_that_is_too_old_is_refused() {
    let hello = [
        message(b'R', &0_u32.to_be_bytes()),
        message(b'S', b"server_version\x0012.22\0"),
        message(b'K', &[0; 8]),
        message(b'Z', b"I"),
    ]
    .concat();
    let error = failure(&target("127.0.0.1", answering(hello))).await;
    assert_eq!(error.reason(), Reason::TooOld);
    assert_eq!(Diagnostic::from(error).code(), Code::ServerVersion);
}

#[test]
fn versions_are_read() {
    assert_eq!(major("15.18 (Debian 15.18-0+deb12u1)"), Some(15));
    assert_eq!(major("18beta1"), Some(18));
    assert_eq!(major("9.6.24"), Some(9));
    assert_eq!(major(""), None);
}
