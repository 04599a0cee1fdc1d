//! A changed folder: nothing that the service before it kept is given.

use super::*;
use crate::support::{folder::Folder, service::project};

#[test]
fn after_a_reload_nothing_from_before_is_given_and_notifications_are_heard() {
    let database = database();
    let folder = Folder::new("cache");
    let manifest = std::fs::read_to_string(project(FOLDER).join("howdah.toml")).unwrap();
    folder.write("howdah.toml", manifest + "\n[reload]\nevery = \"100ms\"\n");
    let endpoints = ["heard", "large"].map(|name| {
        let file = format!("endpoints/{name}.sql");
        (std::fs::read_to_string(project(FOLDER).join(&file)).unwrap(), file)
    });
    for (text, file) in &endpoints {
        folder.write(file, text);
    }
    let service = started(serve(folder.path()).database(&database).arg("--threads=2"));
    until_kept(&service);
    service.get("/large?code=a");
    eventually("it is kept", PATIENCE, || is_kept(&service.get("/large?code=a")));
    for (text, file) in &endpoints {
        folder.write(file, text.replace("SELECT price", "SELECT price + 100 AS price"));
    }
    until_price(&service, 101);
    // The threads go over one by one, so both are asked often.
    eventually("all have gone over", PATIENCE, || {
        (0..20).all(|_| price(&service.get("/large?code=a")) == 101)
    });
    for path in ["/heard?code=a", "/large?code=a"].repeat(20) {
        assert_eq!(price(&service.get(path)), 101);
    }
    until_kept(&service);
    database.psql("UPDATE prices SET price = 2; NOTIFY \"Prices changed\"");
    until_price(&service, 102);
    until_kept(&service);
    eventually("one session listens", PATIENCE, || {
        let rows = database.psql(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() \
             AND query IN ('SELECT', 'LISTEN \"Prices changed\"') AND application_name = 'howdah'",
        );
        rows.len() == 1
    });
}
