//! Role and claims: a statement runs as whom its permit says, and nothing of that is left behind.

use super::*;
use crate::support::postgres::database;
use howdah::access::Identity;
use std::cell::Cell;

const TENANTS: usize = 8;

/// A database with a table whose rows only their tenant sees, one role that may read them and one
/// that may not be taken.
pub(super) fn tenants() -> (&'static Database, String) {
    let database: &'static Database = Box::leak(Box::new(database()));
    let role = format!("{}_tenant", database.user);
    let user = &database.user;
    database.psql_as_superuser(&format!(
        "CREATE ROLE {role} NOLOGIN; CREATE ROLE {role}_other NOLOGIN; GRANT {role} TO {user};
         CREATE SCHEMA walled; GRANT USAGE ON SCHEMA walled TO {role};
         CREATE TABLE walled.notes (tenant text, body text);
         INSERT INTO walled.notes SELECT 'tenant ' || i % {TENANTS}, i::text FROM generate_series(1, 400) AS i;
         ALTER TABLE walled.notes ENABLE ROW LEVEL SECURITY;
         ALTER TABLE walled.notes FORCE ROW LEVEL SECURITY;
         CREATE POLICY own ON walled.notes
             USING (tenant = current_setting('request.jwt.claims')::json ->> 'sub');
         GRANT SELECT, INSERT ON walled.notes TO {role};"
    ));
    (database, role)
}

pub(super) fn under(role: &str, sub: &str) -> Permit {
    let claims = format!("{{\"sub\":\"{sub}\"}}");
    permit().under(Arc::new(Identity::new(Some(role), &claims).unwrap()))
}

async fn ask_as(
    lane: &Lane<Rows>,
    permit: Permit,
    statement: &Arc<Prepared>,
    arguments: &[&str],
) -> Result<Vec<Vec<Option<String>>>, Failure> {
    let call = call(statement, arguments, Duration::from_secs(30));
    lane.run(permit, call).await.map(|done| done.sink.taken)
}

const WHO: &str = "SELECT current_user::text, current_setting('request.jwt.claims', true)";
const TEXTS: &[u32] = &[TEXT, TEXT];

#[test]
fn nothing_of_an_identity_is_left_for_the_next() {
    let (database, role) = tenants();
    local(async {
        let user = database.user.as_str();
        for settings in [settings(), writing()] {
            let lane = lane(database, Settings { connections: 1, ..settings }).await;
            let who = statement(0, WHO, 0, TEXTS);
            let wrong = statement(1, "SELECT (1 / $1::int)::text", 1, &[TEXT]);
            for round in 0..20 {
                let sub = format!("tenant {round}");
                let as_tenant = ask_as(&lane, under(&role, &sub), &who, &[]).await.unwrap();
                let claims = format!("{{\"sub\":\"{sub}\"}}");
                assert_eq!(as_tenant, vec![vec![Some(role.clone()), Some(claims.clone())]]);
                if round % 2 == 0 {
                    let refused = ask_as(&lane, under(&role, &sub), &wrong, &["0"]).await;
                    assert_eq!(sqlstate(&refused), "22012");
                }
                let row = ask(&lane, &who, &[]).await.unwrap().remove(0);
                assert_eq!(row[0].as_deref(), Some(user));
                // A setting of the transaction leaves an empty one behind, not none (PostgreSQL's
                // custom settings), and an empty one proves nothing.
                assert_eq!(row[1].as_deref(), Some(""));
                let alone = permit().under(Arc::new(Identity::new(None, &claims).unwrap()));
                let row = ask_as(&lane, alone, &who, &[]).await.unwrap().remove(0);
                assert_eq!(row, vec![Some(user.to_owned()), Some(claims)]);
            }
        }
    });
}

#[test]
fn a_role_that_is_not_there_or_not_to_be_had_is_refused_and_nobody_else_notices() {
    let (database, role) = tenants();
    local(async {
        for settings in [settings(), writing()] {
            let lane = lane(database, Settings { connections: 1, ..settings }).await;
            let who = statement(0, WHO, 0, TEXTS);
            for (name, state) in
                [("nobody has this name", "22023"), (&*format!("{role}_other"), "42501")]
            {
                for _ in 0..3 {
                    let calls = [
                        ask_as(&lane, under(name, "x"), &who, &[]),
                        ask_as(&lane, under(&role, "x"), &who, &[]),
                    ];
                    let [refused, other] = calls;
                    let (refused, other) = tokio::join!(refused, other);
                    match refused {
                        Err(Failure::Identity(refusal)) => assert_eq!(refusal.sqlstate, state),
                        other => panic!("{other:?}"),
                    }
                    assert_eq!(other.unwrap()[0][0].as_deref(), Some(role.as_str()));
                    let row = ask(&lane, &who, &[]).await.unwrap().remove(0);
                    assert_eq!(row[0].as_deref(), Some(database.user.as_str()));
                }
            }
        }
    });
}

#[test]
fn what_only_the_role_may_see_is_prepared_as_the_role() {
    let (database, role) = tenants();
    let (user, grant) = (&database.user, format!("GRANT {role} TO {}", database.user));
    database.psql_as_superuser(&format!(
        "REVOKE {role} FROM {user}; ALTER ROLE {user} NOINHERIT; {grant}"
    ));
    local(async {
        let notes = statement(0, "SELECT body FROM walled.notes ORDER BY 1 LIMIT 1", 0, &[TEXT]);
        for settings in [settings(), writing()] {
            let lane = lane(database, Settings { connections: 1, ..settings }).await;
            let refused = ask(&lane, &notes, &[]).await;
            assert_eq!(sqlstate(&refused), "42501");
            let own = ask_as(&lane, under(&role, "tenant 0"), &notes, &[]).await.unwrap();
            assert_eq!(own, one("104"));
            assert_eq!(sqlstate(&ask(&lane, &notes, &[]).await), "42501");
        }
    });
}

#[test]
fn a_procedure_that_could_end_the_transaction_does_not_run_under_an_identity() {
    let (database, role) = tenants();
    database.psql(
        "CREATE TABLE ran (who text); GRANT INSERT ON ran TO PUBLIC;
         CREATE PROCEDURE escape() LANGUAGE plpgsql AS
         $$ BEGIN COMMIT; INSERT INTO ran VALUES (current_user); END $$;",
    );
    local(async {
        let lane = lane(database, Settings { connections: 1, ..writing() }).await;
        for (index, sql) in
            ["CALL escape()", " /* /* x */ */ -- y\n cAlL escape()"].into_iter().enumerate()
        {
            let escape = statement(index, sql, 0, &[]);
            let refused = ask_as(&lane, under(&role, "x"), &escape, &[]).await;
            assert_eq!(sqlstate(&refused), "0A000");
            assert!(database.psql("SELECT who FROM ran").is_empty());
        }
        let escape = statement(0, "CALL escape()", 0, &[]);
        ask(&lane, &escape, &[]).await.unwrap();
        assert_eq!(database.psql("SELECT who FROM ran"), one(&database.user));
    });
}

/// Requests of many identities and of none share connections, some fail, some leave: nobody sees a
/// row that is not their own, whatever came before on the connection.
#[test]
fn under_load_nobody_sees_the_rows_of_another() {
    let (database, role) = tenants();
    local(async {
        let lane = lane(database, Settings { connections: 3, ..settings() }).await;
        let notes =
            statement(0, "SELECT tenant, body FROM walled.notes, pg_sleep(0.0002)", 0, TEXTS);
        let who = statement(1, WHO, 0, TEXTS);
        let wrong = statement(2, "SELECT (1 / $1::int)::text FROM walled.notes", 1, &[TEXT]);
        let slow = statement(3, "SELECT pg_sleep(0.03)::text", 0, &[TEXT]);
        let seen = Rc::new(Cell::new(0_u32));
        let until = Instant::now() + Duration::from_secs(4);
        let mut tasks = Vec::new();
        for task in 0..48_usize {
            let (lane, role, seen) = (Rc::clone(&lane), role.clone(), Rc::clone(&seen));
            let statements = [&notes, &who, &wrong, &slow].map(Arc::clone);
            let user = database.user.clone();
            tasks.push(tokio::task::spawn_local(async move {
                let [notes, who, wrong, slow] = &statements;
                let sub = format!("tenant {}", task % TENANTS);
                while Instant::now() < until {
                    match fastrand::u8(..8) {
                        0..=3 => {
                            let rows = ask_as(&lane, under(&role, &sub), notes, &[]).await.unwrap();
                            assert_eq!(rows.len(), 400 / TENANTS);
                            assert!(rows.iter().all(|row| row[0].as_deref() == Some(&*sub)));
                            seen.set(seen.get() + 1);
                        }
                        4 => {
                            let row = ask(&lane, who, &[]).await.unwrap().remove(0);
                            assert_eq!(row[0].as_deref(), Some(&*user));
                            assert!(row[1].as_deref().unwrap_or_default().is_empty());
                        }
                        5 => {
                            let outcome = ask_as(&lane, under(&role, &sub), wrong, &["0"]).await;
                            assert_eq!(sqlstate(&outcome), "22012");
                        }
                        6 => {
                            let outcome =
                                ask_as(&lane, under(&format!("{role}_other"), &sub), who, &[])
                                    .await;
                            assert!(matches!(outcome, Err(Failure::Identity(_))), "{outcome:?}");
                        }
                        _ => {
                            let leaving = call(slow, &[], Duration::from_secs(5));
                            let patience = Duration::from_millis(fastrand::u64(..20));
                            let running = lane.run(under(&role, &sub), leaving);
                            let _ = tokio::time::timeout(patience, running).await;
                        }
                    }
                }
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        assert!(seen.get() > 100, "{}", seen.get());
    });
}
