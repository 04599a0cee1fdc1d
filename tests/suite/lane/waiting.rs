//! Calls that wait for others, to share a run or to go together: what holds up those others does not hold
//! them up for long.

use super::{
    sharing::{counting, share, shared, sharing},
    *,
};
use crate::support::postgres::database;
use howdah::event::LaneAct;
use std::sync::atomic::Ordering;

const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until so many sessions of the database wait for a lock.
async fn waiting_for_locks(client: &tokio_postgres::Client, count: i64) {
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' \
               AND datname = current_database()";
    let wait = async {
        while client.query_one(sql, &[]).await.unwrap().get::<_, i64>(0) < count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.expect("sessions wait for the lock");
}

/// A batch of many waits for a lock. Those who ask something else that goes in batches too are answered
/// meanwhile.
#[test]
fn a_batch_that_is_held_up_does_not_hold_up_other_statements() {
    local(async {
        let database = database();
        for table in ["locked", "free"] {
            database.psql(&format!(
                "CREATE TABLE {table} (id int PRIMARY KEY, name text); \
                 INSERT INTO {table} SELECT i, 'of {table} ' || i FROM generate_series(1, 100) AS i"
            ));
        }
        let settings = Settings { connections: 4, ..settings() };
        let (lane, batched) = counting(&database, settings, LaneAct::Batched).await;
        let of = |index, table: &str| {
            let sql = format!("SELECT name FROM {table} WHERE id = (:a)::int");
            shared(index, &sql, &[TEXT], true)
        };
        let (locked, free) = (of(0, "locked"), of(1, "free"));
        let ask = |statement: &Arc<Prepared>, id: usize| {
            let (lane, statement) = (Rc::clone(&lane), Arc::clone(statement));
            tokio::task::spawn_local(async move {
                share(&lane, permit(), &statement, &[&id.to_string()]).await
            })
        };
        // How long a batch takes by itself is known then.
        for statement in std::iter::repeat_n([&locked, &free], 10).flatten() {
            let all: Vec<_> = (1..=32).map(|id| ask(statement, id)).collect();
            for task in all {
                task.await.unwrap().unwrap();
            }
        }
        let before = batched.load(Ordering::Relaxed);
        let mut keeper = database.client().await;
        let transaction = keeper.transaction().await.unwrap();
        transaction.execute("LOCK TABLE locked IN ACCESS EXCLUSIVE MODE", &[]).await.unwrap();
        let held_up: Vec<_> = (1..=32).map(|id| ask(&locked, id)).collect();
        waiting_for_locks(transaction.client(), 1).await;
        let together = batched.load(Ordering::Relaxed) - before;
        assert!(together >= 8, "only {together} of them went together");
        for round in 0..5 {
            let others: Vec<_> = (1..=32).map(|id| ask(&free, id + round)).collect();
            for (at, other) in others.into_iter().enumerate() {
                let answer =
                    tokio::time::timeout(PATIENCE, other).await.expect("nobody stands before it");
                assert_eq!(answer.unwrap().unwrap(), one(format!("of free {}", at + 1 + round)));
            }
        }
        assert!(held_up.iter().all(|it| !it.is_finished()));
        transaction.rollback().await.unwrap();
        for (at, task) in held_up.into_iter().enumerate() {
            assert_eq!(task.await.unwrap().unwrap(), one(format!("of locked {}", at + 1)));
        }
    });
}

/// Both runs of a question take much longer than usual: who asks it then goes by themselves after a while.
#[test]
fn who_waits_for_others_that_ask_the_same_does_not_wait_for_ever() {
    local(async {
        let database = database();
        let settings = Settings { connections: 6, ..settings() };
        let (lane, _) = counting(&database, settings, LaneAct::Coalesced).await;
        let sql = "SELECT 'x' FROM (SELECT pg_advisory_xact_lock_shared((:a)::int)) AS gate";
        let question = shared(0, sql, &[TEXT], false);
        let keeper = database.client().await;
        keeper.execute("SELECT pg_advisory_lock(1)", &[]).await.unwrap();
        let mut all = Vec::new();
        for count in 1..=4 {
            let (lane, question) = (Rc::clone(&lane), Arc::clone(&question));
            all.push(tokio::task::spawn_local(async move {
                share(&lane, permit(), &question, &["1"]).await
            }));
            waiting_for_locks(&keeper, count).await;
        }
        keeper.execute("SELECT pg_advisory_unlock(1)", &[]).await.unwrap();
        for task in all {
            assert_eq!(task.await.unwrap().unwrap(), one("x"));
        }
    });
}

/// Of those that wait for others one may also wait for a database that is away, and the other may not: they
/// ask the same and share nothing. Both are answered.
#[test]
fn two_that_ask_the_same_and_may_not_share_are_both_answered() {
    local(async {
        let database = database();
        let alike_wait = Duration::from_mins(1);
        let settings = Settings { connections: 6, alike_wait, ..settings() };
        let (lane, _) = counting(&database, settings, LaneAct::Coalesced).await;
        let sql = "SELECT 'x' FROM (SELECT pg_advisory_xact_lock_shared((:a)::int)) AS gate";
        let question = shared(0, sql, &[TEXT], false);
        let keeper = database.client().await;
        keeper.execute("SELECT pg_advisory_lock(1)", &[]).await.unwrap();
        let ask = |parks: bool| {
            let (lane, mut call) = (Rc::clone(&lane), sharing(&question, &["1"]));
            call.parks = parks;
            tokio::task::spawn_local(async move { lane.run(permit(), call).await })
        };
        let mut all = Vec::new();
        for count in 1..=2 {
            all.push(ask(true));
            waiting_for_locks(&keeper, count).await;
        }
        for parks in [true, false, true, false] {
            all.push(ask(parks));
            tokio::task::yield_now().await;
        }
        keeper.execute("SELECT pg_advisory_unlock(1)", &[]).await.unwrap();
        for task in all {
            assert_eq!(task.await.unwrap().unwrap().sink.taken, one("x"));
        }
    });
}
