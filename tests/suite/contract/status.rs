//! `services/status`: a status page over a database.

use crate::support::{
    database::Database,
    eventually,
    folder::Folder,
    postgres::{self, Cluster},
    proxy::Proxy,
    service,
};
use serde_json::json;
use std::time::Duration;

#[test]
fn it_says_that_it_runs() {
    let service = service::serve("services/status").database(&postgres::database()).start();
    let reply = service.get("/");
    assert_eq!(reply.status, 200);
    let expected = json!({ "message": "Flask Microservice Running", "status": "OK" });
    assert_eq!(reply.json(), expected);
}

#[test]
fn it_says_what_the_server_says() {
    let database = postgres::database();
    let service = service::serve("services/status").database(&database).start();
    let reply = service.get("/data");
    assert_eq!(reply.status, 200, "{reply}");
    let version = database.psql("SELECT version()")[0][0].clone().unwrap();
    assert!(version.starts_with("PostgreSQL "));
    assert_eq!(reply.json(), json!({ "version": version }));
}

#[test]
fn the_password_may_stand_in_a_file() {
    let database = postgres::database();
    let folder = Folder::new("secret");
    for text in [database.password.clone(), format!("{}\n", database.password)] {
        let file = folder.write("password", text);
        let service = service::serve("services/status")
            .env("DB_HOST", &database.host)
            .env("DB_PORT", database.port.to_string())
            .env("DB_NAME", &database.name)
            .env("DB_USER", &database.user)
            .env("DB_PASS_FILE", &file)
            .start();
        assert_eq!(service.get("/data").status, 200);
        let (_, output) = service.stop();
        assert!(!output.contains(&database.password), "a secret in the log: {output}");
    }
}

#[test]
fn it_recovers_when_the_database_was_restarted() {
    let cluster = Cluster::start();
    let database = Database::create(&cluster);
    let service = service::serve("services/status").database(&database).start();
    let before = service.get("/data").json();
    for stop in [Cluster::stop, Cluster::crash] {
        stop(&cluster);
        let away = service.get("/data");
        assert_eq!(away.status, 503, "{away}");
        assert!(away.header("retry-after").is_some(), "{away}");
        away.problem();
        assert_eq!(service.get("/").status, 200, "what needs no database goes on");
        cluster.restart();
        eventually("it answers again", Duration::from_secs(10), || {
            service.get("/data").status == 200
        });
        assert_eq!(service.get("/data").json(), before);
    }
}

#[test]
fn it_recovers_when_the_network_was_cut_or_swallowed_everything() {
    let database = postgres::database();
    let proxy = Proxy::to(database.port);
    let service = service::serve("services/status").database(&database.through(proxy.port)).start();
    for fault in [Proxy::cut, Proxy::black_hole] {
        fault(&proxy);
        let away = service.get("/data");
        assert!(away.status == 503 || away.status == 504, "{away}");
        away.problem();
        proxy.restore();
        eventually("it answers again", Duration::from_secs(15), || {
            service.get("/data").status == 200
        });
    }
}

#[test]
fn nothing_of_the_database_leaves_through_an_error() {
    let database = postgres::database();
    let proxy = Proxy::to(database.port);
    let service = service::serve("services/status").database(&database.through(proxy.port)).start();
    proxy.cut();
    let text = service.get("/data").text().to_lowercase();
    for word in [&database.name, &database.user, &database.password, &proxy.port.to_string()] {
        assert!(!text.contains(word.as_str()), "{word} in {text}");
    }
    for word in ["select", "version()", "postgres", "127.0.0.1", "refused"] {
        assert!(!text.contains(word), "{word} in {text}");
    }
}
