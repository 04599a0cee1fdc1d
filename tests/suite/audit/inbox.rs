//! Entries and their operations: kept together or not at all, numbered and chained.

use super::{entry, hex, trail};
use crate::support::database;
use howdah::audit::inbox::{write, write_failure};
use serde_json::Value;
use sha2::{Digest, Sha256};

#[tokio::test]
async fn an_entry_is_kept_with_its_operation_or_not_at_all() {
    let (_database, mut client) = trail().await;
    client.batch_execute("CREATE TABLE thing (a int)").await.unwrap();
    for commit in [true, false, true] {
        let transaction = client.transaction().await.unwrap();
        transaction.batch_execute("INSERT INTO thing VALUES (1)").await.unwrap();
        write(&transaction, &entry("rotation", "thing.made")).await.unwrap();
        if commit {
            transaction.commit().await.unwrap();
        } else {
            transaction.rollback().await.unwrap();
        }
    }
    let row = client
        .query_one(
            "SELECT (SELECT count(*) FROM thing), count(*), max(writer_seq) \
             FROM howdah.audit_inbox",
            &[],
        )
        .await
        .unwrap();
    let [things, entries, latest] = [0, 1, 2].map(|at| row.get::<_, i64>(at));
    // What was rolled back leaves no gap.
    assert_eq!([things, entries, latest], [2, 2, 2]);
}

#[tokio::test]
async fn each_entry_names_the_hash_of_the_one_before() {
    let (database, client) = trail().await;
    for number in 1..=5 {
        let got = write_failure(&client, &entry("access", "sign-in.refused")).await.unwrap();
        assert_eq!(got, number);
    }
    let rows = client
        .query("SELECT body, writer_prev FROM howdah.audit_inbox ORDER BY writer_seq", &[])
        .await
        .unwrap();
    let mut previous = vec![0_u8; 32];
    for (number, row) in (1..).zip(rows) {
        let body: String = row.get(0);
        assert_eq!(row.get::<_, Vec<u8>>(1), previous);
        let read: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(read["prev"], hex(&previous));
        assert_eq!(read["seq"], number);
        assert_eq!(read["writer"], "access");
        assert_eq!(read["role"], database.user);
        assert_eq!(read["entry"]["actor"], "ann");
        assert_eq!(read["entry"]["outcome"], "done");
        previous = Sha256::new().chain_update([0]).chain_update(&body).finalize().to_vec();
    }
}

#[tokio::test]
async fn writers_that_write_at_once_leave_no_gap() {
    let (database, client) = trail().await;
    let writes = (0..8).map(|task| {
        let database = database.clone();
        async move {
            let mut client = database.client().await;
            for at in 0..25 {
                let transaction = client.transaction().await.unwrap();
                let writer = if task % 2 == 0 { "even" } else { "odd" };
                write(&transaction, &entry(writer, "thing.made")).await.unwrap();
                if at % 5 == 0 {
                    transaction.rollback().await.unwrap();
                } else {
                    transaction.commit().await.unwrap();
                }
            }
        }
    });
    let tasks: Vec<_> = writes.map(tokio::spawn).collect();
    for task in tasks {
        task.await.unwrap();
    }
    let rows = client
        .query(
            "SELECT writer, count(*), max(writer_seq), count(*) FILTER (WHERE writer_prev <> head) \
             FROM (SELECT *, coalesce(lag(sha256('\\x00'::bytea || convert_to(body, 'UTF8'))) \
             OVER (PARTITION BY writer ORDER BY id), decode(repeat('00', 32), 'hex')) AS head \
             FROM howdah.audit_inbox) entries GROUP BY writer",
            &[],
        )
        .await
        .unwrap();
    assert_eq!(rows.len(), 2);
    for row in rows {
        assert_eq!([1, 2, 3].map(|at| row.get::<_, i64>(at)), [80, 80, 0]);
    }
}

#[tokio::test]
async fn what_is_no_entry_is_refused() {
    let (database, client) = trail().await;
    let large = format!("{{\"a\":\"{}\"}}", "x".repeat(70_000));
    let bad = [
        (Some("rotation"), Some("not JSON"), "22P02"),
        (Some("rotation"), Some("[1]"), "22023"),
        (Some("rotation"), Some(large.as_str()), "54000"),
        (Some("rotation"), None, "22004"),
        (None, Some("{}"), "22004"),
        (Some("No Writer"), Some("{}"), "23514"),
    ];
    for (writer, body, state) in bad {
        let error = client
            .query_one("SELECT howdah.audit_write($1, $2)", &[&writer, &body])
            .await
            .unwrap_err();
        assert_eq!(error.code().unwrap().code(), state, "{writer:?} {error:?}");
    }
    // Nobody else may write, nor look.
    let stranger = database::Database::create(crate::support::postgres::cluster());
    let mut other = database.config();
    other.user(&stranger.user).password(&stranger.password);
    let other = database::connect(&other).await;
    for sql in ["SELECT howdah.audit_write('a', '{}')", "SELECT * FROM howdah.audit_inbox"] {
        let error = other.batch_execute(sql).await.unwrap_err();
        assert_eq!(error.code().unwrap().code(), "42501", "{sql}");
    }
}
