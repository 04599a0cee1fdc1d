//! As whom a job runs: itself, or the caller that its permit names.

use super::{
    job::{Exclusive, unasked},
    socket::Known,
};
use crate::{
    access::Identity,
    lane::Failure,
    postgres::{message, refusal::Refusal},
};
use postgres_protocol::message::backend::{
    BIND_COMPLETE_TAG, CLOSE_COMPLETE_TAG, COMMAND_COMPLETE_TAG, DATA_ROW_TAG, ERROR_RESPONSE_TAG,
    PARSE_COMPLETE_TAG, READY_FOR_QUERY_TAG,
};
use std::io;

/// Checks what a statement has put off to the end of its transaction, as whom it ran, and goes back to
/// the role that signed in.
const RESIGN: &str = "SET CONSTRAINTS ALL IMMEDIATE; SET LOCAL role TO DEFAULT; \
     SET LOCAL request.jwt.claims TO DEFAULT";

/// What the database answers, besides its end, to being told who it is.
const ANSWERS: [u8; 4] = [PARSE_COMPLETE_TAG, CLOSE_COMPLETE_TAG, BIND_COMPLETE_TAG, DATA_ROW_TAG];

/// How far the database is with being told as whom a transaction runs, along with what comes next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Assumption {
    /// It was not told, or has taken it.
    #[default]
    Settled,
    /// Its answer comes before anything else's.
    Told,
    /// It does not let that be, and has refused everything since.
    Refused,
}

impl Assumption {
    /// Whether the message is of its answer to that.
    ///
    /// # Errors
    /// It is of no answer to that.
    pub(super) fn takes(&mut self, known: &Known, tag: u8) -> io::Result<bool> {
        if *self != Self::Told {
            return Ok(false);
        }
        match tag {
            READY_FOR_QUERY_TAG if known.refusal.is_some() => *self = Self::Refused,
            READY_FOR_QUERY_TAG => *self = Self::Settled,
            COMMAND_COMPLETE_TAG | ERROR_RESPONSE_TAG => {}
            _ if ANSWERS.contains(&tag) => {}
            _ => return Err(unasked()),
        }
        Ok(true)
    }

    /// What it means that the database refused, once.
    pub(super) fn failure(&mut self, refusal: Refusal) -> Failure {
        match std::mem::take(self) {
            Self::Refused => Failure::of_identity(refusal),
            Self::Settled | Self::Told => Failure::Refused(refusal),
        }
    }
}

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

    /// From now on, the transaction runs as whom the permit says. The database is told along with what it
    /// is told next, and there is its refusal heard, too.
    ///
    /// # Errors
    /// The connection is of no more use, or the claims are larger than a message can be.
    pub fn assume(&mut self) -> Result<(), Failure> {
        let Some(identity) = self.identity() else { return Ok(()) };
        self.say_who(&identity)?;
        self.assumption = Assumption::Told;
        Ok(())
    }

    /// Says as whom the transaction runs that is being begun, and waits for both.
    pub(super) async fn introduced(&mut self) -> Result<(), Failure> {
        let Some(identity) = self.identity() else {
            return self.conclude(|_| false).await.map(drop);
        };
        self.say_who(&identity)?;
        match self.conclude(|tag| ANSWERS.contains(&tag)).await {
            Ok(_) => Ok(()),
            Err(Failure::Refused(refusal)) => Err(Failure::of_identity(refusal)),
            Err(failure) => Err(failure),
        }
    }

    fn say_who(&mut self, identity: &Identity) -> Result<(), Failure> {
        self.say(|socket| {
            message::assume_once(identity, &mut socket.out)?;
            message::end(&mut socket.out);
            Ok(())
        })
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
