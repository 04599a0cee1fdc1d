//! The wire: what is HTTP and unusual, what is slow, and what is cut.

use super::{get, head, post, reply, started};
use crate::support::{http, service::Service};
use std::{
    io::{Read, Write},
    net::{Shutdown, TcpStream},
    time::{Duration, Instant},
};

fn connect(service: &Service) -> TcpStream {
    let stream = TcpStream::connect(service.http).unwrap();
    stream.set_read_timeout(Some(http::PATIENCE)).unwrap();
    stream
}

/// All that comes until the service closes, and how long that took.
fn rest(stream: &mut TcpStream) -> (String, Duration) {
    let start = Instant::now();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    (String::from_utf8_lossy(&answer).into_owned(), start.elapsed())
}

#[test]
fn unusual_requests_that_are_right_are_answered() {
    let service = started();
    let fields =
        |first: &str, fields: &str| [&head(first)[..], fields.as_bytes(), b"\r\n"].concat();
    for (name, request, body) in [
        ("HTTP/1.0", b"GET /echo?text=a HTTP/1.0\r\n\r\n".to_vec(), r#""a""#),
        ("an absolute target", get(b"http://other.example/echo?text=a"), r#""a""#),
        (
            "line feeds",
            b"GET /echo?text=a HTTP/1.1\nHost: x\nConnection: close\n\n".to_vec(),
            r#""a""#,
        ),
        ("empty lines first", [b"\r\n\r\n", &get(b"/echo?text=a")[..]].concat(), r#""a""#),
        ("UTF-8, raw", get("/echo?text=é".as_bytes()), r#""é""#),
        ("a slash, encoded", get(b"/segments/a%2Fb"), r#""a/b""#),
        ("dots", get(b"/segments/.."), r#""..""#),
        ("dots, encoded", get(b"/segments/%2e%2E"), r#""..""#),
        ("a plus in a path", get(b"/segments/a+b"), r#""a+b""#),
        ("a plus in a query", get(b"/echo?text=a+b"), r#""a b""#),
        ("an empty value", get(b"/echo?text="), r#""""#),
        ("no value", get(b"/echo?text"), r#""""#),
        ("an empty query", get(b"/hello?"), "Hello, nobody!"),
        ("empty pieces", get(b"/echo?&&text=a&"), r#""a""#),
        ("a query within", get(b"/echo?text=a?b=c"), r#""a?b=c""#),
        (
            "a body that nobody asked for",
            fields("GET /echo?text=a HTTP/1.1", "Content-Length: 0\r\n"),
            r#""a""#,
        ),
        (
            "an upgrade",
            fields("GET /echo?text=a HTTP/1.1", "Connection: Upgrade\r\nUpgrade: websocket\r\n"),
            r#""a""#,
        ),
        (
            "HTTP/2 offered",
            fields(
                "GET /echo?text=a HTTP/1.1",
                "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\n",
            ),
            r#""a""#,
        ),
        (
            "ranges are not taken",
            fields("GET /echo?text=abc HTTP/1.1", "Range: bytes=0-1\r\n"),
            r#""abc""#,
        ),
    ] {
        let answer = reply(&service, &request);
        assert_eq!(answer.status, 200, "{name}: {answer}");
        assert_eq!(answer.text(), body, "{name}");
    }
    let made =
        reply(&service, &post("Application/JSON ; charset=\"UTF-8\"", br#"{"id":1,"name":"a"}"#));
    assert_eq!((made.status, made.json()["id"].as_i64()), (200, Some(1)), "{made}");
    let made =
        reply(&service, &post("application/x-www-form-urlencoded", b"id=2&name=x%20y+z&tags=a,b"));
    assert_eq!(made.json()["name"], "x y z");
    let removed = reply(&service, &fields("DELETE /things/2 HTTP/1.1", ""));
    assert_eq!(
        (removed.status, removed.body.len(), removed.header("content-length")),
        (204, 0, None)
    );
}

#[test]
fn head_is_get_without_the_body() {
    let service = started();
    for target in ["/echo?text=abc", "/things?limit=50", "/nope", "/echo"] {
        let whole = reply(&service, &get(target.as_bytes()));
        let request = [&head(&format!("HEAD {target} HTTP/1.1"))[..], b"\r\n"].concat();
        let answer = reply(&service, &request);
        assert_eq!((answer.status, answer.body.len()), (whole.status, 0));
        for field in ["content-length", "content-type"] {
            assert_eq!(answer.header(field), whole.header(field), "{target}: {field}");
        }
        assert_eq!(answer.header("content-length"), Some(whole.body.len().to_string().as_str()));
    }
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let service = started();
    let mut request = Vec::new();
    for at in 0..50 {
        let seconds = if at % 10 == 0 { "/slow?seconds=0.02" } else { "/echo" };
        let text = if at % 10 == 0 { String::new() } else { format!("?text=n{at}.") };
        request.extend(format!("GET {seconds}{text} HTTP/1.1\r\nHost: x\r\n\r\n").bytes());
    }
    request.extend(get(b"/echo?text=last"));
    let answers = String::from_utf8(http::exchange(service.http, &request)).unwrap();
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 51);
    let mut at = 0;
    for number in (0..50).filter(|number| number % 10 != 0) {
        at += answers[at..].find(&format!("\"n{number}.\"")).expect("in order");
    }
    assert!(answers[at..].contains("\"last\""));
    // One that cannot be read ends it, after the answers before it.
    let request =
        [&b"GET /echo?text=1 HTTP/1.1\r\nHost: x\r\n\r\nBAD\r\n\r\n"[..], &get(b"/echo?text=2")]
            .concat();
    let answers = String::from_utf8(http::exchange(service.http, &request)).unwrap();
    assert_eq!(answers.matches("HTTP/1.1 ").count(), 2, "{answers}");
    assert!(answers.contains("\"1\"") && answers.contains("malformed-request"), "{answers}");
}

#[test]
fn nothing_is_smuggled_behind_two_lengths() {
    let service = started();
    let both = [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
    ];
    for fields in both {
        let request = format!(
            "POST /things HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{fields}\r\n\
             0\r\n\r\nGET /echo?text=smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
        );
        let answers = String::from_utf8(http::exchange(service.http, request.as_bytes())).unwrap();
        assert_eq!(answers.matches("HTTP/1.1 ").count(), 1, "{answers}");
        assert!(!answers.contains("smuggled"), "{answers}");
    }
}

#[test]
fn a_body_is_asked_for_only_when_it_will_be_read() {
    let service = started();
    let request = |length: usize| {
        let mut head = head("POST /things HTTP/1.1");
        let fields = format!(
            "Content-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n"
        );
        head.extend(fields.bytes());
        head
    };
    let body = br#"{"id":1,"name":"a"}"#;
    let mut stream = connect(&service);
    stream.write_all(&request(body.len())).unwrap();
    let mut interim = [0; 25];
    stream.read_exact(&mut interim).unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(body).unwrap();
    assert!(rest(&mut stream).0.starts_with("HTTP/1.1 200 OK"));

    let answer = reply(&service, &request(50_000));
    assert_eq!(answer.problem(), "body-too-large");
}

#[test]
fn slow_callers_are_cut_off() {
    let service = started();
    // A head, a byte now and then: limits.header_timeout is 1 s from its first byte.
    let mut stream = connect(&service);
    let start = Instant::now();
    for byte in b"GET /hello HTTP/1.1\r\nHost" {
        if stream.write_all(&[*byte]).is_err() || start.elapsed() > Duration::from_secs(2) {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let (answer, _) = rest(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("request-timeout"), "{answer}");

    // A body: limits.body_timeout is 1 s.
    let mut stream = connect(&service);
    let mut request = post("application/json", br#"{"id":1,"name":"a"}"#);
    request.truncate(request.len() - 5);
    stream.write_all(&request).unwrap();
    let (answer, took) = rest(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(took > Duration::from_millis(900) && took < Duration::from_secs(10), "{took:?}");

    // Nothing at all, and nothing after an answer: limits.idle_timeout is 3 s.
    let mut silent = connect(&service);
    let mut kept = connect(&service);
    kept.write_all(b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let (answer, took) = rest(&mut kept);
    assert!(answer.ends_with("Hello, nobody!"), "{answer}");
    assert!(took > Duration::from_millis(2500) && took < Duration::from_secs(15), "{took:?}");
    assert_eq!(rest(&mut silent).0, "", "an idle connection is closed without a word");
}

#[test]
fn when_every_place_is_taken_callers_wait_for_one() {
    let service = super::surface(&super::database()).env("HOWDAH_LIMITS_CONNECTIONS", "2").start();
    super::wait_until_ready(&service);
    let mut slow: Vec<TcpStream> = (0..2).map(|_| connect(&service)).collect();
    for stream in &mut slow {
        stream.write_all(&get(b"/slow?seconds=3")).unwrap();
    }
    crate::support::eventually("both are taken", crate::support::http::PATIENCE, || {
        let metrics = service.get_admin("/metrics").text();
        assert!(metrics.contains("howdah_caller_connections_limit 2\n"), "{metrics}");
        metrics.contains("howdah_requests_in_flight 2\n")
    });
    let mut third = connect(&service);
    third.write_all(&get(b"/hello")).unwrap();
    for mut stream in slow {
        assert!(rest(&mut stream).0.ends_with("\"slept\""), "those who have a place keep it");
    }
    assert!(rest(&mut third).0.ends_with("Hello, nobody!"), "and then it is its turn");
    // Somebody who waits cannot be seen to wait but by the order of the log: not before one has left.
    let (_, output) = service.stop();
    let order: Vec<_> = output.lines().filter(|line| line.contains("\"answered\"")).collect();
    assert!(order.len() == 3 && order[0].contains("/slow"), "{output}");
}

#[test]
fn a_caller_that_does_not_read_is_cut_off() {
    let service = started();
    let mut stream = connect(&service);
    // Far more than the socket holds; none of it is read for longer than limits.idle_timeout.
    stream.write_all(b"GET /things?limit=100000 HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    stream.write_all(&b"GET /things?limit=100000 HTTP/1.1\r\nHost: x\r\n\r\n".repeat(3)).unwrap();
    std::thread::sleep(Duration::from_secs(6));
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(answer.len() < 4 * 4_000_000, "{} bytes came", answer.len());
    assert_eq!(service.get("/hello").status, 200);
}

#[test]
fn a_caller_that_goes_away_cancels_its_statement() {
    let database = super::database();
    let service = super::surface(&database).start();
    super::wait_until_ready(&service);
    let running = || {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%pg_sleep($1)%' AND pid <> pg_backend_pid()";
        database.psql(sql)[0][0].clone().unwrap()
    };
    for half in [false, true] {
        let mut stream = connect(&service);
        stream.write_all(&get(b"/slow?seconds=9")).unwrap();
        crate::support::eventually("it runs", http::PATIENCE, || running() != "0");
        if half {
            stream.shutdown(Shutdown::Write).unwrap();
        } else {
            drop(stream);
        }
        crate::support::eventually("it is cancelled", Duration::from_secs(7), || running() == "0");
    }
    assert_eq!(service.get("/hello").status, 200);
}
