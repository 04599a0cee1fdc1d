use super::*;
use proptest::prelude::*;
use std::fmt::Write as _;

fn columns() -> Arc<Columns> {
    let column = |name: &str, ty, nullable| Column { name: name.to_owned(), ty, nullable };
    Arc::new(Columns::new(vec![
        column("code", Type::Text, false),
        column("day", Type::Date, false),
        column("price", Type::Int4, true),
    ]))
}

/// What became of a body: its rows, and what was wrong.
#[derive(Debug, PartialEq)]
struct Read {
    bytes: Vec<u8>,
    rows: u64,
    faults: Vec<Fault>,
}

/// Reads `body` in chunks of `size` bytes.
fn read(format: Format, body: &[u8], size: usize) -> Read {
    let mut decoder = Decoder::new(format, columns(), 1000, 8);
    let mut bytes = Vec::new();
    let mut next = Next::More;
    for chunk in body.chunks(size.max(1)) {
        next = decoder.push(chunk, &mut bytes);
        if next == Next::Enough {
            break;
        }
    }
    if next == Next::More {
        decoder.finish(&mut bytes);
    }
    Read { bytes, rows: decoder.rows(), faults: decoder.faults().to_vec() }
}

/// The rows as text: fields divided by `|`, dates as days since 2000-01-01, NULL as `~`.
fn shown(bytes: &[u8]) -> Vec<String> {
    let mut wire = crate::value::wire::Wire::new(bytes, "row");
    let mut rows = Vec::new();
    while let Ok(count) = wire.i16() {
        let values = (0..count).map(|at| match (at, wire.value().unwrap()) {
            (_, None) => "~".to_owned(),
            (0, Some(text)) => String::from_utf8(text.to_vec()).unwrap(),
            (_, Some(number)) => i32::from_be_bytes(number.try_into().unwrap()).to_string(),
        });
        rows.push(values.collect::<Vec<_>>().join("|"));
    }
    rows
}

/// The rows of a good body, however it is cut.
fn good(format: Format, body: &str) -> Vec<String> {
    let whole = read(format, body.as_bytes(), body.len());
    assert_eq!(whole.faults, [], "{body}");
    for size in [1, 2, 3, 7] {
        assert_eq!(read(format, body.as_bytes(), size), whole, "{body} in chunks of {size}");
    }
    shown(&whole.bytes)
}

/// What is wrong with a body, however it is cut: `line: field: detail`.
fn bad(format: Format, body: &[u8]) -> Vec<String> {
    let whole = read(format, body, body.len());
    assert!(!whole.faults.is_empty(), "{}", String::from_utf8_lossy(body));
    for size in [1, 2, 3, 7] {
        let cut = read(format, body, size);
        assert_eq!(cut.faults, whole.faults, "in chunks of {size}");
    }
    let told = whole.faults.iter().map(|fault| {
        format!("{}: {}: {}", fault.line, fault.field.as_deref().unwrap_or("-"), fault.detail)
    });
    told.collect()
}

const ROW: &str = r#"{"code":"EETLL","day":"2000-01-02","price":7}"#;

#[test]
fn a_line_is_a_row_however_it_is_written() {
    let body = format!(
        "\u{feff}{ROW}\r\n\n  \t\n{{ \"price\" : null , \"day\":\"2000-01-03\",\"code\":\"a\\u00e9\\\"\\n\"}}\n{ROW}"
    );
    assert_eq!(good(Format::Ndjson, &body), ["EETLL|1|7", "aé\"\n|2|~", "EETLL|1|7"]);
    assert_eq!(good(Format::Ndjson, ""), Vec::<String>::new());
    assert_eq!(
        good(Format::Ndjson, r#"{"c\u006fde":"x","day":"2000-01-01","price":-1}"#),
        ["x|0|-1"]
    );
}

#[test]
fn an_array_is_rows_however_it_is_laid_out() {
    assert_eq!(good(Format::Json, " [ ] \n"), Vec::<String>::new());
    let body = format!(
        "\u{feff}[\n  {ROW},\n  {ROW}\n ,{{\"code\":\"]}}{{[,\\\"\",\"day\":\n\"2000-01-01\",\"price\":0}}]\n"
    );
    assert_eq!(good(Format::Json, &body), ["EETLL|1|7", "EETLL|1|7", "]}{[,\"|0|0"]);
}

#[test]
fn a_record_is_a_row_whatever_the_order_of_the_columns() {
    let body = "\u{feff}price,code,\"day\"\r\n7,EETLL,2000-01-02\r\n,\"\",2000-01-01\n\n-1,\"a,\"\"b\"\"\r\nc\",\"2000-01-03\"";
    assert_eq!(good(Format::Csv, body), ["EETLL|1|7", "|0|~", "a,\"b\"\r\nc|2|-1"]);
    assert_eq!(good(Format::Csv, "code,day,price\n"), Vec::<String>::new());
}

#[test]
fn each_wrong_field_is_told_with_its_line() {
    let body = format!(
        "{ROW}\n\n{{\"code\":1,\"day\":\"2000-02-30\",\"price\":\"7\"}}\n{{\"code\":\"x\",\"prise\":1,\"price\":2147483648,\"price\":1}}\n{{\"code\":null,\"day\":\"2000-01-01\",\"price\":1}}\n"
    );
    assert_eq!(
        bad(Format::Ndjson, body.as_bytes()),
        [
            "3: code: `code` is not a string",
            "3: day: `day` is not a date (YYYY-MM-DD)",
            "3: price: `price` is a string, not a number",
            "4: prise: there is no column `prise`; did you mean `price`?",
            "4: price: `price` is not a whole number from -2147483648 to 2147483647",
            "4: price: `price` is given more than once",
            "4: day: `day` is missing",
            "5: code: `code` must not be null",
        ]
    );
}

#[test]
fn ten_faults_are_enough() {
    let body = "{}\n".repeat(1000);
    let read = read(Format::Ndjson, body.as_bytes(), 100);
    assert_eq!(read.faults.len(), MAX_FAULTS);
    assert_eq!(read.rows, 4);
    assert_eq!(read.faults[9].line, 4);
    assert!(read.bytes.is_empty());
}

#[test]
fn rows_after_a_fault_are_judged_and_not_given() {
    let body = format!("{ROW}\n{{}}\n{ROW}\n");
    let read = read(Format::Ndjson, body.as_bytes(), 64);
    assert_eq!(shown(&read.bytes), ["EETLL|1|7"]);
    assert_eq!(read.rows, 3);
}

#[test]
fn more_rows_than_wanted_are_noticed() {
    let mut decoder = Decoder::new(Format::Ndjson, columns(), 2, 8);
    let body = format!("{ROW}\n").repeat(3);
    assert_eq!(decoder.push(body.as_bytes(), &mut Vec::new()), Next::Enough);
    assert!(decoder.has_too_many_rows());
    assert_eq!(decoder.line_of(2), Some(2));
}

#[test]
fn what_is_no_json_is_told_by_line() {
    let cases: [(&[u8], &str); 17] = [
        (b"[1]", "1: -: the line is not a JSON object"),
        (b"{", "1: -: the line ends within the object"),
        (b"{}{}", "1: -: the line has something behind the object"),
        (b"{} x", "1: -: the line has something behind the object"),
        (b"{\"code\" 1}", "1: -: the line is not JSON: column 9 should be `:`"),
        (b"{\"code\":}", "1: -: the line is not JSON: column 9 should be a value"),
        (b"{code:1}", "1: -: the line is not JSON: column 2 should be a name in quotes"),
        (b"{\"code\":\"x\" \"day\"", "1: -: the line is not JSON: column 13 should be `,` or `}`"),
        (b"{\"code\":\"x\",}", "1: -: the line is not JSON: column 13 should be a name in quotes"),
        (b"{\"code\":\"x", "1: -: the line ends within a string"),
        (b"{\"code\":[1", "1: -: the line ends within a value"),
        (b"{\"code\":\"\x01\"}", "1: -: the line has a control character within a string"),
        (b"{\"code\":\"\xff\"}", "1: -: the line is not UTF-8"),
        (b"{\"code\":[[[[[[[[1]]]]]]]]}", "1: -: the line nests more than 8 deep"),
        (b"\n\0", "2: -: the line is not a JSON object"),
        (b"nul", "1: -: the line is not a JSON object"),
        (b"{\"\\x\":1}", "1: -: a name has an escape that is none"),
    ];
    for (body, expected) in cases {
        assert_eq!(bad(Format::Ndjson, body)[0], expected, "{}", String::from_utf8_lossy(body));
    }
    let nul = br#"{"code":"\u0000","day":"2000-01-01","price":1}"#;
    assert_eq!(bad(Format::Ndjson, nul), ["1: code: `code` has a NUL character"]);
    for escape in [r"\ud800", r"\x41"] {
        let body = format!(r#"{{"code":"{escape}","day":"2000-01-01","price":1}}"#);
        let told = bad(Format::Ndjson, body.as_bytes());
        assert_eq!(told, ["1: code: `code` has an escape that is no character"]);
    }
}

#[test]
fn what_is_no_array_is_told_by_line() {
    let cases: [(&str, &str); 12] = [
        ("", "1: -: the body is empty; a JSON array is expected"),
        ("\n\n", "3: -: the body is empty; a JSON array is expected"),
        ("{}", "1: -: the body is not a JSON array"),
        ("[", "1: -: the body ends within the JSON array"),
        ("[,", "1: -: an element is missing"),
        ("[\n1]", "2: -: the element is not a JSON object"),
        ("[\"a,]\"]", "1: -: the element is not a JSON object"),
        ("[}]", "1: -: the element is not a JSON object"),
        ("[] x", "1: -: something stands behind the JSON array"),
        ("[{\"code\":\n\"", "1: -: the body ends within the JSON array"),
        ("[][]", "1: -: something stands behind the JSON array"),
        ("[{]", "1: -: the element is not JSON: column 2 should be a name in quotes"),
    ];
    for (body, expected) in cases {
        let found = bad(Format::Json, body.as_bytes());
        assert!(found.iter().any(|it| it == expected), "{body}: {found:?}");
    }
    let missing = format!("[{ROW} {ROW}]");
    assert_eq!(
        bad(Format::Json, missing.as_bytes()),
        ["1: -: `,` or `]` is missing behind the element"]
    );
    let trailing = format!("[{ROW},\n]");
    assert_eq!(bad(Format::Json, trailing.as_bytes()), ["2: -: an element is missing"]);
}

#[test]
fn what_is_no_csv_is_told_by_line() {
    let cases: [(&[u8], &[&str]); 16] = [
        (b"", &["1: -: the header record is missing"]),
        (b"\n\n", &["1: -: the header record is missing"]),
        (b"code,day\n", &["1: price: `price` is missing in the header"]),
        (
            b"code,day,price,prices\n",
            &["1: prices: there is no column `prices`; did you mean `price`?"],
        ),
        (b"code,day,price,code\n", &["1: code: `code` is given more than once"]),
        (
            b"code,day,price\r",
            &[
                "1: -: the header has a name that has a carriage return and does not stand in quotes",
            ][..0],
        ),
        (b"code,day,\"price\n", &["1: -: a field in quotes is not closed"]),
        (b"code,day,price\nx,2000-01-01\n", &["2: -: the record has 2 fields, and the header 3"]),
        (
            b"code,day,price\nx,2000-01-01,1,2\n\n",
            &["2: -: the record has 4 fields, and the header 3"],
        ),
        (b"code,day,price\n\"x,2000-01-01,1\nx\n", &["2: -: a field in quotes is not closed"]),
        (
            b"code,day,price\n\"x\"y,2000-01-01,1\n",
            &["2: code: `code` has something behind its closing quote"],
        ),
        (
            b"code,day,price\nx,2000-01-01,1\nx\"y\",2000-01-01,1\nx,2000-13-01,1\n",
            &[
                "3: code: `code` has a quote in it and does not begin with one",
                "4: day: `day` is not a date (YYYY-MM-DD)",
            ],
        ),
        (
            b"code,day,price\nx\ry,2000-01-01,1\n",
            &["2: code: `code` has a carriage return and does not stand in quotes"],
        ),
        (b"code,day,price\n\xff,2000-01-01,1\n", &["2: -: the record is not UTF-8"]),
        (b"code,day,price\nx\0,2000-01-01,1\n", &["2: code: `code` has a NUL character"]),
        (
            b"code,day,price\n,2000-01-01, 1\n",
            &[
                "2: code: `code` is empty, and must not be NULL",
                "2: price: `price` is not a whole number from -2147483648 to 2147483647",
            ],
        ),
    ];
    for (body, expected) in cases {
        if expected.is_empty() {
            // A header that ends with CR and the body: as good as CRLF.
            assert_eq!(read(Format::Csv, body, 4).faults, []);
            continue;
        }
        assert_eq!(bad(Format::Csv, body), expected, "{}", String::from_utf8_lossy(body));
    }
}

#[test]
fn records_within_quotes_count_their_lines() {
    let body = b"code,day,price\n\"a\nb\nc\",2000-01-01,1\nx,2000-01-01,x\n";
    assert_eq!(
        bad(Format::Csv, body),
        ["5: price: `price` is not a whole number from -2147483648 to 2147483647"]
    );
}

#[test]
fn an_empty_line_is_null_in_a_table_of_one_column() {
    let column = Column { name: "note".to_owned(), ty: Type::Text, nullable: true };
    let columns = Arc::new(Columns::new(vec![column]));
    let mut decoder = Decoder::new(Format::Csv, columns, 10, 8);
    let mut bytes = Vec::new();
    let _ = decoder.push(b"note\na\n\n\"\"\n", &mut bytes);
    decoder.finish(&mut bytes);
    assert_eq!(shown(&bytes), ["a", "~", ""]);
}

/// A name that nothing knows is compared with all that are known: only as often as it is told.
#[test]
fn names_behind_the_last_fault_that_is_told_cost_nothing() {
    let column = |at| Column { name: format!("c{at}"), ty: Type::Int4, nullable: true };
    let columns = Arc::new(Columns::new((0..100).map(column).collect()));
    let csv = vec!["zz"; 300_000].join(",") + "\n";
    let line = format!("{{{}}}\n", vec![r#""zz":1"#; 100_000].join(","));
    for (format, body) in [(Format::Csv, csv), (Format::Ndjson, line)] {
        let start = std::time::Instant::now();
        let mut decoder = Decoder::new(format, Arc::clone(&columns), 10, 8);
        assert_eq!(decoder.push(body.as_bytes(), &mut Vec::new()), Next::Enough);
        // A minute without optimisation, when each is compared.
        assert!(start.elapsed().as_secs() < 5, "{format:?}: {:?}", start.elapsed());
    }
}

#[test]
fn records_that_never_end_are_bounded() {
    let starts: [(Format, &[u8], &str); 4] = [
        (Format::Ndjson, b"{\"code\":\"", "the line is longer than 1048576 bytes"),
        (Format::Json, b"[{\"code\":\"", "the element is longer than 1048576 bytes"),
        (Format::Csv, b"code,day,price\nx", "the record is longer than 1048576 bytes"),
        (
            Format::Csv,
            b"code,day,price\n\"x",
            "the record is longer than 1048576 bytes; a field in quotes may not be closed",
        ),
    ];
    for (format, start, expected) in starts {
        let mut decoder = Decoder::new(format, columns(), 10, 8);
        let mut bytes = Vec::new();
        let _ = decoder.push(start, &mut bytes);
        let chunk = vec![b'x'; 30_000];
        let taken = (0..100).take_while(|_| decoder.push(&chunk, &mut bytes) == Next::More).count();
        assert_eq!(taken, MAX_RECORD_BYTES / 30_000, "{format:?}");
        assert_eq!(decoder.faults()[0].detail, expected);
    }
}

#[test]
fn a_record_that_is_too_long_is_named_by_the_line_it_begins_on() {
    let mut body = b"code,day,price\n\"a\nb\n".to_vec();
    body.resize(MAX_RECORD_BYTES + 100, b'x');
    body.extend_from_slice(b"\nc\",2021-01-01,1\n");
    for size in [body.len(), 4096] {
        let mut decoder = Decoder::new(Format::Csv, columns(), 10, 8);
        let mut bytes = Vec::new();
        let mut chunks = body.chunks(size);
        assert!(chunks.any(|chunk| decoder.push(chunk, &mut bytes) == Next::Enough));
        assert_eq!(decoder.faults()[0].line, 2, "in chunks of {size}");
    }
}

#[test]
fn no_fault_repeats_a_value() {
    let secret = "hunter2hunter2";
    for (format, body) in [
        (Format::Ndjson, format!("{{\"code\":\"x\",\"day\":\"{secret}\",\"price\":{secret}}}\n")),
        (Format::Csv, format!("code,day,price\nx,{secret},{secret}\n{secret}\"{secret}\",1,2\n")),
        (Format::Json, format!("[{{\"code\":{secret}}},\"{secret}\"]")),
    ] {
        for fault in read(format, body.as_bytes(), 1000).faults {
            assert!(!fault.detail.contains(secret), "{fault:?}");
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_the_same_however_they_are_cut(
        body in prop::collection::vec(
            prop::sample::select(b"{}[]\",:\\ \n\r\tcodeayprice0129-ntu\xef\xbb\xbf\xff".to_vec()), 0..200),
        sizes in prop::collection::vec(1_usize..20, 1..4),
    ) {
        for format in [Format::Ndjson, Format::Csv, Format::Json] {
            let whole = read(format, &body, body.len());
            for size in &sizes {
                let cut = read(format, &body, *size);
                prop_assert_eq!(&cut.faults, &whole.faults);
                prop_assert_eq!(&cut.bytes, &whole.bytes);
            }
        }
    }

    #[test]
    fn any_text_comes_through_csv_and_json(
        texts in prop::collection::vec("[^\0]{0,20}", 1..20),
    ) {
        let mut csv = "code,day,price\r\n".to_owned();
        let mut lines = String::new();
        for text in &texts {
            let _ = write!(csv, "\"{}\",2000-01-01,1\r\n", text.replace('"', "\"\""));
            let text = serde_json::to_string(text).unwrap();
            let _ = writeln!(lines, "{{\"code\":{text},\"day\":\"2000-01-01\",\"price\":1}}");
        }
        let expected: Vec<String> = texts.iter().map(|text| format!("{text}|0|1")).collect();
        for (format, body) in [(Format::Csv, csv), (Format::Ndjson, lines)] {
            let read = read(format, body.as_bytes(), 5);
            prop_assert_eq!(read.faults, vec![]);
            prop_assert_eq!(shown(&read.bytes), expected.clone());
        }
    }
}
