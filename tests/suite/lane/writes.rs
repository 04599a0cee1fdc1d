//! Writes: one at a time on a connection, never twice.

use super::*;
use crate::support::postgres::database;

#[test]
fn writes_have_their_connection_to_themselves() {
    let database = database();
    database.psql("CREATE TABLE w (n int, backend int, began timestamptz, ended timestamptz)");
    local(async {
        let lane = lane(&database, Settings { connections: 3, ..writing() }).await;
        let insert = statement(
            0,
            "INSERT INTO w SELECT $1::int, pg_backend_pid(), clock_timestamp(), clock_timestamp() FROM pg_sleep(0.002)",
            1,
            &[],
        );
        let writes = (0..200).map(|number: i32| {
            let (lane, insert) = (Rc::clone(&lane), Arc::clone(&insert));
            tokio::task::spawn_local(async move {
                ask(&lane, &insert, &[&number.to_string()]).await.unwrap();
            })
        });
        for task in writes.collect::<Vec<_>>() {
            task.await.unwrap();
        }
    });
    let counts = database.psql(
        "SELECT count(DISTINCT n)::text, count(*)::text, count(DISTINCT backend)::text FROM w",
    );
    assert_eq!(counts, [["200", "200", "3"].map(|it| Some(it.to_owned()))]);
}

#[test]
fn a_deferred_constraint_refuses_after_the_statement_is_complete() {
    let database = database();
    database.psql("CREATE TABLE d (a int UNIQUE DEFERRABLE INITIALLY DEFERRED)");
    local(async {
        let lane = lane(&database, writing()).await;
        let insert = statement(0, "INSERT INTO d VALUES ($1::int) RETURNING a::text", 1, &[TEXT]);
        assert_eq!(ask(&lane, &insert, &["1"]).await.unwrap(), one(1));
        assert_eq!(sqlstate(&ask(&lane, &insert, &["1"]).await), "23505");
        assert_eq!(ask(&lane, &insert, &["2"]).await.unwrap(), one(2));
    });
    assert_eq!(database.psql("SELECT count(*)::text FROM d"), one(2));
}

#[test]
fn a_write_past_its_deadline_is_rolled_back_and_says_so() {
    let database = database();
    database.psql("CREATE TABLE l (a int)");
    local(async {
        let lane = lane(&database, Settings { connections: 1, ..writing() }).await;
        let slow = statement(0, "INSERT INTO l SELECT 1 FROM pg_sleep(10)", 0, &[]);
        let quick = statement(1, "INSERT INTO l VALUES (2)", 0, &[]);
        let late = lane.run(permit(), call(&slow, &[], Duration::from_millis(200))).await;
        assert_eq!(late.unwrap_err(), Failure::Deadline);
        ask(&lane, &quick, &[]).await.unwrap();
    });
    assert_eq!(database.psql("SELECT sum(a)::text FROM l"), one(2));
}

#[test]
fn a_write_whose_rows_cannot_be_given_is_not_said_to_have_failed() {
    let database = database();
    database.psql("CREATE TABLE r (a int)");
    local(async {
        let lane = lane(&database, writing()).await;
        let insert = statement(0, "INSERT INTO r VALUES (1), (2) RETURNING a::text", 0, &[TEXT]);
        let mut limited = call(&insert, &[], Duration::from_secs(5));
        limited.sink.at_most = Some(1);
        assert_eq!(lane.run(permit(), limited).await.unwrap_err(), Failure::OutcomeUnknown);
    });
    assert_eq!(database.psql("SELECT count(*)::text FROM r"), one(2));
}
