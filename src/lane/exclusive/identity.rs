//! As whom a job runs: itself, or the caller that its permit names.

use super::job::Exclusive;
use crate::{lane::Failure, postgres::message};
use postgres_protocol::message::backend::{
    BIND_COMPLETE_TAG, CLOSE_COMPLETE_TAG, DATA_ROW_TAG, PARSE_COMPLETE_TAG,
};

/// Checks what a statement has put off to the end of its transaction, as whom it ran, and goes back to
/// the role that signed in.
const RESIGN: &str = "SET CONSTRAINTS ALL IMMEDIATE; SET LOCAL role TO DEFAULT; \
     SET LOCAL request.jwt.claims TO DEFAULT";

impl Exclusive {
    /// Begins a transaction and runs `sql` in it, of one statement or several, as the role that signed
    /// in, whomever the permit names; gives the rows that the last one's tag counts. It is for what
    /// Howdah itself keeps beside a caller's work, which comes after [`Exclusive::assume`].
    ///
    /// # Errors
    /// Why it did not run to its end.
    pub async fn begin_apart(&mut self, sql: &str) -> Result<u64, Failure> {
        let sql = format!("{}; {sql}", self.beginning());
        self.simple(&sql).await
    }

    /// From now on, the transaction runs as whom the permit says.
    ///
    /// # Errors
    /// The database does not let that be.
    pub async fn assume(&mut self) -> Result<(), Failure> {
        let Some(identity) = self.identity() else { return Ok(()) };
        self.say(|socket| {
            message::assume_once(&identity, &mut socket.out)?;
            message::end(&mut socket.out);
            Ok(())
        })?;
        let expected = [PARSE_COMPLETE_TAG, CLOSE_COMPLETE_TAG, BIND_COMPLETE_TAG, DATA_ROW_TAG];
        match self.conclude(|tag| expected.contains(&tag)).await {
            Ok(_) => Ok(()),
            Err(Failure::Refused(refusal)) => Err(Failure::of_identity(refusal)),
            Err(failure) => Err(failure),
        }
    }

    /// Ends what ran as the caller: constraints that were put off are checked now, and the rest of the
    /// transaction runs as the role that signed in.
    ///
    /// # Errors
    /// What PostgreSQL refuses of the work that was done.
    pub async fn resign(&mut self) -> Result<(), Failure> {
        self.simple(RESIGN).await.map(drop)
    }
}
