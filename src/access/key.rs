//! API keys: how one looks, and how it is made.
//!
//! A key is `hdk_`, 43 digits in base 62 that spell 256 random bits, and 6 more that spell the first
//! 32 bits of the SHA-256 of all that stands before them. The prefix lets secret scanners find a key
//! that leaked; the check tells a mistyped one from a revoked one, without a look at any file.
//!
//! What is kept of a key is its SHA-256. A password needs a slow hash because people choose it;
//! 256 random bits cannot be guessed however fast the hash is.

use crate::secret::Secret;
use sha2::{Digest, Sha256};

/// What every key begins with.
pub(super) const PREFIX: &str = "hdk_";
/// Digits of 256 bits in base 62: 62^43 > 2^256.
const BODY_DIGITS: usize = 43;
/// Digits of 32 bits in base 62.
const CHECK_DIGITS: usize = 6;
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A key that was just made.
pub struct Minted {
    /// The key, which is shown once.
    pub key: Secret,
    /// What is kept of it.
    pub digest: [u8; 32],
}

/// Makes a key of 256 random bits.
///
/// # Errors
/// When the kernel gives no random bits.
pub fn mint() -> Result<Minted, String> {
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(|error| format!("no random bits can be had: {error}"))?;
    let mut key = PREFIX.to_owned() + &base62(&random, BODY_DIGITS);
    key += &check_of(&key);
    let digest = Sha256::digest(key.as_bytes()).into();
    Ok(Minted { key: Secret::new(key), digest })
}

/// The digest of `text`, when it has the form of a key and its check is right.
pub fn digest(text: &str) -> Option<[u8; 32]> {
    let rest = text.strip_prefix(PREFIX)?;
    let right_form = rest.len() == BODY_DIGITS + CHECK_DIGITS
        && rest.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !right_form {
        return None;
    }
    let (before, check) = text.split_at(text.len() - CHECK_DIGITS);
    (check_of(before) == check).then(|| Sha256::digest(text.as_bytes()).into())
}

fn check_of(text: &str) -> String {
    let digest: [u8; 32] = Sha256::digest(text.as_bytes()).into();
    base62(&digest[..4], CHECK_DIGITS)
}

/// The number that `bytes` spell, the greatest first, in exactly `digits` digits.
fn base62(bytes: &[u8], digits: usize) -> String {
    let mut number = bytes.to_vec();
    let mut text = vec![b'0'; digits];
    for place in text.iter_mut().rev() {
        let mut remainder = 0_u32;
        for byte in &mut number {
            let value = remainder * 256 + u32::from(*byte);
            *byte = u8::try_from(value / 62).unwrap_or(u8::MAX);
            remainder = value % 62;
        }
        *place = DIGITS[remainder as usize];
    }
    text.into_iter().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_spelled_in_base_62() {
        assert_eq!(base62(&[0], 3), "000");
        assert_eq!(base62(&[61], 3), "00z");
        assert_eq!(base62(&[62], 3), "010");
        assert_eq!(base62(&[255; 4], CHECK_DIGITS), "4gfFC3");
        assert!(base62(&[255; 32], BODY_DIGITS).starts_with(|it| it != '0'));
    }

    #[test]
    fn a_made_key_is_one_and_a_mistyped_one_is_not() {
        let minted = mint().unwrap();
        let text = minted.key.expose();
        assert_eq!(text.len(), 53);
        assert_eq!(digest(text), Some(minted.digest));
        for at in PREFIX.len()..text.len() {
            let mut mistyped = text.as_bytes().to_vec();
            mistyped[at] = if mistyped[at] == b'0' { b'1' } else { b'0' };
            assert_eq!(digest(std::str::from_utf8(&mistyped).unwrap()), None, "digit {at}");
        }
        for bad in ["", "hdk_", "hdk_é", &text[1..], &format!("{text}0"), &text.to_uppercase()] {
            assert_eq!(digest(bad), None, "{bad}");
        }
        assert_ne!(mint().unwrap().digest, minted.digest);
    }
}
