//! Opening a sealed file: which format it has, and what can be said of one that is broken.

use super::{KeyFile, Passphrase, age, openpgp, packets, refuse};
use crate::{diagnostic::Diagnostic, secret::SecretBytes};

/// How a file is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Age,
    AgeArmored,
    OpenPgp,
    OpenPgpArmored,
}

const AGE: &[u8] = b"age-encryption.org/";
const AGE_ARMOR: &str = "-----BEGIN AGE ENCRYPTED FILE-----";
const AGE_ARMOR_END: &str = "-----END AGE ENCRYPTED FILE-----";
const PGP_ARMOR: &str = "-----BEGIN PGP MESSAGE-----";
const PGP_ARMOR_END: &str = "-----END PGP MESSAGE-----";

/// Opens what is sealed in `sealed`, known to people as `shown`, with the first of `keys` that fits,
/// or with the passphrase, which is asked for only when it is needed.
///
/// # Errors
/// It is not sealed in a format that is known, is damaged or cut short, or is for another key or
/// passphrase. Nothing of the secret is in the error.
pub fn open(
    sealed: &SecretBytes,
    shown: &str,
    keys: &[KeyFile],
    passphrase: &Passphrase,
) -> Result<SecretBytes, Box<Diagnostic>> {
    let bytes = sealed.expose();
    match format(bytes, shown)? {
        Format::Age => age::open(bytes, shown, keys, passphrase),
        Format::AgeArmored => {
            whole(bytes, AGE_ARMOR_END, shown)?;
            age::open_armored(bytes, shown, keys, passphrase)
        }
        Format::OpenPgp => openpgp::open(bytes, shown, keys, passphrase),
        Format::OpenPgpArmored => {
            whole(bytes, PGP_ARMOR_END, shown)?;
            let bytes = openpgp::without_armor(bytes, shown)?;
            openpgp::open(&bytes, shown, keys, passphrase)
        }
    }
}

/// How `bytes` are sealed, by what they begin with.
pub(super) fn format(bytes: &[u8], shown: &str) -> Result<Format, Box<Diagnostic>> {
    let text = bytes.trim_ascii_start();
    let begins = |with: &str| text.starts_with(with.as_bytes());
    if text.is_empty() {
        Err(refuse(shown, "is empty").boxed())
    } else if bytes.starts_with(AGE) {
        Ok(Format::Age)
    } else if begins(AGE_ARMOR) {
        Ok(Format::AgeArmored)
    } else if begins(PGP_ARMOR) {
        Ok(Format::OpenPgpArmored)
    } else if begins("-----BEGIN PGP") {
        Err(refuse(shown, "is an OpenPGP key or signature, and no sealed message").boxed())
    } else if packets::begins_message(bytes) {
        Ok(Format::OpenPgp)
    } else {
        let help = "it would begin with `age-encryption.org/`, `-----BEGIN AGE ENCRYPTED FILE-----`, \
                    `-----BEGIN PGP MESSAGE-----`, or an OpenPGP packet";
        Err(refuse(shown, "is neither an age file nor an OpenPGP message").help(help).boxed())
    }
}

/// Whether armored text has its last line.
fn whole(bytes: &[u8], end: &str, shown: &str) -> Result<(), Box<Diagnostic>> {
    if bytes.windows(end.len()).any(|it| it == end.as_bytes()) {
        Ok(())
    } else {
        Err(cut_short(shown))
    }
}

pub(super) fn cut_short(shown: &str) -> Box<Diagnostic> {
    refuse(shown, "is cut short: its end is missing").help("get the file again").boxed()
}

pub(super) fn damaged(shown: &str, what: &str) -> Box<Diagnostic> {
    refuse(shown, format_args!("is damaged: {what}"))
        .help("nothing of it was used; get the file again")
        .boxed()
}
