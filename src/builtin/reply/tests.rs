//! Tests of replies.

use super::*;
use proptest::prelude::*;
use serde_json::json;

fn lookup(name: &str) -> Option<Cow<'static, str>> {
    match name {
        "name" => Some("Ada".into()),
        "evil" => Some("\",\"admin\":true,\"{name}\\\n\u{0}</script>{{".into()),
        _ => None,
    }
}

fn text(template: &str) -> String {
    let prepared = Prepared::new(&Template::Text(template.into()));
    assert_eq!(prepared.content_type(), "text/plain; charset=utf-8");
    String::from_utf8(prepared.render(lookup)).unwrap()
}

fn document(template: Value) -> Value {
    let prepared = Prepared::new(&Template::Json(template));
    assert_eq!(prepared.content_type(), "application/json");
    serde_json::from_slice(&prepared.render(lookup)).unwrap()
}

#[test]
fn placeholders_are_filled_in() {
    for (template, wanted) in [
        ("", ""),
        ("Hello, {name}!", "Hello, Ada!"),
        ("{name}{name}", "AdaAda"),
        ("{{name}} {{{name}}} }}{{", "{name} {Ada} }{"),
        ("é{name}é", "éAdaé"),
        ("[{unknown}]", "[]"),
        ("{evil}", "\",\"admin\":true,\"{name}\\\n\u{0}</script>{{"),
        // What `config` refuses is text here.
        ("a } b { c", "a } b { c"),
    ] {
        assert_eq!(text(template), wanted, "{template}");
    }
}

#[test]
fn a_value_cannot_leave_its_string() {
    let template = json!({
        "message": "Hello, {name}!",
        "alone": "{evil}",
        "amid \"quotes\" and {name}": ["<{evil}>", 1, true, null, { "{{": "\"{{\"" }],
    });
    let evil = lookup("evil").unwrap();
    assert_eq!(
        document(template),
        json!({
            "message": "Hello, Ada!",
            "alone": evil,
            "amid \"quotes\" and {name}": [format!("<{evil}>"), 1, true, null, { "{{": "\"{\"" }],
        })
    );
}

#[test]
fn a_body_is_compiled_to_few_segments() {
    let prepared = Prepared::new(&Template::Json(json!({ "a": "1 {{ {now} }} 2", "b": [3, 4] })));
    assert_eq!(prepared.segments.len(), 3);
    assert_eq!(prepared.placeholders().collect::<Vec<_>>(), ["now"]);
}

proptest! {
    #[test]
    fn any_text_and_value_stay_json(template in any::<String>(), value in any::<String>()) {
        let prepared = Prepared::new(&Template::Json(json!([template])));
        let body = prepared.render(|_| Some(Cow::Borrowed(&value)));
        let read: Vec<String> = serde_json::from_slice(&body).unwrap();
        prop_assert_eq!(read.len(), 1);
    }

    #[test]
    fn text_and_json_say_the_same(template in "[{}a-c\"\\\\é]{0,20}", value in any::<String>()) {
        let fill = |_: &str| Some(Cow::Borrowed(value.as_str()));
        let text = Prepared::new(&Template::Text(template.clone())).render(fill);
        let body = Prepared::new(&Template::Json(json!([template]))).render(fill);
        let read: Vec<String> = serde_json::from_slice(&body).unwrap();
        prop_assert_eq!(read[0].as_bytes(), text);
    }
}
