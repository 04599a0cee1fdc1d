//! Signed notes (C2SP `signed-note`): a text, and lines that say who signed it.
//!
//! Owns the keys' textual forms, signing with Ed25519, and opening a note with a known key. Does not
//! own what the text says (`checkpoint`). The signing key lives outside the database, in a file.

mod key;

pub use key::{Kind, Signer, Verifier};

use base64::{Engine, engine::general_purpose::STANDARD};

/// The longest note that is read, in bytes.
pub const MAX_BYTES: usize = 64 * 1024;

/// What begins a signature's line: an em dash and a space.
const DASH: &str = "\u{2014} ";

/// A note: its text, and the signatures below it, none of them checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note<'a> {
    /// The text, with the newline that ends it.
    pub text: &'a str,
    signatures: Vec<Signature<'a>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Signature<'a> {
    name: &'a str,
    key_id: [u8; 4],
    bytes: Vec<u8>,
}

/// Why a note cannot be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distrust {
    /// It has no signature of the key.
    Unsigned,
    /// It has one, and that is wrong.
    Forged,
}

impl<'a> Note<'a> {
    /// Reads a note; nothing when it is none, as when it broke off.
    pub fn parse(note: &'a str) -> Option<Self> {
        if note.len() > MAX_BYTES || !note.ends_with('\n') {
            return None;
        }
        let at = note.rfind("\n\n")?;
        let (text, lines) = (&note[..=at], &note[at + 2..]);
        let allowed = |c: char| !c.is_control() || c == '\n';
        if !text.chars().all(allowed) || lines.is_empty() {
            return None;
        }
        let signatures = lines.strip_suffix('\n')?.split('\n').map(Signature::parse);
        Some(Self { text, signatures: signatures.collect::<Option<_>>()? })
    }

    /// Checks the signature of `key`; gives the time of a cosignature, in seconds since 1970.
    ///
    /// # Errors
    /// When there is none of it, or a wrong one.
    pub fn verify(&self, key: &Verifier) -> Result<Option<u64>, Distrust> {
        let mut of_key = self
            .signatures
            .iter()
            .filter(|it| it.name == key.name() && it.key_id == key.id())
            .map(|it| key.check(self.text, &it.bytes).ok_or(Distrust::Forged));
        let first = of_key.next().ok_or(Distrust::Unsigned)??;
        // A note that carries a wrong signature beside a right one is not to be trusted either.
        of_key.try_for_each(|it| it.map(|_| ()))?;
        Ok(first)
    }
}

impl<'a> Signature<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (name, encoded) = line.strip_prefix(DASH)?.split_once(' ')?;
        let bytes = STANDARD.decode(encoded).ok()?;
        let (key_id, bytes) = bytes.split_first_chunk::<4>()?;
        if name.is_empty() || bytes.is_empty() {
            return None;
        }
        Some(Self { name, key_id: *key_id, bytes: bytes.to_vec() })
    }
}

/// The line of a signature, with its newline.
fn line(name: &str, key_id: [u8; 4], signature: &[u8]) -> String {
    format!("{DASH}{name} {}\n", STANDARD.encode([&key_id[..], signature].concat()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops where it is wrong")]

    use super::*;

    /// The example of the Go project's `golang.org/x/mod/sumdb/note` documentation.
    const PEOPLE: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const TEXT: &str = "If you think cryptography is the answer to your problem,\n\
                        then you don't know what your problem is.\n";
    const LINE: &str = "\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    #[test]
    fn a_published_note_opens() {
        let key: Verifier = PEOPLE.parse().unwrap();
        let text = format!("{TEXT}\n{LINE}");
        let note = Note::parse(&text).unwrap();
        assert_eq!(note.text, TEXT);
        assert_eq!(note.verify(&key), Ok(None));
        assert_eq!(key.to_string(), PEOPLE);
    }

    #[test]
    fn a_changed_note_is_forged_and_a_strangers_is_unsigned() {
        let signer = Signer::generate("example.org/trail", Kind::Log).unwrap();
        let text = signer.sign("a\nb\n", None);
        let note = Note::parse(&text).unwrap();
        assert_eq!(note.verify(&signer.verifier()), Ok(None));
        let changed = text.replacen('a', "c", 1);
        let changed = Note::parse(&changed).unwrap();
        assert_eq!(changed.verify(&signer.verifier()), Err(Distrust::Forged));
        let stranger = Signer::generate("example.org/trail", Kind::Log).unwrap();
        assert_eq!(note.verify(&stranger.verifier()), Err(Distrust::Unsigned));
        // A second, wrong signature of the same key.
        let mut bytes = vec![0; 64];
        bytes[3] = 9;
        let doubled =
            format!("{text}{}", line("example.org/trail", signer.verifier().id(), &bytes));
        let doubled = Note::parse(&doubled).unwrap();
        assert_eq!(doubled.verify(&signer.verifier()), Err(Distrust::Forged));
    }

    #[test]
    fn a_cosignature_carries_its_time() {
        let log = Signer::generate("example.org/trail", Kind::Log).unwrap();
        let witness = Signer::generate("example.org/witness", Kind::Witness).unwrap();
        let text = log.sign("a\n", None);
        let note = Note::parse(&text).unwrap();
        let both = format!("{text}{}", witness.line(note.text, Some(1_700_000_000)));
        let both = Note::parse(&both).unwrap();
        assert_eq!(both.verify(&log.verifier()), Ok(None));
        assert_eq!(both.verify(&witness.verifier()), Ok(Some(1_700_000_000)));
    }

    #[test]
    fn what_is_no_note_is_not_read() {
        let signer = Signer::generate("a", Kind::Log).unwrap();
        let good = signer.sign("a\n", None);
        for end in 0..good.len() {
            assert!(good.get(..end).is_none_or(|part| Note::parse(part).is_none()), "{end}");
        }
        for bad in ["", "\n", "\n\n", "a\n\n", "a\n\nb\n", "a\r\n\n\u{2014} a YWFhYWFh\n"] {
            assert_eq!(Note::parse(bad), None, "{bad:?}");
        }
    }
}
