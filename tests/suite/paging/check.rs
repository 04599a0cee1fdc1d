//! What is said of `page` before anything is served.

use super::*;
use crate::support::{folder::Folder, service::howdah};

/// What `check` says of an endpoint file, with these arguments.
fn checked(database: &Database, text: &str, arguments: &[&str]) -> (bool, String) {
    let folder = Folder::new("paging");
    let manifest =
        std::fs::read_to_string(crate::support::service::project(FOLDER).join("howdah.toml"));
    folder.write("howdah.toml", manifest.unwrap());
    folder.write("endpoints/a.sql", text);
    let mut command = howdah(["check"]);
    let output =
        command.args(arguments).arg(folder.path()).envs(database.environment()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned()
        + &String::from_utf8_lossy(&output.stdout);
    (output.status.success(), text)
}

#[test]
fn what_does_not_fit_is_told_without_a_database() {
    let database = database();
    for (front_matter, expected) in [
        ("page = { size = 3 }", "`page` has no `by`"),
        ("page = { by = [\"id\"] }", "`page` has no `size`"),
        ("page = { by = [], size = 3 }", "takes 1 to 8 columns"),
        ("page = { by = [\"-\"], size = 3 }", "names no column"),
        ("page = { by = [\"id\", \"-id\"], size = 3 }", "once more"),
        ("page = { by = [\"id\"], size = 0 }", "takes an integer from 1 to 10,000"),
        ("page = { by = [\"id\"], size = 10001 }", "takes an integer from 1 to 10,000"),
        ("page = { by = [\"id\"], size = 3, max_size = 2 }", "is less than `size`"),
        ("page = { by = [\"id\"], siez = 3 }", "did you mean `size`?"),
        ("page = { by = \"id\", size = 3 }", "takes an array"),
        ("page = 3", "takes a table"),
        ("page = { by = [\"id\"], size = 3 }\nmax_rows = 3", "stands beside `page`"),
        ("page = { by = [\"id\"], size = 3 }\nstream = true", "stands beside `stream = true`"),
        ("page = { by = [\"id\"], size = 3 }\nresult = \"row\"", "is for \"rows\""),
        (
            "page = { by = [\"id\"], size = 3 }\n[parameters]\nlimit = { type = \"int4\" }",
            "takes the argument `limit`",
        ),
    ] {
        let text = format!("/*\nget = \"/a\"\n{front_matter}\n*/\nSELECT id, :limit FROM items");
        let (is_good, told) = checked(&database, &text, &[]);
        assert!(!is_good && told.contains(expected), "{front_matter}: {told}");
    }
    let text = "/*\npost = \"/a\"\npage = { by = [\"id\"], size = 3 }\n*/\nSELECT id FROM items";
    let (is_good, told) = checked(&database, text, &[]);
    assert!(!is_good && told.contains("`page` is for GET"), "{told}");
}

#[test]
fn the_database_says_whether_the_keys_are_right() {
    let database = database();
    database.psql("CREATE TABLE documents (id int PRIMARY KEY, document json, place int)");
    database.psql("CREATE UNIQUE INDEX ON documents (place)");
    for (by, sql, expected) in [
        ("\"idd\"", "SELECT id FROM items", "did you mean `id`?"),
        ("\"id\"", "SHOW work_mem", "no column `id`"),
        ("\"document\"", "SELECT document FROM documents", "42883"),
    ] {
        let text = format!("/*\nget = \"/a\"\npage = {{ by = [{by}], size = 3 }}\n*/\n{sql}");
        let (is_good, told) = checked(&database, &text, &["--database"]);
        assert!(!is_good && told.contains(expected), "{by} {sql}: {told}");
    }
    let warned = |by: &str, more: &str, sql: &str| {
        let text = format!("/*\nget = \"/a\"\npage = {{ by = [{by}], size = 3{more} }}\n*/\n{sql}");
        let (is_good, told) = checked(&database, &text, &["--database"]);
        assert!(is_good, "{told}");
        (told.contains("nothing says that no two rows"), told.contains("may be NULL"))
    };
    let sorted = "\"level\", \"id\"";
    assert_eq!(warned("\"id\"", "", "SELECT id FROM items"), (false, false));
    assert_eq!(warned(sorted, "", "SELECT level, id FROM items"), (false, false));
    assert_eq!(warned("\"level\"", "", "SELECT level, id FROM items"), (true, false));
    assert_eq!(warned("\"day\"", "", "SELECT day FROM days"), (true, false));
    assert_eq!(warned("\"-code\", \"day\"", "", "SELECT day, code FROM days"), (false, false));
    // Several rows may have none.
    assert_eq!(warned("\"place\"", "", "SELECT place FROM documents"), (true, true));
    let groups = "SELECT level, count(*) AS items FROM items GROUP BY level";
    assert_eq!(warned("\"level\"", "", groups), (true, false));
    assert_eq!(warned("\"level\"", ", unique = true", groups), (false, false));
    let outer = "SELECT i.id FROM days LEFT JOIN items i ON i.id::text = days.code";
    assert_eq!(warned("\"id\"", "", outer), (true, true));
    // The server joins these another way; the second gives no column that might have no value.
    let without =
        "SELECT code, id FROM days LEFT JOIN items i ON i.name = days.code WHERE i.name IS NULL";
    assert_eq!(warned("\"code\", \"id\"", "", without), (true, true));
    let without = "SELECT id FROM items i WHERE NOT EXISTS (SELECT FROM days WHERE code = i.name)";
    assert_eq!(warned("\"id\"", "", without), (false, false));
}
