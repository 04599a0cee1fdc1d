#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use crate::value::{Composite, Domain, Enumeration};
use proptest::prelude::*;
use std::sync::{Arc, LazyLock};

fn array(element: Type) -> Type {
    Type::Array(Arc::new(element))
}

fn colour() -> Type {
    Type::Enum(Arc::new(Enumeration {
        name: "colour".to_owned(),
        labels: ["red", "green, dark"].map(str::to_owned).to_vec(),
    }))
}

fn pair() -> Type {
    Type::Composite(Arc::new(Composite {
        name: "pair".to_owned(),
        fields: vec![("a".to_owned(), Type::Int4), ("b \"x\"".to_owned(), array(Type::Text))],
    }))
}

/// What PostgreSQL is sent as text.
fn sent(argument: Result<Argument, Invalid>) -> String {
    match argument.unwrap() {
        Argument::Text(text) => String::from_utf8(text).unwrap(),
        other => panic!("not sent as text: {other:?}"),
    }
}

#[test]
fn arrays_are_lists_in_a_url_and_arrays_in_json() {
    assert_eq!(sent(from_text(&array(Type::Int4), "1,-2")), r#"{"1","-2"}"#);
    assert_eq!(sent(from_text(&array(Type::Text), "")), "{}");
    assert_eq!(sent(from_text(&array(Type::Text), "a\",\\")), r#"{"a\"","\\"}"#);
    assert_eq!(
        sent(from_json(&array(Type::Text), r#" [["a","NULL"],[null,"\"\\"]] "#)),
        r#"{{"a","NULL"},{NULL,"\"\\"}}"#
    );
    assert_eq!(sent(from_json(&array(Type::Json), "[[1],[2,3]]")), r#"{"[1]","[2,3]"}"#);
    for ragged in ["[[1],2]", "[1,[2]]", "[[1],[2,3]]", "[[[1]],[2]]", "[[1],[[2]]]", "[[1],null]"]
    {
        assert_eq!(
            from_json(&array(Type::Int4), ragged).unwrap_err().as_str(),
            "has inner arrays that differ in length or depth",
            "{ragged}"
        );
    }
    for (raw, told) in [
        ("[[]]", "has an empty inner array"),
        ("{}", "is not an array"),
        ("1", "is not an array"),
        ("[1,", "is not an array"),
        ("[[[[[[[1]]]]]]]", "has more than 6 dimensions"),
        ("[true]", "has an item that is not a whole number from -2147483648 to 2147483647"),
    ] {
        assert_eq!(from_json(&array(Type::Int4), raw).unwrap_err().as_str(), told, "{raw}");
    }
}

#[test]
fn composites_are_objects_with_all_their_fields() {
    let good = r#"{"b \"x\"":["q\"",null],"a":7}"#;
    let form = r#"("7","{\"q\\\"\",NULL}")"#;
    assert_eq!(sent(from_json(&pair(), good)), form);
    assert_eq!(sent(from_text(&pair(), good)), form);
    assert_eq!(sent(from_json(&pair(), r#"{"a":null,"b \"x\"":null}"#)), "(,)");
    for (raw, told) in [
        (r#"{"a":1}"#, "lacks the field \"b \"x\"\""),
        (r#"{"a":1,"b \"x\"":[],"c":1}"#, "has a field that is unknown or stands there twice"),
        (r#"{"a":1,"b \"x\"":[],"a":1}"#, "has a field that is unknown or stands there twice"),
        ("[]", "is not an object"),
        (r#"{"a":"x","b \"x\"":[]}"#, "has a field \"a\" that is a string, not a number"),
    ] {
        assert_eq!(from_json(&pair(), raw).unwrap_err().as_str(), told, "{raw}");
    }
    assert_eq!(from_text(&pair(), "null").unwrap_err().as_str(), "is null");
}

#[test]
fn ranges_have_bounds() {
    let days = Type::Range(Arc::new(Type::Date));
    assert_eq!(sent(from_text(&days, "[2021-01-01,2021-02-01)")), r#"["2021-01-01","2021-02-01")"#);
    assert_eq!(sent(from_text(&days, "(,]")), "(,]");
    assert_eq!(sent(from_text(&days, "empty")), "empty");
    assert_eq!(
        sent(from_json(&days, r#"{"lower":"2021-01-01","bounds":"[]"}"#)),
        r#"["2021-01-01",]"#
    );
    assert_eq!(sent(from_json(&days, "{}")), "[,)");
    assert_eq!(sent(from_json(&days, r#"{"bounds":"empty"}"#)), "empty");
    let many = Type::Multirange(Arc::new(Type::Int4));
    assert_eq!(
        sent(from_json(&many, r#"[{"lower":1,"upper":3},{"lower":5}]"#)),
        r#"{["1","3"),["5",)}"#
    );
    for raw in [
        r#"{"lower":"2021-01-01","bounds":"empty"}"#,
        r#"{"lower":null,"lower":null}"#,
        r#"{"low":null}"#,
        r#"{"bounds":"[["}"#,
        r#"{"lower":1}"#,
        "[]",
        "\"[,)\"",
    ] {
        assert!(from_json(&days, raw).is_err(), "{raw}");
    }
    for text in ["", "[", "[)", "[,", "[2021-01-01)", "[,,)", "[x,)", "{,}", "é,é"] {
        assert!(from_text(&days, text).is_err(), "{text}");
    }
}

#[test]
fn json_null_is_sql_null_whatever_the_type() {
    for ty in [Type::Text, Type::Json, Type::Jsonb, pair(), array(Type::Int4), colour()] {
        assert_eq!(from_json(&ty, " null ").unwrap(), Argument::Null);
    }
    assert_eq!(sent(from_text(&Type::Json, "null")), "null");
}

#[test]
fn enums_take_their_labels_and_domains_what_lies_beneath() {
    let narrow = Type::Domain(Arc::new(Domain { name: "narrow".to_owned(), base: colour() }));
    for ty in [colour(), narrow] {
        assert_eq!(sent(from_text(&ty, "green, dark")), "green, dark");
        assert_eq!(sent(from_json(&ty, "\"red\"")), "red");
        assert_eq!(from_text(&ty, "Red").unwrap_err().as_str(), "is not one of red, green, dark");
        assert_eq!(from_json(&ty, "1").unwrap_err().as_str(), "is not a string");
    }
}

#[test]
fn nesting_is_bounded() {
    let mut ty = Type::Int4;
    for _ in 0..100 {
        ty = Type::Composite(Arc::new(Composite {
            name: "deeper".to_owned(),
            fields: vec![("in".to_owned(), ty)],
        }));
    }
    let raw = format!("{}1{}", r#"{"in":"#.repeat(100), "}".repeat(100));
    assert!(from_json(&ty, &raw).unwrap_err().as_str().ends_with("is nested too deep"));
    let open = "[".repeat(100_000);
    let shut = "]".repeat(100_000);
    assert!(from_json(&array(Type::Int4), &open).is_err());
    assert!(from_json(&array(Type::Int4), &format!("{open}{shut}")).is_err());
    assert!(from_json(&Type::Json, &format!("{open}{shut}")).is_err());
    let good = format!("{}{}", "[".repeat(128), "]".repeat(128));
    assert_eq!(sent(from_json(&Type::Json, &good)), good);
}

/// One of every kind.
static TYPES: LazyLock<Vec<Type>> = LazyLock::new(|| {
    let builtin = (16..=6157).filter_map(Type::builtin);
    builtin.chain([colour(), pair(), array(pair())]).collect()
});

proptest! {
    /// Nothing that a caller writes makes a panic, and each refusal is short.
    #[test]
    fn any_text_is_taken_or_refused(
        text in prop_oneof![any::<String>(), "[-+0-9A-Za-z:.,/{}\\[\\]\"\\\\é ]{0,40}"],
    ) {
        for ty in TYPES.iter() {
            for read in [from_text(ty, &text), from_json(ty, &text)] {
                if let Err(invalid) = read {
                    prop_assert!(invalid.as_str().len() < 120, "{}", invalid);
                }
            }
        }
    }

    #[test]
    fn any_text_in_json_arrives(text in "[^\\x00]*") {
        let raw = serde_json::to_string(&text).unwrap();
        let sent = Argument::Binary(text.into_bytes());
        prop_assert_eq!(from_json(&Type::Text, &raw).unwrap(), sent);
    }
}
