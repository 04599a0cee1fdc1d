//! The one sequencer: it turns the inbox into leaves, and signs checkpoints of them.
//!
//! Owns the trail's order. Keeps the tree itself, so that a checkpoint is signed over what was
//! sequenced and never over what somebody has made of it since. What it does not believe when it
//! begins, it does not sign. Does not own the process that it runs in.

mod run;

pub use run::{Happening, Settings, run};

use super::{
    checkpoint::Checkpoint,
    export,
    note::Signer,
    place::{Confirmed, FilePlace, Witness, WitnessFailure},
    tree::{Frontier, Hash, leaf_hash},
};
use std::{fmt, io};
use tokio_postgres::{Client, Error};

/// Keeps a checkpoint.
const KEEP: &str = "INSERT INTO howdah.audit_checkpoint (size, note) VALUES ($1, $2)";

/// Entries that are moved in one transaction.
const BATCH: i32 = 1000;

/// What stops a sequencer.
#[derive(Debug)]
pub enum Failure {
    /// The database is away or refuses; worth another try.
    Database(Error),
    /// Another sequencer has taken over.
    Fenced,
    /// The trail is not the one that was signed. Nothing is signed until somebody has looked.
    Tampered(String),
    /// A place that is read cannot be.
    Place(io::Error),
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(error) => write!(formatter, "the database: {error}"),
            Self::Fenced => formatter.write_str("another sequencer has taken over"),
            Self::Tampered(what) => write!(formatter, "the audit trail was tampered with: {what}"),
            Self::Place(error) => write!(formatter, "a place of checkpoints: {error}"),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error.code().map(tokio_postgres::error::SqlState::code) {
            Some("HWA01") => Self::Fenced,
            _ => Self::Database(error),
        }
    }
}

/// The sequencer of one trail.
pub struct Sequencer {
    epoch: i64,
    tree: Frontier,
    signer: Signer,
    files: Vec<FilePlace>,
    witness: Option<(Witness, Frontier)>,
}

/// What became of a checkpoint.
#[derive(Debug)]
pub struct Published {
    /// The note, with the witness's signature when it gave one.
    pub note: String,
    /// How many leaves it is over.
    pub size: u64,
    /// The places that failed: their names, and why.
    pub failures: Vec<(String, String)>,
}

impl Sequencer {
    /// Takes the trail over: reads all of it, and compares it with the latest checkpoint of each
    /// file, and with the one that the database keeps.
    ///
    /// # Errors
    /// When the trail is not what was signed, or cannot be read.
    pub async fn take_over(
        client: &Client,
        signer: Signer,
        files: Vec<FilePlace>,
        witness: Option<Witness>,
    ) -> Result<Self, Failure> {
        let epoch = client.query_one("SELECT howdah.audit_take_over()", &[]).await?.try_get(0)?;
        let key = signer.verifier();
        let mut signed = Vec::new();
        for file in &files {
            let latest = file.latest(&key).map_err(Failure::Place)?;
            signed.extend(latest.map(|it| (file.path().display().to_string(), it)));
        }
        if let Some(note) = export::latest_checkpoint(client).await? {
            let kept = Checkpoint::open(&note, &key).ok();
            signed.extend(kept.map(|it| ("the database".to_owned(), it)));
        }
        let mut tree = Frontier::new();
        let agree = |tree: &Frontier| {
            let here = signed.iter().filter(|(_, it)| it.size == tree.size());
            for (place, checkpoint) in here {
                if checkpoint.root != tree.root() {
                    return Err(Failure::Tampered(format!(
                        "its first {} leaves are not those of the checkpoint in {place}",
                        tree.size()
                    )));
                }
            }
            Ok(())
        };
        agree(&tree)?;
        export::read(client, 0, None, async |leaf| {
            if leaf.leaf != tree.size() {
                return Err(Failure::Tampered(format!("it has no leaf {}", tree.size())));
            }
            tree.push(leaf_hash(leaf.body.as_bytes()));
            agree(&tree)
        })
        .await?;
        if let Some((place, beyond)) = signed.iter().find(|(_, it)| it.size > tree.size()) {
            return Err(Failure::Tampered(format!(
                "it has {} leaves, and the checkpoint in {place} is over {}",
                tree.size(),
                beyond.size
            )));
        }
        let witness = witness.map(|it| (it, Frontier::new()));
        Ok(Self { epoch, tree, signer, files, witness })
    }

    /// How many leaves the trail has.
    pub fn size(&self) -> u64 {
        self.tree.size()
    }

    /// Moves what waits in the inbox into the trail; gives how many entries that were.
    ///
    /// # Errors
    /// When another sequencer has taken over, or the trail was shortened or lengthened by somebody.
    pub async fn sequence(&mut self, client: &Client) -> Result<u64, Failure> {
        const MOVE: &str =
            "SELECT new_leaf, new_body FROM howdah.audit_sequence($1, $2) ORDER BY 1";
        let before = self.tree.size();
        loop {
            let rows = client.query(MOVE, &[&self.epoch, &BATCH]).await?;
            for row in &rows {
                let leaf: i64 = row.try_get(0)?;
                if u64::try_from(leaf) != Ok(self.tree.size()) {
                    let text = format!("a new leaf has number {leaf}, after {}", self.tree.size());
                    return Err(Failure::Tampered(text));
                }
                self.tree.push(leaf_hash(row.try_get::<_, &str>(1)?.as_bytes()));
            }
            if rows.len() < usize::try_from(BATCH).unwrap_or(usize::MAX) {
                return Ok(self.tree.size() - before);
            }
        }
    }

    /// Signs a checkpoint of the trail as it is, hands it to every place, and keeps it.
    ///
    /// # Errors
    /// When the database fails. A place that fails is in the answer.
    pub async fn checkpoint(&mut self, client: &Client, now_s: u64) -> Result<Published, Failure> {
        let checkpoint = Checkpoint {
            origin: self.signer.verifier().name().to_owned(),
            size: self.tree.size(),
            root: self.tree.root(),
            time_s: Some(now_s),
        };
        let mut note = checkpoint.sign(&self.signer);
        let mut failures = Vec::new();
        for file in &self.files {
            let (to, text) = (file.clone(), note.clone());
            let appended = tokio::task::spawn_blocking(move || to.append(&text)).await;
            let failure = match appended {
                Ok(Ok(())) => continue,
                Ok(Err(error)) => error.to_string(),
                Err(_) => "it could not be written".to_owned(),
            };
            failures.push((file.path().display().to_string(), failure));
        }
        match self.ask_witness(client, &note).await? {
            Some(Ok(cosigned)) => note = cosigned,
            Some(Err((name, failure))) => failures.push((name, failure.to_string())),
            None => {}
        }
        let size = i64::try_from(checkpoint.size).unwrap_or(i64::MAX);
        client.execute(KEEP, &[&size, &note]).await?;
        Ok(Published { note, size: checkpoint.size, failures })
    }

    /// Asks the witness to sign; a second time when it has seen another size than was thought.
    async fn ask_witness(
        &mut self,
        client: &Client,
        note: &str,
    ) -> Result<Option<Result<String, (String, WitnessFailure)>>, Failure> {
        let Some((witness, seen)) = &mut self.witness else { return Ok(None) };
        let mut last = WitnessFailure::Refused(409);
        for _ in 0..2 {
            let newer = leaves(client, seen.size(), self.tree.size()).await?;
            let proof = seen.consistency_proof(&newer);
            match witness.submit(note, seen.size(), &proof).await {
                Ok(Confirmed::Cosigned(cosigned)) => {
                    *seen = self.tree.clone();
                    return Ok(Some(Ok(cosigned)));
                }
                Ok(Confirmed::Elsewhere(size)) if size <= self.tree.size() => {
                    let mut tree = Frontier::new();
                    leaves(client, 0, size).await?.into_iter().for_each(|leaf| tree.push(leaf));
                    *seen = tree;
                }
                Ok(Confirmed::Elsewhere(size)) => {
                    last = WitnessFailure::Ahead(size);
                    break;
                }
                Err(failure) => {
                    last = failure;
                    break;
                }
            }
        }
        Ok(Some(Err((witness.name().to_owned(), last))))
    }
}

/// The hashes of the leaves from `from` to `to`.
async fn leaves(client: &Client, from: u64, to: u64) -> Result<Vec<Hash>, Failure> {
    let mut hashes = Vec::new();
    export::read(client, from, Some(to), async |leaf| {
        hashes.push(leaf_hash(leaf.body.as_bytes()));
        Ok::<_, Failure>(())
    })
    .await?;
    Ok(hashes)
}
