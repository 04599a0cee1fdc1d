//! `services/catalog`: is the database there, and how many tables.

use crate::support::{
    database::Database,
    eventually,
    folder::Folder,
    postgres::{self, Cluster},
    proxy::Proxy,
    service::{self, Serve},
};
use serde_json::json;
use std::time::Duration;

/// As late as the answer may be.
const LATE: Duration = Duration::from_secs(1);

/// The service with the environment that it is deployed with.
fn catalog(database: &Database, secrets: &Folder) -> Serve {
    service::serve("services/catalog")
        .env("CONTAINER_NAME", "flask-app")
        .env("DB_HOST", &database.host)
        .env("DB_PORT", database.port.to_string())
        .env("DB_USER", &database.user)
        .env("DB_NAME", &database.name)
        .env("DB_PASSWORD_FILE", secrets.write("password", &database.password))
}

#[test]
fn it_counts_the_tables_that_its_user_sees() {
    let (database, secrets) = (postgres::database(), Folder::new("secret"));
    let service = catalog(&database, &secrets).start();
    let tables =
        || database.psql("SELECT count(*) FROM information_schema.tables")[0][0].clone().unwrap();
    let (before, reply) = (tables(), service.get("/number_of_tables"));
    assert_eq!(reply.status, 200, "{reply}");
    assert_eq!(reply.json(), json!({ "number_of_tables": before }), "a string");
    database.psql("CREATE TABLE one (a int); CREATE VIEW two AS TABLE one");
    database.psql_as_superuser("CREATE TABLE not_seen (a int)");
    let after = tables();
    assert_eq!(after.parse::<u32>().unwrap(), before.parse::<u32>().unwrap() + 2);
    assert_eq!(service.get("/number_of_tables").json(), json!({ "number_of_tables": after }));
}

#[test]
fn its_health_follows_the_database() {
    let (cluster, secrets) = (Cluster::start(), Folder::new("secret"));
    let service = catalog(&Database::create(&cluster), &secrets).start();
    let up = json!({ "container": "flask-app", "status": "Healthy!" });
    let down = json!({ "container": "flask-app", "status": "Unhealthy" });
    for stop in [Cluster::stop, Cluster::crash] {
        let reply = service.get("/health");
        assert_eq!((reply.status, reply.json()), (200, up.clone()));
        stop(&cluster);
        eventually("unhealthy", LATE, || service.get("/health").status == 503);
        let reply = service.get("/health");
        assert_eq!((reply.status, reply.json()), (503, down.clone()));
        cluster.restart();
        eventually("healthy again", LATE, || {
            // On every thread: each has connections of its own.
            (0..10).all(|_| service.get("/health").status == 200)
        });
    }
}

#[test]
fn its_health_follows_the_network() {
    let (database, secrets) = (postgres::database(), Folder::new("secret"));
    let proxy = Proxy::to(database.port);
    let service = catalog(&database.through(proxy.port), &secrets).start();
    for fault in [Proxy::cut, Proxy::black_hole] {
        assert_eq!(service.get("/health").status, 200);
        fault(&proxy);
        eventually("unhealthy", LATE, || service.get("/health").status == 503);
        proxy.restore();
        eventually("healthy again", LATE, || {
            // On every thread: each has connections of its own.
            (0..10).all(|_| service.get("/health").status == 200)
        });
    }
}

#[test]
fn the_container_is_the_one_in_the_environment() {
    let (database, secrets) = (postgres::database(), Folder::new("secret"));
    let name = "shop {now} \"1\"";
    let service = catalog(&database, &secrets).env("CONTAINER_NAME", name).start();
    assert_eq!(service.get("/health").json(), json!({ "container": name, "status": "Healthy!" }));
}

#[test]
fn a_wrong_route_is_a_page_for_people_and_a_problem_for_programs() {
    let (database, secrets) = (postgres::database(), Folder::new("secret"));
    let service = catalog(&database, &secrets).start();
    for accept in ["text/html", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"] {
        let reply = service.send("GET", "/wrong_route", &[("accept", accept)], b"");
        assert_eq!(reply.status, 404);
        let media_type = reply.header("content-type").unwrap();
        assert!(media_type.starts_with("text/html"), "{reply}");
        assert!(reply.text().contains("<title>404 Not Found</title>"), "{reply}");
    }
    for accept in ["*/*", "application/json", "application/problem+json, text/html;q=0.5"] {
        let reply = service.send("GET", "/wrong_route", &[("accept", accept)], b"");
        assert_eq!(reply.status, 404);
        reply.problem();
    }
}
