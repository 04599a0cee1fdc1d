//! Ways to sign in, and their failures.

use super::*;
use crate::support::postgres::{Cluster, SUPERUSER, SUPERUSER_PASSWORD};
use howdah::secret::Secret;
use std::{fs, sync::Mutex};

const HBA: &str = "
local all all trust
host all by_scram 127.0.0.1/32 scram-sha-256
host all by_md5 127.0.0.1/32 md5
host all by_word 127.0.0.1/32 password
host all by_trust 127.0.0.1/32 trust
host all turned_away 127.0.0.1/32 reject
host all postgres 127.0.0.1/32 scram-sha-256
";

fn target_of(cluster: &Cluster, host: &str, user: &str, password: Option<&str>) -> Target {
    Target {
        host: host.to_owned(),
        port: cluster.port,
        database: "postgres".to_owned(),
        user: user.to_owned(),
        password: password.map(|it| Secret::new(it.to_owned())),
        connect_timeout: Duration::from_secs(5),
        application_name: "lane".to_owned(),
        also: Vec::new(),
        direct: Vec::new(),
        session: howdah::config::SessionAttrs::Any,
        shuffles: false,
        tls: std::sync::Arc::default(),
    }
}

#[test]
fn every_way_to_sign_in_works_and_fails_in_words_without_the_password() {
    let cluster = Cluster::start();
    let admin = cluster.superuser("postgres");
    let sql = |sql: &str| crate::support::database::run(&admin, sql);
    sql("CREATE ROLE by_scram LOGIN PASSWORD 'p\u{e4}ss: word'");
    sql("SET password_encryption = 'md5'; CREATE ROLE by_md5 LOGIN PASSWORD 'old'");
    sql("CREATE ROLE by_word LOGIN PASSWORD 'clear'");
    sql("CREATE ROLE by_trust LOGIN; CREATE ROLE turned_away LOGIN");
    let hba = cluster.folder.join("data/pg_hba.conf");
    fs::write(&hba, HBA).unwrap();
    sql("SELECT pg_reload_conf()");
    let socket = cluster.folder.to_str().unwrap().to_owned();
    let echo = statement(0, "SELECT $1 || current_user", 1, &[TEXT]);
    local(async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        for (host, user, password) in [
            ("127.0.0.1", "by_scram", Some("p\u{e4}ss: word")),
            ("localhost", "by_scram", Some("p\u{e4}ss: word")),
            ("127.0.0.1", "by_md5", Some("old")),
            ("127.0.0.1", "by_word", Some("clear")),
            ("127.0.0.1", "by_trust", None),
            ("127.0.0.1", "by_trust", Some("not asked for")),
            (socket.as_str(), "by_scram", None),
            ("127.0.0.1", SUPERUSER, Some(SUPERUSER_PASSWORD)),
        ] {
            let lane = open(target_of(&cluster, host, user, password), settings());
            let rows = ask(&lane, &echo, &["I am "]).await;
            assert_eq!(rows.unwrap(), one(format!("I am {user}")), "{host}");
        }
        for (user, password, expected) in [
            ("by_scram", Some("wrong-secret"), "28P01"),
            ("by_md5", Some("wrong-secret"), "28P01"),
            ("by_word", Some("wrong-secret"), "28P01"),
            ("by_scram", None, "asks for a password"),
            ("turned_away", Some("wrong-secret"), "28000"),
            ("nobody_at_all", Some("wrong-secret"), "28000"),
        ] {
            let seen = Arc::new(Mutex::new(Vec::new()));
            let observer = {
                let seen = Arc::clone(&seen);
                Arc::new(move |event: &howdah::event::Event<'_>| {
                    seen.lock().unwrap().push(format!("{event:?}"));
                })
            };
            let target = Arc::new(target_of(&cluster, "127.0.0.1", user, password));
            let lane = Lane::<Rows>::open(settings(), target, observer);
            let late = lane.run(permit(), call(&echo, &["x"], Duration::from_millis(500))).await;
            assert_eq!(late.unwrap_err(), Failure::Unavailable);
            drop(lane);
            let seen = seen.lock().unwrap().join("\n");
            assert!(seen.contains(expected), "{user}: {seen}");
            assert!(!seen.contains("wrong-secret"), "{seen}");
            // Two connections, and neither may hammer a server that said no.
            assert!(seen.lines().count() <= 2, "{seen}");
        }
        // The password is changed: what is open goes on, and what breaks waits until it is set back.
        let lane = open(target_of(&cluster, "127.0.0.1", "by_word", Some("clear")), settings());
        ask(&lane, &echo, &["x"]).await.unwrap();
        sql("ALTER ROLE by_word PASSWORD 'other'");
        ask(&lane, &echo, &["x"]).await.unwrap();
        sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'by_word'");
        let late = lane.run(permit(), call(&echo, &["x"], Duration::from_millis(300))).await;
        assert_eq!(late.unwrap_err(), Failure::Unavailable);
        sql("ALTER ROLE by_word PASSWORD 'clear'");
        ask(&lane, &echo, &["x"]).await.unwrap();
    });
}

#[test]
fn a_server_that_is_not_there_is_awaited() {
    local(async {
        let port = crate::support::ports::free();
        let nobody = Target {
            host: "localhost".to_owned(),
            port,
            database: "d".to_owned(),
            user: "u".to_owned(),
            password: None,
            connect_timeout: Duration::from_secs(1),
            application_name: "lane".to_owned(),
            also: Vec::new(),
            direct: Vec::new(),
            session: howdah::config::SessionAttrs::Any,
            shuffles: false,
            tls: std::sync::Arc::default(),
        };
        let echo = statement(0, "SELECT $1", 1, &[TEXT]);
        for host in ["localhost", "/nowhere/at/all", "no-such-host.invalid"] {
            let lane = open(Target { host: host.to_owned(), ..nobody.clone() }, settings());
            let late = lane.run(permit(), call(&echo, &["x"], Duration::from_millis(300))).await;
            assert_eq!(late.unwrap_err(), Failure::Unavailable);
        }
    });
}
