//! How old answers get, and what is kept of them.

use super::*;
use std::time::{Duration, Instant};

#[test]
fn an_answer_is_given_again_with_its_age() {
    let database = database();
    let service = started(serving(&database));
    let first = service.get("/large?code=a");
    assert!(!is_kept(&first) && first.header("cache-control") == Some("public, max-age=3600"));
    database.psql("UPDATE prices SET price = 2");
    let again = service.get("/large?code=a");
    assert_eq!((price(&again), again.text()), (1, first.text()));
    assert!(again.header("age").is_some_and(|age| age.parse::<u64>().unwrap() >= 1), "{again}");
    for field in ["content-type", "etag", "vary", "cache-control"] {
        assert_eq!(again.header(field), first.header(field), "{field}");
        assert!(first.header(field).is_some(), "{field}");
    }
    // Another argument is another question.
    assert_eq!(price(&service.get("/large?code=b")), 2);
    assert!(is_kept(&service.send("HEAD", "/large?code=a", &[], b"")));
    // What is known already is not sent once more.
    let etag = first.header("etag").unwrap();
    let known = service.send("GET", "/large?code=a", &[("if-none-match", etag)], b"");
    assert_eq!((known.status, known.body.len()), (304, 0));
    assert_eq!(known.header("etag"), Some(etag));
    assert!(is_kept(&known) && known.header("cache-control").is_some());
    assert_eq!(counted(&service, "howdah_cache_hits_total"), 3);
    assert_eq!(counted(&service, "howdah_cache_misses_total"), 2);
}

#[test]
fn media_types_and_codings_are_kept_apart() {
    let database = database();
    let service = started(serving(&database));
    let ask = |fields: &[(&str, &str)]| {
        let [first, again] = [(); 2].map(|()| service.send("GET", "/large?code=a", fields, b""));
        assert_eq!(
            (first.status, is_kept(&first), is_kept(&again)),
            (200, false, true),
            "{fields:?}"
        );
        assert_eq!(first.body, again.body);
        for field in ["content-type", "content-encoding", "etag"] {
            assert_eq!(again.header(field), first.header(field), "{field}");
        }
        (first.header("etag").unwrap().to_owned(), first.body)
    };
    let plain = ask(&[]);
    let zipped = ask(&[("accept-encoding", "gzip")]);
    let csv = ask(&[("accept", "text/csv")]);
    assert!(zipped.1.starts_with(b"\x1f\x8b") && zipped.1.len() < plain.1.len());
    assert!(plain.0 != zipped.0 && plain.0 != csv.0 && plain.1 != csv.1);
    // What is small is compressed for those alone who take nothing else.
    let coding = |accepted| {
        let reply = service.send("GET", "/price?code=a", &[("accept-encoding", accepted)], b"");
        reply.header("content-encoding").map(str::to_owned)
    };
    assert_eq!(coding("gzip"), None);
    assert_eq!(coding("gzip, identity;q=0").as_deref(), Some("gzip"));
    assert_eq!(coding("gzip"), None);
}

#[test]
fn problems_are_not_kept() {
    let database = database();
    let service = started(serving(&database));
    let missing = service.get("/price?code=c");
    assert_eq!((missing.status, missing.header("cache-control")), (404, Some("no-store")));
    database.psql("INSERT INTO prices VALUES ('c', 7)");
    assert_eq!(price(&service.get("/price?code=c")), 7);
    assert_eq!(service.get("/price").header("cache-control"), Some("no-store"));
}

#[test]
fn no_reader_gets_data_that_is_older_than_the_endpoint_says() {
    const TTL: Duration = Duration::from_secs(2);
    let database = database();
    let service = started(with_threads(&database, 2));
    let start = Instant::now();
    let end = start + Duration::from_secs(8);
    let (readers, kept) = std::thread::scope(|scope| {
        // When each price was committed, at the latest.
        let writer = scope.spawn(|| {
            let mut committed = vec![start; 2];
            while Instant::now() < end {
                let price = committed.len();
                database.psql(&format!("UPDATE prices SET price = {price} WHERE code = 'a'"));
                committed.push(Instant::now());
                std::thread::sleep(Duration::from_millis(50));
            }
            committed
        });
        let readers: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    let mut seen = Vec::new();
                    while Instant::now() < end {
                        let asked = Instant::now();
                        let reply = service.get("/price?code=a");
                        seen.push((
                            asked,
                            usize::try_from(price(&reply)).unwrap(),
                            is_kept(&reply),
                        ));
                        std::thread::sleep(Duration::from_millis(10));
                    }
                    seen
                })
            })
            .collect();
        let readers: Vec<_> = readers.into_iter().flat_map(|it| it.join().unwrap()).collect();
        let committed = writer.join().unwrap();
        let kept = readers.iter().filter(|it| it.2).count();
        for (asked, price, _) in &readers {
            // The next price was there for longer than the answer may be old: it had to be seen.
            let replaced = committed.get(price + 1);
            assert!(
                replaced.is_none_or(|at| *at + TTL >= *asked),
                "price {price} is older than {TTL:?}"
            );
        }
        (readers, kept)
    });
    assert!(kept > readers.len() / 2 && readers.len() > 20, "{kept} of {}", readers.len());
    let prices: std::collections::BTreeSet<usize> = readers.iter().map(|it| it.1).collect();
    assert!(prices.len() >= 3, "answers were renewed: {prices:?}");
}

#[test]
fn the_memory_of_answers_is_bounded() {
    let database = database();
    database.psql("INSERT INTO prices SELECT 'n' || i, i FROM generate_series(1, 60) i");
    // Of 20 kB each, ten have room, and none larger than an eighth of all.
    let service = started(serving(&database).env("BYTES", "208000"));
    let ask = |number: i64| is_kept(&service.get(&format!("/large?code=n{number}")));
    assert!((1..=60).all(|number| !ask(number)));
    assert!((52..=60).all(ask), "the last are there");
    assert!((1..=50).all(|number| !ask(number)), "the others are not");
    let small = started(serving(&database).env("BYTES", "100000"));
    for _ in 0..2 {
        assert!(!is_kept(&small.get("/large?code=n1")));
    }
}
