//! What is loaded in one format is what another gives back.

use super::{formats::prices, *};
use crate::support::http;
use arrow_array::{
    Array,
    cast::AsArray,
    types::{Date32Type, Int32Type},
};
use serde::Deserialize;

/// A price, as whoever reads it understands it.
#[derive(Deserialize, PartialEq, Debug)]
#[serde(deny_unknown_fields)]
struct Line {
    orig: String,
    dest: String,
    day: String,
    price: u32,
}

/// The price of that number, as it was posted.
fn posted(index: u32) -> Line {
    Line {
        orig: format!("CN{:03}", index % 1000),
        dest: "EETLL".to_owned(),
        day: format!("2021-01-{:02}", index % 28 + 1),
        price: index,
    }
}

fn in_json(body: &[u8]) -> Vec<Line> {
    serde_json::from_slice(body).unwrap()
}

fn in_ndjson(body: &[u8]) -> Vec<Line> {
    let lines = body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
}

fn in_csv(body: &[u8]) -> Vec<Line> {
    let mut reader = csv_core::Reader::new();
    let (mut output, mut ends) = ([0; 256], [0; 8]);
    let (mut rest, mut rows) = (body, Vec::new());
    loop {
        let (result, read, _, count) = reader.read_record(rest, &mut output, &mut ends);
        rest = &rest[read..];
        match result {
            csv_core::ReadRecordResult::Record => {}
            csv_core::ReadRecordResult::InputEmpty => continue,
            csv_core::ReadRecordResult::End => break,
            other => panic!("{other:?}"),
        }
        assert_eq!(count, 4);
        let field = |at: usize| {
            let start = if at == 0 { 0 } else { ends[at - 1] };
            String::from_utf8(output[start..ends[at]].to_vec()).unwrap()
        };
        rows.push([field(0), field(1), field(2), field(3)]);
    }
    assert_eq!(rows.remove(0), ["orig", "dest", "day", "price"]);
    let price = |[orig, dest, day, price]: [String; 4]| Line {
        orig,
        dest,
        day,
        price: price.parse().unwrap(),
    };
    rows.into_iter().map(price).collect()
}

fn in_arrow(body: &[u8]) -> Vec<Line> {
    let reader = arrow_ipc::reader::StreamReader::try_new(body, None).unwrap();
    let mut rows = Vec::new();
    for batch in reader {
        let batch = batch.unwrap();
        let text = |at: usize| batch.column(at).as_string::<i32>();
        let (days, prices) = (
            batch.column(2).as_primitive::<Date32Type>(),
            batch.column(3).as_primitive::<Int32Type>(),
        );
        for row in 0..batch.num_rows() {
            assert!(!days.is_null(row) && !prices.is_null(row));
            // All days are of January 2021, which began 18,628 days after 1970-01-01.
            let day = days.value(row) - 18_628 + 1;
            assert!((1..=31).contains(&day), "{day}");
            rows.push(Line {
                orig: text(0).value(row).to_owned(),
                dest: text(1).value(row).to_owned(),
                day: format!("2021-01-{day:02}"),
                price: prices.value(row).try_into().unwrap(),
            });
        }
    }
    rows
}

/// How a medium is read back.
type Reader = fn(&[u8]) -> Vec<Line>;

const OUT: [(&str, Reader); 4] = [
    (JSON, in_json),
    (NDJSON, in_ndjson),
    (CSV, in_csv),
    ("application/vnd.apache.arrow.stream", in_arrow),
];

#[test]
fn prices_in_each_format_come_back_in_each_format() {
    round_trip(20_000);
}

#[test]
#[ignore = "takes a minute without optimisation: `make round-trip`"]
fn two_hundred_thousand_prices_in_each_format_come_back_in_each_format() {
    round_trip(200_000);
}

fn round_trip(count: u32) {
    let database = database();
    let service = started(&database);
    for format in [NDJSON, CSV, JSON] {
        database.psql("TRUNCATE prices");
        let reply = post(&service, "/prices", format, prices(format, count).as_bytes());
        assert_eq!(reply.json(), serde_json::json!({ "rows": count, "inserted": count }));
        for (medium, read) in OUT {
            let reply =
                http::send(service.http, "GET", "/prices", &[("accept", medium)], b"").unwrap();
            assert!(reply.header("content-type").unwrap().starts_with(medium), "{medium}");
            let prices = read(&reply.body);
            assert_eq!(prices.len(), usize::try_from(count).unwrap(), "{format}, then {medium}");
            for (index, price) in (0..).zip(&prices) {
                assert!(*price == posted(index), "{format}, then {medium}: {price:?} is {index}");
            }
        }
    }
}
