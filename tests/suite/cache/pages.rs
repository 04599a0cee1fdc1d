//! Pages that are kept, with their links.

use super::*;
use crate::support::{folder::Folder, service::project};

#[test]
fn a_page_keeps_its_links_and_each_query_has_its_own() {
    let database = database();
    database.psql("INSERT INTO prices VALUES ('c', 1)");
    let folder = Folder::new("cache");
    folder.write("howdah.toml", std::fs::read(project(FOLDER).join("howdah.toml")).unwrap());
    let text = "/*\nget = \"/pages\"\nauth = \"public\"\ncache = \"1h\"\n\
                page = { by = [\"code\"], size = 2 }\n\n[parameters]\n\
                price = { type = \"bigint\" }\n*/\n\
                SELECT code, price FROM prices WHERE price = :price\n";
    folder.write("endpoints/pages.sql", text);
    let service = started(serve(folder.path()).database(&database).arg("--threads=1"));
    let ask = |path: &str| {
        let [first, again] = [(); 2].map(|()| service.get(path));
        assert_eq!((first.status, is_kept(&first), is_kept(&again)), (200, false, true), "{first}");
        let link = first.header("link").expect("a page has links").to_owned();
        assert_eq!((again.header("link"), &again.body), (Some(link.as_str()), &first.body));
        let etag = first.header("etag").unwrap();
        let known = service.send("GET", path, &[("if-none-match", etag)], b"");
        assert_eq!((known.status, known.header("link")), (304, Some(link.as_str())));
        (link, first)
    };
    let (link, _) = ask("/pages?price=1");
    let (other, _) = ask("/pages?price=1&limit=2");
    assert!(!link.contains("limit") && other.contains("price=1&limit=2"), "{link} {other}");
    let next = link.split_once('>').unwrap().0.trim_start_matches('<');
    let (last, page) = ask(&format!("/pages{next}"));
    assert_eq!((page.json()[0]["code"].as_str(), last.contains("\"next\"")), (Some("c"), false));
}
