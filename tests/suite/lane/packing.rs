//! Which connections reads take: few of them for many that are over at once, one each for a few, and for those that
//! take their time.

use super::*;
use crate::support::postgres::database;
use std::collections::HashMap;

const CONNECTIONS: usize = 4;

/// Asks so many times at once; gives how many answers came from each backend.
async fn at_once(lane: &Rc<Lane<Rows>>, asked: &Arc<Prepared>, times: usize) -> Vec<usize> {
    let tasks: Vec<_> = (0..times)
        .map(|_| {
            let (lane, asked) = (Rc::clone(lane), Arc::clone(asked));
            tokio::task::spawn_local(async move { ask(&lane, &asked, &[]).await.unwrap() })
        })
        .collect();
    let mut of_backend: HashMap<String, usize> = HashMap::new();
    for task in tasks {
        let rows = task.await.unwrap();
        *of_backend.entry(rows[0][0].clone().unwrap()).or_default() += 1;
    }
    of_backend.into_values().collect()
}

/// A lane of which every connection is open.
async fn whole(database: &Database) -> Rc<Lane<Rows>> {
    let lane = lane(database, Settings { connections: CONNECTIONS, ..settings() }).await;
    while lane.state().connected < CONNECTIONS {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    lane
}

#[test]
fn many_quick_reads_keep_few_backends_busy() {
    local(async {
        let lane = whole(&database()).await;
        let who = statement(0, "SELECT pg_backend_pid()::text", 0, &[TEXT]);
        // Until it is known that they are quick, which a busy machine hides for a while.
        while at_once(&lane, &who, 32).await.len() > 2 {}
        // Some wait for nobody: each has a backend.
        let mut alone = at_once(&lane, &who, CONNECTIONS).await;
        alone.sort_unstable();
        assert_eq!(alone, [1; CONNECTIONS]);
    });
}

#[test]
fn reads_that_take_their_time_are_spread() {
    local(async {
        let lane = whole(&database()).await;
        // Less than what others are not to wait behind, and more than many may take on one connection.
        let sql = "SELECT pg_backend_pid()::text FROM pg_sleep(0.003)";
        let who = statement(0, sql, 0, &[TEXT]);
        for _ in 0..10 {
            let mut spread = at_once(&lane, &who, 2 * CONNECTIONS).await;
            spread.sort_unstable();
            assert!(spread.len() == CONNECTIONS && spread[0] >= 1, "{spread:?}");
        }
    });
}
