//! A service with an endpoint of each shape, and arguments from everywhere.

use crate::support::folder::Folder;

const MANIFEST: &str = r#"
[service]
name = "things"
version = "1.0.0"
description = "Things"

[database]
host = "${DB_HOST}"
port = "${DB_PORT}"
name = "${DB_NAME}"
user = "${DB_USER}"
password = "${DB_PASSWORD}"

[[route]]
get = "/teapot"
reply = { says = "{name}", list = [1, "x", true], brace = "{{" }
status = 418
[route.parameters.name]
required = false

[[route]]
get = "/health"
probe = "database"
up = "up"
down = { status = "down" }

[[route]]
get = "/calculate"
tool = "calculate"
"#;

const MIGRATION: &str = "
CREATE TYPE kind AS ENUM ('small', 'big');
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE TABLE things (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL UNIQUE,
  price numeric NOT NULL CHECK (price < 600),
  kind kind NOT NULL DEFAULT 'small',
  tags text[],
  data jsonb
);
CREATE TABLE notes (thing int NOT NULL REFERENCES things ON DELETE CASCADE, note text NOT NULL);
";

const ENDPOINTS: [(&str, &str); 10] = [
    (
        "things/all",
        r#"/*
get = "/things"
summary = "Things and their notes"
tags = ["things"]
result = "rows"
envelope = "things"
[parameters]
kinds = { required = false, description = "Only these" }
limit = { default = 5, minimum = 1, maximum = 9 }
*/
SELECT things.id, things.price, things.tags, things.data, notes.note
FROM things LEFT JOIN notes ON notes.thing = things.id
WHERE :kinds::kind[] IS NULL OR things.kind = ANY (:kinds)
LIMIT :limit::int"#,
    ),
    (
        "things/add",
        r#"/*
post = "/things"
tags = ["things"]
result = "row"
[parameters]
name = { min_length = 1, pattern = "[a-z]+", example = "a" }
price = { minimum = 0, example = 1.5 }
tags = { required = false, max_length = 9 }
data = { required = false }
*/
INSERT INTO things (name, price, tags, data) VALUES (:name, :price, :tags, :data) RETURNING id, name"#,
    ),
    (
        "things/one",
        r#"/*
get = "/things/{id}"
result = "row"
*/
SELECT id, name, (SELECT max(note) FROM notes WHERE thing = things.id) AS note FROM things WHERE id = :id"#,
    ),
    (
        "things/remove",
        r#"/*
delete = "/things/{id}"
result = "none"
*/
DELETE FROM things WHERE id = :id"#,
    ),
    (
        "count",
        r#"/*
get = "/count"
result = "value"
envelope = "count"
*/
SELECT count(*) FROM things"#,
    ),
    (
        "totals",
        r#"/*
get = "/totals"
result = "rows"
*/
SELECT name, sum(price) AS total FROM things GROUP BY ROLLUP (name)"#,
    ),
    (
        "pages",
        r#"/*
get = "/pages"
page = { by = ["name"], size = 2, max_size = 3 }
*/
SELECT name, price FROM things"#,
    ),
    (
        "kept",
        r#"/*
get = "/kept"
result = "value"
cache = "1h"
*/
SELECT count(*) FROM things"#,
    ),
    (
        "ratio",
        r#"/*
get = "/ratio"
result = "value"
[parameters]
by = { description = "The divisor" }
*/
SELECT 1 / :by::int AS ratio"#,
    ),
    (
        "square",
        r#"/*
get = "/square"
result = "value"
[parameters]
of = { description = "The side" }
*/
SELECT :of::positive * 1 AS square"#,
    ),
];

/// The folder of the service.
pub(super) fn things() -> Folder {
    let folder = Folder::new("things");
    folder.write("howdah.toml", MANIFEST);
    folder.write("migrations/0001_things.sql", MIGRATION);
    for (name, text) in ENDPOINTS {
        folder.write(&format!("endpoints/{name}.sql"), text);
    }
    folder
}
