//! The audit trail against a real PostgreSQL.

mod inbox;
mod many;
mod sequencer;
mod tampering;
mod witness;

use crate::support::{database, postgres};
use howdah::audit::{
    MIGRATIONS, export,
    inbox::{Entry, Outcome, write_failure},
    note::{Kind, Signer},
    place::FilePlace,
    sequencer::{Failure, Sequencer},
    verify::{Code, Demand, Report, read_place, verify},
};
use serde_json::{Map, Value};
use std::fmt::Write as _;
use std::time::Duration;
use tokio_postgres::Client;

/// A fresh database with the trail's tables, and a client as their owner.
pub(crate) async fn trail() -> (database::Database, Client) {
    let database = postgres::database();
    let client = database.client().await;
    for (_, sql) in MIGRATIONS {
        client.batch_execute(sql).await.unwrap();
    }
    (database, client)
}

pub(crate) fn entry<'a>(writer: &'a str, action: &'a str) -> Entry<'a> {
    let detail = Map::from_iter([("n".to_owned(), Value::from(1))]);
    Entry { writer, action, actor: "ann", subject: "app", outcome: Outcome::Done, detail }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

pub(crate) const NOW_S: u64 = 1_800_000_000;

pub(crate) fn signer() -> Signer {
    Signer::generate("example.org/trail", Kind::Log).unwrap()
}

/// Writes so many entries of two writers.
pub(crate) async fn fill(client: &Client, entries: usize) {
    for at in 0..entries {
        let writer = ["rotation", "access"][at % 2];
        write_failure(client, &entry(writer, "thing.made")).await.unwrap();
    }
}

pub(crate) async fn take_over(
    client: &Client,
    signer: &Signer,
    files: &[&FilePlace],
) -> Result<Sequencer, Failure> {
    let files = files.iter().map(|it| (*it).clone()).collect();
    Sequencer::take_over(client, signer.clone(), files, None).await
}

/// The trail as `howdah audit export` writes it.
pub(crate) async fn exported(client: &Client) -> String {
    let mut text = String::new();
    export::read(client, 0, None, async |leaf| {
        text.push_str(&serde_json::to_string(&leaf).unwrap());
        text.push('\n');
        Ok::<_, tokio_postgres::Error>(())
    })
    .await
    .unwrap();
    text
}

/// What a check finds with the checkpoints of these files alone.
pub(crate) fn checked(export: &str, signer: &Signer, files: &[&FilePlace]) -> Report {
    let places: Vec<_> = files
        .iter()
        .map(|it| {
            let text = std::fs::read_to_string(it.path()).unwrap();
            read_place(&it.path().display().to_string(), &text)
        })
        .collect();
    let demand = Demand {
        key: signer.verifier(),
        witness: None,
        max_lag: Duration::from_mins(1),
        max_age: None,
        now_s: NOW_S,
    };
    verify(export.as_bytes(), &places, &demand).unwrap()
}

pub(crate) fn codes(report: &Report) -> Vec<Code> {
    report.counts.keys().copied().collect()
}
