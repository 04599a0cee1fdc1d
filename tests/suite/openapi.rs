//! `howdah describe`, and that what a service answers is what its OpenAPI document says.

mod fixture;
mod schema;

use crate::support::{
    database::Database,
    folder::Folder,
    http::{self, Reply},
    postgres::{binaries, database},
    service::{howdah, project, serve},
};
use fixture::things;
use serde_json::{Value, json};
use std::{collections::HashSet, path::Path, process::Output};

const JSON: (&str, &str) = ("content-type", "application/json");
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// `howdah describe` of a folder, whose database has its migrations.
fn describe(folder: &Path, database: &Database, arguments: &[&str]) -> Output {
    let mut command = howdah(["describe"]);
    command.arg(folder).args(arguments).envs(database.environment()).output().unwrap()
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn migrated(folder: &Path) -> Database {
    let database = database();
    if folder.join("migrations").exists() {
        let mut command = howdah(["migrate"]);
        let output = command.arg(folder).envs(database.environment()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    database
}

fn document(folder: &Path, database: &Database) -> Value {
    serde_json::from_str(&text(&describe(folder, database, &["--openapi"]))).unwrap()
}

fn operations(document: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    document["paths"].as_object().unwrap().iter().flat_map(|(path, item)| {
        let methods = item.as_object().unwrap().iter();
        methods.map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
    })
}

#[test]
fn the_documents_of_the_services_are_up_to_date() {
    for service in ["rates", "status", "catalog", "toolbox", "about"] {
        let folder = project(&format!("services/{service}"));
        let now = text(&describe(&folder, &migrated(&folder), &["--openapi"]));
        let kept = folder.join("openapi.json");
        if std::env::var_os("HOWDAH_BLESS").is_some() {
            std::fs::write(&kept, &now).unwrap();
        }
        let kept = std::fs::read_to_string(kept).unwrap_or_default();
        assert!(kept == now, "{service}/openapi.json is stale: HOWDAH_BLESS=1 cargo test openapi");
        is_well_made(&serde_json::from_str(&now).unwrap());
    }
}

/// What the specification wants and a program would stumble over.
fn is_well_made(document: &Value) {
    assert_eq!(document["openapi"], "3.1.0");
    let mut ids = HashSet::new();
    for (path, method, operation) in operations(document) {
        assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{method} {path}");
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let named: HashSet<&str> = parameters
            .iter()
            .filter(|it| it["in"] == "path")
            .inspect(|it| assert_eq!(it["required"], true, "{path}"))
            .map(|it| it["name"].as_str().unwrap())
            .collect();
        let in_path = path.split('/').filter_map(|it| it.strip_prefix('{')?.strip_suffix('}'));
        assert_eq!(named, in_path.collect(), "{path}");
        for parameter in &parameters {
            let (schema, example) = match parameter.get("content") {
                Some(content) => {
                    let media = &content["application/json"];
                    (&media["schema"], &media["example"])
                }
                None => (&parameter["schema"], &parameter["example"]),
            };
            for value in [example, &schema["default"]] {
                let found = schema::mistakes(document, schema, value);
                assert!(value.is_null() || found.is_empty(), "{method} {path}: {found:?}");
            }
        }
        for media in operation["requestBody"]["content"].as_object().into_iter().flatten() {
            if let Some(example) = media.1.get("example") {
                assert_eq!(schema::mistakes(document, &media.1["schema"], example), [""; 0]);
            }
        }
        for (status, response) in operation["responses"].as_object().unwrap() {
            assert!(!response["description"].as_str().unwrap().is_empty(), "{status}");
            for header in response["headers"].as_object().into_iter().flat_map(|it| it.values()) {
                schema::target(document, &header["$ref"]);
            }
        }
    }
}

/// Fails when the document does not foresee the answer.
fn is_foreseen(document: &Value, method: &str, template: &str, reply: &Reply) {
    let what = format!("{method} {template}: {reply}");
    let operation = &document["paths"][template][method.to_lowercase()];
    let response = operation["responses"].get(reply.status.to_string());
    let response = response.unwrap_or_else(|| panic!("status not foreseen: {what}"));
    for (name, header) in response["headers"].as_object().into_iter().flatten() {
        let header = schema::target(document, &header["$ref"]);
        match reply.header(&name.to_lowercase()) {
            Some(value) => {
                let value = value.parse::<u64>().map_or_else(|_| json!(value), |it| json!(it));
                assert!(
                    header["schema"]["type"] == "string"
                        || schema::mistakes(document, &header["schema"], &value).is_empty(),
                    "{name}: {what}"
                );
            }
            None => assert_ne!(header["required"], true, "{name} is missing: {what}"),
        }
    }
    let Some(sent) = reply.header("content-type") else {
        assert!(response.get("content").is_none() && reply.body.is_empty(), "no body: {what}");
        return;
    };
    let media_type = sent.split(';').next().unwrap();
    let media = response["content"].get(media_type);
    let media = media.unwrap_or_else(|| panic!("media type not foreseen: {what}"));
    let value = match media_type {
        "application/vnd.apache.arrow.stream" => return,
        json if json.ends_with("/json") || json.ends_with("+json") => reply.json(),
        _ => reply.text().into(),
    };
    assert_eq!(schema::mistakes(document, &media["schema"], &value), [""; 0], "{what}");
}

#[test]
fn what_is_answered_is_what_the_document_says() {
    let folder = things();
    let database = migrated(folder.path());
    let document = document(folder.path(), &database);
    is_well_made(&document);
    let service = serve(folder.path()).database(&database).start();
    let page = [("accept", "text/html")];
    let thing = r#"{"name": "a", "price": 1.50, "tags": ["x", null], "data": {"a": [1]}}"#;
    let another = r#"{"name": "z", "price": 1}"#;
    let mut statuses = HashSet::new();
    for (expected, method, template, path, headers, body) in [
        (200, "POST", "/things", "/things", &[JSON][..], thing),
        (200, "POST", "/things", "/things", &[FORM], "name=b&price=2&tags=x,y&data=[1]"),
        (409, "POST", "/things", "/things", &[JSON], thing),
        (422, "POST", "/things", "/things", &[JSON], r#"{"name": "c", "price": 666}"#),
        (400, "POST", "/things", "/things", &[JSON], r#"{"name": "", "price": -1, "x": 1}"#),
        (400, "POST", "/things", "/things", &[JSON], "{"),
        (415, "POST", "/things", "/things", &[("content-type", "text/plain")], "x"),
        (200, "GET", "/things", "/things", &[], ""),
        (200, "GET", "/things", "/things?kinds=small,big&limit=1", &[], ""),
        (400, "GET", "/things", "/things?kinds=none&limit=0&nothing=1", &[], ""),
        (400, "GET", "/things", "/things?limit=%zz", &[], ""),
        (200, "GET", "/things/{id}", "/things/1", &[], ""),
        (404, "GET", "/things/{id}", "/things/99", &[], ""),
        (404, "GET", "/things/{id}", "/things/", &page, ""),
        (400, "GET", "/things/{id}", "/things/x", &[], ""),
        (204, "DELETE", "/things/{id}", "/things/2", &[], ""),
        (200, "GET", "/count", "/count", &[], ""),
        (304, "GET", "/count", "/count", &[("if-none-match", "*")], ""),
        (200, "GET", "/things", "/things", &[("accept", "text/csv")], ""),
        (200, "GET", "/things/{id}", "/things/1", &[("accept", "application/x-ndjson")], ""),
        (200, "GET", "/count", "/count", &[("accept", "application/vnd.apache.arrow.stream")], ""),
        (200, "POST", "/things", "/things", &[JSON, ("accept", "text/csv")], another),
        (406, "GET", "/things", "/things", &page, ""),
        (406, "POST", "/things", "/things", &[JSON, page[0]], thing),
        (406, "GET", "/teapot", "/teapot", &[("accept-encoding", "identity;q=0")], ""),
        (204, "DELETE", "/things/{id}", "/things/2", &page, ""),
        (200, "GET", "/pages", "/pages", &[], ""),
        (200, "GET", "/pages", "/pages?limit=1", &[("accept", "text/csv")], ""),
        (304, "GET", "/pages", "/pages", &[("if-none-match", "*")], ""),
        (400, "GET", "/pages", "/pages?cursor=x", &[], ""),
        (400, "GET", "/pages", "/pages?limit=4", &[], ""),
        (200, "GET", "/kept", "/kept", &[], ""),
        (200, "GET", "/kept", "/kept", &[], ""),
        (304, "GET", "/kept", "/kept", &[("if-none-match", "*")], ""),
        (400, "GET", "/ratio", "/ratio?by=0", &[], ""),
        (422, "GET", "/square", "/square?of=-1", &[], ""),
        (418, "GET", "/teapot", "/teapot?name=Ada", &[], ""),
        (200, "GET", "/health", "/health", &[], ""),
        (200, "GET", "/calculate", "/calculate?expr=1", &[], ""),
        (400, "GET", "/calculate", "/calculate?expr=(", &[], ""),
    ] {
        let reply = service.send(method, path, headers, body.as_bytes());
        assert_eq!(reply.status, expected, "{method} {path}: {reply}");
        is_foreseen(&document, method, template, &reply);
        statuses.insert(reply.status);
    }
    let flood = format!("GET /count HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: x\r\n".repeat(500));
    let reply = http::raw_reply(service.http, flood.as_bytes()).expect("an answer");
    is_foreseen(&document, "GET", "/count", &reply);
    statuses.insert(reply.status);
    let all = HashSet::from([200, 204, 304, 400, 404, 406, 409, 415, 418, 422, 431]);
    assert_eq!(statuses, all);
}

#[test]
fn an_answer_has_the_media_types_and_statuses_that_its_shape_has() {
    let folder = things();
    let document = document(folder.path(), &migrated(folder.path()));
    let responses = |path: &str, method: &str| &document["paths"][path][method]["responses"];
    let media: Vec<_> = howdah::encode::Medium::ALL.map(howdah::encode::Medium::essence).into();
    for (path, method) in [("/things", "get"), ("/things", "post"), ("/count", "get")] {
        let content = responses(path, method)["200"]["content"].as_object().unwrap();
        assert!(media.iter().all(|it| content.contains_key(*it)), "{method} {path}");
        assert_eq!(content.len(), media.len(), "{method} {path}");
        assert_eq!(responses(path, method).get("304").is_some(), method == "get", "{path}");
        assert!(responses(path, method).get("406").is_some(), "{method} {path}");
    }
    // What answers with nothing refuses no medium, and has no validator.
    for status in ["200", "304", "406"] {
        assert!(responses("/things/{id}", "delete").get(status).is_none(), "{status}");
    }
    let pages = responses("/pages", "get");
    assert_eq!(pages["200"]["content"]["application/json"]["schema"]["maxItems"], 3);
    assert!(pages["400"]["description"].as_str().unwrap().contains("`cursor-invalid`"));
    assert!(!responses("/things", "get")["400"].to_string().contains("cursor-invalid"));
    let parameters = &document["paths"]["/pages"]["get"]["parameters"];
    let limit =
        json!({ "type": "integer", "format": "int32", "minimum": 1, "maximum": 3, "default": 2 });
    assert_eq!((&parameters[0]["name"], &parameters[0]["schema"]), (&json!("limit"), &limit));
    assert_eq!(parameters[1]["name"], "cursor");
}

/// How long an answer may be kept is said of those that say it, and of no other.
#[test]
fn an_answer_that_is_given_again_says_how_old_it_is() {
    let folder = things();
    let database = migrated(folder.path());
    let document = document(folder.path(), &database);
    let service = serve(folder.path()).database(&database).start();
    let fields = ["Cache-Control", "Age"];
    for path in ["/kept", "/count"] {
        // One thread after the other may answer, each with what it keeps itself.
        let mut sent = HashSet::new();
        for _ in 0..50 {
            let reply = service.get(path);
            sent.extend(fields.into_iter().filter(|it| reply.header(&it.to_lowercase()).is_some()));
        }
        for status in ["200", "304"] {
            let headers = &document["paths"][path]["get"]["responses"][status]["headers"];
            let said = fields.into_iter().filter(|it| headers.get(*it).is_some());
            assert_eq!(said.collect::<HashSet<_>>(), sent, "{path} {status}");
        }
        assert_eq!(sent.is_empty(), path == "/count", "{path}: {sent:?}");
    }
}

#[test]
fn a_column_is_not_null_only_where_it_cannot_be() {
    let folder = things();
    let document = document(folder.path(), &migrated(folder.path()));
    let of = |pointer: &str, column: &str| {
        document.pointer(&format!("{pointer}/properties/{column}/type")).cloned()
    };
    let row =
        |path: &str| format!("/paths/~1{path}/get/responses/200/content/application~1json/schema");
    let rows = row("things") + "/properties/things/items";
    assert_eq!(of(&row("things~1{id}"), "id"), Some(json!("integer")));
    assert_eq!(of(&row("things~1{id}"), "note"), Some(json!(["string", "null"])));
    // NOT NULL in its table, and behind an outer join.
    assert_eq!(of(&rows, "note"), Some(json!(["string", "null"])));
    // NOT NULL in its table, and not in every grouping set.
    assert_eq!(of(&(row("totals") + "/items"), "name"), Some(json!(["string", "null"])));
}

#[test]
fn arguments_are_described_as_they_are_taken() {
    let folder = things();
    let document = document(folder.path(), &migrated(folder.path()));
    let parameters = &document["paths"]["/things"]["get"]["parameters"];
    let kinds = json!({
        "name": "kinds", "in": "query", "style": "form", "explode": false,
        "description": "Only these",
        "schema": { "type": "array", "items": { "type": "string", "enum": ["small", "big"] } },
    });
    let limit = json!({
        "name": "limit", "in": "query",
        "schema": { "type": "integer", "format": "int32", "minimum": 1, "maximum": 9, "default": 5 },
    });
    assert_eq!(*parameters, json!([kinds, limit]));
    let content = &document["paths"]["/things"]["post"]["requestBody"]["content"];
    let members = &content["application/json"]["schema"];
    assert_eq!(members["required"], json!(["name", "price"]));
    // NaN is refused by any bound, and an infinity by the one on its side.
    let price = json!({ "anyOf": [
        { "type": "number", "minimum": 0 }, { "type": "string", "enum": ["Infinity"] },
    ] });
    assert_eq!(members["properties"]["price"], price);
    assert_eq!(members["properties"]["name"]["pattern"], "^(?:[a-z]+)$");
    assert_eq!(members["properties"]["tags"]["type"], json!(["array", "null"]));
    let form = &content["application/x-www-form-urlencoded"];
    assert_eq!(form["encoding"]["tags"], json!({ "style": "form", "explode": false }));
    assert_eq!(form["encoding"]["data"], json!({ "contentType": "application/json" }));
}

#[test]
fn a_person_and_a_program_read_what_is_served() {
    let folder = things();
    let database = migrated(folder.path());
    let table = text(&describe(folder.path(), &database, &[]));
    for line in [
        "things 1.0.0  Things",
        "GET /things  Things and their notes",
        "    limit  query  integer  default 5, 1 to 9",
        "    note  text     or null",
        "  gives rows, at most 10000, in `things`",
        "  gives nothing: 204",
    ] {
        assert!(table.lines().any(|it| it == line), "{line} is not in\n{table}");
    }
    let listing = text(&describe(folder.path(), &database, &["--format", "json"]));
    let listing: Value = serde_json::from_str(&listing).unwrap();
    let routes = listing["routes"].as_array().unwrap();
    let get = routes.iter().find(|it| it["path"] == "/things/{id}" && it["method"] == "GET");
    assert_eq!(get.unwrap()["result"]["columns"][0]["type"], "integer");
}

#[test]
fn a_table_needs_no_database_and_a_document_does() {
    let folder = things();
    let mut away = database();
    away.port = 1;
    let table = text(&describe(folder.path(), &away, &[]));
    assert!(table.contains("GET /things  Things and their notes"), "{table}");
    let refused = describe(folder.path(), &away, &["--openapi"]);
    assert!(!refused.status.success() && refused.stdout.is_empty());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--embedded"));
}

#[test]
fn a_private_database_tells_the_types_and_leaves_nothing() {
    let folder = things();
    let home = Folder::new("home");
    let run = |arguments: &[&str]| {
        let mut command = howdah(arguments);
        command.arg(folder.path()).env("HOWDAH_DATA_HOME", home.path());
        command.env("HOWDAH_POSTGRES_BIN", binaries());
        let nowhere = [("DB_HOST", "127.0.0.1"), ("DB_PORT", "1"), ("DB_PASSWORD", "none")];
        command.envs(nowhere).env("DB_NAME", "things").env("DB_USER", "things").output().unwrap()
    };
    let private = text(&run(&["describe", "--openapi", "--embedded"]));
    let real = document(folder.path(), &migrated(folder.path()));
    assert_eq!(serde_json::from_str::<Value>(&private).unwrap(), real);
    folder.write(
        "endpoints/wrong.sql",
        "/*\nget = \"/wrong\"\nresult = \"value\"\n*/\nSELECT nothing",
    );
    let wrong = run(&["check", "--embedded", "--format", "json"]);
    let found: Value = serde_json::from_slice(&wrong.stdout).unwrap();
    assert_eq!(
        found["diagnostics"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|it| it["code"] == "statement")
            .count(),
        1
    );
    let left = std::fs::read_dir(home.path().join("check")).unwrap();
    assert_eq!(left.count(), 0);
}
