//! The lead of one keeper among several, and the fence that every change of it stands behind.
//!
//! Owns the check alone; who leads, and how the lead is taken, is the keeper's (`keeper::lead`).

use std::fmt;
use tokio_postgres::{Error, Transaction};

/// The lead of one keeper, for as long as no other has taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lead {
    epoch: i64,
}

/// Why a change was not made.
#[derive(Debug)]
pub enum Lost {
    /// Another keeper leads now.
    Lead,
    /// The database.
    Database(Error),
}

impl fmt::Display for Lost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lead => formatter.write_str("another keeper has taken over"),
            Self::Database(error) => match error.as_db_error() {
                Some(refusal) => formatter.write_str(refusal.message()),
                None => write!(formatter, "{error}"),
            },
        }
    }
}

impl From<Error> for Lost {
    fn from(error: Error) -> Self {
        Self::Database(error)
    }
}

impl Lead {
    /// The lead that counted the epoch up to this.
    pub fn of(epoch: i64) -> Self {
        Self { epoch }
    }

    /// Which lead it is.
    pub fn epoch(self) -> i64 {
        self.epoch
    }

    /// Makes sure that this keeper leads until `transaction` ends: a takeover waits for it.
    ///
    /// # Errors
    /// When another has taken over.
    pub async fn fence(self, transaction: &Transaction<'_>) -> Result<(), Lost> {
        let sql = "SELECT FROM howdah.keeper_lead WHERE epoch = $1 FOR SHARE";
        transaction.query_opt(sql, &[&self.epoch]).await?.map(drop).ok_or(Lost::Lead)
    }
}
