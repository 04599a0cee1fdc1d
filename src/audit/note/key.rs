//! Keys of signed notes, in the textual forms of C2SP `signed-note`.

use super::line;
use crate::secret::Secret;
use base64::{Engine, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};
use std::{fmt, str::FromStr};
use zeroize::Zeroizing;

/// What a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A trail's checkpoints: plain Ed25519 over the text (signature type 1).
    Log,
    /// What a witness has seen, with the time (C2SP `tlog-cosignature`, signature type 4).
    Witness,
}

impl Kind {
    fn byte(self) -> u8 {
        match self {
            Self::Log => 1,
            Self::Witness => 4,
        }
    }

    /// What is signed. A cosignature without a time is none.
    fn message(self, text: &str, time_s: Option<u64>) -> Option<Vec<u8>> {
        match self {
            Self::Log => Some(text.as_bytes().to_vec()),
            Self::Witness => Some(format!("cosignature/v1\ntime {}\n{text}", time_s?).into_bytes()),
        }
    }
}

/// A public key with its name: `example.org/trail+c74f20a3+ARpc2Qc…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verifier {
    name: String,
    kind: Kind,
    key: VerifyingKey,
}

impl Verifier {
    /// The key's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first four bytes of `SHA-256(name ‖ "\n" ‖ type ‖ public key)`.
    pub fn id(&self) -> [u8; 4] {
        let digest = Sha256::new()
            .chain_update(&self.name)
            .chain_update([b'\n', self.kind.byte()])
            .chain_update(self.key.as_bytes())
            .finalize();
        [digest[0], digest[1], digest[2], digest[3]]
    }

    /// The time of a right signature, if it carries one; nothing when it is wrong.
    #[expect(clippy::option_option, reason = "a wrong signature and one without a time differ")]
    pub(super) fn check(&self, text: &str, signature: &[u8]) -> Option<Option<u64>> {
        let (time_s, signature) = match self.kind {
            Kind::Log => (None, signature),
            Kind::Witness => {
                let (time, signature) = signature.split_first_chunk::<8>()?;
                (Some(u64::from_be_bytes(*time)), signature)
            }
        };
        let signature = Signature::from_slice(signature).ok()?;
        let message = self.kind.message(text, time_s)?;
        self.key.verify_strict(&message, &signature).ok()?;
        Some(time_s)
    }
}

impl fmt::Display for Verifier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = u32::from_be_bytes(self.id());
        let key = STANDARD.encode([&[self.kind.byte()], &self.key.as_bytes()[..]].concat());
        write!(formatter, "{}+{id:08x}+{key}", self.name)
    }
}

impl FromStr for Verifier {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str = "a key is written NAME+ID+KEY";
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(FORM);
        };
        check_name(name)?;
        let bytes = STANDARD.decode(key).map_err(|_| "the key is not Base64")?;
        let (kind, key) = of_bytes(&bytes)?;
        let key = VerifyingKey::from_bytes(key).map_err(|_| "the key is no point of the curve")?;
        let verifier = Self { name: name.to_owned(), kind, key };
        // Also refuses digits in capitals, or too few of them.
        if id == format!("{:08x}", u32::from_be_bytes(verifier.id())) {
            Ok(verifier)
        } else {
            Err("the key's id does not fit the key: a part of it is missing or mistyped")
        }
    }
}

/// A private key with its name. It cannot be printed.
#[derive(Clone)]
pub struct Signer {
    name: String,
    kind: Kind,
    key: SigningKey,
}

impl Signer {
    /// A new key from the system's random numbers.
    ///
    /// # Errors
    /// When the name is no key's name, or the system gives no random numbers.
    pub fn generate(name: &str, kind: Kind) -> Result<Self, &'static str> {
        check_name(name)?;
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *seed).map_err(|_| "the system gives no random numbers")?;
        Ok(Self { name: name.to_owned(), kind, key: SigningKey::from_bytes(&seed) })
    }

    /// Reads `PRIVATE+KEY+NAME+ID+KEY`, the form of [`Signer::to_secret`].
    ///
    /// # Errors
    /// What is wrong with it, without a word of what it is.
    pub fn parse(secret: &Secret) -> Result<Self, &'static str> {
        let text = secret.expose().trim_end();
        let text =
            text.strip_prefix("PRIVATE+KEY+").ok_or("it does not begin with PRIVATE+KEY+")?;
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err("a private key is written PRIVATE+KEY+NAME+ID+KEY");
        };
        check_name(name)?;
        let bytes = STANDARD.decode(key).map_err(|_| "the key is not Base64")?;
        let bytes = Zeroizing::new(bytes);
        let (kind, seed) = of_bytes(&bytes)?;
        let signer = Self { name: name.to_owned(), kind, key: SigningKey::from_bytes(seed) };
        if id == format!("{:08x}", u32::from_be_bytes(signer.verifier().id())) {
            Ok(signer)
        } else {
            Err("the key's id does not fit the key: a part of it is missing or mistyped")
        }
    }

    /// The key as its file holds it.
    pub fn to_secret(&self) -> Secret {
        let id = u32::from_be_bytes(self.verifier().id());
        let seed = Zeroizing::new(self.key.to_bytes());
        let bytes = Zeroizing::new([&[self.kind.byte()], &seed[..]].concat());
        let encoded = Zeroizing::new(STANDARD.encode(&*bytes));
        Secret::new(format!("PRIVATE+KEY+{}+{id:08x}+{}", self.name, *encoded))
    }

    /// The public key.
    pub fn verifier(&self) -> Verifier {
        Verifier { name: self.name.clone(), kind: self.kind, key: self.key.verifying_key() }
    }

    /// The note of `text`, which ends with a newline: the text, and the line of its signature. A
    /// witness signs with the time, in seconds since 1970.
    pub fn sign(&self, text: &str, time_s: Option<u64>) -> String {
        format!("{text}\n{}", self.line(text, time_s))
    }

    /// The line of the signature alone.
    pub fn line(&self, text: &str, time_s: Option<u64>) -> String {
        let time_s = time_s.unwrap_or_default();
        let message = self.kind.message(text, Some(time_s)).unwrap_or_default();
        let signature = self.key.sign(&message).to_bytes();
        match self.kind {
            Kind::Log => line(&self.name, self.verifier().id(), &signature),
            Kind::Witness => {
                let timed = [&time_s.to_be_bytes()[..], &signature].concat();
                line(&self.name, self.verifier().id(), &timed)
            }
        }
    }
}

fn check_name(name: &str) -> Result<(), &'static str> {
    let fits = |c: char| !c.is_whitespace() && !c.is_control() && c != '+';
    if !name.is_empty() && name.len() <= 200 && name.chars().all(fits) {
        Ok(())
    } else {
        Err("a key's name has no space and no plus, and 200 bytes at most")
    }
}

/// The kind and the 32 bytes of a key.
fn of_bytes(bytes: &[u8]) -> Result<(Kind, &[u8; 32]), &'static str> {
    let (kind, key) = bytes.split_first().ok_or("the key is empty")?;
    let kind = match kind {
        1 => Kind::Log,
        4 => Kind::Witness,
        _ => return Err("the key is of another kind than Ed25519"),
    };
    Ok((kind, key.try_into().map_err(|_| "the key does not have 32 bytes")?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops where it is wrong")]

    use super::*;

    #[test]
    fn keys_are_read_as_they_are_written() {
        for kind in [Kind::Log, Kind::Witness] {
            let signer = Signer::generate("example.org/rates", kind).unwrap();
            let read = Signer::parse(&signer.to_secret()).unwrap();
            assert_eq!(read.verifier(), signer.verifier());
            assert_eq!(signer.verifier().to_string().parse(), Ok(signer.verifier()));
        }
    }

    #[test]
    fn what_is_no_key_is_refused_with_its_reason() {
        let signer = Signer::generate("a", Kind::Log).unwrap();
        let good = signer.verifier().to_string();
        let other = Signer::generate("a", Kind::Log).unwrap().verifier().to_string();
        let swapped = format!("a+{}+{}", &other[2..10], &good[11..]);
        for bad in ["", "a", "a+b", "+00000000+", "a b+00000000+AAAA", "a+00000000+*", &swapped] {
            assert!(bad.parse::<Verifier>().is_err(), "{bad}");
            assert!(Signer::parse(&Secret::new(format!("PRIVATE+KEY+{bad}"))).is_err(), "{bad}");
        }
        assert!(Signer::generate("with space", Kind::Log).is_err());
    }
}
