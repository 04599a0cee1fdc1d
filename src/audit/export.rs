//! Reading the trail out of the database, in memory that does not grow with it.

use super::{leaf::Leaf, tree::hex};
use tokio_postgres::{Client, Error};

/// Leaves that are read at once.
const BATCH: i64 = 2000;

/// Reads the leaves from number `from` on, up to before `to` or to the end, and hands each to
/// `take`. Leaves that are added meanwhile are read, too.
///
/// # Errors
/// Those of the database and of `take`.
pub async fn read<E: From<Error>>(
    client: &Client,
    from: u64,
    to: Option<u64>,
    mut take: impl AsyncFnMut(Leaf<'_>) -> Result<(), E>,
) -> Result<(), E> {
    const READ: &str = "SELECT leaf, hash, writer, writer_seq, body FROM howdah.audit_leaf \
                        WHERE leaf >= $1 AND leaf < $2 ORDER BY leaf LIMIT $3";
    let statement = client.prepare(READ).await?;
    let number = |size: u64| i64::try_from(size).unwrap_or(i64::MAX);
    let (mut next, end) = (number(from), to.map_or(i64::MAX, number));
    loop {
        let rows = client.query(&statement, &[&next, &end, &BATCH]).await?;
        for row in &rows {
            let leaf: i64 = row.try_get(0)?;
            next = leaf.saturating_add(1);
            take(Leaf {
                leaf: leaf.unsigned_abs(),
                hash: hex(row.try_get(1)?).into(),
                writer: row.try_get::<_, &str>(2)?.into(),
                seq: row.try_get::<_, i64>(3)?.unsigned_abs(),
                body: row.try_get::<_, &str>(4)?.into(),
            })
            .await?;
        }
        if rows.len() < usize::try_from(BATCH).unwrap_or(usize::MAX) {
            return Ok(());
        }
    }
}

/// The latest checkpoint that the database keeps, as a signed note.
///
/// # Errors
/// Those of the database.
pub async fn latest_checkpoint(client: &Client) -> Result<Option<String>, Error> {
    const LATEST: &str = "SELECT note FROM howdah.audit_checkpoint ORDER BY id DESC LIMIT 1";
    client.query_opt(LATEST, &[]).await?.map(|row| row.try_get(0)).transpose()
}
