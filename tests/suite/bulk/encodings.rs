//! Compressed bodies, of rows and of arguments.

use super::*;
use async_compression::{
    Level,
    tokio::write::{GzipEncoder, ZstdEncoder},
    zstd::CParameter,
};
use serde_json::json;
use tokio::io::AsyncWriteExt;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

fn compressed(encoding: &str, bytes: &[u8]) -> Vec<u8> {
    runtime().block_on(async {
        if encoding == "gzip" {
            let mut encoder = GzipEncoder::new(Vec::new());
            encoder.write_all(bytes).await.unwrap();
            encoder.shutdown().await.unwrap();
            return encoder.into_inner();
        }
        let mut encoder = ZstdEncoder::new(Vec::new());
        encoder.write_all(bytes).await.unwrap();
        encoder.shutdown().await.unwrap();
        encoder.into_inner()
    })
}

fn send(service: &Service, path: &str, media_type: &str, encoding: &str, body: &[u8]) -> Reply {
    let headers = [("content-type", media_type), ("content-encoding", encoding)];
    service.send("POST", path, &headers, body)
}

#[test]
fn compressed_rows_are_the_same_rows() {
    let database = database();
    let service = started(&database);
    let cases = [
        ("gzip", NDJSON),
        ("gzip", CSV),
        ("gzip", JSON),
        ("zstd", NDJSON),
        ("zstd", CSV),
        ("zstd", JSON),
    ];
    for (encoding, format) in cases {
        // All of them for the formats that differ most; the rest in less time.
        let rows = if matches!((encoding, format), ("gzip", CSV) | ("zstd", NDJSON)) {
            200_000
        } else {
            20_000
        };
        database.psql("TRUNCATE prices");
        let body = compressed(encoding, super::formats::prices(format, rows).as_bytes());
        let reply = send(&service, "/prices", format, encoding, &body);
        assert_eq!(reply.json(), json!({ "rows": rows, "inserted": rows }), "{reply}");
        let expected = super::formats::expected(&database, rows);
        assert_eq!(super::formats::digest(&database), expected, "{encoding} {format}");
    }
    // Members one behind the other are one body.
    let plain = super::formats::prices(NDJSON, 20_000);
    let expected = super::formats::expected(&database, 20_000);
    let (first, second) = plain.split_at(plain.len() / 2);
    for encoding in ["gzip", "zstd"] {
        database.psql("TRUNCATE prices");
        let body = [first, second].map(|half| compressed(encoding, half.as_bytes())).concat();
        assert_eq!(send(&service, "/prices", NDJSON, encoding, &body).status, 200, "{encoding}");
        assert_eq!(super::formats::digest(&database), expected);
    }
}

#[test]
fn a_bomb_is_refused_at_the_limit() {
    let database = database();
    let service = started(&database);
    // 64 MiB of blank lines, in some 60 KiB and 2 KiB.
    let bomb = vec![b'\n'; 64 << 20];
    for encoding in ["gzip", "zstd"] {
        let body = compressed(encoding, &bomb);
        assert!(body.len() < 1 << 17, "{}", body.len());
        let reply = send(&service, "/small", CSV, encoding, &body);
        assert_eq!((reply.status, reply.problem().as_str()), (413, "body-too-large"), "{reply}");
        let reply = send(&service, "/echo", JSON, encoding, &body);
        assert_eq!((reply.status, reply.problem().as_str()), (413, "body-too-large"), "{reply}");
    }
    // Members that hold nothing, without an end.
    let empty = compressed("gzip", b"").repeat(1000);
    let reply = send(&service, "/small", CSV, "gzip", &empty);
    assert_eq!(reply.status, 413, "{reply}");
}

#[test]
fn what_is_broken_or_unknown_is_told() {
    let database = database();
    let service = started(&database);
    let rows = super::formats::prices(NDJSON, 1000);
    for encoding in ["gzip", "zstd"] {
        let body = compressed(encoding, rows.as_bytes());
        let cut = send(&service, "/prices", NDJSON, encoding, &body[..body.len() - 5]);
        assert_eq!((cut.status, cut.problem().as_str()), (400, "malformed-body"), "{cut}");
        let none = send(&service, "/prices", NDJSON, encoding, rows.as_bytes());
        assert_eq!((none.status, none.problem().as_str()), (400, "malformed-body"), "{none}");
        let trailing = [body.as_slice(), b"garbage"].concat();
        let trailing = send(&service, "/prices", NDJSON, encoding, &trailing);
        assert_eq!(trailing.status, 400, "{trailing}");
    }
    // A window of 16 MiB: whoever reads it has to hold as much.
    let wide = runtime().block_on(async {
        let window = [CParameter::window_log(24)];
        let mut encoder = ZstdEncoder::with_quality_and_params(Vec::new(), Level::Fastest, &window);
        encoder.write_all(rows.as_bytes()).await.unwrap();
        encoder.shutdown().await.unwrap();
        encoder.into_inner()
    });
    let wide = send(&service, "/prices", NDJSON, "zstd", &wide);
    assert_eq!((wide.status, wide.problem().as_str()), (400, "malformed-body"), "{wide}");
    assert!(wide.json()["detail"].as_str().unwrap().contains("8 MiB"), "{wide}");
    for encoding in ["br", "deflate", "gzip, gzip", "x"] {
        for path in ["/prices", "/echo"] {
            let reply = send(&service, path, JSON, encoding, b"[]");
            assert_eq!((reply.status, reply.problem().as_str()), (415, "unsupported-encoding"));
            assert_eq!(reply.header("accept-encoding"), Some("gzip, zstd"), "{encoding}");
        }
    }
    assert_eq!(count(&database, "prices"), "0");
}

#[test]
fn arguments_may_be_compressed_too() {
    let database = database();
    let service = started(&database);
    for encoding in ["gzip", "zstd", "identity"] {
        let plain = br#"{"text":"hello"}"#;
        let body =
            if encoding == "identity" { plain.to_vec() } else { compressed(encoding, plain) };
        let reply = send(&service, "/echo", JSON, encoding, &body);
        assert_eq!(reply.json(), json!([{ "text": "hello" }]), "{reply}");
    }
}

/// What compresses well takes long to read once it is here, and nothing of it is waited for.
#[test]
fn a_body_that_unpacks_to_much_does_not_hold_up_others() {
    let database = database();
    let service = started(&database);
    for encoding in ["gzip", "zstd"] {
        // Blank lines are no rows, so PostgreSQL holds up nothing either.
        let body = compressed(encoding, &vec![b'\n'; 32 << 20]);
        let (answered, took) = std::thread::scope(|scope| {
            let load = scope.spawn(|| {
                let start = std::time::Instant::now();
                let reply = send(&service, "/prices", NDJSON, encoding, &body);
                assert_eq!(reply.json(), json!({ "rows": 0, "inserted": 0 }), "{reply}");
                start.elapsed()
            });
            let mut answered = 0;
            while !load.is_finished() {
                assert_eq!(service.get("/nothing").status, 404);
                answered += 1;
            }
            (answered, load.join().unwrap())
        });
        assert!(answered > 10, "{encoding}: {answered} answers in {took:?}");
    }
}
