//! Many values at random, each beside the form that PostgreSQL gives it.

use super::{Raw, prepared};
use howdah::value::{Type, json};
use tokio_postgres::Client;

/// Expressions of random values whose form is that of `to_json`, byte for byte.
const SAME: &[&str] = &[
    "'4714-11-24 BC'::date + (random() * 2147483493)::integer",
    "'0100-01-01 BC'::date + (random() * 100000)::integer",
    "'2000-01-01'::timestamp + make_interval(secs => (random() - 0.5) * 1e11)",
    "'2000-01-01Z'::timestamptz + make_interval(secs => (random() - 0.5) * 1e11)",
    "'0001-01-01'::timestamp + (random() - 0.5) * interval '10 years'",
    "random() * interval '24 hours'",
    "(random() - 0.5) * interval '50 years' + (random() - 0.5) * interval '50 days 3 hours'",
    "'00:00'::time + random() * interval '23 hours 59 minutes'",
    "((random() - 0.5) * 10 ^ (random() * 40))::numeric::numeric(60, 11)",
    "round(random()::numeric ^ 20, (random() * 60)::integer)",
    "((random() - 0.5) * 1e18)::bigint",
    "md5(random()::text)::uuid",
    "chr((random() * 1000)::integer + 1) || chr((random() * 50000)::integer + 60000)",
    "'0.0.0.0/8'::inet + (random() * 4e9)::bigint",
    "set_masklen('::'::inet + (random() * 9e18)::bigint, (random() * 128)::integer)",
    "set_masklen('1:0:0:4::8'::inet + (random() * 9e18)::bigint, (random() * 128)::integer)",
    "('[0:1]={' || (random() * 100)::integer || ',NULL}')::integer[]",
    "array_fill((random() * 9)::integer, ARRAY[(random() * 3)::integer + 1, 2])",
];

/// Expressions of a random `double precision` and a random `real`.
const FLOATS: [&str; 2] = [
    "(random() - 0.5) * 10 ^ ((random() - 0.5) * 600)",
    "((random() - 0.5) * 10 ^ ((random() - 0.5) * 70))::real",
];

const COUNT: usize = 1000;

async fn compared(client: &Client, expression: &str, same: impl Fn(&str, &str) -> bool) {
    let sql = format!(
        "SELECT it, to_json(it)::text FROM (SELECT {expression} AS it FROM generate_series(1, {COUNT})) AS v"
    );
    let rows = client.query(&sql, &[]).await.unwrap();
    assert_eq!(rows.len(), COUNT);
    let ty = Type::builtin(rows[0].columns()[0].type_().oid()).unwrap();
    for row in rows {
        let (Raw(bytes), server): (Raw, String) = (row.get(0), row.get(1));
        let mut out = Vec::new();
        json::write(&ty, bytes.as_deref(), &mut out).unwrap();
        let found = String::from_utf8(out).unwrap();
        assert!(same(&found, &server), "{expression}: {found} is {server} for PostgreSQL");
    }
}

#[tokio::test]
async fn values_have_the_form_that_postgresql_gives_them() {
    let (client, _) = prepared().await;
    for expression in SAME {
        compared(&client, expression, |found, server| found == server).await;
    }
}

/// PostgreSQL's digits are at times one more than needed: it leaves out numbers that lie just
/// between two floats.
#[tokio::test]
async fn floats_are_the_same_numbers_in_as_few_digits() {
    let count = |text: &str| {
        let mantissa = text.split('e').next().unwrap_or_default().replace(['.', '-'], "");
        mantissa.trim_matches('0').len()
    };
    let (client, _) = prepared().await;
    let [double, real] = FLOATS;
    let bits = |text: &str| text.parse::<f64>().unwrap().to_bits();
    let same =
        |found: &str, server: &str| bits(found) == bits(server) && count(found) <= count(server);
    compared(&client, double, same).await;
    let bits = |text: &str| text.parse::<f32>().unwrap().to_bits();
    let same =
        |found: &str, server: &str| bits(found) == bits(server) && count(found) <= count(server);
    compared(&client, real, same).await;
}
