//! What each medium holds.

use super::*;
use arrow_array::{
    Array, RecordBatch,
    cast::AsArray,
    types::{Date32Type, Decimal128Type, Int32Type, TimestampMicrosecondType},
};
use arrow_ipc::reader::StreamReader;
use serde_json::{Value, json};

const ROWS: u32 = 200_000;

/// A price as every medium can be read back to it.
#[derive(Debug, PartialEq, Eq)]
struct Price {
    id: i64,
    day: String,
    codes: (String, String),
    cents: i64,
    amount: Option<String>,
    note: Option<String>,
    at: String,
}

fn of_json(row: &Value) -> Price {
    let text = |name: &str| row[name].as_str().map(str::to_owned);
    Price {
        id: row["id"].as_i64().unwrap(),
        day: text("day").unwrap(),
        codes: (text("orig_code").unwrap(), text("dest_code").unwrap()),
        cents: row["price"].as_i64().unwrap(),
        amount: (!row["amount"].is_null()).then(|| row["amount"].to_string()),
        note: text("note"),
        at: text("at").unwrap(),
    }
}

/// The records of CSV, where a field is `None` when it is empty and not quoted.
fn records(text: &[u8]) -> Vec<Vec<Option<String>>> {
    let mut reader = csv_core::Reader::new();
    let (mut fields, mut ends) = (vec![0; 4096], vec![0; 64]);
    let (mut rest, mut records) = (text, Vec::new());
    loop {
        let (result, taken, _, count) = reader.read_record(rest, &mut fields, &mut ends);
        let raw = &rest[..taken];
        rest = &rest[taken..];
        match result {
            csv_core::ReadRecordResult::Record => {
                let mut start = 0;
                let record = ends[..count].iter().map(|end| {
                    let field = String::from_utf8(fields[start..*end].to_vec()).unwrap();
                    start = *end;
                    field
                });
                let record: Vec<String> = record.collect();
                let quoted_empty = String::from_utf8_lossy(raw).contains(",\"\",");
                records.push(
                    record
                        .into_iter()
                        .map(|it| (!it.is_empty() || quoted_empty).then_some(it))
                        .collect(),
                );
            }
            csv_core::ReadRecordResult::InputEmpty => {}
            _ => return records,
        }
    }
}

fn of_record(record: Vec<Option<String>>) -> Price {
    let [id, day, orig, dest, price, amount, note, at] = <[_; 8]>::try_from(record).unwrap();
    Price {
        id: id.unwrap().parse().unwrap(),
        day: day.unwrap(),
        codes: (orig.unwrap(), dest.unwrap()),
        cents: price.unwrap().parse().unwrap(),
        amount: amount.filter(|it| !it.is_empty()),
        note,
        at: at.unwrap(),
    }
}

/// Of a row: id, day, amount in hundredths, note, microseconds.
type Row = (i64, i32, Option<i128>, Option<String>, i64);

fn of_batch(batch: &RecordBatch, prices: &mut Vec<Row>) {
    let ids = batch.column(0).as_primitive::<Int32Type>();
    let days = batch.column(1).as_primitive::<Date32Type>();
    let amounts = batch.column(5).as_primitive::<Decimal128Type>();
    let notes = batch.column(6).as_string::<i32>();
    let at = batch.column(7).as_primitive::<TimestampMicrosecondType>();
    for row in 0..batch.num_rows() {
        prices.push((
            i64::from(ids.value(row)),
            days.value(row),
            (!amounts.is_null(row)).then(|| amounts.value(row)),
            (!notes.is_null(row)).then(|| notes.value(row).to_owned()),
            at.value(row),
        ));
    }
}

#[test]
fn two_hundred_thousand_rows_are_the_same_rows_in_every_medium() {
    let database = database(ROWS);
    let service = start(&database);
    let json = service.get("/prices");
    assert_eq!(json.header("content-type"), Some("application/json"));
    assert_eq!(json.header("transfer-encoding"), Some("chunked"));
    let rows: Vec<Price> = json.json()["prices"].as_array().unwrap().iter().map(of_json).collect();
    assert_eq!(rows.len(), ROWS as usize);
    let sum: i64 = rows.iter().map(|it| it.cents).sum();
    let expected = database.psql("SELECT sum(price)::text FROM prices");
    assert_eq!(Some(sum.to_string()), expected[0][0]);
    drop(json);

    let ndjson = accept(&service, "/prices", "application/x-ndjson");
    assert_eq!(ndjson.header("content-type"), Some("application/x-ndjson"));
    let text = ndjson.text();
    let lines: Vec<Price> =
        text.lines().map(|it| of_json(&serde_json::from_str(it).unwrap())).collect();
    assert!(lines == rows);
    drop((ndjson, text, lines));

    let csv = accept(&service, "/prices", "text/csv");
    assert_eq!(csv.header("content-type"), Some("text/csv; charset=utf-8; header=present"));
    let mut all = records(&csv.body).into_iter();
    let header: Vec<String> = all.next().unwrap().into_iter().flatten().collect();
    let names = ["id", "day", "orig_code", "dest_code", "price", "amount", "note", "at"];
    assert_eq!(header, names);
    let mut wrong = all.map(of_record).zip(&rows).filter(|(record, row)| {
        // JSON has no trailing zeros to lose: both write the number as PostgreSQL does.
        record != *row
    });
    assert!(wrong.next().is_none_or(|it| panic!("{it:?}")));

    let arrow = accept(&service, "/prices", "application/vnd.apache.arrow.stream");
    let reader = StreamReader::try_new(arrow.body.as_slice(), None).unwrap();
    let nullable: Vec<bool> = reader.schema().fields().iter().map(|it| it.is_nullable()).collect();
    assert_eq!(nullable, [false, false, false, false, false, true, true, false]);
    let mut prices = Vec::new();
    for batch in reader {
        of_batch(&batch.unwrap(), &mut prices);
    }
    assert_eq!(prices.len(), rows.len());
    for ((id, day, amount, note, at), row) in prices.into_iter().zip(&rows) {
        assert_eq!((id, &note), (row.id, &row.note));
        assert_eq!(i64::from(day), 16_801 + row.id % 31);
        assert_eq!(at, (1_577_836_800 + row.id) * 1_000_000);
        assert_eq!(amount.map(|it| format!("{}.{:02}", it / 100, it % 100)), row.amount);
    }
}

#[test]
fn every_shape_has_its_form_and_what_nobody_has_is_406() {
    let service = start(&database(8));
    let text = |path: &str, medium: &str| accept(&service, path, medium).text();
    assert_eq!(text("/one/1", "text/csv"), "id,price,note\r\n1,1,\"\"\r\n");
    assert_eq!(text("/one/4", "application/x-ndjson"), "{\"id\":4,\"price\":4,\"note\":null}\n");
    assert_eq!(text("/count", "application/x-ndjson"), "8\n");
    assert_eq!(text("/count", "text/csv"), "prices\r\n8\r\n");
    assert_eq!(service.get("/count").json(), json!({ "count": 8 }));
    assert_eq!(accept(&service, "/one/9", "text/csv").problem(), "row-not-found");
    let arrow = accept(&service, "/one/1", "application/vnd.apache.arrow.stream");
    let batches = StreamReader::try_new(arrow.body.as_slice(), None).unwrap();
    assert_eq!(batches.map(|it| it.unwrap().num_rows()).sum::<usize>(), 1);
    // What has no body has no medium.
    let headers = [("accept", "image/png"), ("content-type", "application/json")];
    let touched = service.send("POST", "/touch/1", &headers, b"{}");
    assert_eq!(touched.status, 204);
    for path in ["/prices", "/one/1", "/count"] {
        let refused = accept(&service, path, "image/png, text/html");
        assert_eq!(refused.problem(), "not-acceptable");
        let detail = refused.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains("text/csv") && detail.contains("application/x-ndjson"), "{detail}");
        assert!(refused.header("vary").unwrap().contains("Accept"), "{refused}");
        assert!(service.get(path).header("vary").unwrap().contains("Accept"));
    }
}

#[test]
fn a_suffix_goes_before_accept() {
    let service = start(&database(2));
    for (path, kind) in [
        ("/prices.csv", "text/csv; charset=utf-8; header=present"),
        ("/prices.ndjson", "application/x-ndjson"),
        ("/one/1.arrow", "application/vnd.apache.arrow.stream"),
        ("/one/1.json", "application/json"),
    ] {
        let reply = accept(&service, path, "image/png");
        assert_eq!((reply.status, reply.header("content-type")), (200, Some(kind)), "{path}");
    }
    assert_eq!(service.get("/prices.xml").problem(), "not-found");
    assert_eq!(service.get("/nothing.csv").problem(), "not-found");
}

#[test]
fn small_results_of_a_stream_are_whole_and_have_a_length() {
    let service = start(&database(3));
    let reply = service.get("/prices");
    assert!(reply.header("content-length").is_some(), "{reply}");
    assert_eq!(reply.json()["prices"].as_array().unwrap().len(), 3);
    assert_eq!(service.get("/late/1").problem(), "argument-refused");
    let whole = service.get("/whole");
    assert!(whole.header("content-length").is_some());
    assert_eq!(whole.json().as_array().unwrap().len(), 100_000);
    let head = service.send("HEAD", "/series/1000000", &[], b"");
    assert_eq!((head.status, head.body.len()), (200, 0));
}

#[test]
fn a_column_of_a_partner_that_is_missing_is_null_in_every_medium() {
    let service = start(&database(3));
    assert_eq!(service.get("/alone").json(), json!([{ "id": 3, "day": null }]));
    assert_eq!(accept(&service, "/alone", "text/csv").text(), "id,day\r\n3,\r\n");
    let arrow = accept(&service, "/alone", "application/vnd.apache.arrow.stream");
    assert_eq!(arrow.status, 200, "{arrow}");
    let mut batches = StreamReader::try_new(arrow.body.as_slice(), None).unwrap();
    let batch = batches.next().unwrap().unwrap();
    assert!(!batch.column(0).is_null(0) && batch.column(1).is_null(0));
}
