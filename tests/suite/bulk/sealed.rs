//! Loads over TLS, by both protocols.

use super::{formats::prices, *};
use crate::{
    support::{eventually, http::PATIENCE},
    tls::{Sealed, run, url},
};
use bytes::Bytes;
use hyper::body::Frame;
use reqwest::{Client, Version};
use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

/// More than any load takes, on a machine with other things to do.
const LONG: Duration = Duration::from_mins(2);

/// The service behind TLS, which waits so long for more of a body, and a client of each protocol.
fn start(
    sealed: &Sealed,
    database: &Database,
    body_timeout: &str,
) -> (Service, [(Client, Version); 2]) {
    let serve = serving(database).env("HOWDAH_LIMITS_BODY_TIMEOUT", body_timeout);
    let service = sealed.over(serve).env("DEADLINE", "60s").start();
    wait_until_ready(&service);
    let clients = [
        (sealed.client().timeout(LONG).http1_only().build().unwrap(), Version::HTTP_11),
        (sealed.client().timeout(LONG).build().unwrap(), Version::HTTP_2),
    ];
    (service, clients)
}

/// A body that begins and never ends.
struct Endless(Option<Bytes>);

impl hyper::body::Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.0.take() {
            Some(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            None => Poll::Pending,
        }
    }
}

#[test]
fn eight_times_the_rows_take_no_more_memory() {
    let (sealed, database) = (Sealed::new(), database());
    let (service, clients) = start(&sealed, &database, "20s");
    run(async {
        for ((client, version), format) in clients.iter().zip([NDJSON, CSV]) {
            let mut peaks = Vec::new();
            for rows in [20_000, 160_000] {
                let request = client.post(url(&service, "/prices")).body(prices(format, rows));
                let answer = request.header("content-type", format).send().await.unwrap();
                assert_eq!((answer.version(), answer.status().as_u16()), (*version, 200));
                let told = answer.text().await.unwrap();
                assert!(told.contains(&format!("\"inserted\":{rows}")), "{told}");
                peaks.push(service.peak_kib());
            }
            // The larger body of NDJSON is 10 MB, that of CSV 5 MB.
            assert!(peaks[1] < peaks[0] + 3 * 1024, "{version:?} {format}: {peaks:?} KiB");
        }
    });
}

#[test]
fn a_caller_that_leaves_half_way_leaves_nothing() {
    let (sealed, database) = (Sealed::new(), database());
    let (service, clients) = start(&sealed, &database, "60s");
    for (client, version) in &clients {
        run(async {
            let body = Endless(Some(prices(NDJSON, 5000).into()));
            let request = client.post(url(&service, "/prices")).header("content-type", NDJSON);
            let asked = tokio::spawn(request.body(reqwest::Body::wrap(body)).send());
            let loads = || super::faults::loading(&database) == "1";
            while !loads() {
                assert!(!asked.is_finished(), "{version:?}");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            asked.abort();
        });
        eventually("it is over", PATIENCE, || super::faults::loading(&database) == "0");
        assert_eq!(count(&database, "prices"), "0", "{version:?}");
    }
}

#[test]
fn a_body_that_stalls_is_a_problem() {
    let (sealed, database) = (Sealed::new(), database());
    let (service, clients) = start(&sealed, &database, "1s");
    run(async {
        for (client, version) in &clients {
            let body = Endless(Some(prices(NDJSON, 5000).into()));
            let request = client.post(url(&service, "/prices")).header("content-type", NDJSON);
            let answer = request.body(reqwest::Body::wrap(body)).send().await.unwrap();
            assert_eq!((answer.version(), answer.status().as_u16()), (*version, 408));
        }
    });
    eventually("it is over", PATIENCE, || super::faults::loading(&database) == "0");
    assert_eq!(count(&database, "prices"), "0");
}
