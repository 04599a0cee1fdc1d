//! The audit trail against a real PostgreSQL.

mod inbox;

use crate::support::{database, postgres};
use howdah::audit::{
    MIGRATIONS,
    inbox::{Entry, Outcome},
};
use serde_json::{Map, Value};
use std::fmt::Write as _;
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
