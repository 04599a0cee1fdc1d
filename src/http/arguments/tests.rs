#![allow(clippy::unwrap_used, clippy::expect_used)]
use super::*;
use crate::access::Claims;
use crate::{definition::file, diagnostic::SourceFile, value::Type};
use ::http::{HeaderName, HeaderValue};
use proptest::prelude::*;
use serde_json::{Value, json};

const DEPTH: usize = 8;

/// The parameters of an endpoint `get`, `post`, … with these declarations; `type` is their type,
/// text where it is not stated.
fn declared(method_and_path: &str, declarations: &str) -> Vec<Typed> {
    let names = declarations.lines().filter_map(|line| line.split_once('=')).map(|it| it.0.trim());
    let in_path = method_and_path.split('{').skip(1).filter_map(|it| it.split('}').next());
    let used: Vec<_> = names.chain(in_path).map(|name| format!(":{name}")).collect();
    let text = format!(
        "/*\n{method_and_path}\n[parameters]\n{declarations}\n*/ SELECT {}",
        used.join(", ")
    );
    let source = SourceFile::new("a.sql", text);
    let (endpoint, _) = file::read(&source, "a").map_err(|it| it.render(false)).unwrap();
    let typed = endpoint.parameters.into_iter().map(|parameter| {
        let ty = parameter.type_name.as_deref().unwrap_or("text");
        Typed::new(&source, parameter.clone(), Type::named(ty).unwrap()).unwrap()
    });
    typed.collect()
}

fn rates() -> Vec<Typed> {
    declared(
        "get = '/rates/{route}'",
        "day = { type = 'date' }
         limit = { type = 'int', minimum = 1, maximum = 100, default = 20 }
         name = { required = false, from = 'header:X-Name', max_length = 3 }
         codes = { type = 'text[]', required = false }",
    )
}

fn body() -> Vec<Typed> {
    declared("post = '/a'", "price = { type = 'numeric' }\nnote = { required = false }")
}

fn get(
    parameters: &[Typed],
    segment: &str,
    query: &str,
    headers: &[(&str, &[u8])],
) -> Result<Vec<Argument>, Problem> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name: HeaderName = name.parse().unwrap();
        map.append(name, HeaderValue::from_bytes(value).unwrap());
    }
    let path = [("route", segment)];
    let path = if segment.is_empty() { &[][..] } else { &path };
    let body = IncomingBody::None;
    let incoming = Incoming { path, query: Some(query), headers: &map, claims: None, body };
    read(parameters, &incoming, DEPTH)
}

fn post(parameters: &[Typed], body: IncomingBody<'_>) -> Result<Vec<Argument>, Problem> {
    let headers = HeaderMap::new();
    read(
        parameters,
        &Incoming { path: &[], query: None, headers: &headers, claims: None, body },
        DEPTH,
    )
}

fn text(text: &str) -> Argument {
    Argument::Binary(text.as_bytes().to_vec())
}

/// The problem's code, and `place name: detail` for each error.
fn told(result: Result<Vec<Argument>, Problem>) -> (Code, Vec<String>) {
    let problem = result.unwrap_err();
    assert_eq!(problem.status(), 400);
    let document = problem.to_json("");
    let errors = document["errors"].as_array().cloned().unwrap_or_default();
    let line = |it: &Value| {
        let word = |key: &str| it[key].as_str().unwrap().to_owned();
        format!("{} {}: {}", word("in"), word("parameter"), word("detail"))
    };
    (problem.code(), errors.iter().map(line).collect())
}

#[test]
fn arguments_come_in_the_order_of_the_parameters() {
    let all = get(&rates(), "a%2Fb+c", "codes=x,y&limit=7&day=2021-01-31", &[("X-Name", b"Ada")]);
    let expected = [
        Argument::Binary(7701_i32.to_be_bytes().to_vec()),
        Argument::Binary(7_i32.to_be_bytes().to_vec()),
        text("Ada"),
        Argument::Text(br#"{"x","y"}"#.to_vec()),
        text("a/b+c"),
    ];
    assert_eq!(all.unwrap(), expected);
    let least = get(&rates(), "x", "&day=2021%2D01-31&", &[("x-other", b"\xff")]).unwrap();
    assert_eq!(least[1], Argument::Binary(20_i32.to_be_bytes().to_vec()));
    assert_eq!(least[2..4], [Argument::Null, Argument::Null]);
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let query = "day=1&limit=0&limit=5&limit=6&dya=1&dya=2&codes=%20&zzz";
    let (code, errors) = told(get(&rates(), "", query, &[("x-name", b"Adam"), ("x-name", b"Eve")]));
    assert_eq!(code, Code::InvalidArguments);
    let expected = [
        "query day: `day` is not a date (YYYY-MM-DD)",
        "query limit: `limit` is less than 1",
        "query limit: `limit` is given more than once",
        "query dya: there is no parameter `dya`; did you mean `day`?",
        "query zzz: there is no parameter `zzz`",
        "header x-name: `name` is longer than 3 characters",
        "header x-name: `x-name` is given more than once",
        "path route: `route` is missing",
    ];
    assert_eq!(errors, expected);
}

#[test]
fn an_argument_in_the_wrong_place_is_unknown() {
    let (_, errors) = told(get(&rates(), "x", "day=2021-01-01&route=y&name=z", &[]));
    assert_eq!(errors.len(), 2, "{errors:?}");
}

#[test]
fn a_target_that_cannot_be_decoded_is_malformed() {
    for bad in ["day=%", "day=%2", "day=%zz", "day=%C3", "%ff=1", "day=%00", "day=\0", "a%+1=x"] {
        assert_eq!(told(get(&rates(), "x", bad, &[])).0, Code::MalformedRequest, "{bad}");
    }
    for bad in ["%", "%4", "%C3%28", "%00", "a\0"] {
        assert_eq!(told(get(&rates(), bad, "day=2021-01-01", &[])).0, Code::MalformedRequest);
        assert!(decode_segment(bad).is_err());
    }
    assert_eq!(decode_segment("%C3%A9%2f+").unwrap(), "é/+");
    let (_, errors) = told(get(&rates(), "x", "day=2021-01-01", &[("x-name", b"\xff")]));
    assert_eq!(errors, ["header x-name: `x-name` is not UTF-8"]);
}

#[test]
fn a_json_body_keeps_numbers_exact() {
    let body_text = br#" {"note": "a\u00e9", "price": 0.10000000000000000000000000000000001} "#;
    let all = post(&body(), IncomingBody::Json(body_text)).unwrap();
    let exact = b"0.10000000000000000000000000000000001".to_vec();
    assert_eq!(all, [Argument::Text(exact), text("aé")]);
    let null = post(&body(), IncomingBody::Json(br#"{"price":1,"note":null}"#)).unwrap();
    assert_eq!(null[1], Argument::Null);
}

#[test]
fn members_are_judged_like_all_arguments() {
    let bytes = br#"{"price": null, "note": 5, "prise": [1], "note": "x", "pr\u0069ce": 1}"#;
    let (code, errors) = told(post(&body(), IncomingBody::Json(bytes)));
    assert_eq!(code, Code::InvalidArguments);
    let expected = [
        "body price: `price` must not be null",
        "body note: `note` is not a string",
        "body prise: there is no parameter `prise`; did you mean `price`?",
        "body note: `note` is given more than once",
        "body price: `price` is given more than once",
    ];
    assert_eq!(errors, expected);
    for empty in [&b""[..], b" \n", b"{}"] {
        let (_, errors) = told(post(&body(), IncomingBody::Json(empty)));
        assert_eq!(errors, ["body price: `price` is missing"]);
    }
}

#[test]
fn a_body_that_is_not_a_json_object_is_malformed_and_says_where() {
    let deep = format!("{{\"note\":{}", "[".repeat(100_000));
    for (bad, detail) in [
        ("[1]", "not a JSON object"),
        ("\"s3cr3t\"", "not a JSON object"),
        ("{\"price\": 1,}", "line 1 column 13"),
        ("{\"price\":\n 1} x", "line 2 column 5"),
        ("{\"price\": 01}", "line 1 column 12"),
        ("{\"price\": 1", "line 1"),
        ("{\"note\": \"a\0\"}", "control character"),
        ("\u{feff}{}", "line 1 column 1"),
        (deep.as_str(), "nests more than 8 deep at line 1 column 16"),
    ] {
        let problem = post(&body(), IncomingBody::Json(bad.as_bytes())).unwrap_err();
        let document = problem.to_json("");
        let told = document["detail"].as_str().unwrap();
        assert_eq!(problem.code(), Code::MalformedBody, "{told}");
        assert!(told.contains(detail) && !told.contains("s3cr3t"), "{told}");
    }
    let problem = post(&body(), IncomingBody::Json(b"{\"note\":\n \"\xff\"}")).unwrap_err();
    assert_eq!(problem.to_json("")["detail"], "The body is not UTF-8 at line 2 column 3.");
    let brackets = json!({"price": 1, "note": "[[[[[[[[[[\\\"[[["}).to_string();
    assert!(post(&body(), IncomingBody::Json(brackets.as_bytes())).is_ok());
}

#[test]
fn a_form_is_read_like_a_query() {
    let all = post(&body(), IncomingBody::Form(b"price=1.50&note=a+b%2B")).unwrap();
    assert_eq!(all, [Argument::Text(b"1.50".to_vec()), text("a b+")]);
    for bad in [&b"price=%"[..], b"price=\xff", b"price=%00"] {
        assert_eq!(told(post(&body(), IncomingBody::Form(bad))).0, Code::MalformedBody);
    }
}

#[test]
fn the_list_of_mistakes_ends() {
    let query: Vec<_> = (0..5000).map(|at| format!("x{at}=1")).collect();
    let query = query.join("&");
    let problem = get(&rates(), "x", &query, &[]).unwrap_err();
    let document = problem.to_json("");
    assert_eq!(document["errors"].as_array().unwrap().len(), LISTED);
    assert!(document["detail"].as_str().unwrap().contains("first 100"));
    let long = "y".repeat(10_000);
    let (_, errors) = told(get(&rates(), "x", &format!("day=2021-01-01&{long}=1"), &[]));
    assert!(errors[0].len() < 500);
}

#[test]
fn a_claim_that_nobody_proved_is_forbidden() {
    let parameters = declared("get = '/a'", "me = { from = 'claim:sub' }");
    assert_eq!(get(&parameters, "", "", &[]).unwrap_err().code(), Code::Forbidden);
    assert_eq!(get(&parameters, "", "me=1", &[]).unwrap_err().code(), Code::Forbidden);
}

#[test]
fn a_claim_is_an_argument_of_its_own_type() {
    let parameters = declared("get = '/a'", "me = { from = 'claim:app.user', type = 'int4' }");
    let with = |claims: serde_json::Value, query: &str| {
        let claims = Claims::from(claims.as_object().unwrap().clone());
        let (headers, body) = (HeaderMap::new(), IncomingBody::None);
        let claims = Some(&claims);
        let incoming = Incoming { path: &[], query: Some(query), headers: &headers, claims, body };
        read(&parameters, &incoming, DEPTH)
    };
    let json = |user: serde_json::Value| serde_json::json!({ "app": { "user": user } });
    let known = with(json(42.into()), "").unwrap();
    assert_eq!(with(json("42".into()), "").unwrap(), known, "a text stands for it");
    for wrong in
        [json("x".into()), json(1.5.into()), json(serde_json::Value::Null), json([1].into())]
    {
        assert_eq!(with(wrong, "").unwrap_err().code(), Code::Forbidden);
    }
    // Nobody says for themselves what only an issuer may say.
    assert_eq!(told(with(json(42.into()), "me=7")).0, Code::InvalidArguments);
}

/// Percent-encodes every byte, so that any text survives.
fn encoded(text: &str) -> String {
    let pieces: Vec<_> = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
    pieces.concat()
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(
        query in "\\PC*",
        segment in "\\PC*",
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        header in "[ -~]*",
    ) {
        let _ = get(&rates(), &segment, &query, &[("x-name", header.as_bytes())]);
        let _ = post(&body(), IncomingBody::Json(&bytes));
        let _ = post(&body(), IncomingBody::Form(&bytes));
    }

    #[test]
    fn broken_json_never_panics(text in r#"[\[\]{}:,"\\a0-9.eE+ -]{0,60}"#) {
        let _ = post(&body(), IncomingBody::Json(text.as_bytes()));
    }

    #[test]
    fn what_was_encoded_comes_back(value in "[^\0]*", plain in "[a-z ]*") {
        let parameters = declared("get = '/a/{route}'", "note = {}\nplain = {}");
        let query = format!("note={}&plain={}", encoded(&value), plain.replace(' ', "+"));
        let all = get(&parameters, &format!("%61{}", encoded(&value)), &query, &[]).unwrap();
        prop_assert_eq!(&all, &[text(&value), text(&plain), text(&format!("a{value}"))]);

        let form = format!("price=1&note={}", encoded(&value));
        let all = post(&body(), IncomingBody::Form(form.as_bytes())).unwrap();
        prop_assert_eq!(&all[1], &text(&value));

        let document = json!({"price": 1, "note": value}).to_string();
        let all = post(&body(), IncomingBody::Json(document.as_bytes())).unwrap();
        prop_assert_eq!(&all[1], &text(&value));
    }
}
