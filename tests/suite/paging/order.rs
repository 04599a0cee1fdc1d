//! Pages in every order, by every kind of value, while rows come and go.

use super::*;

#[test]
fn no_row_is_lost_or_doubled_whatever_the_order() {
    let database = database();
    let service = start(&database);
    for (path, by) in [
        ("/name", "name, id"),
        ("/folded", "folded, id"),
        ("/amount", "amount, id"),
        ("/amount_down", "amount DESC, id DESC"),
        ("/at_down", "at DESC, id"),
        ("/grade", "grade, id"),
        ("/grade_down", "grade DESC, id"),
        ("/level", "level, at DESC, id"),
        ("/ratio_down", "ratio DESC, id"),
        ("/mood", "mood DESC, flag DESC, id"),
        ("/twice", "amount * 2, id"),
    ] {
        let expected = ordered(&database, by);
        assert_eq!(expected.len(), ITEMS);
        let pages = walk(&service, path, |_| ());
        assert_eq!(ids(&pages), expected, "{path}");
        assert_eq!(pages.len(), ITEMS.div_ceil(7), "{path}");
        for limit in [1, 9, 59, 60, 61] {
            let pages = walk(&service, &format!("{path}?limit={limit}"), |_| ());
            assert_eq!(ids(&pages), expected, "{path} by {limit}");
            assert_eq!(pages.len(), ITEMS.div_ceil(limit), "{path} by {limit}");
        }
    }
}

#[test]
fn rows_that_stay_are_given_once_while_others_come_and_go() {
    let database = database();
    let service = start(&database);
    for (path, by) in [("/name", "name, id"), ("/at_down", "at DESC, id"), ("/grade", "grade, id")]
    {
        let expected = ordered(&database, by);
        let pages = walk(&service, path, |page| {
            // Before, between and behind what was given.
            database.psql(&format!(
                "DELETE FROM items WHERE id > 1000 AND id % 3 = 0;
                 INSERT INTO items SELECT 1000 * {page} + id, name, folded, amount, at, grade, level, ratio,
                    mood, flag FROM items WHERE id <= {ITEMS} AND id % 4 = {page} % 4"
            ));
        });
        let given = ids(&pages);
        let stayed: Vec<i64> =
            given.iter().copied().filter(|id| usize::try_from(*id).unwrap() <= ITEMS).collect();
        assert_eq!(stayed, expected, "{path}");
        assert!(given.len() > expected.len(), "{path}: none of the others was seen");
        let mut others = given.clone();
        others.sort_unstable();
        others.dedup();
        assert_eq!(others.len(), given.len(), "{path}: twice");
        database.psql(&format!("DELETE FROM items WHERE id > {ITEMS}"));
    }
}

#[test]
fn every_medium_has_pages_and_the_answer_its_shape() {
    let database = database();
    let service = start(&database);
    let first = service.get("/days/2021-01-01");
    let codes: Vec<String> = (10..13).map(|it| format!("C{it}")).collect();
    let items: Vec<_> =
        codes.iter().map(|code| serde_json::json!({ "code": code, "note": null })).collect();
    assert_eq!(first.json(), serde_json::json!({ "items": items }));
    for suffix in ["ndjson", "csv", "arrow", "json"] {
        let path = format!("/days/2021-01-01.{suffix}?limit=5");
        let pages = walk(&service, &path, |_| ());
        assert_eq!(pages.len(), 3, "{suffix}");
        let whole: Vec<u8> = pages.iter().flat_map(|page| page.body.clone()).collect();
        let text = String::from_utf8_lossy(&whole).into_owned();
        for code in 10..=20 {
            assert_eq!(text.matches(&format!("C{code}")).count(), 1, "{suffix} {code}");
        }
    }
    // An empty page is a page.
    let none = service.get("/days/1999-01-01");
    assert_eq!(none.json(), serde_json::json!({ "items": [] }));
    assert_eq!(none.header("link"), Some("<?limit=3>; rel=\"first\""));
    // A representation that is known is not sent again, and its links are.
    let etag = first.header("etag").unwrap();
    let known = service.send("GET", "/days/2021-01-01", &[("if-none-match", etag)], b"");
    assert_eq!((known.status, known.header("link")), (304, first.header("link")));
    let head = service.send("HEAD", "/days/2021-01-01", &[], b"");
    assert_eq!(head.header("link"), first.header("link"));
}

#[test]
fn rows_that_no_cursor_can_tell_apart_fail_the_answer() {
    let database = database();
    let service = start(&database);
    for path in ["/tied", "/long"] {
        assert_eq!(service.get(path).problem(), "internal", "{path}");
    }
    eventually("it is told", http::PATIENCE, || service.output().matches("page-keys").count() == 2);
    // Where pages end otherwise, nothing is wrong.
    database.psql("DELETE FROM days WHERE code NOT IN ('C10', 'C11')");
    let pages = walk(&service, "/tied", |_| ());
    assert_eq!(pages.len(), 2);
}
