//! Sample data: files that run once in the life of a database.

use super::{
    Listener, Progress,
    apply::alone,
    elapsed_ms,
    file::{file_name, forbidden},
    history::unreadable,
};
use crate::{
    diagnostic::{Diagnostics, SourceFile},
    postgres::session::{Session, explain},
};
use std::{sync::Arc, time::Instant};

/// Which seeds were run, by file name, with what they said then.
const CREATE_TABLE: &str = "CREATE TABLE IF NOT EXISTS howdah.seeds (\
    file text PRIMARY KEY, sha256 bytea NOT NULL, seeded_at timestamptz NOT NULL DEFAULT now())";

/// Runs those of `files` that this database has not had, in the order of their names, each in a
/// transaction of its own, and gives how many that were. A file that changed is not run again: its
/// rows may be in use.
///
/// # Errors
/// A diagnostic with the caret for a statement that fails; what was run before it stays.
pub async fn seed(
    session: &mut Session,
    files: &[Arc<SourceFile>],
    listener: Listener<'_>,
) -> Result<usize, Diagnostics> {
    if files.is_empty() {
        return Ok(0);
    }
    let mut files: Vec<&Arc<SourceFile>> = files.iter().collect();
    files.sort_by_key(|file| file_name(file.path()));
    let found: Diagnostics =
        files.iter().flat_map(|file| forbidden(file).iter().cloned().collect::<Vec<_>>()).collect();
    if found.has_errors() {
        return Err(found);
    }
    alone(session, listener, async |session| {
        session.batch_execute(CREATE_TABLE).await.map_err(|error| unreadable(&error))?;
        let mut seeded = 0;
        for file in files {
            match unchanged(session, file).await.map_err(|error| unreadable(&error))? {
                Some(true) => {}
                Some(false) => listener(Progress::SeedChanged { file: file.path() }),
                None => {
                    let since = Instant::now();
                    run(session, file).await.map_err(|error| explain(file, &error))?;
                    listener(Progress::Seeded {
                        file: file.path(),
                        duration_ms: elapsed_ms(since),
                    });
                    seeded += 1;
                }
            }
        }
        Ok(seeded)
    })
    .await
}

/// Whether the file says what it said when it was run; `None` when it was not.
async fn unchanged(
    session: &Session,
    file: &SourceFile,
) -> Result<Option<bool>, tokio_postgres::Error> {
    session
        .query_opt(
            "SELECT sha256 = sha256(convert_to($2, 'UTF8')) FROM howdah.seeds WHERE file = $1",
            &[&file_name(file.path()), &file.text()],
        )
        .await?
        .map(|row| row.try_get(0))
        .transpose()
}

async fn run(session: &mut Session, file: &SourceFile) -> Result<(), tokio_postgres::Error> {
    let transaction = session.transaction().await?;
    transaction.batch_execute(file.text()).await?;
    transaction
        .execute(
            "INSERT INTO howdah.seeds (file, sha256) VALUES ($1, sha256(convert_to($2, 'UTF8')))",
            &[&file_name(file.path()), &file.text()],
        )
        .await?;
    transaction.commit().await
}
