#![allow(clippy::unwrap_used, clippy::expect_used)]
use super::*;
use crate::definition::file;

/// The parameter `a` that is declared as `declaration`, with its type.
fn typed(declaration: &str, ty: &str) -> Result<Typed, Diagnostics> {
    let text = format!("/*\nget = '/a'\n[parameters]\na = {declaration}\n*/ SELECT :a");
    let source = SourceFile::new("a.sql", text);
    let (endpoint, _) = file::read(&source, "a").map_err(|it| it.render(false)).unwrap();
    let parameter = endpoint.parameters.into_iter().next().unwrap();
    Typed::new(&source, parameter, Type::named(ty).unwrap())
}

fn refusal(typed: &Typed, text: &str) -> String {
    typed.accept_text(text).expect_err(text)
}

#[test]
fn bounds_are_exact_for_every_kind_of_number() {
    let small = typed("{ minimum = 0.1, maximum = 9007199254740993 }", "numeric").unwrap();
    for good in ["0.1", "0.10", "1e-1", "9007199254740993", "9007199254740993.0"] {
        assert!(small.accept_text(good).is_ok(), "{good}");
        assert!(small.accept_json(good).is_ok(), "{good}");
        assert!(small.accept_json(&format!("\"{good}\"")).is_ok(), "{good}");
    }
    assert_eq!(refusal(&small, "0.0999999999999999999999999999"), "`a` is less than 0.1");
    let above = "9007199254740993.00000000000000000000001";
    assert_eq!(refusal(&small, above), "`a` is greater than 9007199254740993");
    assert_eq!(refusal(&small, "NaN"), "`a` is not a number");
    assert_eq!(refusal(&small, "-Infinity"), "`a` is less than 0.1");
    let real = typed("{ maximum = 0.1 }", "real").unwrap();
    assert!(real.accept_text("0.1").is_ok(), "a tenth as written, not as the nearest float");
    let whole = typed("{ minimum = 1.5 }", "int").unwrap();
    assert!(whole.accept_text("1").is_err() && whole.accept_text("2").is_ok());
}

#[test]
fn lengths_count_characters() {
    let name = typed("{ min_length = 1, max_length = 3 }", "text").unwrap();
    assert!(name.accept_text("äöü").is_ok());
    assert!(name.accept_json(r#""\u00e4\u00f6\ud83d\ude00""#).is_ok());
    assert_eq!(refusal(&name, ""), "`a` is shorter than 1 character");
    assert_eq!(refusal(&name, "abcd"), "`a` is longer than 3 characters");
}

#[test]
fn a_pattern_is_about_the_whole_value_and_the_type_comes_first() {
    let code = typed("{ pattern = '[A-Z]{5}' }", "text").unwrap();
    assert_eq!(code.accept_text("CNGGZ"), Ok(Argument::Binary(b"CNGGZ".to_vec())));
    let why = "`a` does not match the pattern [A-Z]{5}";
    for bad in ["CNGGZX", "cnggz", "CNGGZ\n"] {
        assert_eq!(refusal(&code, bad), why);
        assert_eq!(code.accept_json(&Value::from(bad).to_string()), Err(why.to_owned()));
    }
    assert_eq!(code.accept_json("12345"), Err("`a` is not a string".to_owned()));
}

#[test]
fn members_are_told_by_value_not_by_spelling() {
    let number = typed("{ enum = [1, 2.50] }", "numeric").unwrap();
    for good in ["1", "1.00", "2.5", "25e-1"] {
        assert!(number.accept_text(good).is_ok(), "{good}");
    }
    assert_eq!(refusal(&number, "3"), "`a` is not one of 1, 2.5");
    let day = typed("{ enum = [2021-01-01, '2021-01-02'] }", "date").unwrap();
    assert!(day.accept_text("2021-01-02").is_ok() && day.accept_text("2021-01-03").is_err());
    let uuid = "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11";
    let uuids = typed(&format!("{{ enum = ['{uuid}'] }}"), "uuid").unwrap();
    assert!(uuids.accept_text(&uuid.to_lowercase()).is_ok());
}

#[test]
fn facets_of_an_array_are_about_each_element() {
    let list = typed("{ minimum = 1, maximum = 9, default = [1, 9] }", "int[]").unwrap();
    assert_eq!(list.default, list.accept_json("[1, 9]").ok());
    assert!(list.accept_text("1,9").is_ok() && list.accept_text("").is_ok());
    assert_eq!(refusal(&list, "1,10"), "`a` has an item that is greater than 9");
    assert!(list.accept_json("[[1, 2], [3, null]]").is_ok());
    assert_eq!(
        list.accept_json("[[1, 2], [3, 0]]"),
        Err("`a` has an item that is less than 1".to_owned())
    );
}

#[test]
fn null_is_for_what_may_be_left_out() {
    let required = typed("{}", "int").unwrap();
    assert_eq!(required.accept_json("null"), Err("`a` must not be null".to_owned()));
    assert_eq!(required.default, None);
    let optional = typed("{ required = false, minimum = 1 }", "int").unwrap();
    assert_eq!(optional.accept_json(" null "), Ok(Argument::Null));
    assert_eq!(optional.default, Some(Argument::Null));
    let with_default = typed("{ default = 5 }", "int").unwrap();
    assert!(with_default.accept_json("null").unwrap_err().contains("leave it out"));
    assert_eq!(with_default.default, with_default.accept_text("5").ok());
}

#[test]
fn what_does_not_fit_the_type_is_a_diagnostic() {
    for (declaration, ty, code, shown) in [
        ("{ minimum = 1 }", "text", Code::Facet, "1"),
        ("{ pattern = 'a' }", "int", Code::Facet, "'a'"),
        ("{ max_length = 3 }", "date", Code::Facet, "3"),
        ("{ enum = ['a'] }", "int", Code::Facet, "['a']"),
        ("{ enum = ['a'] }", "jsonb", Code::Facet, "['a']"),
        ("{ minimum = 1, default = 0 }", "int", Code::Example, "0"),
        ("{ example = '2021-02-30' }", "date", Code::Example, "'2021-02-30'"),
        ("{ example = 5 }", "text", Code::Example, "5"),
        ("{ default = [1, 'x'] }", "int[]", Code::Example, "[1, 'x']"),
    ] {
        let errors = typed(declaration, ty).expect_err(declaration);
        let error = errors.iter().next().unwrap();
        assert_eq!(error.code(), code, "{declaration}");
        let rendered = errors.render(false);
        let carets = "^".repeat(shown.len());
        assert!(rendered.contains(&format!(" {carets}\n")), "{declaration}\n{rendered}");
    }
    let both = typed("{ minimum = 1, pattern = 'a', default = 2 }", "date").unwrap_err();
    assert_eq!(both.counts(), (2, 0));
}

#[test]
fn a_refusal_never_repeats_the_argument() {
    let secret = "s3cr3t";
    for ty in ["int", "numeric", "date", "timestamptz", "uuid", "bool", "inet", "interval", "int[]"]
    {
        let why = refusal(&typed("{}", ty).unwrap(), secret);
        assert!(!why.contains(secret), "{why}");
    }
    let text = typed("{ enum = ['a'], max_length = 9 }", "text").unwrap();
    assert!(!refusal(&text, secret).contains(secret));
}
