//! HTTP/2: requests at the same time on one connection, limits, and frames that are none.

use super::{Sealed, run, url};
use crate::support::http::PATIENCE;
use reqwest::{Client, Version};
use rustls::pki_types::ServerName;
use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// What a client sends first (RFC 9113 §3.4), with empty settings behind it.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00";

/// A connection that has agreed on HTTP/2, and sends what the test says.
async fn raw(sealed: &Sealed, at: SocketAddr) -> TlsStream<TcpStream> {
    let config = sealed.authority.client_config(&[b"h2"]);
    let stream = TcpStream::connect(at).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    stream.write_all(PREFACE).await.unwrap();
    stream
}

/// Reads until the other side closes.
async fn is_closed(stream: &mut TlsStream<TcpStream>) -> bool {
    let mut bytes = [0; 4096];
    timeout(PATIENCE, async { while let Ok(1..) = stream.read(&mut bytes).await {} }).await.is_ok()
}

async fn answers(client: &Client, url: &str) {
    let answer = client.get(url).send().await.unwrap();
    assert_eq!((answer.version(), answer.status().as_u16()), (Version::HTTP_2, 200));
    assert_eq!(answer.text().await.unwrap(), "here");
}

#[test]
fn requests_of_one_connection_are_answered_at_the_same_time() {
    let sealed = Sealed::new();
    let service = sealed.serve().start();
    run(async {
        let client = sealed.client().build().unwrap();
        let mut all = JoinSet::new();
        for _ in 0..500 {
            let (client, url) = (client.clone(), url(&service, "/"));
            all.spawn(async move { answers(&client, &url).await });
        }
        all.join_all().await;
        let refused = client.post(url(&service, "/sum")).body("x=1").send().await.unwrap();
        // The body has no media type that is read.
        assert_eq!(refused.status(), 415);
    });
}

#[test]
fn frames_that_are_none_close_their_connection_alone() {
    let sealed = Sealed::new();
    let service = sealed.serve().start();
    let frame = |kind: u8, flags: u8, stream: u8, payload: &[u8]| {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let mut frame = vec![length[1], length[2], length[3], kind, flags, 0, 0, 0, stream];
        frame.extend_from_slice(payload);
        frame
    };
    let malformed = [
        // DATA on no stream; HEADERS on an even stream; a header block that is none.
        frame(0, 0, 0, b"x"),
        frame(1, 5, 2, b"\x82"),
        frame(1, 5, 1, b"\xff\xff\xff\xff\xff\xff\xff"),
        // SETTINGS whose length is no multiple of six; WINDOW_UPDATE by nothing; a PING too short.
        frame(4, 0, 0, b"12345"),
        frame(8, 0, 0, b"\x00\x00\x00\x00"),
        frame(6, 0, 0, b"123"),
        // CONTINUATION of nothing; PUSH_PROMISE of a client; a frame larger than was agreed.
        frame(9, 4, 1, b"\x82"),
        frame(5, 4, 1, b"\x00\x00\x00\x02\x82"),
        frame(0, 0, 1, &vec![0; 20_000]),
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
    ];
    run(async {
        let client = sealed.client().build().unwrap();
        for (index, bytes) in malformed.iter().enumerate() {
            let mut stream = raw(&sealed, service.http).await;
            stream.write_all(bytes).await.unwrap();
            assert!(is_closed(&mut stream).await, "case {index} stays open");
            answers(&client, &url(&service, "/")).await;
        }
    });
}

#[test]
fn a_flood_of_resets_is_cut_off() {
    let sealed = Sealed::new();
    let service = sealed.serve().start();
    run(async {
        let mut stream = raw(&sealed, service.http).await;
        // GET / with an authority, from the static table (RFC 7541, appendix A), and its reset.
        let request = b"\x82\x87\x84\x41\x01x";
        let mut cut = false;
        for number in 0..20_000_u32 {
            let id = (number * 2 + 1).to_be_bytes();
            let mut bytes = vec![0, 0, u8::try_from(request.len()).unwrap(), 1, 5];
            bytes.extend_from_slice(&id);
            bytes.extend_from_slice(request);
            bytes.extend_from_slice(&[0, 0, 4, 3, 0]);
            bytes.extend_from_slice(&id);
            bytes.extend_from_slice(&[0, 0, 0, 8]);
            if stream.write_all(&bytes).await.is_err() {
                cut = true;
                break;
            }
        }
        let _ = stream.flush().await;
        assert!(cut || is_closed(&mut stream).await);
        answers(&sealed.client().build().unwrap(), &url(&service, "/")).await;
    });
}

#[test]
fn a_connection_without_a_request_is_closed_in_time() {
    let sealed = Sealed::new();
    let service = sealed.serve().env("HOWDAH_LIMITS_HEADER_TIMEOUT", "400ms").start();
    run(async {
        let mut stream = raw(&sealed, service.http).await;
        let before = Instant::now();
        assert!(is_closed(&mut stream).await);
        assert!(before.elapsed() > Duration::from_millis(300));
    });
}

#[test]
fn the_end_of_the_process_drops_no_request() {
    let sealed = Sealed::new();
    let service = sealed.serve().start();
    let at = url(&service, "/");
    run(async {
        let client = sealed.client().build().unwrap();
        answers(&client, &at).await;
        service.terminate();
        // The connection is told to be the last; what was sent before is answered.
        loop {
            match client.get(&at).send().await {
                Ok(answer) => assert_eq!(answer.status(), 200),
                Err(error) => {
                    assert!(error.is_connect(), "{error:?}");
                    break;
                }
            }
        }
    });
}
