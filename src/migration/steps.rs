//! Howdah's own tables, the keeper's and those of services: SQL files that are part of the program,
//! applied in order, each once.
//!
//! Apart from a service's migrations (`apply`), which belong to its author. They are known by number
//! and digest, so that a program that is older than the database, or other than it thinks, stops
//! before it does harm.

use crate::{
    diagnostic::{Code, Diagnostic},
    postgres::session::Session,
};
use sha2::{Digest, Sha256};
use std::fmt::Write;
use tokio_postgres::Error;

/// A file: its name, which begins with its number, and its text.
pub type Step = (&'static str, &'static str);

/// Whose tables they are, and where it is kept which steps were applied. An older program must
/// understand a ledger, so its columns do not change.
#[derive(Clone, Copy, Debug)]
pub struct Ledger {
    table: &'static str,
    owner: &'static str,
    help: &'static str,
}

/// Of the keeper's tables.
pub const KEEPER: Ledger = Ledger {
    table: "howdah.keeper_step",
    owner: "keeper",
    help: "`howdah credentials setup --print-sql` gives the keeper what it needs",
};

/// Of the tables that Howdah keeps for a service.
pub(super) const SERVICE: Ledger = Ledger {
    table: "howdah.service_step",
    owner: "service",
    help: "migrate as the database's owner, or as a role that may create in the schema `howdah`",
};

/// The tables that Howdah keeps for a service.
pub(super) const SERVICE_STEPS: &[Step] =
    &[("001_idempotency.sql", include_str!("sql/001_idempotency.sql"))];

/// Applies what is missing, each step in a transaction of its own. The caller makes sure that nobody
/// else does so at the same time.
///
/// # Errors
/// A step that fails; one that was applied with another text; one in the database that this program
/// does not know.
pub async fn apply_steps(
    session: &mut Session,
    ledger: Ledger,
    steps: &[Step],
) -> Result<usize, Box<Diagnostic>> {
    let Ledger { table, owner, .. } = ledger;
    let known = number_all(steps)?;
    let create = format!(
        "CREATE TABLE IF NOT EXISTS {table} (number integer PRIMARY KEY, name text NOT NULL, \
         digest text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
    );
    session.batch_execute(&create).await.map_err(|error| {
        refused(&error, ledger, &format!("the {owner}'s schema cannot be made"))
    })?;
    let applied = session
        .query(&format!("SELECT number, name, digest FROM {table} ORDER BY number"), &[])
        .await
        .map_err(|error| {
            refused(&error, ledger, &format!("the {owner}'s schema cannot be read"))
        })?;
    let mut done = Vec::new();
    for row in applied {
        let (number, name, digest): (i32, String, String) = (row.get(0), row.get(1), row.get(2));
        match known.iter().find(|(it, _)| *it == number) {
            Some((_, step)) if digest_of(step.1) == digest => done.push(number),
            Some((_, step)) => {
                let message =
                    format!("{name} was applied with another text than {} has now", step.0);
                return Err(Diagnostic::error(Code::Migration, message).boxed());
            }
            None => {
                let message = format!("{name} was applied, which this program does not know");
                return Err(Diagnostic::error(Code::Migration, message)
                    .help("a newer version has worked here: run that one, or a later one")
                    .boxed());
            }
        }
    }
    let pending: Vec<_> = known.iter().filter(|(number, _)| !done.contains(number)).collect();
    for (number, (name, text)) in &pending {
        let outcome = async {
            let transaction = session.transaction().await?;
            transaction.batch_execute(text).await?;
            transaction
                .execute(
                    &format!("INSERT INTO {table} (number, name, digest) VALUES ($1, $2, $3)"),
                    &[number, name, &digest_of(text)],
                )
                .await?;
            transaction.commit().await
        };
        outcome
            .await
            .map_err(|error| refused(&error, ledger, &format!("{name} cannot be applied")))?;
    }
    Ok(pending.len())
}

fn refused(error: &Error, ledger: Ledger, what: &str) -> Box<Diagnostic> {
    match error.as_db_error() {
        Some(refusal) => {
            let code = refusal.code().code();
            Diagnostic::error(Code::Migration, format!("{what}: {}", refusal.message()))
                .sqlstate(code)
                .help(ledger.help)
                .boxed()
        }
        None => Diagnostic::error(Code::Database, format!("{what}: {error}")).boxed(),
    }
}

/// The steps with their numbers, in order.
fn number_all(steps: &[Step]) -> Result<Vec<(i32, &Step)>, Box<Diagnostic>> {
    let mut numbered = Vec::new();
    for step in steps {
        let number = step.0.split('_').next().and_then(|digits| digits.parse().ok());
        let number: i32 = number.ok_or_else(|| {
            let message = format!("{} does not begin with its number", step.0);
            Diagnostic::error(Code::Migration, message).boxed()
        })?;
        numbered.push((number, step));
    }
    numbered.sort_by_key(|(number, _)| *number);
    if let Some(twins) = numbered.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        let message = format!("{} and {} have one number", twins[0].1.0, twins[1].1.0);
        return Err(Diagnostic::error(Code::Migration, message).boxed());
    }
    Ok(numbered)
}

fn digest_of(text: &str) -> String {
    Sha256::digest(text).iter().fold(String::new(), |mut text, byte| {
        // Writing into a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_in_the_order_of_their_numbers() {
        let steps = [("200_b.sql", ""), ("100_a.sql", "")];
        let numbers: Vec<_> = number_all(&steps).unwrap().iter().map(|(it, _)| *it).collect();
        assert_eq!(numbers, [100, 200]);
        for bad in [&[("1_a", ""), ("1_b", "")][..], &[("a", "")]] {
            assert!(number_all(bad).is_err());
        }
    }
}
