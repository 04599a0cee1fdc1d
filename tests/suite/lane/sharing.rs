//! Calls that share an execution: identical ones, and those of a batch. Each gets what it would have
//! got alone, and nothing older than its own request.

use super::{
    identity::{tenants, under},
    *,
};
use crate::support::postgres::database;
use howdah::{
    definition::placeholder,
    diagnostic::SourceFile,
    event::{Event, LaneAct},
    postgres::batch::{self, Batch, INT8},
};
use std::{
    cell::Cell,
    sync::atomic::{AtomicU32, Ordering},
};

/// A lane whose acts of a kind are counted.
pub(super) async fn counting(
    database: &Database,
    settings: Settings,
    counted: LaneAct,
) -> (Rc<Lane<Rows>>, Arc<AtomicU32>) {
    let count = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&count);
    let observer = Arc::new(move |event: &Event<'_>| match event {
        Event::Lane { did, .. } if *did == counted => {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        _ => {}
    });
    let lane = Rc::new(Lane::open(settings, Arc::new(target(database)), observer));
    connected(&lane).await;
    (lane, count)
}

/// A statement that may share runs; with `batches` it also has a form that answers many.
pub(super) fn shared(index: usize, sql: &str, columns: &[u32], batches: bool) -> Arc<Prepared> {
    let source = SourceFile::new("f.sql", sql);
    let lexed = placeholder::lex(&source, 0..sql.len()).unwrap();
    let count = lexed.parameters.len();
    let single = statement(index, &lexed.sql, count, columns);
    let form = Prepared {
        sql: batch::sql(&lexed, &vec!["text".to_owned(); count]),
        name: format!("{}_many", single.name),
        parameters: vec![1009; count],
        columns: [&[INT8], columns].concat(),
        ..(*single).clone()
    };
    let batch = Batch { statement: Arc::new(form), elements: vec![TEXT; count] };
    let batch = batches.then(|| Arc::new(batch));
    Arc::new(Prepared { repeatable: true, batch, ..(*single).clone() })
}

pub(super) fn sharing(statement: &Arc<Prepared>, arguments: &[&str]) -> Call<Rows> {
    let mut call = call(statement, arguments, Duration::from_secs(30));
    call.sink.shares = true;
    call
}

pub(super) async fn share(
    lane: &Lane<Rows>,
    permit: Permit,
    statement: &Arc<Prepared>,
    arguments: &[&str],
) -> Result<Vec<Vec<Option<String>>>, Failure> {
    let done = lane.run(permit, sharing(statement, arguments)).await?;
    assert_eq!(done.rows, done.sink.taken.len() as u64);
    Ok(done.sink.taken)
}

/// A writer commits growing numbers; nobody reads one that is smaller than the last that was
/// committed before they asked.
#[test]
fn nobody_reads_older_than_their_own_request() {
    local(async {
        let database = database();
        database.psql("CREATE TABLE counter (n int); INSERT INTO counter VALUES (0)");
        let (reads, coalesced) = counting(&database, settings(), LaneAct::Coalesced).await;
        let writes = lane(&database, Settings { connections: 1, ..writing() }).await;
        let committed = Rc::new(Cell::new(0_u32));
        let seen = Rc::new(Cell::new(0_u32));
        let until = Instant::now() + Duration::from_secs(3);
        let read = shared(0, "SELECT n::text FROM counter", &[TEXT], false);
        let add = statement(0, "UPDATE counter SET n = n + 1 RETURNING n::text", 0, &[TEXT]);
        let mut tasks = Vec::new();
        {
            let committed = Rc::clone(&committed);
            tasks.push(tokio::task::spawn_local(async move {
                while Instant::now() < until {
                    let rows = ask(&writes, &add, &[]).await.unwrap();
                    committed.set(rows[0][0].as_ref().unwrap().parse().unwrap());
                }
            }));
        }
        for _ in 0..40 {
            let (reads, read) = (Rc::clone(&reads), Arc::clone(&read));
            let (committed, seen) = (Rc::clone(&committed), Rc::clone(&seen));
            tasks.push(tokio::task::spawn_local(async move {
                while Instant::now() < until {
                    let before = committed.get();
                    if fastrand::u8(..10) == 0 {
                        let leaving = reads.run(permit(), sharing(&read, &[]));
                        let patience = Duration::from_micros(fastrand::u64(..500));
                        let _ = tokio::time::timeout(patience, leaving).await;
                        continue;
                    }
                    let rows = share(&reads, permit(), &read, &[]).await.unwrap();
                    let after: u32 = rows[0][0].as_ref().unwrap().parse().unwrap();
                    assert!(after >= before, "{after} is older than {before}");
                    seen.set(seen.get() + 1);
                }
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        assert!(committed.get() > 20 && seen.get() > 500, "{committed:?} {seen:?}");
        assert!(coalesced.load(Ordering::Relaxed) > seen.get() / 4);
    });
}

#[test]
fn identical_calls_share_a_run_and_others_do_not() {
    let (database, role) = tenants();
    local(async {
        let (lane, coalesced) = counting(database, settings(), LaneAct::Coalesced).await;
        let who = shared(
            0,
            "SELECT current_user::text, current_setting('request.jwt.claims', true) || :a",
            &[TEXT, TEXT],
            false,
        );
        let unlike = statement(1, "SELECT $1", 1, &[TEXT]);
        let same = async || share(&lane, under(&role, "x"), &who, &["1"]).await.unwrap();
        let (a, b, c, argument, sub, nobody, unshared, other) = tokio::join!(
            same(),
            same(),
            same(),
            share(&lane, under(&role, "x"), &who, &["2"]),
            share(&lane, under(&role, "y"), &who, &["1"]),
            share(&lane, permit(), &who, &["1"]),
            lane.run(under(&role, "x"), call(&who, &["1"], Duration::from_secs(9))),
            ask(&lane, &unlike, &["1"]),
        );
        let row = |text: &str| vec![vec![Some(role.clone()), Some(text.to_owned())]];
        assert_eq!(a, row(r#"{"sub":"x"}1"#));
        assert_eq!((&b, &c, &unshared.unwrap().sink.taken), (&a, &a, &a));
        assert_eq!(argument.unwrap(), row(r#"{"sub":"x"}2"#));
        assert_eq!(sub.unwrap(), row(r#"{"sub":"y"}1"#));
        assert_eq!(nobody.unwrap()[0][0].as_deref(), Some(&*database.user));
        assert_eq!(other.unwrap(), one(1));
        assert_eq!(coalesced.load(Ordering::Relaxed), 2);
    });
}

/// Two runs of a question are in flight; whoever asks it meanwhile waits for one of them to end, and then
/// all are answered by one more run, which began after they had asked. Other questions do not wait.
#[test]
fn a_question_that_many_ask_takes_two_connections_and_the_rest_wait_together() {
    local(async {
        let database = database();
        let alike_wait = Duration::from_mins(1);
        let settings = Settings { connections: 6, alike_wait, ..settings() };
        let (lane, coalesced) = counting(&database, settings, LaneAct::Coalesced).await;
        let runs = "SELECT clock_timestamp()::text \
                    FROM (SELECT pg_advisory_xact_lock_shared((:a)::int)) AS gate";
        let question = shared(0, runs, &[TEXT], false);
        let ask = |key: &'static str| {
            let (lane, question) = (Rc::clone(&lane), Arc::clone(&question));
            tokio::task::spawn_local(async move { share(&lane, permit(), &question, &[key]).await })
        };
        let keeper = database.client().await;
        for broken in [false, true] {
            let before = coalesced.load(Ordering::Relaxed);
            keeper.execute("SELECT pg_advisory_lock(1)", &[]).await.unwrap();
            let mut same = Vec::new();
            for at in 0..10 {
                same.push(ask("1"));
                // Those that go by themselves are on their way before the next one asks.
                let waits = format!(
                    "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'advisory' \
                     AND datname = current_database() OFFSET {}",
                    at.min(1)
                );
                while at < 2 && keeper.query(&waits, &[]).await.unwrap().is_empty() {}
            }
            let other = tokio::time::timeout(Duration::from_secs(20), ask("2"));
            other.await.unwrap().unwrap().unwrap();
            // The third, for whom the others wait too, leaves.
            same.remove(2).abort();
            if broken {
                let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                           WHERE application_name = 'lane' AND datname = current_database()";
                keeper.execute(end, &[]).await.unwrap();
            }
            keeper.execute("SELECT pg_advisory_unlock(1)", &[]).await.unwrap();
            let mut answers = Vec::new();
            for task in same {
                answers.push(task.await.unwrap().unwrap()[0][0].clone().unwrap());
            }
            assert_eq!(coalesced.load(Ordering::Relaxed) - before, 7);
            assert!(answers[2..].iter().all(|it| *it == answers[2]), "{answers:?}");
            // It began when one of the two had ended, and the other may not have yet.
            let first = answers[..2].iter().min();
            assert!(broken || first < answers.get(2), "{answers:?}");
        }
    });
}

#[test]
fn who_leaves_takes_nobody_along() {
    local(async {
        let database = database();
        let (lane, coalesced) = counting(&database, settings(), LaneAct::Coalesced).await;
        let slow = shared(0, "SELECT 'x' FROM pg_sleep(0.2)", &[TEXT], false);
        for first_leaves in [true, false] {
            let leaving = async |leaves: bool| {
                let patience = Duration::from_millis(if leaves { 50 } else { 5_000 });
                tokio::time::timeout(patience, share(&lane, permit(), &slow, &[])).await
            };
            let (first, second, third) =
                tokio::join!(leaving(first_leaves), leaving(!first_leaves), leaving(false));
            assert_eq!((first.is_err(), second.is_err()), (first_leaves, !first_leaves));
            let stayed = if first_leaves { second } else { first };
            assert_eq!((stayed.unwrap().unwrap(), third.unwrap().unwrap()), (one("x"), one("x")));
        }
        assert_eq!(coalesced.load(Ordering::Relaxed), 4);
    });
}

/// What a batch answers is what each call would get alone: rows, no row, too many, an error of one,
/// under identities and without, while others leave.
#[test]
fn a_batch_answers_each_as_if_it_had_come_alone() {
    let (database, role) = tenants();
    database.psql(
        "CREATE TABLE things (id int PRIMARY KEY, name text, twin int);
         INSERT INTO things SELECT i, 'thing ' || i, i % 7 FROM generate_series(1, 300) AS i;
         INSERT INTO things VALUES (1000, NULL, 99), (1001, 'a \"quoted\" \\ one', 99)",
    );
    local(async {
        let settings = Settings { connections: 2, ..settings() };
        let (lane, batched) = counting(database, settings, LaneAct::Batched).await;
        let thing = shared(
            0,
            "SELECT name, (1000 / (id - 13))::text FROM things -- :x\n WHERE id = (:id)::int",
            &[TEXT, TEXT],
            true,
        );
        let pair = shared(1, "SELECT :a || '/' || :b", &[TEXT], true);
        let notes = shared(2, "SELECT tenant, body FROM walled.notes WHERE body = :b", TEXTS, true);
        let done = Rc::new(Cell::new(0_u32));
        let mut tasks = Vec::new();
        let until = Instant::now() + Duration::from_secs(4);
        for task in 0..40_u32 {
            let (lane, role, done) = (Rc::clone(&lane), role.clone(), Rc::clone(&done));
            let statements = [&thing, &pair, &notes].map(Arc::clone);
            tasks.push(tokio::task::spawn_local(async move {
                let [thing, pair, notes] = &statements;
                while Instant::now() < until {
                    let id = fastrand::u32(..320);
                    let text = id.to_string();
                    match fastrand::u8(..10) {
                        0..4 => {
                            let outcome = share(&lane, permit(), thing, &[&text]).await;
                            match id {
                                13 => assert_eq!(sqlstate(&outcome), "22012"),
                                1..=300 => {
                                    let quotient = 1000 / (i64::from(id) - 13);
                                    let row = [format!("thing {id}"), quotient.to_string()];
                                    assert_eq!(outcome.unwrap(), vec![row.map(Some).to_vec()]);
                                }
                                _ => assert!(outcome.unwrap().is_empty()),
                            }
                        }
                        4 => {
                            let row = share(&lane, permit(), thing, &["1000"]).await.unwrap();
                            assert_eq!(row, vec![vec![None, Some("1".to_owned())]]);
                            let bad = share(&lane, permit(), thing, &["no number"]).await;
                            assert_eq!(sqlstate(&bad), "22P02");
                        }
                        5..7 => {
                            let other = format!("{{\"{task}\\,NULL");
                            let both = share(&lane, permit(), pair, &[&text, &other]).await;
                            assert_eq!(both.unwrap(), one(format!("{text}/{other}")));
                        }
                        7..9 => {
                            let body = fastrand::u32(1..=400);
                            let sub = format!("tenant {}", task % 8);
                            let permit = under(&role, &sub);
                            let rows = share(&lane, permit, notes, &[&body.to_string()]).await;
                            let own = body % 8 == task % 8;
                            let expected = vec![vec![Some(sub), Some(body.to_string())]];
                            assert_eq!(rows.unwrap(), if own { expected } else { Vec::new() });
                        }
                        _ => {
                            let patience = Duration::from_micros(fastrand::u64(..2000));
                            let arguments = [&*text, "left"];
                            let leaving = share(&lane, permit(), pair, &arguments);
                            let _ = tokio::time::timeout(patience, leaving).await;
                        }
                    }
                    done.set(done.get() + 1);
                }
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        assert!(done.get() > 500, "{done:?}");
        assert!(batched.load(Ordering::Relaxed) > done.get() / 4, "{batched:?} of {done:?}");
    });
}

const TEXTS: &[u32] = &[TEXT, TEXT];

#[test]
fn one_of_a_batch_that_takes_more_rows_than_it_wants_stops_alone() {
    local(async {
        let database = database();
        let (lane, batched) = counting(&database, settings(), LaneAct::Batched).await;
        let many =
            shared(0, "SELECT g::text FROM generate_series(1, (:n)::int) AS g", &[TEXT], true);
        let ask = async |n: &'static str| {
            let mut call = sharing(&many, &[n]);
            call.sink.at_most = Some(1);
            lane.run(permit(), call).await.map(|done| done.sink.taken)
        };
        let (one_row, two, none, last) = tokio::join!(ask("1"), ask("2"), ask("0"), ask("1"));
        assert_eq!(one_row.unwrap(), one(1));
        assert_eq!(two.unwrap_err(), Failure::Stopped(Stop::TooMany));
        assert!(none.unwrap().is_empty());
        assert_eq!(last.unwrap(), one(1));
        assert!(batched.load(Ordering::Relaxed) >= 3);
    });
}

#[test]
fn a_table_that_changes_under_a_batch_is_told_as_it_is_to_one() {
    local(async {
        let database = database();
        database
            .psql("CREATE TABLE t (id text, v text); INSERT INTO t VALUES ('a', 'x'), ('b', 'y')");
        let (lane, _) = counting(&database, settings(), LaneAct::Batched).await;
        let read = shared(0, "SELECT v FROM t WHERE id = :id", &[TEXT], true);
        let both = async || {
            tokio::join!(
                share(&lane, permit(), &read, &["a"]),
                share(&lane, permit(), &read, &["b"])
            )
        };
        for _ in 0..3 {
            assert_eq!(both().await, (Ok(one("x")), Ok(one("y"))));
        }
        database.psql("ALTER TABLE t ALTER v TYPE int USING 1");
        for _ in 0..3 {
            let changed = || Err(Failure::ShapeChanged);
            assert_eq!(both().await, (changed(), changed()));
        }
        database.psql("ALTER TABLE t ALTER v TYPE text");
        for _ in 0..3 {
            assert_eq!(both().await, (Ok(one("1")), Ok(one("1"))));
        }
    });
}
