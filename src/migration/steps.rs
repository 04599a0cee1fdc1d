//! The keeper's own tables: SQL files that are part of the program, applied in order, each once.
//!
//! Apart from a service's migrations (`apply`), which belong to its author: another role runs these,
//! and they are known by number and digest, so that a program that is older than the database, or
//! other than it thinks, stops before it does harm.

use crate::{
    diagnostic::{Code, Diagnostic},
    postgres::session::Session,
};
use sha2::{Digest, Sha256};
use std::fmt::Write;
use tokio_postgres::Error;

/// A file: its name, which begins with its number, and its text.
pub type Step = (&'static str, &'static str);

/// Where it is kept what was applied. An older program must understand it, so it does not change.
const LEDGER: &str = "\
CREATE TABLE IF NOT EXISTS howdah.keeper_step (
    number integer PRIMARY KEY,
    name text NOT NULL,
    digest text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)";

/// Applies what is missing, each step in a transaction of its own. The caller makes sure that nobody
/// else does so at the same time.
///
/// # Errors
/// A step that fails; one that was applied with another text; one in the database that this program
/// does not know.
pub async fn apply_steps(session: &mut Session, steps: &[Step]) -> Result<usize, Box<Diagnostic>> {
    let known = number_all(steps)?;
    session
        .batch_execute(LEDGER)
        .await
        .map_err(|error| refused(&error, "the keeper's schema cannot be made"))?;
    let applied = session
        .query("SELECT number, name, digest FROM howdah.keeper_step ORDER BY number", &[])
        .await
        .map_err(|error| refused(&error, "the keeper's schema cannot be read"))?;
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
                    .help("a newer keeper has worked here: run that version, or a later one")
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
                    "INSERT INTO howdah.keeper_step (number, name, digest) VALUES ($1, $2, $3)",
                    &[number, name, &digest_of(text)],
                )
                .await?;
            transaction.commit().await
        };
        outcome.await.map_err(|error| refused(&error, &format!("{name} cannot be applied")))?;
    }
    Ok(pending.len())
}

fn refused(error: &Error, what: &str) -> Box<Diagnostic> {
    match error.as_db_error() {
        Some(refusal) => {
            let code = refusal.code().code();
            Diagnostic::error(Code::Migration, format!("{what}: {}", refusal.message()))
                .sqlstate(code)
                .help("`howdah credentials setup --print-sql` gives the keeper what it needs")
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
