//! Connections that one job has for itself.

use super::*;
use crate::support::{postgres::database, proxy::Proxy};
use howdah::{access::Identity, lane::Progress};
use std::{future::poll_fn, ops::ControlFlow};

fn within(patience: Duration) -> Instant {
    Instant::now() + patience
}

fn soon() -> Instant {
    within(Duration::from_secs(20))
}

fn counted(database: &Database, sql: &str) -> i64 {
    database.psql(sql)[0][0].as_ref().unwrap().parse().unwrap()
}

fn backends(database: &Database) -> i64 {
    counted(
        database,
        "SELECT count(*)::text FROM pg_stat_activity \
         WHERE application_name = 'lane' AND datname = current_database()",
    )
}

async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(5), "{what} within 5 s");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[test]
fn a_transaction_of_several_statements_is_all_or_nothing() {
    local(async {
        let database = database();
        database.psql("CREATE TABLE numbers (number int4 PRIMARY KEY)");
        let lane = lane(&database, Settings { connections: 1, exclusive: 1, ..writing() }).await;
        let insert = statement(0, "INSERT INTO numbers VALUES ($1::int4)", 1, &[]);
        let list = statement(1, "SELECT number FROM numbers", 0, &[INT4]);
        let text = |it: &str| [Argument::Text(it.as_bytes().to_vec())];
        {
            let mut job = lane.exclusive(permit(), soon()).await.unwrap();
            job.begin().await.unwrap();
            let mut rows = Rows::default();
            assert_eq!(job.run(&insert, &text("1"), &mut rows).await.unwrap(), 1);
            assert_eq!(job.run(&insert, &text("2"), &mut rows).await.unwrap(), 1);
            assert!(job.is_in_transaction());
            job.commit().await.unwrap();
            assert!(!job.is_in_transaction());
        }
        assert_eq!(counted(&database, "SELECT count(*)::text FROM numbers"), 2);
        {
            let mut job = lane.exclusive(permit(), soon()).await.unwrap();
            job.begin().await.unwrap();
            job.run(&insert, &text("3"), &mut Rows::default()).await.unwrap();
            let twice = job.run(&insert, &text("1"), &mut Rows::default()).await;
            assert!(matches!(twice, Err(Failure::Refused(it)) if it.sqlstate == "23505"));
            assert!(
                matches!(job.commit().await, Err(Failure::Refused(it)) if it.sqlstate == "25P02")
            );
        }
        // Dropped in the middle of a transaction: rolled back, and the connection is used again.
        {
            let mut job = lane.exclusive(permit(), soon()).await.unwrap();
            job.begin().await.unwrap();
            job.run(&insert, &text("4"), &mut Rows::default()).await.unwrap();
        }
        let mut job = lane.exclusive(permit(), soon()).await.unwrap();
        assert_eq!(job.run(&list, &[], &mut IntRows::default()).await.unwrap(), 2);
        assert_eq!(backends(&database), 2);
        drop(job);
        assert_eq!(counted(&database, "SELECT count(*)::text FROM numbers"), 2);
    });
}

/// Counts rows.
#[derive(Default)]
struct IntRows(usize);

impl RowSink for IntRows {
    fn row(&mut self, _: &[u8]) -> Result<(), Stop> {
        self.0 += 1;
        Ok(())
    }

    fn restart(&mut self) {}
}

#[test]
fn what_is_not_read_holds_the_server_back_and_what_is_dropped_is_stopped() {
    local(async {
        let database = database();
        let lane = lane(&database, Settings { connections: 1, exclusive: 1, ..settings() }).await;
        let many = statement(
            0,
            "SELECT repeat('x', 1000) AS undrained FROM generate_series(1, 10000000)",
            0,
            &[TEXT],
        );
        let mut job = lane.exclusive(permit(), soon()).await.unwrap();
        job.start(&many, &[]).unwrap();
        let mut rows = 0;
        let mut some = |_: &[u8]| {
            rows += 1;
            Ok(if rows % 100 == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        };
        for _ in 0..5 {
            let progress = poll_fn(|context| job.poll_rows(context, 1 << 20, &mut some)).await;
            assert_eq!(progress, Ok(Progress::Paused));
        }
        assert_eq!(rows, 500);
        let waiting = "SELECT count(*)::text FROM pg_stat_activity WHERE state = 'active' \
                       AND wait_event = 'ClientWrite' AND query LIKE '%undrained%'";
        eventually("the server waits", || counted(&database, waiting) == 1).await;
        drop(job);
        let running = "SELECT count(*)::text FROM pg_stat_activity WHERE state = 'active' \
                       AND pid <> pg_backend_pid() AND query LIKE '%undrained%'";
        eventually("the server stops", || counted(&database, running) == 0).await;
        // Its place is free again.
        let one_row = statement(1, "SELECT 'next'", 0, &[TEXT]);
        let mut job = lane.exclusive(permit(), soon()).await.unwrap();
        let mut rows = Rows::default();
        assert_eq!(job.run(&one_row, &[], &mut rows).await, Ok(1));
        assert_eq!(rows.taken, one("next"));
    });
}

#[test]
fn rows_refusals_shapes_and_deadlines_are_told_apart() {
    local(async {
        let database = database();
        let lane = lane(&database, Settings { connections: 1, exclusive: 1, ..settings() }).await;
        let outcome = async |sql: &str, columns: &[u32], patience: Duration| {
            let mut job = lane.exclusive(permit(), within(patience)).await.unwrap();
            job.run(&statement(0, sql, 0, columns), &[], &mut IntRows::default()).await
        };
        let long = Duration::from_secs(10);
        let series = "SELECT i FROM generate_series(1, 5000) AS i";
        assert_eq!(outcome(series, &[INT4], long).await, Ok(5000));
        assert_eq!(outcome(series, &[TEXT], long).await, Err(Failure::ShapeChanged));
        let late = "SELECT 1 / (4000 - i) FROM generate_series(1, 5000) AS i";
        let refused = outcome(late, &[INT4], long).await;
        assert!(matches!(refused, Err(Failure::Refused(it)) if it.sqlstate == "22012"));
        let writes = outcome("CREATE TABLE nothing ()", &[], long).await;
        assert!(matches!(writes, Err(Failure::Refused(it)) if it.sqlstate == "25006"));
        let slow = outcome("SELECT pg_sleep(15)::text", &[TEXT], Duration::from_millis(100)).await;
        assert_eq!(slow, Err(Failure::Deadline));
        let killed =
            outcome("SELECT pg_terminate_backend(pg_backend_pid())::text", &[TEXT], long).await;
        assert!(matches!(killed, Err(Failure::Refused(it)) if it.sqlstate == "57P01"));
        assert_eq!(outcome(series, &[INT4], long).await, Ok(5000));
        let large = statement(0, "SELECT repeat('x', 3000000)", 0, &[TEXT]);
        let mut job = lane.exclusive(permit(), soon()).await.unwrap();
        let mut rows = Rows { largest_row: Some(1 << 20), ..Rows::default() };
        let outcome = job.run(&large, &[], &mut rows).await;
        assert_eq!(outcome, Err(Failure::Stopped(Stop::TooLarge)));
    });
}

#[test]
fn everything_runs_as_whom_the_permit_says() {
    local(async {
        let database = database();
        let role = format!("{}_somebody", database.name);
        database.psql_as_superuser(&format!(
            "CREATE ROLE \"{role}\"; GRANT \"{role}\" TO \"{}\"; \
             CREATE TABLE notes (note text); GRANT INSERT, SELECT ON notes TO \"{role}\"",
            database.user
        ));
        let lane = lane(&database, Settings { connections: 1, exclusive: 1, ..writing() }).await;
        let who = statement(
            0,
            "SELECT current_user::text || current_setting('request.jwt.claims', true)",
            0,
            &[TEXT],
        );
        let somebody = || {
            let identity = Identity::new(Some(&role), "{\"sub\":\"7\"}").unwrap();
            permit().under(Arc::new(identity))
        };
        let expected = one(format!("{role}{{\"sub\":\"7\"}}"));
        {
            let mut job = lane.exclusive(somebody(), soon()).await.unwrap();
            for transaction in [false, true] {
                if transaction {
                    job.begin().await.unwrap();
                }
                let mut rows = Rows::default();
                assert_eq!(job.run(&who, &[], &mut rows).await, Ok(1));
                assert_eq!(rows.taken, expected);
            }
            let mut copy = job.copy_in("COPY notes FROM STDIN").await.unwrap();
            copy.send(b"x\n").unwrap();
            assert_eq!(copy.finish().await, Ok(1));
            job.commit().await.unwrap();
            // Outside a transaction nobody would say as whom.
            let alone = job.execute("SELECT 1").await;
            assert!(matches!(alone, Err(Failure::Refused(it)) if it.sqlstate == "25P01"));
            assert!(job.copy_out("COPY notes TO STDOUT").await.is_err());
        }
        {
            let nobody = Identity::new(Some("no_such_role"), "{}").unwrap();
            let nobody = permit().under(Arc::new(nobody));
            let mut job = lane.exclusive(nobody, soon()).await.unwrap();
            let outcome = job.run(&who, &[], &mut Rows::default()).await;
            assert!(matches!(outcome, Err(Failure::Identity(_))), "{outcome:?}");
            assert!(matches!(job.begin().await, Err(Failure::Identity(_))));
            job.rollback().await.unwrap();
            // Told along with what comes next, it is refused there, and that is not carried out.
            for next in 0..4 {
                job.begin_apart("SELECT").await.unwrap();
                job.assume().unwrap();
                let outcome = match next {
                    0 => job.run(&who, &[], &mut Rows::default()).await.map(drop),
                    1 => job.execute("INSERT INTO notes VALUES ('y')").await.map(drop),
                    2 => job.copy_in("COPY notes FROM STDIN").await.map(drop),
                    _ => job.commit().await,
                };
                assert!(matches!(outcome, Err(Failure::Identity(_))), "{next}: {outcome:?}");
                job.rollback().await.unwrap();
            }
            assert_eq!(counted(&database, "SELECT count(*)::text FROM notes"), 1);
        }
        // The same connection, and nothing is left of it.
        let mut job = lane.exclusive(permit(), soon()).await.unwrap();
        let mut rows = Rows::default();
        assert_eq!(job.run(&who, &[], &mut rows).await, Ok(1));
        assert_eq!(rows.taken, one(&database.user));
        assert_eq!(backends(&database), 2);
        drop(job);
        database.psql_as_superuser(&format!("DROP OWNED BY \"{role}\"; DROP ROLE \"{role}\""));
    });
}

#[test]
fn places_are_bounded_and_a_full_queue_sheds() {
    local(async {
        let database = database();
        let few = Settings { connections: 1, exclusive: 1, queue: 1, ..settings() };
        let lane = lane(&database, few).await;
        let first = lane.exclusive(permit(), soon()).await.unwrap();
        let second = {
            let lane = Rc::clone(&lane);
            tokio::task::spawn_local(async move { lane.exclusive(permit(), soon()).await.is_ok() })
        };
        tokio::task::yield_now().await;
        let third = lane.exclusive(permit(), soon()).await;
        assert!(matches!(third, Err(Failure::QueueFull)));
        drop(first);
        assert!(second.await.unwrap());
        let _first = lane.exclusive(permit(), soon()).await.unwrap();
        let late = lane.exclusive(permit(), within(Duration::from_millis(50))).await;
        assert!(matches!(late, Err(Failure::QueuedTooLong)));
        assert_eq!(backends(&database), 2);
    });
}

#[test]
fn copy_goes_in_at_the_servers_pace_and_comes_out_again() {
    local(async {
        let database = database();
        database.psql("CREATE TABLE lines (number int4 PRIMARY KEY, line text NOT NULL)");
        let lane = lane(&database, Settings { connections: 1, exclusive: 1, ..writing() }).await;
        let mut job = lane.exclusive(permit(), soon()).await.unwrap();
        let sql = "COPY lines FROM STDIN (FORMAT csv)";
        {
            let mut copy = job.copy_in(sql).await.unwrap();
            for number in 0..50_000 {
                copy.ready().await.unwrap();
                copy.send(format!("{number},line {number}\n").as_bytes()).unwrap();
            }
            assert_eq!(copy.finish().await.unwrap(), 50_000);
        }
        assert_eq!(counted(&database, "SELECT count(*)::text FROM lines"), 50_000);
        let mut text = Vec::new();
        {
            let mut copy = job.copy_out("COPY lines TO STDOUT (FORMAT csv)").await.unwrap();
            let mut take = |piece: &[u8]| {
                text.extend_from_slice(piece);
                ControlFlow::Continue(())
            };
            assert!(poll_fn(|context| copy.poll_data(context, &mut take)).await.unwrap());
        }
        assert_eq!(String::from_utf8(text).unwrap().lines().count(), 50_000);
        // A line that the server refuses is told while the rest is still being sent.
        let refused = async {
            let mut copy = job.copy_in(sql).await?;
            copy.send(b"one,two\n")?;
            loop {
                copy.ready().await?;
                copy.send(&[b'x'; 4096])?;
            }
            #[expect(unreachable_code, reason = "the loop ends with an error alone")]
            Ok::<(), Failure>(())
        };
        assert!(matches!(refused.await, Err(Failure::Refused(it)) if it.sqlstate == "22P02"));
        // Given up by word, and by going away: nothing goes in.
        for by_word in [true, false] {
            let mut copy = job.copy_in(sql).await.unwrap();
            copy.send(b"-1,never\n").unwrap();
            copy.ready().await.unwrap();
            if by_word {
                copy.fail().await.unwrap();
            } else {
                drop(job);
                job = lane.exclusive(permit(), soon()).await.unwrap();
            }
        }
        assert_eq!(counted(&database, "SELECT count(*)::text FROM lines"), 50_000);
        assert_eq!(backends(&database), 2);
    });
}

#[test]
fn a_commit_whose_answer_is_lost_has_an_unknown_outcome() {
    local(async {
        let database = database();
        let proxy = Proxy::to(database.port);
        let lane = lane(&database.through(proxy.port), writing()).await;
        let mut job = lane.exclusive(permit(), soon()).await.unwrap();
        job.begin().await.unwrap();
        proxy.black_hole();
        job.set_deadline(within(Duration::from_millis(200)));
        assert_eq!(job.commit().await, Err(Failure::OutcomeUnknown));
        drop(job);
        proxy.restore();
    });
}

#[test]
fn a_connection_that_went_away_while_it_was_idle_is_replaced() {
    local(async {
        let database = database();
        let proxy = Proxy::to(database.port);
        let lane = lane(&database.through(proxy.port), settings()).await;
        let mut job = lane.exclusive(permit(), soon()).await.unwrap();
        job.execute("SELECT 1").await.unwrap();
        drop(job);
        proxy.cut();
        let waiting = {
            let lane = Rc::clone(&lane);
            tokio::task::spawn_local(async move { lane.exclusive(permit(), soon()).await })
        };
        tokio::time::sleep(Duration::from_millis(200)).await;
        proxy.restore();
        let mut job = waiting.await.unwrap().unwrap();
        job.execute("SELECT 1").await.unwrap();
    });
}
