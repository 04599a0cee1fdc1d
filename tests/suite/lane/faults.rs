//! A network and a server that go away and come back.

use super::*;
use crate::support::{
    postgres::{Cluster, database},
    proxy::Proxy,
};
use std::cell::Cell;

/// Reads that never stop, each with its own argument; every one must be answered with its own.
async fn keep_reading(
    lane: Rc<Lane<Rows>>,
    until: Instant,
    lost: Rc<Cell<u32>>,
    done: Rc<Cell<u32>>,
) {
    let echo = statement(0, "SELECT $1 FROM pg_sleep(0.001)", 1, &[TEXT]);
    let mut tasks = Vec::new();
    for reader in 0..32 {
        let (lane, echo) = (Rc::clone(&lane), Arc::clone(&echo));
        let (lost, done) = (Rc::clone(&lost), Rc::clone(&done));
        tasks.push(tokio::task::spawn_local(async move {
            for number in 0.. {
                if Instant::now() > until {
                    break;
                }
                let text = format!("{reader}/{number}");
                match ask(&lane, &echo, &[&text]).await {
                    Ok(rows) => {
                        assert_eq!(rows, one(&text));
                        done.set(done.get() + 1);
                    }
                    Err(failure) => {
                        eprintln!("lost: {failure:?}");
                        lost.set(lost.get() + 1);
                    }
                }
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
}

fn counters() -> (Rc<Cell<u32>>, Rc<Cell<u32>>) {
    (Rc::default(), Rc::default())
}

#[test]
fn reads_wait_out_a_cut_network_and_go_on_within_a_second() {
    local(async {
        let database = database();
        let proxy = Proxy::to(database.port);
        let lane = lane(&database.through(proxy.port), settings()).await;
        let (lost, done) = counters();
        let until = Instant::now() + Duration::from_secs(5);
        let reading = tokio::task::spawn_local(keep_reading(
            Rc::clone(&lane),
            until,
            Rc::clone(&lost),
            Rc::clone(&done),
        ));
        for _ in 0..2 {
            tokio::time::sleep(Duration::from_millis(300)).await;
            proxy.cut();
            tokio::time::sleep(Duration::from_millis(1200)).await;
            assert!(!lane.is_connected());
            let before = done.get();
            proxy.restore();
            tokio::time::sleep(Duration::from_secs(1)).await;
            assert!(done.get() > before, "nothing within a second of the network's return");
        }
        reading.await.unwrap();
        assert_eq!(lost.get(), 0);
    });
}

#[test]
fn reads_survive_the_end_of_their_backends() {
    local(async {
        let database = database();
        let lane = lane(&database, settings()).await;
        let (lost, done) = counters();
        let until = Instant::now() + Duration::from_secs(2);
        let reading = tokio::task::spawn_local(keep_reading(
            Rc::clone(&lane),
            until,
            Rc::clone(&lost),
            Rc::clone(&done),
        ));
        let client = database.client().await;
        for _ in 0..4 {
            tokio::time::sleep(Duration::from_millis(300)).await;
            let ended = client
                .execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                     WHERE application_name = 'lane' AND datname = current_database()",
                    &[],
                )
                .await
                .unwrap();
            assert!(ended > 0);
        }
        reading.await.unwrap();
        assert_eq!(lost.get(), 0);
        assert!(done.get() > 100);
    });
}

#[test]
fn a_server_that_stops_or_crashes_loses_no_read_and_doubles_no_write() {
    let cluster = Cluster::start();
    let database = Database::create(&cluster);
    database.psql("CREATE TABLE w (n int)");
    // What was answered must be there after a crash.
    let (name, user) = (&database.name, &database.user);
    database.psql(&format!("ALTER ROLE {user} IN DATABASE {name} SET synchronous_commit = on"));
    let known = Rc::new(Cell::new([0_u32; 2]));
    local(async {
        let reads = lane(&database, settings()).await;
        let writes = lane(&database, writing()).await;
        let (lost, done) = counters();
        let until = Instant::now() + Duration::from_secs(6);
        let reading = tokio::task::spawn_local(keep_reading(
            Rc::clone(&reads),
            until,
            Rc::clone(&lost),
            Rc::clone(&done),
        ));
        let insert = statement(0, "INSERT INTO w SELECT $1::int FROM pg_sleep(0.001)", 1, &[]);
        let writing: Vec<_> = (0..8)
            .map(|writer| {
                let (lane, insert, known) =
                    (Rc::clone(&writes), Arc::clone(&insert), Rc::clone(&known));
                tokio::task::spawn_local(async move {
                    let mut number = writer * 1_000_000;
                    while Instant::now() < until {
                        number += 1;
                        let outcome = ask(&lane, &insert, &[&number.to_string()]).await;
                        let [made, unknown] = known.get();
                        match outcome {
                            Ok(_) => known.set([made + 1, unknown]),
                            Err(Failure::OutcomeUnknown) => known.set([made, unknown + 1]),
                            Err(Failure::Refused(refusal)) => {
                                assert_eq!(refusal.class(), "57", "{refusal:?}");
                            }
                            Err(other) => panic!("{other:?}"),
                        }
                    }
                })
            })
            .collect();
        let (restarted, stop) = std::sync::mpsc::channel();
        let breaking = std::thread::spawn(move || {
            for crash in [true, false] {
                std::thread::sleep(Duration::from_millis(700));
                if crash {
                    cluster.crash();
                } else {
                    cluster.stop();
                }
                std::thread::sleep(Duration::from_millis(500));
                cluster.restart();
            }
            restarted.send(cluster).unwrap();
        });
        reading.await.unwrap();
        for task in writing {
            task.await.unwrap();
        }
        breaking.join().unwrap();
        assert_eq!(lost.get(), 0);
        assert!(done.get() > 500, "{}", done.get());
        let _cluster = stop.recv().unwrap();
        let rows = database.psql("SELECT count(*)::text, count(DISTINCT n)::text FROM w");
        let count: u32 = rows[0][0].as_ref().unwrap().parse().unwrap();
        assert_eq!(rows[0][0], rows[0][1], "a write was made twice");
        let [made, unknown] = known.get();
        // The cluster does not sync, and an operating system that goes on loses nothing all the same.
        assert!((made..=made + unknown).contains(&count), "{count} of {made} and {unknown}");
        assert!(made > 100);
    });
}

#[test]
fn a_silent_network_is_given_up_and_the_next_call_gets_through() {
    local(async {
        let database = database();
        let proxy = Proxy::to(database.port);
        for settings in [settings(), writing()] {
            let lane = lane(&database.through(proxy.port), settings).await;
            let echo = statement(0, "SELECT $1", 1, &[TEXT]);
            assert_eq!(ask(&lane, &echo, &["before"]).await.unwrap(), one("before"));
            proxy.black_hole();
            let expected = [Failure::Deadline, Failure::OutcomeUnknown];
            for _ in 0..3 {
                let late =
                    lane.run(permit(), call(&echo, &["x"], Duration::from_millis(300))).await;
                let failure = late.unwrap_err();
                assert!(
                    expected.contains(&failure)
                        || matches!(failure, Failure::Unavailable | Failure::QueuedTooLong),
                    "{failure:?}"
                );
            }
            // The connections are given up, and made anew once somebody answers.
            tokio::time::sleep(Duration::from_secs(4)).await;
            proxy.cut();
            proxy.restore();
            let start = Instant::now();
            assert_eq!(ask(&lane, &echo, &["after"]).await.unwrap(), one("after"));
            assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
        }
    });
}

#[test]
fn parking_has_an_end_and_those_who_do_not_park_are_told_at_once() {
    local(async {
        let database = database();
        let proxy = Proxy::to(database.port);
        let short = Settings { park: Duration::from_millis(400), ..settings() };
        let lane = lane(&database.through(proxy.port), short).await;
        let slow = statement(0, "SELECT pg_sleep(5)::text", 0, &[TEXT]);
        let running = {
            let (lane, slow) = (Rc::clone(&lane), Arc::clone(&slow));
            tokio::task::spawn_local(async move { (ask(&lane, &slow, &[]).await, Instant::now()) })
        };
        tokio::time::sleep(Duration::from_millis(100)).await;
        proxy.cut();
        let cut = Instant::now();
        let (outcome, at) = running.await.unwrap();
        // It was sent, came back to the queue, and waited there no longer than others do.
        assert_eq!(outcome.unwrap_err(), Failure::Unavailable);
        let waited = at - cut;
        assert!(
            waited > Duration::from_millis(300) && waited < Duration::from_secs(1),
            "{waited:?}"
        );

        let start = Instant::now();
        let echo = statement(1, "SELECT $1", 1, &[TEXT]);
        assert_eq!(ask(&lane, &echo, &["x"]).await.unwrap_err(), Failure::Unavailable);
        assert!(start.elapsed() >= Duration::from_millis(400));
        let start = Instant::now();
        let probe = call(&echo, &["x"], Duration::from_secs(5)).without_parking();
        assert_eq!(lane.run(permit(), probe).await.unwrap_err(), Failure::Unavailable);
        let hurried = call(&echo, &["x"], Duration::from_millis(50));
        assert_eq!(lane.run(permit(), hurried).await.unwrap_err(), Failure::Unavailable);
        assert!(start.elapsed() < Duration::from_millis(200));
    });
}

#[test]
fn a_statement_that_ends_its_backend_is_not_sent_for_ever() {
    local(async {
        let database = database();
        database.psql_as_superuser(&format!("GRANT pg_signal_backend TO {}", database.user));
        let lane = lane(&database, Settings { connections: 1, ..settings() }).await;
        let deadly = statement(
            0,
            "SELECT pg_terminate_backend(pg_backend_pid())::text FROM generate_series(1, 3), pg_sleep(0.01)",
            0,
            &[TEXT],
        );
        assert_eq!(ask(&lane, &deadly, &[]).await.unwrap_err(), Failure::Unavailable);
        let echo = statement(1, "SELECT $1", 1, &[TEXT]);
        assert_eq!(ask(&lane, &echo, &["after"]).await.unwrap(), one("after"));
    });
}

#[test]
fn a_lane_dropped_while_it_connects_or_works_leaves_no_connection_behind() {
    let database = database();
    local(async {
        let proxy = Proxy::to(database.port);
        proxy.black_hole();
        drop(open(target(&database.through(proxy.port)), settings()));
        proxy.restore();
        let lane = lane(&database, settings()).await;
        let slow = statement(0, "SELECT pg_sleep(0.3)::text", 0, &[TEXT]);
        let leaving = call(&slow, &[], Duration::from_millis(100));
        lane.run(permit(), leaving).await.unwrap_err();
        drop(lane);
        tokio::time::sleep(Duration::from_secs(1)).await;
    });
    let left = "SELECT count(*)::text FROM pg_stat_activity WHERE application_name = 'lane' AND datname = current_database()";
    assert_eq!(database.psql(left), one(0));
}

#[test]
fn a_server_is_told_to_look_after_sessions_whose_service_may_be_gone() {
    local(async {
        let lane = lane(&database(), settings()).await;
        let sql = "SELECT concat_ws(' ', current_setting('tcp_keepalives_idle'),
            current_setting('tcp_keepalives_interval'), current_setting('tcp_keepalives_count'),
            inet_server_addr() IS NULL)";
        let told = ask(&lane, &statement(0, sql, 0, &[TEXT]), &[]).await.unwrap();
        assert_eq!(told, one("5 3 3 f"));
    });
}
