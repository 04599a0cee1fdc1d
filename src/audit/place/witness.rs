//! An HTTP witness (C2SP `tlog-witness`): it cosigns a checkpoint when it has seen that the trail
//! only grew since the one before.

use crate::{
    audit::{
        note::{Note, Verifier},
        tree::Hash,
    },
    outbound::{self, Endpoint},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::Client;
use std::fmt::{self, Write as _};

/// A witness, and the key that it signs with.
#[derive(Clone, Debug)]
pub struct Witness {
    endpoint: Endpoint,
    key: Verifier,
    client: Client,
}

/// What the witness said of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Confirmed {
    /// It signed: the note with its signature below.
    Cosigned(String),
    /// It has seen a tree of another size than was thought.
    Elsewhere(u64),
}

/// Why a witness did not sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WitnessFailure {
    /// It could not be asked, or its answer could not be read.
    Unreachable(String),
    /// It refused, with this status: 403 and 404 when it does not know the trail or its key, 409 and
    /// 422 when the trail contradicts what it has seen.
    Refused(u16),
    /// It has seen a longer trail than there is, of so many leaves.
    Ahead(u64),
    /// Its signature is missing or wrong.
    Distrusted,
}

impl fmt::Display for WitnessFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(why) => formatter.write_str(why),
            Self::Refused(422) => formatter.write_str("it has seen another history of this trail"),
            Self::Refused(status @ (403 | 404)) => {
                write!(formatter, "it does not know this trail or its key ({status})")
            }
            Self::Refused(status) => write!(formatter, "it refuses with {status}"),
            Self::Ahead(size) => {
                write!(formatter, "it has seen {size} leaves, more than there are")
            }
            Self::Distrusted => formatter.write_str("its signature is missing or wrong"),
        }
    }
}

impl Witness {
    /// The witness at `endpoint` that signs with `key`.
    ///
    /// # Errors
    /// When no HTTP client can be set up.
    pub fn new(endpoint: &Endpoint, key: Verifier) -> Result<Self, String> {
        Ok(Self { endpoint: endpoint.join("add-checkpoint"), key, client: outbound::client()? })
    }

    /// Its key's name.
    pub fn name(&self) -> &str {
        self.key.name()
    }

    /// Hands it a signed note, with the proof that the tree of `old_size` leaves begins the note's.
    ///
    /// # Errors
    /// Why it did not sign.
    pub async fn submit(
        &self,
        note: &str,
        old_size: u64,
        proof: &[Hash],
    ) -> Result<Confirmed, WitnessFailure> {
        let mut body = format!("old {old_size}\n");
        for hash in proof {
            let _ = writeln!(body, "{}", STANDARD.encode(hash));
        }
        body.push('\n');
        body.push_str(note);
        let sent = self.client.post(self.endpoint.url().clone()).body(body).send().await;
        let answer =
            sent.map_err(|error| WitnessFailure::Unreachable(outbound::in_words(&error)))?;
        let (status, text) = outbound::read(answer).await.map_err(WitnessFailure::Unreachable)?;
        match status {
            200 => {
                let cosigned = format!("{note}{text}");
                let read = Note::parse(&cosigned).ok_or(WitnessFailure::Distrusted)?;
                read.verify(&self.key).map_err(|_| WitnessFailure::Distrusted)?;
                Ok(Confirmed::Cosigned(cosigned))
            }
            409 => match text.trim_end().parse() {
                Ok(size) if size != old_size => Ok(Confirmed::Elsewhere(size)),
                _ => Err(WitnessFailure::Refused(409)),
            },
            status => Err(WitnessFailure::Refused(status)),
        }
    }
}
