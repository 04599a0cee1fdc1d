//! Rows that come through each format, and through each type.

use super::*;
use serde_json::json;
use std::fmt::Write;

/// So many prices as the body of a format.
pub(super) fn prices(format: &str, count: u32) -> String {
    let mut body = String::new();
    let price = |index: u32| {
        let day = index % 28 + 1;
        (format!("CN{:03}", index % 1000), "EETLL", format!("2021-01-{day:02}"), index)
    };
    match format {
        CSV => body.push_str("price,day,dest,orig\r\n"),
        JSON => body.push('['),
        _ => {}
    }
    for index in 0..count {
        let (orig, dest, day, price) = price(index);
        let object =
            format!(r#"{{"orig":"{orig}","dest":"{dest}","day":"{day}","price":{price}}}"#);
        match format {
            CSV => writeln!(body, "{price},{day},\"{dest}\",{orig}\r"),
            JSON => write!(body, "{}{object}", if index > 0 { ",\n" } else { "" }),
            _ => writeln!(body, "{object}"),
        }
        .unwrap();
    }
    if format == JSON {
        body.push(']');
    }
    body
}

/// What stands in the table of prices, in a form that two tables share only when they are the same.
pub(super) fn digest(database: &Database) -> String {
    one(
        database,
        "SELECT md5(string_agg(concat_ws('|', orig, dest, day, price), ',' ORDER BY price)) FROM prices",
    )
}

/// The digest of so many prices, made by the database.
pub(super) fn expected(database: &Database, count: u32) -> String {
    one(
        database,
        &format!(
            "SELECT md5(string_agg(concat_ws('|', 'CN' || lpad((i % 1000)::text, 3, '0'), 'EETLL', \
             date '2021-01-01' + i % 28, i), ',' ORDER BY i)) FROM generate_series(0, {count} - 1) AS i"
        ),
    )
}

#[test]
fn the_same_rows_come_through_each_format() {
    const ROWS: u32 = 200_000;
    let database = database();
    let service = started(&database);
    for format in [NDJSON, CSV, JSON] {
        database.psql("TRUNCATE prices");
        let reply = post(&service, "/prices", format, prices(format, ROWS).as_bytes());
        assert_eq!(reply.status, 200, "{format}: {reply}");
        assert_eq!(reply.json(), json!({ "rows": ROWS, "inserted": ROWS }));
        assert_eq!(digest(&database), expected(&database, ROWS), "{format}");
    }
}

#[test]
fn every_type_has_its_form() {
    let database = database();
    let service = started(&database);
    let rows = concat!(
        r#"{"number":9223372036854775807,"the text":"a\"\\\t\u00e9","flag":true,"amount":-12345.6700,"#,
        r#""moment":"2021-01-31T23:59:59.5+01:00","document":{"a":[1,null]},"kind":"air","code":"X"}"#,
        "\n",
        r#"{"number":null,"the text":null,"flag":null,"amount":null,"moment":null,"document":null,"kind":null,"code":null}"#,
        "\n",
        r#"{"code":"Y","kind":"sea","document":"x","moment":"2000-01-01T00:00:00Z","amount":1e3,"flag":false,"the text":"","number":"-1"}"#,
    );
    let reply = post(&service, "/kinds", NDJSON, rows.as_bytes());
    assert_eq!(reply.status, 200, "{reply}");
    let csv = "number,the text,flag,amount,moment,document,kind,code\n\
               ,\"\",true,0.0001,2021-01-01T00:00:00Z,\"[1, \"\"x\"\"]\",sea,Z\n";
    assert_eq!(post(&service, "/kinds", CSV, csv.as_bytes()).status, 200);
    let shown = database.psql(
        "SELECT concat_ws('|', number, \"the text\", flag, amount, moment AT TIME ZONE 'UTC', \
         document, kind, code) FROM \"Odd Schema\".\"Kinds\" ORDER BY ctid",
    );
    let shown: Vec<&str> = shown.iter().map(|row| row[0].as_deref().unwrap()).collect();
    assert_eq!(
        shown,
        [
            "9223372036854775807|a\"\\\té|t|-12345.6700|2021-01-31 22:59:59.5|{\"a\": [1, null]}|air|X",
            "",
            "-1||f|1000.0000|2000-01-01 00:00:00|\"x\"|sea|Y",
            "|t|0.0001|2021-01-01 00:00:00|[1, \"x\"]|sea|Z",
        ]
    );
    let nulls = "SELECT count(*) FROM \"Odd Schema\".\"Kinds\" WHERE \"the text\" = ''";
    assert_eq!(one(&database, nulls), "2");
}

#[test]
fn values_that_hold_values_are_loaded_as_text() {
    let database = database();
    let service = started(&database);
    let rows = "{\"id\":1,\"tags\":[\"a\\tb\",\"c\\\\d\\n\",null,\"\\\\.\"],\"span\":{\"lower\":1,\"upper\":5}}\n\
                {\"id\":2,\"tags\":[],\"span\":null}\n{\"id\":3,\"tags\":null,\"span\":null}\n";
    let reply = post(&service, "/lists", NDJSON, rows.as_bytes());
    assert_eq!(reply.status, 200, "{reply}");
    let csv = "id,span,tags\n4,\"[2,3)\",\"x,y\"\n";
    assert_eq!(post(&service, "/lists", CSV, csv.as_bytes()).status, 200);
    assert_eq!(
        one(
            &database,
            "SELECT json_agg(json_build_array(id, tags, span) ORDER BY id)::text FROM lists"
        ),
        "[[1, [\"a\\tb\",\"c\\\\d\\n\",null,\"\\\\.\"], \"[1,5)\"], [2, [], null], [3, null, null], [4, [\"x\",\"y\"], \"[2,3)\"]]"
    );
}

#[test]
fn columns_that_are_not_named_take_their_defaults_and_nothing_is_as_good_as_little() {
    let database = database();
    let service = started(&database);
    for (format, body) in
        [(NDJSON, ""), (NDJSON, "\n \n"), (CSV, "orig,dest,day,price\n"), (JSON, "[]")]
    {
        let headers = [("content-type", format), ("content-length", &body.len().to_string())];
        let reply = service.send("POST", "/prices", &headers, body.as_bytes());
        assert_eq!(reply.json(), json!({ "rows": 0, "inserted": 0 }), "{format}: {reply}");
    }
    assert_eq!(post(&service, "/prices", CSV, prices(CSV, 2).as_bytes()).status, 200);
    assert_eq!(
        one(&database, "SELECT count(*) FROM prices WHERE id IN (1, 2) AND added <= now()"),
        "2"
    );
    assert_eq!(post(&service, "/ports", NDJSON, br#"{"code":"A","name":"Aa"}"#).status, 200);
    assert_eq!(one(&database, "SELECT note FROM ports"), "new");
}
