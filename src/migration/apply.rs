//! Running what is still to be run, one instance at a time.

use super::{
    Listener, Migration, Migrations, Progress, elapsed_ms, history, history::TABLE, steps,
};
use crate::{
    diagnostic::{Code, Diagnostic, Diagnostics},
    postgres::session::{Session, explain},
};
use refinery::{Runner, Target, error::Kind};
use std::time::Instant;

/// The advisory lock's key, the bytes of `howdah`. Such locks are each database's own.
const LOCK: i64 = 0x686f_7764_6168;

/// The history's schema, if need be.
const CREATE_SCHEMA: &str = "DO $$ BEGIN \
    IF to_regnamespace('howdah') IS NULL THEN CREATE SCHEMA howdah; END IF; END $$";

/// Takes back what default privileges gave others on the history, so that it shows in nobody
/// else's list of tables. First answers are kept by the role that serves, which may be another one:
/// whoever may write them goes on, and whoever may only read them has no business with them.
const HIDE_HISTORY: &str = "DO $$ DECLARE given record; BEGIN \
    FOR given IN SELECT DISTINCT c.oid::regclass AS relation, a.grantee \
        FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) a \
        WHERE c.relnamespace = 'howdah'::regnamespace AND a.grantee <> c.relowner \
        AND pg_has_role(c.relowner, 'USAGE') \
        AND NOT (c.relname = 'idempotency' AND a.grantee <> 0 AND EXISTS (SELECT \
            FROM aclexplode(c.relacl) w WHERE w.grantee = a.grantee AND w.privilege_type = 'DELETE')) \
    LOOP EXECUTE format('REVOKE ALL ON %s FROM %s', given.relation, \
        CASE given.grantee WHEN 0 THEN 'PUBLIC' ELSE given.grantee::regrole::text END); \
    END LOOP; END $$";

/// No word about tables that are there already.
const QUIET: &str = "SET client_min_messages = warning";

/// What a migration may have set for its session, set back. The lock stays.
const RESET: &str =
    "RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL; SET client_min_messages = warning";

/// How long tidying up may take, which is three short statements.
const CLEAN_UP_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(10);

/// Applies what the database has not had yet, in order, each file in a transaction of its own, and
/// gives how many that were. Instances that start together take turns by an advisory lock.
///
/// # Errors
/// Those of [`history::plan`], and a diagnostic with the caret for a statement that fails; what was
/// applied before it stays applied.
pub async fn apply(
    session: &mut Session,
    migrations: &Migrations,
    listener: Listener<'_>,
) -> Result<usize, Diagnostics> {
    alone(session, listener, async |session| {
        // Before the service's own, which may grant what they make.
        steps::apply_steps(session, steps::SERVICE, steps::SERVICE_STEPS).await?;
        let plan = history::plan(session, migrations).await?;
        if plan.pending.is_empty() {
            return Ok(0);
        }
        let mut runner = Runner::new(&migrations.runnable());
        runner.set_migration_table_name(TABLE);
        for migration in &plan.pending {
            let since = Instant::now();
            runner = runner.set_target(Target::Version(migration.version));
            let outcome = runner.run_async(&mut **session).await;
            outcome.map_err(|error| failed(migration, error.kind()))?;
            session.batch_execute(RESET).await.map_err(|error| history::unreadable(&error))?;
            listener(Progress::Applied {
                file: migration.source.path(),
                duration_ms: elapsed_ms(since),
            });
        }
        Ok(plan.pending.len())
    })
    .await
}

/// Does `work` while no other instance migrates or seeds the database.
pub(super) async fn alone<T>(
    session: &mut Session,
    listener: Listener<'_>,
    work: impl AsyncFnOnce(&mut Session) -> Result<T, Diagnostics>,
) -> Result<T, Diagnostics> {
    lock(session, listener).await.map_err(|error| history::unreadable(&error))?;
    let result = match session.batch_execute(CREATE_SCHEMA).await {
        Ok(()) => work(session).await,
        Err(error) => Err(history::unreadable(&error).into()),
    };
    // Should these fail, or find the connection out of step, it is of no more use; closing it
    // releases the lock.
    let clean_up = async {
        let _ = session.batch_execute(HIDE_HISTORY).await;
        let _ = session.query_one("SELECT pg_advisory_unlock($1)", &[&LOCK]).await;
        let _ = session.batch_execute("RESET client_min_messages").await;
    };
    let _ = tokio::time::timeout(CLEAN_UP_TIMEOUT, clean_up).await;
    result
}

async fn lock(session: &Session, listener: Listener<'_>) -> Result<(), tokio_postgres::Error> {
    session.batch_execute(QUIET).await?;
    let row = session.query_one("SELECT pg_try_advisory_lock($1)", &[&LOCK]).await?;
    if !row.try_get::<_, bool>(0)? {
        listener(Progress::Waiting);
        session.query_one("SELECT pg_advisory_lock($1)", &[&LOCK]).await?;
    }
    Ok(())
}

fn failed(migration: &Migration, kind: &Kind) -> Diagnostic {
    let error = match kind {
        Kind::Connection(_, error) => error.downcast_ref::<tokio_postgres::Error>(),
        _ => None,
    };
    match error {
        Some(error) => in_transaction(explain(&migration.source, error), error),
        None => Diagnostic::error(Code::Migration, kind.to_string()).in_file(&migration.source),
    }
}

/// Adds what to do about a statement that does not run in a transaction.
fn in_transaction(diagnostic: Diagnostic, error: &tokio_postgres::Error) -> Diagnostic {
    if error.code() == Some(&tokio_postgres::error::SqlState::ACTIVE_SQL_TRANSACTION) {
        return diagnostic.help(
            "a migration runs in one transaction, all of it or nothing: write it without \
             CONCURRENTLY, or run this statement by hand",
        );
    }
    diagnostic
}
