//! Validators and codings.

use super::*;
use async_compression::tokio::bufread::{BrotliDecoder, GzipDecoder, ZstdDecoder};
use std::time::{Duration, Instant};
use tokio::io::AsyncReadExt;

fn decoded(reply: &Reply) -> Vec<u8> {
    let mut out = Vec::new();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let body = reply.body.as_slice();
        let read = match reply.header("content-encoding") {
            Some("gzip") => GzipDecoder::new(body).read_to_end(&mut out).await,
            Some("br") => BrotliDecoder::new(body).read_to_end(&mut out).await,
            Some("zstd") => ZstdDecoder::new(body).read_to_end(&mut out).await,
            other => panic!("{other:?} is no coding"),
        };
        read.unwrap();
    });
    out
}

#[test]
fn every_coding_gives_the_same_bytes_of_wholes_and_of_streams() {
    let service = start(&database(1));
    for path in ["/whole", "/series/50000.ndjson", "/series/50000.arrow"] {
        let plain = service.get(path);
        assert_eq!(plain.header("content-encoding"), None);
        for coding in ["gzip", "br", "zstd"] {
            let reply = service.send("GET", path, &[("accept-encoding", coding)], b"");
            assert_eq!(reply.header("content-encoding"), Some(coding));
            assert!(reply.header("vary").unwrap().contains("Accept-Encoding"), "{path}");
            assert!(reply.body.len() * 2 < plain.body.len(), "{path} {coding}");
            assert!(decoded(&reply) == plain.body, "{path} {coding}");
        }
    }
    let small = service.send("GET", "/one/1", &[("accept-encoding", "gzip")], b"");
    assert_eq!(small.header("content-encoding"), None);
    // However small it is, for a caller who refuses it as it is.
    let fields = [("accept-encoding", "identity;q=0, gzip")];
    let small = service.send("GET", "/one/1", &fields, b"");
    assert_eq!(small.header("content-encoding"), Some("gzip"));
    assert_eq!(decoded(&small), service.get("/one/1").body);
    let nothing = service.send("GET", "/one/1", &[("accept-encoding", "identity;q=0")], b"");
    assert_eq!(nothing.problem(), "not-acceptable");
}

/// The service has one thread.
#[test]
fn an_answer_that_takes_long_to_compress_does_not_hold_up_others() {
    let service = start(&database(1));
    let fields = [("accept-encoding", "gzip")];
    std::thread::scope(|scope| {
        let large = scope.spawn(|| {
            let start = Instant::now();
            let reply = service.send("GET", "/packed/500000", &fields, b"");
            assert_eq!((reply.status, reply.header("content-encoding")), (200, Some("gzip")));
            start.elapsed()
        });
        let mut longest = Duration::ZERO;
        while !large.is_finished() {
            let asked = Instant::now();
            assert_eq!(service.get("/nothing").status, 404);
            longest = longest.max(asked.elapsed());
        }
        let took = large.join().unwrap();
        assert!(longest < took / 3, "{longest:?} of {took:?}");
    });
}

#[test]
fn a_caller_who_has_it_already_gets_304() {
    let database = database(3);
    let service = start(&database);
    let first = service.get("/prices");
    let tag = first.header("etag").unwrap().to_owned();
    assert!(tag.starts_with('"') && tag.ends_with('"'), "{tag}");
    let ask =
        |condition: &str| service.send("GET", "/prices", &[("if-none-match", condition)], b"");
    for condition in [tag.clone(), format!("\"other\", W/{tag}"), "*".to_owned()] {
        let reply = ask(&condition);
        assert_eq!((reply.status, reply.body.len()), (304, 0), "{condition}");
        assert_eq!(reply.header("etag"), Some(tag.as_str()));
        assert!(reply.header("vary").is_some());
    }
    assert_eq!(ask("\"other\"").status, 200);
    // Another representation has another validator.
    let csv = accept(&service, "/prices", "text/csv");
    assert_ne!(csv.header("etag"), Some(tag.as_str()));
    let large = |coding: &str| {
        let reply = service.send("GET", "/whole", &[("accept-encoding", coding)], b"");
        reply.header("etag").unwrap().to_owned()
    };
    assert_ne!(large("gzip"), large("identity"));
    database.psql("UPDATE prices SET price = -1 WHERE id = 2");
    assert_eq!(ask(&tag).status, 200);
    // A stream has none: its bytes are not known when its head leaves.
    assert_eq!(service.get("/series/50000").header("etag"), None);
}
