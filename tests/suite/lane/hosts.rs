//! Several hosts: which is taken, what happens when one goes, and a real streaming replica.

use super::*;
use crate::support::{
    database::run,
    eventually,
    postgres::{Cluster, cluster, database},
    proxy::Proxy,
};
use howdah::{config::SessionAttrs, postgres::session};
use std::cell::RefCell;

/// A primary with a replica that follows it, and a database that is in both.
struct Pair {
    primary: Cluster,
    replica: Cluster,
    database: Database,
}

impl Pair {
    fn start() -> Self {
        let primary = Cluster::start_replicated();
        let database = Database::create(&primary);
        database.psql("CREATE TABLE w (n int)");
        let replica = primary.replica();
        Self { primary, replica, database }
    }

    /// From now on the primary answers a commit when the replica has it.
    fn waits_for_the_replica(&self) {
        let admin = self.primary.superuser("postgres");
        for sql in [
            "ALTER SYSTEM SET synchronous_standby_names = '*'",
            "ALTER SYSTEM SET synchronous_commit = on",
            "SELECT pg_reload_conf()",
        ] {
            run(&admin, sql);
        }
        let sql = "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'";
        let synchronous = || !run(&admin, sql).is_empty();
        eventually("the replica is synchronous", Duration::from_secs(20), synchronous);
    }

    fn target(&self, session: SessionAttrs) -> Target {
        let also = vec![("127.0.0.1".to_owned(), self.replica.port)];
        Target { also, session, ..target(&self.database) }
    }

    /// What the replica has in `w`, each number with how often it is there.
    fn in_the_replica(&self) -> Vec<(u32, u32)> {
        let mut config = self.replica.superuser(&self.database.name);
        config.application_name("looks");
        let rows = run(&config, "SELECT n, count(*) FROM w GROUP BY n");
        let number = |text: &Option<String>| text.as_ref().unwrap().parse().unwrap();
        rows.iter().map(|row| (number(&row[0]), number(&row[1]))).collect()
    }
}

/// The port of the server that answers, as both clients see it.
async fn port(target: &Target, settings: Settings) -> String {
    let which = statement(0, "SELECT inet_server_port()::text", 0, &[TEXT]);
    let lane = open(target.clone(), settings);
    let by_lane = ask(&lane, &which, &[]).await.unwrap();
    let session = session::connect(target).await.unwrap_or_else(|why| panic!("{why}"));
    let row = session.query_one("SELECT inet_server_port()::text", &[]).await.unwrap();
    let by_session: String = row.get(0);
    assert_eq!(by_lane, one(&by_session));
    by_session
}

#[test]
fn the_first_host_that_will_do_is_taken() {
    let pair = Pair::start();
    let (primary, replica) = (pair.primary.port.to_string(), pair.replica.port.to_string());
    local(async {
        for (attrs, expected) in [
            (SessionAttrs::Any, &primary),
            (SessionAttrs::ReadWrite, &primary),
            (SessionAttrs::Primary, &primary),
            (SessionAttrs::ReadOnly, &replica),
            (SessionAttrs::Standby, &replica),
            (SessionAttrs::PreferStandby, &replica),
        ] {
            let target = pair.target(attrs);
            // The other way around it is the same, but for those that do not mind.
            let turned = Target {
                port: pair.replica.port,
                also: vec![("127.0.0.1".to_owned(), pair.primary.port)],
                ..target.clone()
            };
            assert_eq!(&port(&target, settings()).await, expected, "{attrs:?}");
            let expected = if attrs == SessionAttrs::Any { &replica } else { expected };
            assert_eq!(&port(&turned, settings()).await, expected, "{attrs:?}");
        }
        assert_eq!(port(&pair.target(SessionAttrs::ReadWrite), writing()).await, primary);
        // A read on a replica, and a fallback that is quick.
        let reads = open(pair.target(SessionAttrs::PreferStandby), settings());
        let which = statement(0, "SELECT pg_is_in_recovery()::text", 0, &[TEXT]);
        assert_eq!(ask(&reads, &which, &[]).await.unwrap(), one("true"));
        pair.replica.crash();
        assert_eq!(ask(&reads, &which, &[]).await.unwrap(), one("false"));
        let patient = Target {
            connect_timeout: Duration::from_secs(20),
            ..pair.target(SessionAttrs::Standby)
        };
        let nobody = session::connect(&patient).await;
        let why = nobody.err().unwrap().to_string();
        assert!(why.contains("it is no standby") && why.contains("nothing listens"), "{why}");
    });
}

#[test]
fn writes_go_on_where_a_replica_was_promoted_and_none_is_made_twice() {
    let pair = Pair::start();
    pair.waits_for_the_replica();
    let made = Rc::new(RefCell::new(Vec::new()));
    let unknown = Rc::new(RefCell::new(Vec::new()));
    let refused = Rc::new(RefCell::new(Vec::new()));
    let after = Rc::new(std::cell::Cell::new(0_u32));
    let promoted = Rc::new(std::cell::Cell::new(false));
    let over = Rc::new(std::cell::Cell::new(false));
    local(async {
        let lane = open(pair.target(SessionAttrs::ReadWrite), writing());
        let reads = open(pair.target(SessionAttrs::PreferStandby), settings());
        connected(&lane).await;
        let insert = statement(0, "INSERT INTO w SELECT $1::int", 1, &[]);
        let writers: Vec<_> = (0..8_u32)
            .map(|writer| {
                let (lane, insert) = (Rc::clone(&lane), Arc::clone(&insert));
                let (made, unknown) = (Rc::clone(&made), Rc::clone(&unknown));
                let (refused, after) = (Rc::clone(&refused), Rc::clone(&after));
                let (promoted, over) = (Rc::clone(&promoted), Rc::clone(&over));
                tokio::task::spawn_local(async move {
                    let mut number = writer * 1_000_000;
                    while !over.get() {
                        number += 1;
                        match ask(&lane, &insert, &[&number.to_string()]).await {
                            Ok(_) => {
                                made.borrow_mut().push(number);
                                after.set(after.get() + u32::from(promoted.get()));
                            }
                            Err(Failure::OutcomeUnknown) => unknown.borrow_mut().push(number),
                            Err(Failure::Refused(_) | Failure::Unavailable) => {
                                refused.borrow_mut().push(number);
                                tokio::time::sleep(Duration::from_millis(5)).await;
                            }
                            Err(other) => panic!("{other:?}"),
                        }
                    }
                })
            })
            .collect();
        let count = statement(0, "SELECT (count(*) >= 0)::text FROM w", 0, &[TEXT]);
        let reader = {
            let over = Rc::clone(&over);
            tokio::task::spawn_local(async move {
                let mut read = 0_u32;
                while !over.get() {
                    assert_eq!(ask(&reads, &count, &[]).await.unwrap(), one("true"));
                    read += 1;
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                read
            })
        };
        let before = Rc::clone(&made);
        while before.borrow().len() < 100 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        pair.primary.crash();
        tokio::time::sleep(Duration::from_millis(300)).await;
        let replica = &pair.replica;
        std::thread::scope(|scope| {
            scope.spawn(|| replica.promote()).join().unwrap();
        });
        promoted.set(true);
        while after.get() < 100 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        over.set(true);
        for writer in writers {
            writer.await.unwrap();
        }
        assert!(reader.await.unwrap() > 0, "reads went on");
    });
    let there = pair.in_the_replica();
    assert!(there.iter().all(|(_, times)| *times == 1), "a write was made twice");
    let there: std::collections::BTreeSet<u32> = there.into_iter().map(|(n, _)| n).collect();
    let lost = made.borrow().iter().filter(|n| !there.contains(n)).count();
    assert_eq!(lost, 0, "what was answered is there");
    assert!(refused.borrow().iter().all(|n| !there.contains(n)), "what was refused is not");
}

#[test]
fn a_silent_host_does_not_use_up_the_time_of_the_others() {
    local(async {
        let database = database();
        let silent = Proxy::to(database.port);
        silent.black_hole();
        let also = vec![("127.0.0.1".to_owned(), cluster().port)];
        let target = Target {
            port: silent.port,
            also,
            session: SessionAttrs::Any,
            connect_timeout: Duration::from_secs(8),
            ..target(&database)
        };
        assert_eq!(
            port(&target, Settings { park: Duration::from_secs(30), ..settings() }).await,
            cluster().port.to_string()
        );
        // Who is turned away by one is not sent to the next.
        let proxy = Proxy::to(database.port);
        let wrong = Some(howdah::secret::Secret::new("wrong".to_owned()));
        let also = vec![("127.0.0.1".to_owned(), proxy.port)];
        let denied = Target { password: wrong, also, ..super::target(&database) };
        let error = session::connect(&denied).await.err().unwrap();
        assert_eq!(error.sqlstate(), Some("28P01"));
        assert_eq!(proxy.accepted(), 0);
    });
}
