//! An endpoint's own deadline: a write that takes longer is not made, and its key is as good as new.

use super::*;

/// Orders that were ever begun: what a sequence gave is not given back.
fn begun(database: &Database) -> String {
    one(
        database,
        "SELECT coalesce(last_value, 0) FROM pg_sequences WHERE sequencename = 'orders_id_seq'",
    )
}

fn is_at_rest(database: &Database) -> bool {
    one(
        database,
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
         AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND state <> 'idle'",
    ) == "0"
}

/// The lane would let it run for longer than any test.
#[test]
fn a_write_past_its_deadline_is_undone_and_made_anew_by_a_second_try() {
    let database = database();
    let service = started(serving(&database).env("DEADLINE", "10m"));
    // From now on there is a connection, which the deadline is not spent on.
    assert_eq!(order(&service, "o", "coffee").status, 200);
    let hurry = || send(&service, "POST", "/hurry", "k", r#"{"item":"tea"}"#);
    for _ in 0..2 {
        let before = begun(&database);
        eventually("it runs in the database before it is late", PATIENCE, || {
            let late = hurry();
            let found = (late.status, late.problem());
            assert_eq!(found, (504, "deadline-exceeded".to_owned()), "{late}");
            begun(&database) != before
        });
        eventually("nothing runs", PATIENCE, || is_at_rest(&database));
        assert_eq!((orders(&database, "tea"), kept(&database)), (0, 1), "nothing of it is left");
    }
    database.psql("UPDATE pauses SET seconds = 0");
    let mut made = hurry();
    eventually("it is made in time", PATIENCE, || {
        if made.status == 504 {
            made = hurry();
        }
        made.status != 504
    });
    assert_eq!((made.status, is_replayed(&made)), (200, false), "{made}");
    database.psql("UPDATE pauses SET seconds = 600");
    let again = hurry();
    assert_eq!((again.text(), is_replayed(&again)), (made.text(), true), "{again}");
    assert_eq!((orders(&database, "tea"), kept(&database)), (1, 2));
}
