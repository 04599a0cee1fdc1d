//! Bodies that are refused, each with its place, and a table that stays as it was.

use super::*;

#[test]
fn each_mistake_is_told_by_line_and_field_and_nothing_goes_in() {
    let database = database();
    let service = started(&database);
    let good = super::formats::prices(NDJSON, 20_000);
    let mut lines: Vec<&str> = good.lines().collect();
    lines[9] = r#"{"orig":"A","dest":"B","day":"2021-02-29","price":1}"#;
    lines[14_999] = r#"{"orig":"A","dest":"B","day":"2021-02-28","price":1.5}"#;
    lines[19_999] = r#"{"orig":"A","dest":"B","day":"2021-02-28","prize":1}"#;
    let reply = post(&service, "/prices", NDJSON, lines.join("\n").as_bytes());
    assert_eq!((reply.status, reply.problem().as_str()), (400, "invalid-rows"));
    assert_eq!(
        errors(&reply),
        [
            "10 day: `day` is not a date (YYYY-MM-DD)",
            "15000 price: `price` is not a whole number from -2147483648 to 2147483647",
            "20000 prize: there is no column `prize`; did you mean `price`?",
            "20000 price: `price` is missing",
        ]
    );
    assert_eq!(count(&database, "prices"), "0");
    // The connection is as good as before.
    assert_eq!(post(&service, "/prices", NDJSON, good.as_bytes()).status, 200);
}

#[test]
fn the_corpus_of_malformed_bodies_is_refused() {
    let database = database();
    let service = started(&database);
    let corpus: [(&str, &[u8], &str); 33] = [
        (NDJSON, b"{\"orig\":\"A\"", "1 -: the line ends within the object"),
        (NDJSON, b"\xff\xfe", "1 -: the line is not UTF-8"),
        (NDJSON, b"{}\n", "1 orig: `orig` is missing"),
        (NDJSON, b"null", "1 -: the line is not a JSON object"),
        (
            NDJSON,
            b"{\"orig\":\"\\u0000\",\"dest\":\"B\",\"day\":\"2021-01-01\",\"price\":1}",
            "1 orig: `orig` has a NUL character",
        ),
        (
            NDJSON,
            b"{\"orig\":\"A\",\"dest\":\"B\",\"day\":\"2021-01-01\",\"price\":99999999999}",
            "1 price: `price` is not a whole number from -2147483648 to 2147483647",
        ),
        (
            NDJSON,
            b"{\"orig\":\"A\",\"orig\":\"A\",\"dest\":\"B\",\"day\":\"2021-01-01\",\"price\":1}",
            "1 orig: `orig` is given more than once",
        ),
        (
            NDJSON,
            b"{\"orig\":null,\"dest\":\"B\",\"day\":\"2021-01-01\",\"price\":1}",
            "1 orig: `orig` must not be null",
        ),
        (
            NDJSON,
            b"{\"orig\":\"A\",\"dest\":\"B\",\"day\":\"0000-01-01\",\"price\":1}",
            "1 day: `day` is not a date (YYYY-MM-DD)",
        ),
        (
            NDJSON,
            b"{\"orig\":\"\\ud800\",\"dest\":\"B\",\"day\":\"2021-01-01\",\"price\":1}",
            "1 orig: `orig` has an escape that is no character",
        ),
        (
            NDJSON,
            b"\r\n{\"orig\":\"A\",\"dest\":\"B\",\"day\":\"2021-01-01\",\"price\":NaN}\r\n",
            "2 price: `price` is not JSON",
        ),
        (NDJSON, b"\n\n{\"orig\":\"A\xff\"}", "3 -: the line is not UTF-8"),
        (JSON, b"", "1 -: the body is empty; a JSON array is expected"),
        (JSON, b"{\"orig\":\"A\"}", "1 -: the body is not a JSON array"),
        (JSON, b"[] trailing", "1 -: something stands behind the JSON array"),
        (JSON, b"[{}", "1 orig: `orig` is missing"),
        (CSV, b"", "1 -: the header record is missing"),
        (CSV, b"orig,dest,day\n", "1 price: `price` is missing in the header"),
        (CSV, b"orig,dest,day,price,orig\n", "1 orig: `orig` is given more than once"),
        (CSV, b"orig,dest,day,cost\n", "1 cost: there is no column `cost`"),
        (
            CSV,
            b"orig,dest,day,price\nA,B,2021-01-01\n",
            "2 -: the record has 3 fields, and the header 4",
        ),
        (
            CSV,
            b"orig,dest,day,price\n\"A,B,2021-01-01,1\nC,D,2021-01-01,2\n",
            "2 -: a field in quotes is not closed",
        ),
        (
            CSV,
            b"orig,dest,day,price\rA,B,2021-01-01,1\r",
            "1 -: the header has a name that has a carriage return and does not stand in quotes",
        ),
        (
            CSV,
            b"orig,dest,day,price\nA,B,2021-01-01,\n",
            "2 price: `price` is empty, and must not be NULL",
        ),
        (CSV, b"Orig,dest,day,price\n", "1 Orig: there is no column `Orig`; did you mean `orig`?"),
        (
            CSV,
            b"orig,dest,day,price\nA,B,2021-01-01,1,2\n",
            "2 -: the record has 5 fields, and the header 4",
        ),
        (
            CSV,
            b"orig,dest,day,price\nA,B,2021-01-01,1\nA,B,2021-01-01,2147483648\n",
            "3 price: `price` is not a whole number from -2147483648 to 2147483647",
        ),
        (CSV, b"orig,dest,day,price\nA\0,B,2021-01-01,1\n", "2 orig: `orig` has a NUL character"),
        (
            CSV,
            b"orig,dest,day,price\nA,\xed\xa0\x80,2021-01-01,1\n",
            "2 -: the record is not UTF-8",
        ),
        (CSV, b"\xff\xfeo\0r\0i\0g\0", "1 -: the header is not UTF-8"),
        (
            CSV,
            b"orig,dest,day,price\n\"A\nA\",B,2021-01-01,1\nA\"A,B,2021-01-01,1\n",
            "4 orig: `orig` has a quote in it and does not begin with one",
        ),
        (
            CSV,
            b"orig,dest,day,price\n\"A\"A,B,2021-01-01,1\n",
            "2 orig: `orig` has something behind its closing quote",
        ),
        (
            CSV,
            b"\xef\xbb\xbforig,dest,day,price\r\nA,B,2021-04-31,1\r\n",
            "2 day: `day` is not a date (YYYY-MM-DD)",
        ),
    ];
    for (format, body, expected) in corpus {
        let length = body.len().to_string();
        let headers = [("content-type", format), ("content-length", length.as_str())];
        let reply = service.send("POST", "/prices", &headers, body);
        assert_eq!((reply.status, reply.problem().as_str()), (400, "invalid-rows"), "{reply}");
        let shown = String::from_utf8_lossy(body);
        assert!(errors(&reply).iter().any(|it| it == expected), "{shown}: {:?}", errors(&reply));
    }
    let huge = [b"{\"orig\":\"".as_slice(), &vec![b'x'; 2 << 20], b"\"}"].concat();
    let reply = post(&service, "/prices", NDJSON, &huge);
    assert_eq!(errors(&reply), ["1 -: the line is longer than 1048576 bytes"]);
    let deep = format!("{{\"orig\":{}1{}}}", "[".repeat(500), "]".repeat(500));
    let reply = post(&service, "/prices", NDJSON, deep.as_bytes());
    assert_eq!(errors(&reply), ["1 -: the line nests more than 64 deep"]);
    assert_eq!(count(&database, "prices"), "0");
}

#[test]
fn what_postgresql_finds_is_told_by_line_too() {
    let database = database();
    let service = started(&database);
    // A blank line, so that lines are not rows.
    let body = format!(
        "\n{}{}\n",
        super::formats::prices(NDJSON, 2000),
        r#"{"orig":"SECRET1","dest":"SECRET2","day":"2021-01-01","price":1000000}"#
    );
    let reply = post(&service, "/prices", NDJSON, body.as_bytes());
    assert_eq!((reply.status, reply.problem().as_str()), (422, "unprocessable"), "{reply}");
    assert_eq!(errors(&reply), ["2002 -: it breaks a rule of the table"]);
    assert_eq!(reply.json()["errors"][0]["row"], 2001);
    let names = format!("code,name\nA,{}\nB,{}\n", "x".repeat(20), "SECRET".repeat(4));
    let long = post(&service, "/ports", CSV, names.as_bytes());
    assert_eq!(long.status, 422, "{long}");
    assert_eq!(errors(&long), ["3 name: `name`: a value is too long"]);
    let domain = r#"{"number":1,"the text":"x","flag":true,"amount":1,"moment":null,"document":null,"kind":null,"code":"SECRET 1"}"#;
    let domain = post(&service, "/kinds", NDJSON, domain.as_bytes());
    assert_eq!(domain.status, 422, "{domain}");
    assert_eq!(domain.json()["errors"][0]["field"], "code", "{domain}");
    for reply in [&reply, &long, &domain] {
        assert!(!reply.text().contains("SECRET"), "{reply}");
        assert!(!reply.text().contains("prices"), "{reply}");
    }
    assert_eq!(count(&database, "prices"), "0");
    assert_eq!(count(&database, "ports"), "0");
    assert!(!service.output().contains("SECRET"), "{}", service.output());
}

#[test]
fn limits_are_kept() {
    let database = database();
    let service = started(&database);
    let reply = post(&service, "/small", CSV, super::formats::prices(CSV, 4).as_bytes());
    assert_eq!((reply.status, reply.problem().as_str()), (413, "body-too-large"), "{reply}");
    assert_eq!(reply.json()["detail"], "The endpoint takes up to 3 rows at once.");
    let reply = post(&service, "/small", CSV, &vec![b'\n'; 1025]);
    assert_eq!((reply.status, reply.problem().as_str()), (413, "body-too-large"), "{reply}");
    assert_eq!(
        post(&service, "/small", CSV, super::formats::prices(CSV, 3).as_bytes()).status,
        200
    );
    assert_eq!(count(&database, "prices"), "3");
}

#[test]
fn what_is_no_body_of_rows_is_refused() {
    let database = database();
    let service = started(&database);
    for (media_type, code) in [
        ("application/xml", "unsupported-media-type"),
        ("text/csv; charset=latin1", "unsupported-media-type"),
        ("text/csv; header=absent", "unsupported-media-type"),
        ("application/x-www-form-urlencoded", "unsupported-media-type"),
    ] {
        let reply = post(&service, "/prices", media_type, b"x");
        assert_eq!((reply.status, reply.problem().as_str()), (415, code), "{media_type}");
    }
    let reply = service.send("POST", "/prices", &[], b"");
    assert_eq!((reply.status, reply.problem().as_str()), (415, "unsupported-media-type"));
    let reply = post(&service, "/prices?extra=1", CSV, b"x");
    assert_eq!((reply.status, reply.problem().as_str()), (400, "invalid-arguments"));
    let good = super::formats::prices(CSV, 1);
    let reply =
        post(&service, "/prices", "Text/CSV; charset=\"UTF-8\"; header=present", good.as_bytes());
    assert_eq!(reply.status, 200, "{reply}");
}

#[test]
fn a_column_that_changed_its_type_takes_nothing_for_what_it_is_not() {
    let database = database();
    let service = started(&database);
    let body = super::formats::prices(CSV, 5);
    // As long as before, longer than before, and as long as before again.
    for (change, back) in [
        ("price TYPE real", "price TYPE integer"),
        ("price TYPE bigint", "price TYPE integer"),
        ("day TYPE integer USING 1", "day TYPE date USING '2021-01-01'"),
    ] {
        database.psql(&format!("ALTER TABLE prices ALTER {change}"));
        let reply = post(&service, "/prices", CSV, body.as_bytes());
        assert_eq!(
            (reply.status, reply.problem().as_str()),
            (500, "definition-changed"),
            "{change}: {reply}"
        );
        assert_eq!(count(&database, "prices"), "0", "{change}");
        database.psql(&format!("ALTER TABLE prices ALTER {back}"));
    }
    assert_eq!(post(&service, "/prices", CSV, body.as_bytes()).status, 200);
    assert_eq!(super::formats::digest(&database), super::formats::expected(&database, 5));
}
