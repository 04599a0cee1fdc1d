#![allow(clippy::unwrap_used, clippy::expect_used)]
use super::*;

/// Reads `text`, and gives what was read with the messages of what was wrong.
fn reading<R>(text: &str, take: impl FnOnce(&Table<'_, '_>) -> R) -> (R, Vec<String>) {
    let source = SourceFile::new("a.toml", text);
    let (result, diagnostics) = read(&source, text, 0, None, take);
    (result, diagnostics.iter().map(|it| it.message().to_owned()).collect())
}

/// What is wrong with `text` for a reader that takes nothing.
fn mistakes(text: &str) -> Vec<String> {
    reading(text, |_| ()).1
}

#[test]
fn a_dotted_key_is_a_table() {
    let text = "a.b = 1\na.c = \"x\"\n[d.e]\nf = true\n";
    let ((b, c, f), wrong) = reading(text, |root| {
        let a = root.table("a").unwrap();
        let e = root.table("d").unwrap().table("e").unwrap();
        (
            a.take("b").unwrap().scalar("an integer"),
            a.take("c").unwrap().string(),
            e.take("f").unwrap().boolean(),
        )
    });
    assert_eq!((b.as_deref(), c.as_deref(), f), (Some("1"), Some("x"), Some(true)));
    assert_eq!(wrong, [] as [&str; 0]);
}

#[test]
fn every_syntax_error_is_told_and_nothing_else() {
    let ((), wrong) = reading("a = \nb = 1 2\nc = 3\nc = 4\n", |root| {
        root.require("absent");
        root.finish();
    });
    assert_eq!(wrong.len(), 3, "{wrong:?}");
    assert_eq!(wrong[2], "duplicate key");
}

#[test]
fn a_key_may_not_be_a_value_and_a_table() {
    for text in ["a = 1\na.b = 2\n", "a = 1\n[a]\n", "[a]\n[a]\n", "[[a]]\n[a]\n"] {
        assert_eq!(mistakes(text).len(), 1, "{text}");
    }
}

#[test]
fn mistakes_stand_at_their_place_in_the_file() {
    let front = "/*\n";
    let text = "nmae = \"é\"\nother = []\n";
    let source = SourceFile::new("a.sql", format!("{front}{text}*/"));
    let ((), diagnostics) = read(&source, text, front.len(), None, |root| {
        root.require("name");
        root.take("other").unwrap().string();
        root.finish();
    });
    let places: Vec<_> = diagnostics
        .to_json()
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["code"].clone(), it["line"].clone(), it["column"].clone()))
        .collect();
    assert_eq!(
        places,
        [
            ("missing-key".into(), 2.into(), 1.into()),
            ("wrong-type".into(), 3.into(), 9.into()),
            ("unknown-key".into(), 2.into(), 1.into()),
        ]
    );
}

#[test]
fn what_nothing_took_is_unknown() {
    let ((), wrong) = reading("known = 1\nknwon = 2\n[sub]\nx = 1\n", |root| {
        root.take("known");
        root.table("sub").unwrap().finish();
        root.finish();
    });
    assert_eq!(wrong, ["unknown key `sub.x`", "unknown key `knwon`"]);
}

#[test]
fn keys_that_a_person_chose_come_in_their_order() {
    let (keys, _) = reading("z = 1\n\"a b\" = 2\nknown = 0\nm = 3\n", |root| {
        root.take("known");
        root.rest().into_iter().map(|(key, _, item)| (key, item.scalar("a number"))).collect()
    });
    let keys: Vec<(String, Option<String>)> = keys;
    let names: Vec<_> = keys.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(names, ["z", "a b", "m"]);
}

#[test]
fn scalars_are_text_in_decimal() {
    let text = "a = 0x1F\nb = 1_000\nc = -0.5e1\nd = false\ne = 2021-01-31\nf = '${A}'\n";
    let (values, wrong) = reading(text, |root| {
        ["a", "b", "c", "d", "e", "f"].map(|key| root.take(key).unwrap().scalar("any").unwrap())
    });
    assert_eq!(values, ["31", "1000", "-0.5e1", "false", "2021-01-31", "${A}"]);
    assert_eq!(wrong, [] as [&str; 0]);
}

#[test]
fn json_says_the_same_and_finds_every_mistake() {
    let text = "a = { n = -1, f = 0.5, t = [true, 'x', { d = 2021-01-31 }] }\n\
                b = [nan, 99999999999999999999, 1]\n";
    let ((a, b), wrong) =
        reading(text, |root| (root.take("a").unwrap().json(), root.take("b").unwrap().json()));
    let expected = serde_json::json!({"n": -1, "f": 0.5, "t": [true, "x", {"d": "2021-01-31"}]});
    assert_eq!((a, b), (Some(expected), None));
    assert_eq!(
        wrong,
        ["`b[0]` is a number that JSON has not", "`b[1]` is larger than 64 bits hold"]
    );
}

#[test]
fn strings_are_expanded_as_they_are_taken() {
    let expand = |text: &str| match text {
        "bad" => Err(Expansion {
            code: Code::Environment,
            message: "it is bad".into(),
            help: "make it good".into(),
        }),
        "truth" => Ok("true".into()),
        _ => Ok(text.to_uppercase()),
    };
    let text = "a = 'x'\nb = ['y', 'bad', 1]\nc = 'truth'\nd = 'lie'\n";
    let source = SourceFile::new("a.toml", text);
    let (values, diagnostics) = read(&source, text, 0, Some(&expand), |root| {
        let item = |key| root.take(key).unwrap();
        (item("a").string(), item("b").json(), item("c").boolean(), item("d").boolean())
    });
    assert_eq!(values, (Some("X".into()), None, Some(true), None));
    let messages: Vec<_> = diagnostics.iter().map(Diagnostic::message).collect();
    assert_eq!(messages, ["`b[1]`: it is bad", "`d` takes true or false, not a string"]);
}

/// A document nested as deep as its parser allows: in keys and in tables at the same time.
fn deep(levels: usize) -> String {
    let key = vec!["a"; 78].join(".");
    format!("{}1{}", format!("{{{key} = ").repeat(levels), "}".repeat(levels))
}

#[test]
fn no_depth_overflows_the_stack() {
    for levels in [1, 60, 78, 200] {
        let text = format!("deep = {}\n", deep(levels));
        let (json, wrong) = reading(&text, |root| root.take("deep").and_then(|it| it.json()));
        assert!(json.is_none());
        assert_eq!(wrong.len(), 1, "{wrong:?}");
    }
    for text in [
        "[".repeat(100_000),
        "{a=".repeat(100_000),
        vec!["a"; 100_000].join("."),
        "[[".repeat(9999),
    ] {
        assert!(!mistakes(&format!("a = {text}")).is_empty());
        assert!(!mistakes(&text).is_empty());
    }
}

#[test]
fn a_document_of_mistakes_gives_no_flood() {
    for text in ["= \n".repeat(100_000), "a\n".repeat(100_000)] {
        let source = SourceFile::new("a.toml", text.as_str());
        let ((), diagnostics) = read(&source, &text, 0, None, |_| ());
        assert_eq!(diagnostics.counts(), (MOST_SHOWN, 0));
        let json = diagnostics.to_json();
        let note = json[MOST_SHOWN - 1]["notes"][0].as_str().unwrap();
        assert!(note.contains("more of the file's mistakes"), "{note}");
    }
}
