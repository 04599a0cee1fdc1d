//! `services/rates`: the average prices.

use super::{assert_refused, run_files};
use crate::support::{
    database::Database,
    postgres,
    service::{self, Service},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{LazyLock, OnceLock},
};

/// A database with the service's own migrations and sample data.
pub(crate) static SEEDED: LazyLock<Database> = LazyLock::new(|| {
    let database = postgres::database();
    run_files(&database, "services/rates/migrations");
    run_files(&database, "services/rates/seed");
    database
});

/// The service over the sample data.
pub(super) fn rates() -> &'static Service {
    static SERVICE: OnceLock<Service> = OnceLock::new();
    SERVICE.get_or_init(|| service::serve("services/rates").database(&SEEDED).start())
}

fn query(from: &str, to: &str, orig: &str, dest: &str) -> String {
    format!("/rates?date_from={from}&date_to={to}&orig_code={orig}&dest_code={dest}")
}

pub(super) fn january() -> String {
    query("2021-01-01", "2021-01-31", "CNGGZ", "EETLL")
}

/// A day, its count and its mean.
type Entry = (String, Option<u64>, Option<f64>);

fn entries(answer: &Value) -> Vec<Entry> {
    let entry = |it: &Value| {
        assert_eq!(it.as_object().unwrap().len(), 3, "{it}");
        (it["day"].as_str().unwrap().to_owned(), it["count"].as_u64(), it["price"].as_f64())
    };
    answer["rates"].as_array().unwrap().iter().map(entry).collect()
}

/// What the service should say, worked out from the rows by other means.
fn expected(from: &str, to: &str, orig: &str, dest: &str) -> Vec<Entry> {
    let prices = SEEDED.psql(&format!(
        "SELECT day, price FROM prices WHERE orig_code = '{orig}' AND dest_code = '{dest}'"
    ));
    let mut by_day: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for row in prices {
        let price = row[1].as_ref().unwrap().parse().unwrap();
        by_day.entry(row[0].clone().unwrap()).or_default().push(price);
    }
    let days = SEEDED.psql(&format!(
        "SELECT d::date FROM generate_series(timestamp '{from}', '{to}', '1 day') AS d ORDER BY 1 DESC"
    ));
    let entries = days.into_iter().map(|row| {
        let day = row[0].clone().unwrap();
        let prices = by_day.get(&day).map_or(&[][..], Vec::as_slice);
        let count = u32::try_from(prices.len()).unwrap();
        let mean = f64::from(prices.iter().sum::<u32>()) / f64::from(count);
        (day, (count > 0).then_some(count.into()), (count >= 3).then_some(mean))
    });
    entries.collect()
}

#[test]
fn it_says_hello() {
    let reply = rates().get("/");
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.json(), json!({ "message": "Hello world!" }));
}

#[test]
fn the_documented_example_is_answered() {
    let reply = rates().get(&january());
    assert_eq!(reply.status, 200, "{reply}");
    assert_eq!(reply.header("content-type"), Some("application/json"));
    // The digits as they are sent, not as a client's float shows them.
    assert!(reply.text().contains("1154.3333333333333"), "{reply}");
    let answer = reply.json();
    let rates = answer["rates"].as_array().unwrap();
    assert_eq!(rates.len(), 31);
    assert_eq!(
        rates[0],
        json!({ "count": 3, "day": "2021-01-31", "price": 1_154.333_333_333_333_3 })
    );
    for (entry, day) in rates.iter().zip((1..=31).rev()) {
        assert_eq!(entry["day"], format!("2021-01-{day:02}"));
    }
    let counts: Vec<_> = rates.iter().map(|entry| entry["count"].as_u64().unwrap_or(0)).collect();
    for wanted in 0..=4 {
        assert!(counts.contains(&wanted), "the example has a day with {wanted} prices: {counts:?}");
    }
}

#[test]
fn every_day_of_a_range_has_its_mean() {
    for (from, to, orig, dest) in [
        ("2021-01-01", "2021-01-31", "CNGGZ", "EETLL"),
        ("2016-02-25", "2016-03-05", "CNSHA", "NLRTM"),
        ("2021-06-01", "2021-06-01", "HKHKG", "GBFXT"),
        ("2020-12-20", "2021-01-10", "CNTAO", "SEGOT"),
        ("2016-01-01", "2016-12-31", "CNYTN", "NOOSL"),
        ("2021-01-01", "2021-01-05", "EETLL", "CNGGZ"),
        ("2021-01-01", "2021-01-05", "AAAAA", "ZZZ99"),
    ] {
        let reply = rates().get(&query(from, to, orig, dest));
        assert_eq!(reply.status, 200, "{reply}");
        assert_eq!(
            entries(&reply.json()),
            expected(from, to, orig, dest),
            "{orig} {dest} {from} {to}"
        );
    }
}

#[test]
fn the_sample_is_as_large_as_it_says() {
    let count = |year| {
        let sql = format!("SELECT count(*) FROM prices WHERE extract(year FROM day) = {year}");
        SEEDED.psql(&sql)[0][0].as_ref().unwrap().parse::<u32>().unwrap()
    };
    let (first, second) = (count(2016), count(2021));
    assert!(first > 20_000 && second > 20_000 && first + second >= 50_000, "{first} {second}");
}

#[test]
fn a_range_that_ends_before_it_begins_is_empty() {
    for (from, to) in [("2021-01-31", "2021-01-01"), ("9999-12-31", "0001-01-01")] {
        let reply = rates().get(&query(from, to, "CNGGZ", "EETLL"));
        assert_eq!(reply.status, 200, "{reply}");
        assert_eq!(reply.json(), json!({ "rates": [] }));
    }
}

#[test]
fn the_longest_range_is_ten_years() {
    let reply = rates().get(&query("2011-12-31", "2022-01-06", "CNGGZ", "EETLL"));
    assert_eq!(reply.status, 200, "{reply}");
    assert_eq!(reply.json()["rates"].as_array().unwrap().len(), 3660);
    for to in ["2022-01-07", "9999-12-31"] {
        let reply = rates().get(&query("2011-12-31", to, "CNGGZ", "EETLL"));
        assert!(
            (400..500).contains(&reply.status),
            "a longer one is the caller's mistake: {reply}"
        );
        reply.problem();
    }
}

#[test]
fn what_is_missing_or_impossible_is_refused() {
    let service = rates();
    assert_refused(service, "/rates", &["date_from", "date_to", "orig_code", "dest_code"]);
    for left_out in ["date_from", "date_to", "orig_code", "dest_code"] {
        let (path, query) =
            january().split_once('?').map(|(p, q)| (p.to_owned(), q.to_owned())).unwrap();
        let rest: Vec<_> = query.split('&').filter(|pair| !pair.starts_with(left_out)).collect();
        assert_refused(service, &format!("{path}?{}", rest.join("&")), &[left_out]);
    }
    for date in [
        "",
        "2021-02-29",
        "2021-13-01",
        "2021-00-01",
        "2021-01-32",
        "21-01-01x",
        "yesterday",
        "infinity",
        "-infinity",
        "NaN",
        "2021-01-01%20BC",
        "1e3",
        "2021-01-01'%3B%20DROP%20TABLE%20prices%3B--",
        "99999999999-01-01",
    ] {
        assert_refused(service, &query(date, "2021-01-31", "CNGGZ", "EETLL"), &["date_from"]);
        assert_refused(service, &query("2021-01-31", date, "CNGGZ", "EETLL"), &["date_to"]);
    }
    for code in ["", "CNGG", "CNGGZZ", "cnggz", "CN%20GZ", "CNGGZ'", "%c3%9cNGGZ", "CN1GZ"] {
        assert_refused(service, &query("2021-01-01", "2021-01-31", code, "EETLL"), &["orig_code"]);
        assert_refused(service, &query("2021-01-01", "2021-01-31", "CNGGZ", code), &["dest_code"]);
    }
    for bytes in ["%00", "%ff", "%", "%zz"] {
        assert_refused(service, &query(bytes, "2021-01-31", "CNGGZ", "EETLL"), &[]);
        assert_refused(service, &query("2021-01-01", "2021-01-31", bytes, "EETLL"), &[]);
    }
    assert_refused(service, &format!("{}&page=1", january()), &["page"]);
    assert_refused(service, &format!("{}&date_to=2021-01-02", january()), &["date_to"]);
    assert_eq!(service.get(&january()).status, 200, "and nothing of it did any harm");
}

#[test]
fn all_mistakes_are_named_at_once() {
    let path = query("2021-02-30", "", "x", "EETLL");
    assert_refused(rates(), &path, &["date_from", "date_to", "orig_code"]);
}
