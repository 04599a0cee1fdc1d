//! Callers that go away.

use super::*;
use crate::support::postgres::database;

async fn eventually_running(database: &Database, marker: &str, expected: usize, limit: Duration) {
    let client = database.client().await;
    let start = Instant::now();
    loop {
        let rows = client
            .query_one(
                "SELECT count(*)::int4 FROM pg_stat_activity WHERE state = 'active' \
                 AND pid <> pg_backend_pid() AND query LIKE '%' || $1 || '%'",
                &[&marker],
            )
            .await
            .unwrap();
        if usize::try_from(rows.get::<_, i32>(0)).unwrap() == expected {
            return;
        }
        assert!(start.elapsed() < limit, "not {expected} of {marker} within {limit:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[test]
fn a_caller_that_goes_away_stops_its_statement_in_the_server() {
    local(async {
        let database = database();
        for settings in [settings(), writing()] {
            let lane = lane(&database, Settings { connections: 1, ..settings }).await;
            let slow = statement(0, "SELECT pg_sleep(15)::text AS leaving", 0, &[TEXT]);
            let asking = {
                let (lane, slow) = (Rc::clone(&lane), Arc::clone(&slow));
                tokio::task::spawn_local(async move { ask(&lane, &slow, &[]).await })
            };
            eventually_running(&database, "leaving", 1, Duration::from_secs(5)).await;
            asking.abort();
            eventually_running(&database, "leaving", 0, Duration::from_secs(1)).await;
            let echo = statement(1, "SELECT $1", 1, &[TEXT]);
            assert_eq!(ask(&lane, &echo, &["next"]).await.unwrap(), one("next"));
        }
    });
}

#[test]
fn several_slow_statements_in_a_row_that_nobody_wants_are_all_stopped() {
    local(async {
        let database = database();
        let lane = lane(&database, Settings { connections: 1, ..settings() }).await;
        let slow = statement(0, "SELECT pg_sleep(15)::text", 0, &[TEXT]);
        let echo = statement(1, "SELECT $1", 1, &[TEXT]);
        let leaving: Vec<_> = (0..5)
            .map(|_| {
                let (lane, slow) = (Rc::clone(&lane), Arc::clone(&slow));
                tokio::task::spawn_local(async move { ask(&lane, &slow, &[]).await })
            })
            .collect();
        let staying = {
            let (lane, echo) = (Rc::clone(&lane), Arc::clone(&echo));
            tokio::task::spawn_local(async move { ask(&lane, &echo, &["stays"]).await })
        };
        tokio::time::sleep(Duration::from_millis(100)).await;
        leaving.iter().for_each(tokio::task::JoinHandle::abort);
        let start = Instant::now();
        assert_eq!(staying.await.unwrap().unwrap(), one("stays"));
        assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    });
}

#[test]
fn callers_that_leave_in_crowds_do_not_harm_those_that_stay() {
    local(async {
        let lane = lane(&database(), settings()).await;
        let some = statement(0, "SELECT $1 FROM pg_sleep($2::float8)", 2, &[TEXT]);
        let mut staying = Vec::new();
        for number in 0..1500_u32 {
            let (lane, some) = (Rc::clone(&lane), Arc::clone(&some));
            let stays = number % 3 == 0;
            let pause = if number % 50 == 1 { "0.1" } else { "0.0005" };
            let asking = tokio::task::spawn_local(async move {
                let text = number.to_string();
                assert_eq!(ask(&lane, &some, &[&text, pause]).await.unwrap(), one(&text));
            });
            if stays {
                staying.push(asking);
            } else {
                tokio::task::spawn_local(async move {
                    tokio::time::sleep(Duration::from_millis(u64::from(number % 40))).await;
                    asking.abort();
                });
            }
            if number % 100 == 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        for task in staying {
            task.await.unwrap();
        }
    });
}

#[test]
fn the_deadline_and_the_statements_own_timeout_hold_while_it_runs() {
    local(async {
        let quick = Settings { statement_timeout: Duration::from_millis(300), ..settings() };
        let lane = lane(&database(), Settings { connections: 1, ..quick }).await;
        let slow = statement(0, "SELECT pg_sleep(5)::text", 0, &[TEXT]);
        let start = Instant::now();
        let late = lane.run(permit(), call(&slow, &[], Duration::from_millis(100))).await;
        assert_eq!(late.unwrap_err(), Failure::Deadline);
        assert!(start.elapsed() < Duration::from_millis(250));
        for _ in 0..2 {
            assert_eq!(sqlstate(&ask(&lane, &slow, &[]).await), "57014");
        }
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    });
}
