//! `services/rates`: ports and regions.

use super::{
    assert_refused,
    rates::{SEEDED, rates},
};
use serde_json::{Value, json};

/// Walks the pages of `list`, `limit` entries each, and gives the values of `key`.
fn walk(list: &str, key: &str, filter: &str, limit: usize) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    loop {
        let after = all.last().map_or(String::new(), |last| format!("&after={last}"));
        let reply = rates().get(&format!("/{list}?limit={limit}{filter}{after}"));
        assert_eq!(reply.status, 200, "{reply}");
        let page = reply.json();
        let page: Vec<&Value> = page[list].as_array().unwrap().iter().collect();
        assert!(page.len() <= limit);
        all.extend(page.iter().map(|entry| entry[key].as_str().unwrap().to_owned()));
        if page.len() < limit {
            return all;
        }
        assert!(all.len() < 1000, "the pages come to an end");
    }
}

fn column(sql: &str) -> Vec<String> {
    SEEDED.psql(sql).into_iter().map(|mut row| row.remove(0).unwrap()).collect()
}

#[test]
fn every_port_and_region_is_on_one_page() {
    let ports = column("SELECT code FROM ports ORDER BY code");
    let regions = column("SELECT slug FROM regions ORDER BY slug");
    assert!(ports.len() > 30 && regions.len() > 10);
    for limit in [1, 7, 1000] {
        assert_eq!(walk("ports", "code", "", limit), ports);
        assert_eq!(walk("regions", "slug", "", limit), regions);
    }
}

#[test]
fn a_list_is_filtered_by_name() {
    let found = |path: &str| rates().get(path).json();
    assert_eq!(
        found("/ports?name=TALL"),
        json!({ "ports": [{ "code": "EETLL", "name": "Tallinn", "parent_slug": "baltic_main" }] })
    );
    assert_eq!(walk("ports", "code", "&name=g%C3%B6te", 10), ["SEGOT"], "not ASCII, in any case");
    assert_eq!(found("/ports?name=%25"), json!({ "ports": [] }), "a wildcard is a character");
    assert_eq!(found("/ports?name=_"), json!({ "ports": [] }));
    assert_eq!(walk("ports", "code", "&region=poland_main", 1), ["PLGDN", "PLGDY"]);
    assert_eq!(
        walk("regions", "slug", "&parent=northern_europe&name=main", 10),
        ["north_europe_main", "uk_main"]
    );
}

#[test]
fn one_is_found_by_its_key() {
    let reply = rates().get("/ports/EETLL");
    assert_eq!(reply.status, 200, "{reply}");
    let port = json!({ "code": "EETLL", "name": "Tallinn", "parent_slug": "baltic_main" });
    assert_eq!(reply.json(), port);
    let region = rates().get("/regions/northern_europe").json();
    let expected =
        json!({ "slug": "northern_europe", "name": "Northern Europe", "parent_slug": null });
    assert_eq!(region, expected);
    for path in
        ["/ports/XXXXX", "/ports/eetll", "/ports/%27", "/regions/atlantis", "/ports/EETLL/x"]
    {
        let reply = rates().get(path);
        assert_eq!(reply.status, 404, "{path}: {reply}");
        reply.problem();
    }
}

#[test]
fn a_page_has_bounds() {
    for limit in ["0", "-1", "1001", "ten", "", "1.5", "99999999999999999999"] {
        assert_refused(rates(), &format!("/ports?limit={limit}"), &["limit"]);
        assert_refused(rates(), &format!("/regions?limit={limit}"), &["limit"]);
    }
    let long = "x".repeat(101);
    assert_refused(rates(), &format!("/ports?name={long}"), &["name"]);
}
