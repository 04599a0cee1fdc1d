//! Connections that break at the worst moment: whoever sends the key again has the write made once.

use super::*;
use crate::support::postgres::Cluster;

/// Whether a write of the service sleeps in PostgreSQL.
fn sleeps(database: &Database) -> bool {
    one(
        database,
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' \
         AND datname = current_database()",
    ) != "0"
}

/// Ends every session of the service.
fn end_sessions(database: &Database) {
    database.psql_as_superuser(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE datname = current_database() AND pid <> pg_backend_pid()",
    );
}

#[test]
fn a_write_that_was_cut_off_is_made_by_a_second_try() {
    let database = database();
    let service = started(serving(&database));
    std::thread::scope(|scope| {
        let slow = || send(&service, "POST", "/orders", "k", r#"{"item":"cut","pause":1}"#);
        let first = scope.spawn(slow);
        eventually("it runs", PATIENCE, || sleeps(&database));
        end_sessions(&database);
        let first = first.join().unwrap();
        assert_eq!((first.status, is_replayed(&first)), (200, false), "{first}");
        let again = slow();
        assert_eq!((again.text(), is_replayed(&again)), (first.text(), true));
    });
    assert_eq!(orders(&database, "cut"), 1);
    // The same without a key is sent once, and its caller is told.
    let fields = [("content-type", "application/json")];
    let body = br#"{"item":"bare","pause":1}"#;
    std::thread::scope(|scope| {
        let bare = scope.spawn(|| service.send("POST", "/orders", &fields, body));
        eventually("it runs", PATIENCE, || sleeps(&database));
        end_sessions(&database);
        assert_eq!(bare.join().unwrap().status, 503);
    });
    assert_eq!(orders(&database, "bare"), 0);
}

/// A cluster on which the service's commits never end: they wait for a standby that is not there. Until
/// its session is ended, nobody sees such a transaction, and afterwards it is committed.
fn stuck() -> (Cluster, Database) {
    let cluster = Cluster::start();
    let database = Database::create(&cluster);
    prepare(&database);
    for setting in [
        "wal_level = replica",
        "max_wal_senders = 1",
        "synchronous_commit = local",
        "synchronous_standby_names = 'nobody'",
    ] {
        database.psql_as_superuser(&format!("ALTER SYSTEM SET {setting}"));
    }
    cluster.stop();
    cluster.restart();
    database.psql_as_superuser(&format!(
        "ALTER ROLE {} IN DATABASE {} SET synchronous_commit = on",
        database.user, database.name
    ));
    (cluster, database)
}

/// Whether a commit waits for the standby.
fn commits(database: &Database) -> bool {
    database.psql_as_superuser(
        "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND datname = current_database()",
    )
    .len()
        == 1
}

#[test]
fn a_commit_whose_session_is_killed_is_found_by_the_second_try() {
    let (_cluster, database) = stuck();
    let service = started(serving(&database));
    let replies = std::thread::scope(|scope| {
        let reply = scope.spawn(|| order(&service, "k", "tea"));
        eventually("it commits", PATIENCE, || commits(&database));
        end_sessions(&database);
        let reply = reply.join().unwrap();
        [reply, order(&service, "k", "tea")]
    });
    assert!(replies.iter().all(|it| it.status == 200 && is_replayed(it)), "{replies:?}");
    assert_eq!((orders(&database, "tea"), kept(&database)), (1, 1));
}

#[test]
fn a_write_of_unknown_outcome_is_safe_to_send_again() {
    let (_cluster, database) = stuck();
    let service = started(serving(&database).env("DEADLINE", "1s"));
    let unknown = order(&service, "k", "tea");
    assert_eq!((unknown.status, unknown.problem()), (503, "outcome-unknown".to_owned()));
    assert!(unknown.text().contains("the same Idempotency-Key"), "{unknown}");
    // It is not there yet, nor is it undone: its twin does not make it a second time. The deadline's cancel
    // request ends the wait of its commit sooner or later, and then there is its answer.
    if commits(&database) {
        let twin = order(&service, "k", "tea");
        match twin.status {
            409 => assert_eq!(twin.problem(), "request-in-progress"),
            _ => assert!(twin.status == 200 && is_replayed(&twin), "{twin}"),
        }
    }
    end_sessions(&database);
    let mut reply = order(&service, "k", "tea");
    eventually("the answer", PATIENCE, || {
        reply = order(&service, "k", "tea");
        reply.status == 200
    });
    assert!(is_replayed(&reply), "{reply}");
    assert_eq!((orders(&database, "tea"), kept(&database)), (1, 1));
}
