//! Loading the rows of a body: one transaction, all of them or none.
//!
//! Owns the order of a load and its pace: a body is read only as fast as PostgreSQL takes its rows, so
//! memory does not grow with it; and a connection is taken only when there is something to send. Does
//! not own bodies (`http`), what a row is (`decode`), nor connections (`lane`).

mod outcome;

pub use outcome::{Loaded, NotLoaded};

use super::{
    Record, Serving,
    once::{Claim, Once, Outcome},
};
use crate::{
    access::Permit,
    decode::{Decoder, Format, Next},
    endpoint::bulk::Bulk,
    lane::{CopyIn, Exclusive, Failure, RowSink, Stop},
    postgres::statement::Prepared,
    problem::Problem,
    value::argument::copy::Form,
};
use bytes::Bytes;
use sha2::{Digest, Sha256};
use std::time::Duration;
use tokio::time::Instant;

/// Bytes of rows that are sent at once.
const PIECE: usize = 64 * 1024;
/// What a COPY in binary form begins with: its signature, no flags, no extension (PostgreSQL
/// documentation, "COPY: Binary Format").
const BINARY_HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// What it ends with.
const BINARY_TRAILER: [u8; 2] = (-1_i16).to_be_bytes();

/// A body as it comes.
pub trait Source {
    /// The next piece; `None` when that was all.
    ///
    /// # Errors
    /// Why no more will come.
    fn next(&mut self) -> impl Future<Output = Result<Option<Bytes>, Problem>>;
}

/// A body that is read row by row.
struct Rows<'s, S> {
    source: &'s mut S,
    decoder: Decoder,
    /// Rows that were not sent yet.
    out: Vec<u8>,
    ended: bool,
    /// Of the body so far, where it counts whether it is the same one again.
    digest: Option<Sha256>,
}

impl<S: Source> Rows<'_, S> {
    /// Reads on until there is a piece to send, the body has ended, or something is wrong with it.
    async fn read(&mut self) -> Result<(), NotLoaded> {
        while !self.ended && self.out.len() < PIECE {
            let next = self.step().await?;
            if next == Next::Enough || !self.decoder.faults().is_empty() {
                self.ended |= next == Next::Enough;
                return Err(self.fault());
            }
        }
        Ok(())
    }

    async fn step(&mut self) -> Result<Next, Problem> {
        Ok(match self.chunk().await? {
            Some(chunk) => self.decoder.push(&chunk, &mut self.out),
            None => {
                self.ended = true;
                self.decoder.finish(&mut self.out);
                Next::More
            }
        })
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, Problem> {
        let chunk = self.source.next().await?;
        if let (Some(digest), Some(chunk)) = (&mut self.digest, &chunk) {
            digest.update(chunk);
        }
        Ok(chunk)
    }

    /// The digest of the whole body, whatever its rows are.
    async fn digest(&mut self) -> Result<[u8; 32], Problem> {
        while !self.ended {
            self.ended = self.chunk().await?.is_none();
        }
        Ok(self.digest.clone().unwrap_or_default().finalize().into())
    }

    /// Looks through the rest of a body in which something is wrong, for what else is.
    async fn look_on(mut self) -> NotLoaded {
        while !self.ended {
            self.out.clear();
            match self.step().await {
                Ok(Next::More) => {}
                // What was found is worth more than that the body broke off later.
                Ok(Next::Enough) | Err(_) => break,
            }
        }
        self.fault()
    }

    fn fault(&self) -> NotLoaded {
        match self.decoder.faults() {
            [] => NotLoaded::TooManyRows,
            faults => NotLoaded::Faults(faults.to_vec()),
        }
    }
}

impl Serving {
    /// Loads the rows of `source`; with `once`, once; with `record`, not without it.
    ///
    /// # Errors
    /// Why nothing was loaded.
    pub async fn load<S: Source>(
        &self,
        permit: Permit,
        bulk: &Bulk,
        format: Format,
        source: &mut S,
        (once, record): (Option<&Once>, Option<Record>),
    ) -> Result<Outcome, NotLoaded> {
        let depth = self.service.config.limits.json_depth;
        let columns = std::sync::Arc::clone(&bulk.columns);
        let decoder = Decoder::new(format, columns, bulk.copy.max_rows, depth);
        let mut rows = Rows {
            source,
            decoder,
            out: Vec::with_capacity(2 * PIECE),
            ended: false,
            digest: once.map(Once::request).or(record.as_ref().map(|_| Sha256::new())),
        };
        let not_loaded = match self.attempt(permit, bulk, &mut rows, once, record.as_ref()).await {
            Ok(loaded) => return Ok(loaded),
            Err(not_loaded) => not_loaded,
        };
        // The connection is given back by now.
        let not_loaded = match not_loaded {
            NotLoaded::Faults(_) => rows.look_on().await,
            other => other,
        };
        if let Some(record) = &record {
            let code = not_loaded.problem(bulk).code();
            self.record_not_loaded(&bulk.lane, record, &not_loaded, code).await?;
        }
        Err(not_loaded)
    }

    async fn attempt<S: Source>(
        &self,
        permit: Permit,
        bulk: &Bulk,
        rows: &mut Rows<'_, S>,
        once: Option<&Once>,
        record: Option<&Record>,
    ) -> Result<Outcome, NotLoaded> {
        // A caller who sends nothing, or nothing of use, is worth no connection.
        rows.read().await?;
        let (lane, patience) = self.exclusive(&bulk.lane).ok_or(Failure::Unavailable)?;
        let mut job = lane.exclusive(permit, Instant::now() + patience.each).await?;
        let until = Instant::now() + patience.all;
        if let Some(once) = once {
            if let Claim::Known(known) = self.claim(&mut job, once).await? {
                if record.is_none() {
                    // The connection is not kept waiting for the rest of the body.
                    drop(job);
                    return Ok(known.answer(&rows.digest().await?)?);
                }
                job.set_deadline(until);
                let outcome = known.answer(&rows.digest().await?)?;
                self.keep_record(&mut job, record, &outcome).await?;
                return Ok(outcome);
            }
            job.assume()?;
        } else {
            job.begin().await?;
        }
        let loaded = transfer(&mut job, bulk, rows, patience.each, until).await?;
        job.set_deadline(until);
        let outcome = Outcome::Made(loaded.to_answer());
        if once.is_some() || record.is_some() {
            job.resign().await?;
        }
        if let (Some(once), Outcome::Made(answer)) = (once, &outcome) {
            once.keep(&mut job, answer, &rows.digest().await?).await?;
        }
        if let Some(record) = record {
            let record = record.clone().with_digest(rows.digest.clone().unwrap_or_default());
            self.keep_record(&mut job, Some(&record), &outcome).await?;
        }
        job.commit().await?;
        Ok(outcome)
    }
}

/// How long a load may wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// For one answer of the database.
    pub(super) each: Duration,
    /// For everything.
    pub(super) all: Duration,
}

/// Brings the rows into the table, within a transaction.
async fn transfer<S: Source>(
    job: &mut Exclusive,
    bulk: &Bulk,
    rows: &mut Rows<'_, S>,
    each: Duration,
    until: Instant,
) -> Result<Loaded, NotLoaded> {
    let refused = |failure: Failure, rows: &Rows<'_, S>| NotLoaded::refused(failure, &rows.decoder);
    let soon = || until.min(Instant::now() + each);
    if let Some(stage) = &bulk.sql.stage {
        job.execute(stage).await?;
    }
    let mut copy = job.copy_in(&bulk.sql.copy).await?;
    let binary = bulk.columns.form() == Form::Binary;
    if binary {
        copy.send(BINARY_HEADER)?;
    }
    loop {
        copy.set_deadline(soon());
        if let Err(failure) = send(&mut copy, rows).await {
            return Err(refused(failure, rows));
        }
        if rows.ended {
            break;
        }
        if let Err(not_loaded) = rows.read().await {
            copy.set_deadline(soon());
            copy.fail().await?;
            return Err(not_loaded);
        }
    }
    if binary {
        copy.send(&BINARY_TRAILER)?;
    }
    copy.set_deadline(until);
    let copied = match copy.finish().await {
        Ok(copied) => copied,
        Err(failure) => return Err(refused(failure, rows)),
    };
    let mut counts = Counts::default();
    if let Some(check) = &bulk.sql.check {
        // Now that nobody can change the table before the transaction ends.
        job.run(&counting(check), &[], &mut counts).await?;
        if counts.0[0] != bulk.columns.all().len() as u64 {
            return Err(Failure::ShapeChanged.into());
        }
    }
    if let Some(merge) = &bulk.sql.merge {
        let merged = if merge.counts {
            job.run(&counting(&merge.sql), &[], &mut counts).await
        } else {
            job.execute(&merge.sql).await.inspect(|new| counts.0 = [*new, *new])
        };
        merged?;
    } else {
        counts.0 = [copied, copied];
    }
    // The decoder's count: a trigger may have kept rows out of the COPY.
    Ok(Loaded::new(bulk, rows.decoder.rows(), counts.0[0], counts.0[1]))
}

async fn send<S: Source>(copy: &mut CopyIn<'_>, rows: &mut Rows<'_, S>) -> Result<(), Failure> {
    copy.ready().await?;
    copy.send(&rows.out)?;
    rows.out.clear();
    Ok(())
}

/// A statement that gives two `bigint`.
fn counting(sql: &str) -> Prepared {
    const BIGINT: u32 = 20;
    Prepared {
        index: 0,
        name: String::new(),
        label: "load".to_owned(),
        sql: sql.to_owned(),
        parameters: Vec::new(),
        columns: vec![BIGINT; 2],
        ..Prepared::default()
    }
}

/// Takes the two counts of a merge: rows written, and those of them that are new.
#[derive(Default)]
struct Counts([u64; 2]);

impl RowSink for Counts {
    fn row(&mut self, data_row: &[u8]) -> Result<(), Stop> {
        let mut wire = crate::value::wire::Wire::new(data_row, "row of counts");
        let mut read = || {
            wire.i16()?;
            for count in &mut self.0 {
                wire.i32()?;
                *count = u64::try_from(wire.i64()?).unwrap_or(0);
            }
            Ok(())
        };
        read().map_err(|_: crate::value::Malformed| Stop::Malformed)
    }

    fn restart(&mut self) {
        self.0 = [0, 0];
    }
}
