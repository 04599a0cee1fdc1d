//! What a cursor is good for, and for how long.

use super::*;
use crate::support::{folder::Folder, service::howdah};

fn cursor(path: &str) -> &str {
    path.split("cursor=").nth(1).unwrap().split('&').next().unwrap()
}

#[test]
fn a_cursor_is_good_for_its_question_alone() {
    let database = database();
    let service = start(&database);
    let path = "/days/2021-01-01?from_code=C11";
    let first = service.get(path);
    let next = link(path, &first, "next").unwrap();
    let cursor = cursor(&next);
    assert_eq!(link(path, &first, "first").unwrap(), path);
    assert_eq!(service.get(&next).status, 200);
    // It may be asked for again, with another limit, and the arguments in another order.
    assert_eq!(service.get(&next).body, service.get(&next).body);
    let reply = service.get(&format!("/days/2021-01-01?limit=1&cursor={cursor}&from_code=C11"));
    assert_eq!(reply.json()["items"][0]["code"], "C14");
    let (what, tag) = cursor.split_once('.').unwrap();
    let other = link("/days/2021-01-01", &service.get("/days/2021-01-01"), "next").unwrap();
    let (others_what, others_tag) = self::cursor(&other).split_once('.').unwrap();
    let forged = format!("{others_what}.{tag}");
    let borrowed = format!("{what}.{others_tag}");
    for (path, cursor) in [
        ("/days/2021-01-02?from_code=C11&", cursor),
        ("/days/2021-01-01?from_code=C10&", cursor),
        ("/days/2021-01-01?", cursor),
        ("/others/2021-01-01?from_code=C11&", cursor),
        ("/days/2021-01-01?from_code=C11&", &forged),
        ("/days/2021-01-01?from_code=C11&", &borrowed),
        ("/days/2021-01-01?from_code=C11&", what),
        ("/days/2021-01-01?from_code=C11&", ""),
        ("/days/2021-01-01?from_code=C11&", "%00"),
        ("/days/2021-01-01?from_code=C11&", "%F0%9F%90%98.x"),
    ] {
        let reply = service.get(&format!("{path}cursor={cursor}"));
        assert_eq!(reply.status, 400, "{path}{cursor}: {reply}");
        let expected = if cursor == "%00" { "malformed-request" } else { "cursor-invalid" };
        assert_eq!(reply.problem(), expected, "{path}{cursor}");
    }
    for query in [
        "limit=0",
        "limit=6",
        "limit=-1",
        "limit=x",
        "limit=",
        "limit=1&limit=1",
        "cursor=a&cursor=b",
    ] {
        let reply = service.get(&format!("/days/2021-01-01?{query}"));
        assert_eq!(reply.problem(), "invalid-arguments", "{query}");
    }
}

#[test]
fn cursors_end_with_their_key() {
    let database = database();
    let keys = Folder::new("cursors");
    let key = |name: &str, text: &str| keys.write(name, text);
    let one = key("one", "0123456789abcdef0123456789abcdef\n");
    let other = key("other", "fedcba9876543210fedcba9876543210\n");
    let next_of = |service: &Service| {
        link("/days/2021-01-01", &service.get("/days/2021-01-01"), "next").unwrap()
    };
    let with = |path: &std::path::Path| ready(serving(&database).env("CURSOR_KEY_FILE", path));
    let first = with(&one);
    let next = next_of(&first);
    // Another instance with the key goes on where this one ended.
    let again = with(&one);
    assert_eq!(again.get(&next).body, first.get(&next).body);
    assert_eq!(with(&other).get(&next).problem(), "cursor-invalid");
    // Without one, each process has its own.
    let alone = start(&database);
    let next = next_of(&alone);
    assert_eq!(alone.get(&next).status, 200);
    assert_eq!(start(&database).get(&next).problem(), "cursor-invalid");
}

#[test]
fn a_key_that_is_none_is_told_and_not_shown() {
    let database = database();
    let keys = Folder::new("cursors");
    let short = keys.write("short", "much-too-short");
    let missing = keys.path().join("missing");
    for (path, why) in [(&short, "has fewer than 32 bytes"), (&missing, "cannot be read")] {
        let output = serving(&database).env("CURSOR_KEY_FILE", path).refused();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && told.contains(why), "{told}");
        assert!(
            told.contains("answers.cursor_key_file") && !told.contains("much-too-short"),
            "{told}"
        );
        // A key that is not here is no mistake of the folder's; one that is too short is.
        let mut check = howdah(["check"]);
        check.arg(crate::support::service::project(FOLDER)).env("CURSOR_KEY_FILE", path);
        let output = check.envs(database.environment()).output().unwrap();
        assert_eq!(output.status.success(), path == &missing, "{output:?}");
    }
}
