//! Files that GnuPG sealed, with keys and with passphrases.

use super::{SECRET, does, ended, is_there, private, refuses};
use crate::support::folder::Folder;
use std::process::Command;

/// A folder with a key ring of GnuPG in it.
struct Ring(Folder);

impl Ring {
    fn new() -> Option<Self> {
        if !is_there("gpg") {
            return None;
        }
        let ring = Self(Folder::new("gpg"));
        super::mode(ring.0.path(), 0o700);
        private(&ring.0, "passphrase", "open sesame\n");
        Some(ring)
    }

    /// Runs gpg, with `--passphrase-file passphrase` for `locked` keys and none for others.
    fn gpg(&self, arguments: &str, locked: bool, input: &[u8]) -> Vec<u8> {
        let mut command = Command::new("gpg");
        command.args(["--batch", "--quiet", "--no-tty", "--yes", "--pinentry-mode", "loopback"]);
        // As many rounds as a test can wait for, without optimisation.
        command.args(["--s2k-count", "65536", "--trust-model", "always"]);
        if locked {
            command.args(["--passphrase-file", "passphrase"]);
        } else {
            command.args(["--passphrase", ""]);
        }
        command.args(arguments.split(' ')).env("GNUPGHOME", self.0.path()).env("LC_ALL", "C");
        command.current_dir(self.0.path());
        let ended = ended(command, input);
        assert_eq!(ended.code, 0, "gpg {arguments}: {}", ended.err);
        ended.out
    }

    /// A key of this kind, whose secret half is in the file of its name.
    fn key(&self, name: &str, kind: &str, locked: bool) {
        let address = format!("{name}@howdah.invalid");
        match kind {
            "future-default" => {
                self.gpg(
                    &format!("--quick-gen-key {address} future-default default never"),
                    locked,
                    b"",
                );
            }
            _ => {
                let parameters = format!(
                    "Key-Type: RSA\nKey-Length: 2048\nSubkey-Type: RSA\nSubkey-Length: 2048\nName-Email: {address}\n{}%commit\n",
                    if locked { "Passphrase: open sesame\n" } else { "%no-protection\n" }
                );
                self.gpg("--gen-key", false, parameters.as_bytes());
            }
        }
        let secret = self.gpg(&format!("--armor --export-secret-keys {address}"), locked, b"");
        private(&self.0, name, secret);
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        let mut command = Command::new("gpgconf");
        command.args(["--kill", "gpg-agent"]).env("GNUPGHOME", self.0.path());
        let _ = command.output();
    }
}

#[test]
fn a_passphrase_opens_what_gpg_sealed() {
    let Some(ring) = Ring::new() else { return };
    private(&ring.0, "wrong", "open barley\n");
    for options in [
        "--symmetric",
        "--symmetric --armor",
        "--symmetric --cipher-algo AES128 --digest-algo SHA512",
        "--symmetric --cipher-algo CAMELLIA256 --compress-algo none",
        "--symmetric --compress-algo zlib --armor --comment remark",
    ] {
        let sealed = ring.gpg(options, true, SECRET);
        assert_eq!(
            does(&ring.0, "open --passphrase-file passphrase", &sealed),
            SECRET,
            "{options}"
        );
        refuses(
            &ring.0,
            "open --passphrase-file wrong",
            &sealed,
            "has another passphrase, or is damaged",
        );
        let half = &sealed[..sealed.len() / 2];
        refuses(&ring.0, "open --passphrase-file passphrase", half, "cut short");
    }
    let sealed = ring.gpg("--symmetric --rfc2440", true, SECRET);
    let why = "is sealed without a check against changes";
    refuses(&ring.0, "open --passphrase-file passphrase", &sealed, why);
    // BZIP2 is the one compression that is left out.
    let sealed = ring.gpg("--symmetric --compress-algo bzip2", true, SECRET);
    refuses(
        &ring.0,
        "open --passphrase-file passphrase",
        &sealed,
        "a compression that is not supported here",
    );
    // The name that people keep such a file under, and where it goes.
    let sealed = ring.gpg("--symmetric", true, b"s3cret\n");
    ring.0.write("db_password.txt.gpg", sealed);
    does(&ring.0, "open db_password.txt.gpg -o db_password --passphrase-file passphrase", b"");
    assert_eq!(std::fs::read(ring.0.path().join("db_password")).unwrap(), b"s3cret\n");
}

#[test]
fn keys_open_what_gpg_sealed() {
    let Some(ring) = Ring::new() else { return };
    ring.key("curve", "future-default", false);
    ring.key("rsa", "rsa", true);
    private(&ring.0, "wrong", "open barley\n");
    for options in ["", "--armor ", "--hidden-recipient other@howdah.invalid "] {
        if options.contains("hidden") {
            ring.key("other", "future-default", false);
        }
        let sealed =
            ring.gpg(&format!("{options}-r curve@howdah.invalid --encrypt"), false, SECRET);
        assert_eq!(does(&ring.0, "open --key curve", &sealed), SECRET, "{options}");
    }
    let sealed = ring.gpg("-r rsa@howdah.invalid --encrypt", false, SECRET);
    let opened = does(&ring.0, "open --key rsa --passphrase-file passphrase", &sealed);
    assert_eq!(opened, SECRET);
    refuses(
        &ring.0,
        "open --key rsa --passphrase-file wrong",
        &sealed,
        "the key in rsa has another passphrase",
    );
    refuses(&ring.0, "open --key curve", &sealed, "is for another key: 0x");
    refuses(
        &ring.0,
        "open --passphrase-file passphrase",
        &sealed,
        "is sealed to an OpenPGP key (0x",
    );
    let mut damaged = sealed.clone();
    let last = damaged.len() - 1;
    damaged[last] ^= 1;
    refuses(&ring.0, "open --key rsa --passphrase-file passphrase", &damaged, "is damaged");
    refuses(&ring.0, "open --key rsa --passphrase-file passphrase", &sealed[..last], "cut short");
    // To a key and with a passphrase; signed, too. Either opens it.
    let both =
        "--local-user curve@howdah.invalid --sign --symmetric -r curve@howdah.invalid --encrypt";
    let mut command = Command::new("gpg");
    command.args(["--batch", "--quiet", "--no-tty", "--pinentry-mode", "loopback"]);
    command.args(["--s2k-count", "65536", "--trust-model", "always"]);
    command.args(["--passphrase-file", "passphrase"]).args(both.split(' '));
    command.env("GNUPGHOME", ring.0.path()).current_dir(ring.0.path());
    let sealed = ended(command, SECRET);
    assert_eq!(sealed.code, 0, "{}", sealed.err);
    assert_eq!(does(&ring.0, "open --passphrase-file passphrase", &sealed.out), SECRET);
    assert_eq!(does(&ring.0, "open --key curve", &sealed.out), SECRET);
    // What is signed only is not sealed, and a public key opens nothing.
    let signed = ring.gpg("--local-user curve@howdah.invalid --sign", false, SECRET);
    refuses(&ring.0, "open --key curve", &signed, "neither an age file nor an OpenPGP message");
    private(&ring.0, "public", ring.gpg("--armor --export curve@howdah.invalid", false, b""));
    refuses(&ring.0, "open --key public", &sealed.out, "is a public OpenPGP key");
    refuses(&ring.0, "seal --key curve", SECRET, "files are sealed in the age format");
}

#[test]
fn no_change_of_a_file_of_gpg_goes_unseen() {
    use howdah::{
        sealed::{self, Passphrase},
        secret::SecretBytes,
    };
    let Some(ring) = Ring::new() else { return };
    let sealed = ring.gpg("--symmetric --compress-algo none", true, SECRET);
    let passphrase = Passphrase::File(ring.0.path().join("passphrase"));
    let open = |bytes: &[u8]| {
        let bytes = SecretBytes::new(bytes.to_vec().into());
        sealed::open(&bytes, "it", &[], &passphrase).map(|it| it.expose().to_vec())
    };
    assert_eq!(open(&sealed).unwrap(), SECRET);
    for at in 0..sealed.len() {
        assert!(open(&sealed[..at]).is_err(), "cut at {at}");
        let mut changed = sealed.clone();
        changed[at] ^= 0x10;
        // The count of rounds is one octet; one that asks for seconds is left out.
        if at != 12 {
            assert!(open(&changed).is_err(), "changed at {at}");
        }
    }
}
