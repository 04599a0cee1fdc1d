//! How often somebody may ask, from where, and how many connections they may have.

use super::{Stage, get, internal, wait_until_ready};
use crate::support::service::Service;
use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

fn tight(service: &Service, fields: &[(&str, &str)]) -> u16 {
    service.send("GET", "/tight", fields, b"").status
}

#[test]
fn a_limit_is_told_and_kept_over_all_threads() {
    let stage = Stage::new();
    let service = stage.serve_on(4).start();
    wait_until_ready(&service);
    for left in [2, 1, 0] {
        let answer = service.get("/tight");
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("ratelimit-policy"), Some("\"tight\";q=3;w=3600"));
        let state = answer.header("ratelimit").unwrap();
        assert!(state.starts_with(&format!("\"tight\";r={left};t=")), "{state}");
    }
    let answer = service.get("/tight");
    assert_eq!((answer.status, answer.problem().as_str()), (429, "rate-limited"));
    let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1190..=1200).contains(&wait), "{wait}");
    assert!(answer.header("ratelimit").unwrap().contains("r=0"), "{answer}");
    assert_eq!(service.get("/open").status, 200, "other routes have other limits");
    assert_eq!(service.get("/open").header("ratelimit"), None);
}

#[test]
fn tenants_are_counted_by_their_claim() {
    let stage = Stage::new();
    let service = stage.start();
    let (acme, bolt) = (internal("acme", ""), internal("bolt", ""));
    let statuses: Vec<u16> = (0..4).map(|_| get(&service, "/each", &acme).status).collect();
    assert_eq!(statuses, [200, 200, 429, 429]);
    assert_eq!(get(&service, "/each", &bolt).status, 200);
}

#[test]
fn a_strangers_word_on_the_address_counts_for_nothing() {
    let stage = Stage::new();
    let service = stage.start();
    for number in 0..3 {
        let spoofed = format!("203.0.113.{number}");
        assert_eq!(tight(&service, &[("x-forwarded-for", &spoofed)]), 200);
    }
    assert_eq!(tight(&service, &[("x-forwarded-for", "203.0.113.9")]), 429, "it is one address");
    assert_eq!(tight(&service, &[("forwarded", "for=203.0.113.9")]), 429);
}

#[test]
fn a_trusted_proxys_word_counts_from_the_right() {
    let stage = Stage::new();
    let service = stage.serve().env("PROXY", "127.0.0.0/8").start();
    wait_until_ready(&service);
    for left in ["6.6.6.6", "7.7.7.7", "8.8.8.8"] {
        assert_eq!(tight(&service, &[("x-forwarded-for", &format!("{left}, 203.0.113.1"))]), 200);
    }
    assert_eq!(tight(&service, &[("x-forwarded-for", "9.9.9.9, 203.0.113.1")]), 429);
    assert_eq!(tight(&service, &[("x-forwarded-for", "203.0.113.2")]), 200);
    assert_eq!(tight(&service, &[("x-forwarded-for", "203.0.113.1, 127.0.0.9")]), 429);
}

fn exchange(service: &Service, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(service.http).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(bytes).unwrap();
    let mut text = Vec::new();
    let _ = stream.read_to_end(&mut text);
    String::from_utf8_lossy(&text).into_owned()
}

#[test]
fn the_proxy_protocol_is_taken_from_proxies_alone() {
    let request = "GET /tight HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let stage = Stage::new();
    let set = ["--set", "proxies.protocol=true"];
    let trusting = stage.serve().env("PROXY", "127.0.0.0/8").arg(set[0]).arg(set[1]).start();
    wait_until_ready(&trusting);
    let from = |address: &str| {
        let line = format!("PROXY TCP4 {address} 127.0.0.1 4711 80\r\n{request}");
        exchange(&trusting, line.as_bytes())
    };
    for _ in 0..3 {
        assert!(from("203.0.113.1").starts_with("HTTP/1.1 200"));
    }
    assert!(from("203.0.113.1").starts_with("HTTP/1.1 429"));
    assert!(from("203.0.113.2").starts_with("HTTP/1.1 200"));
    let mut binary = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
    binary.extend([203, 0, 113, 1, 127, 0, 0, 1, 0, 1, 0, 80]);
    binary.extend(request.bytes());
    assert!(exchange(&trusting, &binary).starts_with("HTTP/1.1 429"), "the same address");
    assert_eq!(exchange(&trusting, request.as_bytes()), "", "a proxy must say who asks");
    let wary = stage.serve().arg(set[0]).arg(set[1]).start();
    let line = format!("PROXY TCP4 203.0.113.7 127.0.0.1 4711 80\r\n{request}");
    assert!(exchange(&wary, line.as_bytes()).starts_with("HTTP/1.1 400"), "nobody else's is taken");
    assert!(exchange(&wary, request.as_bytes()).starts_with("HTTP/1.1 200"));
}

#[test]
fn an_address_has_so_many_connections_and_no_more() {
    let stage = Stage::new();
    let service = stage.serve().arg("--set").arg("limits.connections_per_address=3").start();
    let request = b"GET /open HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut open: Vec<TcpStream> = Vec::new();
    let works = |stream: &mut TcpStream| {
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut buffer = [0; 1024];
        stream.write_all(request).is_ok() && matches!(stream.read(&mut buffer), Ok(1..))
    };
    for _ in 0..3 {
        let mut stream = TcpStream::connect(service.http).unwrap();
        assert!(works(&mut stream));
        open.push(stream);
    }
    let mut fourth = TcpStream::connect(service.http).unwrap();
    assert!(!works(&mut fourth), "it is closed at once");
    open.pop();
    crate::support::eventually("there is room again", Duration::from_secs(10), || {
        works(&mut TcpStream::connect(service.http).unwrap())
    });
}
