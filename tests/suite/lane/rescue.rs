//! Reads behind slow statements: they are sent again elsewhere, and each gets its own rows once.

use super::*;
use crate::support::postgres::database;
use std::cell::{Cell, RefCell};

/// How long each of the quick reads took beside slow statements, the longest last.
async fn beside_slow(lane: &Rc<Lane<Rows>>, slow_sql: &str, seconds: u64) -> Vec<Duration> {
    let slow = statement(0, slow_sql, 1, &[TEXT]);
    let quick = statement(1, "SELECT $1", 1, &[TEXT]);
    let until = Instant::now() + Duration::from_secs(seconds);
    let took = Rc::new(RefCell::new(Vec::new()));
    let mut tasks = Vec::new();
    for client in 0..2 {
        let (lane, slow) = (Rc::clone(lane), Arc::clone(&slow));
        tasks.push(tokio::task::spawn_local(async move {
            for round in 0.. {
                if Instant::now() > until {
                    break;
                }
                let text = format!("slow {client}/{round}");
                assert_eq!(ask(&lane, &slow, &[&text]).await.unwrap(), one(&text));
            }
        }));
    }
    for client in 0..16 {
        let (lane, quick, took) = (Rc::clone(lane), Arc::clone(&quick), Rc::clone(&took));
        tasks.push(tokio::task::spawn_local(async move {
            for round in 0.. {
                let start = Instant::now();
                if start > until {
                    break;
                }
                let text = format!("{client}/{round}");
                assert_eq!(ask(&lane, &quick, &[&text]).await.unwrap(), one(&text));
                took.borrow_mut().push(start.elapsed());
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let mut took = took.take();
    took.sort();
    took
}

/// Each slow run is as likely short, so nobody can know that it is slow before.
const SOMETIMES: &str =
    "SELECT $1 FROM pg_sleep(CASE WHEN random() < 0.05 THEN 0.4 ELSE 0.0005 END)";

#[test]
fn what_stands_behind_a_statement_that_turns_out_slow_is_sent_elsewhere() {
    local(async {
        let lane = lane(&database(), Settings { connections: 3, ..settings() }).await;
        let took = beside_slow(&lane, SOMETIMES, 4).await;
        assert!(took.len() > 200, "{}", took.len());
        // Whoever waited to the end of a slow one would have waited 400 ms.
        let late = took.iter().filter(|it| **it > Duration::from_millis(250)).count();
        assert!(late * 100 <= took.len(), "{late} of {}", took.len());
    });
}

#[test]
fn nothing_is_sent_behind_a_statement_that_is_known_to_be_slow() {
    local(async {
        let lane = lane(&database(), Settings { connections: 2, ..settings() }).await;
        let took = beside_slow(&lane, "SELECT $1 FROM pg_sleep(0.3)", 3).await;
        assert!(took.len() > 200, "{}", took.len());
        let late = took.iter().filter(|it| **it > Duration::from_millis(200)).count();
        assert!(late * 50 <= took.len(), "{late} of {}", took.len());
    });
}

#[test]
fn slow_statements_alone_have_all_connections() {
    local(async {
        let lane = lane(&database(), Settings { connections: 2, ..settings() }).await;
        let slow = statement(0, "SELECT $1 FROM pg_sleep(0.02)", 1, &[TEXT]);
        for round in 0..100 {
            ask(&lane, &slow, &[&round.to_string()]).await.unwrap();
        }
        let start = Instant::now();
        let tasks: Vec<_> = (0..40)
            .map(|number| {
                let (lane, slow) = (Rc::clone(&lane), Arc::clone(&slow));
                tokio::task::spawn_local(async move {
                    let text = number.to_string();
                    assert_eq!(ask(&lane, &slow, &[&text]).await.unwrap(), one(&text));
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        // 800 ms one after the other.
        assert!(start.elapsed() < Duration::from_millis(750), "{:?}", start.elapsed());
    });
}

/// Reads that are rescued while connections break and callers leave are answered once, and rightly.
#[test]
fn rescued_reads_survive_broken_connections_too() {
    local(async {
        let database = database();
        let lane = lane(&database, Settings { connections: 3, ..settings() }).await;
        let some = statement(0, "SELECT $1 FROM pg_sleep(random() * random() * 0.02)", 1, &[TEXT]);
        let until = Instant::now() + Duration::from_secs(4);
        let done = Rc::new(Cell::new(0_u32));
        let tasks: Vec<_> = (0..24)
            .map(|client| {
                let (lane, some, done) = (Rc::clone(&lane), Arc::clone(&some), Rc::clone(&done));
                tokio::task::spawn_local(async move {
                    for round in 0.. {
                        if Instant::now() > until {
                            break;
                        }
                        let text = format!("{client}/{round}");
                        if fastrand::u8(..5) == 0 {
                            let patience = Duration::from_millis(fastrand::u64(..10));
                            let _ =
                                tokio::time::timeout(patience, ask(&lane, &some, &[&text])).await;
                            continue;
                        }
                        assert_eq!(ask(&lane, &some, &[&text]).await.unwrap(), one(&text));
                        done.set(done.get() + 1);
                    }
                })
            })
            .collect();
        let client = database.client().await;
        for _ in 0..2 {
            tokio::time::sleep(Duration::from_millis(1200)).await;
            let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                       WHERE application_name = 'lane' AND datname = current_database()";
            client.execute(end, &[]).await.unwrap();
        }
        for task in tasks {
            task.await.unwrap();
        }
        assert!(done.get() > 100, "{done:?}");
    });
}
