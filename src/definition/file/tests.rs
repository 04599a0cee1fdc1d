#![allow(clippy::unwrap_used, clippy::expect_used)]
use super::*;
use crate::{
    definition::parameter::{Origin, Presence},
    diagnostic::Code,
};

const RATES: &str = r#"/*
get = "/rates/{orig_code}"
summary = "Average price per day on a route"
tags = ["rates"]
result = "rows"
envelope = "rates"
max_rows = 3_660
lane = "slow"

[parameters]
date_from = { type = "date", example = 2021-01-01 }
limit = { type = "integer", minimum = 1, maximum = 100, default = 20 }
name = { required = false, min_length = 1, max_length = 30, pattern = '\w+', from = "header:X-Name" }
*/
SELECT :date_from, :orig_code, :limit, :name;
"#;

fn read_text(text: &str) -> Result<(Endpoint, Diagnostics), Diagnostics> {
    read(&SourceFile::new("endpoints/a.sql", text), "a")
}

fn errors(text: &str) -> Vec<(Code, String)> {
    let errors = read_text(text).expect_err(text);
    errors.iter().map(|it| (it.code(), it.message().to_owned())).collect()
}

#[test]
fn everything_a_file_says_is_read() {
    let (endpoint, warnings) = read_text(RATES).unwrap();
    assert!(warnings.is_empty());
    assert_eq!((endpoint.method, endpoint.path.as_str()), (Method::Get, "/rates/{orig_code}"));
    assert_eq!(endpoint.summary.as_deref(), Some("Average price per day on a route"));
    assert_eq!(endpoint.tags, ["rates"]);
    assert_eq!((endpoint.result, endpoint.max_rows), (ResultShape::Rows, 3660));
    assert_eq!(endpoint.envelope.as_deref(), Some("rates"));
    assert_eq!(endpoint.lane.unwrap().as_str(), "slow");
    assert_eq!(endpoint.statement.sql, "SELECT $1, $2, $3, $4");
    let names: Vec<_> = endpoint.parameters.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["date_from", "limit", "name", "orig_code"]);
    let [date_from, limit, name, orig_code] = &endpoint.parameters[..] else { panic!("four") };
    assert_eq!((&date_from.origin, &date_from.presence), (&Origin::Query, &Presence::Required));
    assert_eq!(date_from.example, Some("2021-01-01".into()));
    assert_eq!(limit.presence, Presence::Default(20.into()));
    assert_eq!(name.origin, Origin::Header("x-name".into()));
    assert_eq!(name.presence, Presence::Optional);
    assert_eq!((&orig_code.origin, orig_code.declared), (&Origin::Path, false));
    assert_eq!(
        &RATES[date_from.span.clone()],
        r#"date_from = { type = "date", example = 2021-01-01 }"#
    );
    assert_eq!(&RATES[limit.place("maximum")], "100");
    assert_eq!(&RATES[orig_code.span.clone()], r#""/rates/{orig_code}""#);
}

#[test]
fn the_short_form_has_the_defaults() {
    let (endpoint, _) = read_text("\u{feff}\r\n/*post=\"/a\"\r\n*/SELECT 1").unwrap();
    assert_eq!(endpoint.method, Method::Post);
    assert_eq!((endpoint.result, endpoint.max_rows), (ResultShape::Rows, DEFAULT_MAX_ROWS));
    assert_eq!((endpoint.envelope, endpoint.lane), (None, None));
    assert!(endpoint.parameters.is_empty());
}

#[test]
fn a_method_with_a_body_reads_it() {
    let text = "/*\npost='/a/{b}'\n[parameters]\nc={}\nd={from='query'}\n*/ SELECT :b, :c, :d";
    let (endpoint, _) = read_text(text).unwrap();
    let origins: Vec<_> = endpoint.parameters.into_iter().map(|it| it.origin).collect();
    assert_eq!(origins, [Origin::Body, Origin::Query, Origin::Path]);
}

#[test]
fn both_halves_are_judged_in_one_run() {
    let found = errors("/*\nget = '/a'\nresutl = 'rows'\nmax_rows = 0\n*/\nSELECT $1, x:y");
    let codes: Vec<_> = found.iter().map(|it| it.0).collect();
    let (forbidden, undeclared) = (Code::ForbiddenSql, Code::UndeclaredParameter);
    let expected = [Code::UnknownKey, Code::InvalidValue, forbidden, undeclared, forbidden];
    assert_eq!(codes, expected);
}

#[test]
fn a_mistyped_placeholder_is_one_mistake() {
    let found = errors("/*\nget='/a'\n[parameters]\ndate_from={}\n*/ SELECT :date_form");
    assert_eq!(found, [(Code::UndeclaredParameter, "`:date_form` is not declared".into())]);
}

#[test]
fn no_truncation_of_a_file_panics() {
    for end in (0..RATES.len()).filter(|end| RATES.is_char_boundary(*end)) {
        let _ = read_text(&RATES[..end]);
    }
}
