//! Checkpoints (C2SP `tlog-checkpoint`): how many leaves a trail has, and the root over them.
//!
//! Owns the text between a checkpoint's lines. Its signature is the note's (`note`).

use super::{
    note::{Distrust, Note, Signer, Verifier},
    tree::Hash,
};
use base64::{Engine, engine::general_purpose::STANDARD};

/// What a checkpoint says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which trail it is of: the name of the key that signs it.
    pub origin: String,
    /// How many leaves the trail had.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
    /// When it was signed, in seconds since 1970: an extension line of its own.
    pub time_s: Option<u64>,
}

/// Why a text is no checkpoint of a trail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// It is not a checkpoint, or broke off.
    Malformed,
    /// It is another trail's.
    Foreign,
    /// The signature of the trail's key is missing or wrong.
    Distrusted(Distrust),
}

impl Checkpoint {
    /// The signed text.
    pub fn to_text(&self) -> String {
        let root = STANDARD.encode(self.root);
        let mut text = format!("{}\n{}\n{root}\n", self.origin, self.size);
        if let Some(time_s) = self.time_s {
            text.extend(["time ", &time_s.to_string(), "\n"]);
        }
        text
    }

    /// The signed note.
    pub fn sign(&self, signer: &Signer) -> String {
        signer.sign(&self.to_text(), None)
    }

    /// Reads the text of a note, unsigned.
    pub fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let origin = lines.next().filter(|it| !it.is_empty())?;
        let size = lines.next()?;
        let is_decimal = size.bytes().all(|byte| byte.is_ascii_digit());
        if !is_decimal || (size.starts_with('0') && size != "0") {
            return None;
        }
        let root = STANDARD.decode(lines.next()?).ok()?;
        let mut time_s = None;
        for extension in lines {
            if extension.is_empty() {
                return None;
            }
            if let Some(time) = extension.strip_prefix("time ") {
                time_s = Some(time.parse().ok()?);
            }
        }
        Some(Self {
            origin: origin.to_owned(),
            size: size.parse().ok()?,
            root: root.try_into().ok()?,
            time_s,
        })
    }

    /// Reads a note and checks that it is of the trail that `key` signs.
    ///
    /// # Errors
    /// Why it is not.
    pub fn open(note: &str, key: &Verifier) -> Result<Self, Unusable> {
        let note = Note::parse(note).ok_or(Unusable::Malformed)?;
        let checkpoint = Self::parse(note.text).ok_or(Unusable::Malformed)?;
        if checkpoint.origin != key.name() {
            return Err(Unusable::Foreign);
        }
        note.verify(key).map_err(Unusable::Distrusted)?;
        Ok(checkpoint)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops where it is wrong")]

    use super::*;
    use crate::audit::note::Kind;

    fn checkpoint() -> Checkpoint {
        Checkpoint {
            origin: "example.org/rates".to_owned(),
            size: 15_368_405,
            root: [7; 32],
            time_s: Some(1_700_000_000),
        }
    }

    #[test]
    fn a_checkpoint_is_read_as_it_is_written() {
        let signer = Signer::generate("example.org/rates", Kind::Log).unwrap();
        let note = checkpoint().sign(&signer);
        assert!(note.starts_with("example.org/rates\n15368405\nBwcHBwcH"), "{note}");
        assert_eq!(Checkpoint::open(&note, &signer.verifier()), Ok(checkpoint()));
        // One without a time, as other logs write them, is read as well.
        let other = Checkpoint { time_s: None, ..checkpoint() };
        assert_eq!(Checkpoint::open(&other.sign(&signer), &signer.verifier()), Ok(other));
    }

    #[test]
    fn what_is_no_checkpoint_of_the_trail_is_refused() {
        let signer = Signer::generate("example.org/rates", Kind::Log).unwrap();
        let key = signer.verifier();
        let foreign = Signer::generate("example.org/other", Kind::Log).unwrap();
        assert_eq!(
            Checkpoint::open(&checkpoint().sign(&signer), &foreign.verifier()),
            Err(Unusable::Foreign)
        );
        assert_eq!(
            Checkpoint::open(&checkpoint().sign(&foreign), &key),
            Err(Unusable::Distrusted(Distrust::Unsigned))
        );
        let changed = checkpoint().sign(&signer).replace("15368405", "15368406");
        assert_eq!(Checkpoint::open(&changed, &key), Err(Unusable::Distrusted(Distrust::Forged)));
        let bad = [
            "",
            "\n",
            "a\n",
            "a\n1\n",
            "a\n01\nAAAA\n",
            "a\n-1\nAAAA\n",
            "a\n1\nAAAA\n",
            "a\n99999999999999999999\nAAAA\n",
        ];
        for bad in bad {
            assert_eq!(
                Checkpoint::open(&signer.sign(bad, None), &key),
                Err(Unusable::Malformed),
                "{bad:?}"
            );
        }
    }
}
