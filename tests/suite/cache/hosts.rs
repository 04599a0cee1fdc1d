//! A database that moves to another of its hosts.

use super::*;
use crate::support::{folder::Folder, proxy::Proxy, service::project};

#[test]
fn what_is_notified_is_heard_where_the_service_has_gone() {
    let database = database();
    let first = Proxy::to(database.port);
    let folder = Folder::new("cache");
    let manifest = std::fs::read_to_string(project(FOLDER).join("howdah.toml")).unwrap();
    let manifest = manifest
        .replace("\"${DB_HOST}\"", "\"${DB_HOST},${DB_HOST}\"")
        .replace("\"${DB_PORT}\"", "\"${FIRST},${DB_PORT}\"");
    folder.write("howdah.toml", manifest);
    let heard = "endpoints/heard.sql";
    folder.write(heard, std::fs::read(project(FOLDER).join(heard)).unwrap());
    let serve = serve(folder.path()).database(&database).arg("--threads=1");
    let service = started(serve.env("FIRST", first.port.to_string()));
    until_kept(&service);
    assert!(first.accepted() > 0);
    // What changes while nobody hears it is seen all the same.
    first.cut();
    database.psql("UPDATE prices SET price = 2");
    until_price(&service, 2);
    until_kept(&service);
    database.psql("UPDATE prices SET price = 3; NOTIFY \"Prices changed\"");
    until_price(&service, 3);
    until_kept(&service);
}
