use super::*;

/// Bytes as hexadecimal digits with spaces between.
fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pair = |it: &[u8]| u8::from_str_radix(std::str::from_utf8(it).unwrap(), 16).unwrap();
    digits.chunks(2).map(pair).collect()
}

/// GnuPG's own AEAD: session key and data of the example in draft-koch-librepgp-03, with the
/// passphrase `password`.
fn librepgp() -> Vec<u8> {
    hex("c3 3d 05 07 02 03 08 9f 0b 7d a3 e5 ea 64 77 90 99 e3 26 e5 40 0a 90 93 6c ef b4 e8
         eb a0 8c 67 73 71 6d 1f 27 14 54 0a 38 fc ac 52 99 49 da c5 29 d3 de 31 e1 5b 4a eb
         72 9e 33 00 33 db ed
         d4 49 01 07 02 0e 5e d2 bc 1e 47 0a be 8f 1d 64 4c 7a 6c 8a 56 7b 0f 77 01 19 66 11
         a1 54 ba 9c 25 74 cd 05 62 84 a8 ef 68 03 5c 62 3d 93 cc 70 8a 43 21 1b b6 ea f2 b2
         7f 7c 18 d5 71 bc d8 3b 20 ad d3 a0 8b 73 af 15 b9 a0 98")
}

struct File(std::path::PathBuf);

impl File {
    fn new(text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("howdah-sealed-{:x}", fastrand::u64(..)));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    fn passphrase(&self) -> Passphrase {
        Passphrase::File(self.0.clone())
    }

    fn key(&self) -> Result<KeyFile, String> {
        KeyFile::read(&self.0, &no_one()).map_err(|it| it.message().to_owned())
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A passphrase that cannot be had.
fn no_one() -> Passphrase {
    Passphrase::File("/nobody/has/this".into())
}

fn bytes(bytes: &[u8]) -> SecretBytes {
    SecretBytes::new(Zeroizing::new(bytes.to_vec()))
}

fn opened(sealed: &[u8], keys: &[KeyFile], passphrase: &Passphrase) -> Result<Vec<u8>, String> {
    open(&bytes(sealed), "it", keys, passphrase)
        .map(|it| it.expose().to_vec())
        .map_err(|it| it.message().to_owned())
}

fn identity() -> (KeyFile, Recipients, String) {
    let (text, recipient) = new_identity();
    let file = File::new(std::str::from_utf8(text.expose()).unwrap());
    let mut recipients = Recipients::default();
    recipients.add(&recipient).unwrap();
    (file.key().unwrap(), recipients, recipient)
}

#[test]
fn aead_of_gnupg_opens() {
    let message = librepgp();
    let right = File::new("password\n");
    assert_eq!(opened(&message, &[], &right.passphrase()).unwrap(), b"Hello, world!\n");
    let wrong = File::new("passw0rd");
    let error = opened(&message, &[], &wrong.passphrase()).unwrap_err();
    assert_eq!(error, "it has another passphrase, or is damaged");
    assert!(opened(&message, &[], &no_one()).unwrap_err().contains("/nobody/has/this"));
}

#[test]
fn no_change_of_an_openpgp_message_goes_unseen() {
    let message = librepgp();
    let right = File::new("password");
    for at in 0..message.len() {
        let error = opened(&message[..at], &[], &right.passphrase()).unwrap_err();
        let expected = if at == 0 { "it is empty" } else { "it is cut short: its end is missing" };
        assert_eq!(error, expected, "{at}");
        let mut changed = message.clone();
        changed[at] ^= 1;
        assert!(opened(&changed, &[], &right.passphrase()).is_err(), "{at}");
    }
}

#[test]
fn no_change_of_an_age_file_goes_unseen() {
    let (key, recipients, _) = identity();
    let keys = [key];
    for armored in [false, true] {
        let sealed = seal(&bytes(b"correct horse"), &recipients, armored).unwrap();
        assert_eq!(sealed.starts_with(b"-----BEGIN AGE"), armored);
        assert_eq!(opened(&sealed, &keys, &no_one()).unwrap(), b"correct horse");
        for at in (0..sealed.len() - 1).step_by(3) {
            assert!(opened(&sealed[..at], &keys, &no_one()).is_err(), "{at}");
            let mut changed = sealed.clone();
            changed[at] ^= 0x04;
            assert!(opened(&changed, &keys, &no_one()).is_err(), "{at}");
        }
    }
}

#[test]
fn each_of_several_recipients_opens_and_nobody_else() {
    let (one, mut both, _) = identity();
    let (two, _, recipient) = identity();
    let (other, _, _) = identity();
    let file = File::new(&format!("# people\n\n{recipient}\n"));
    both.add_file(&file.0).unwrap();
    let sealed = seal(&bytes(b"\0\xff"), &both, false).unwrap();
    for key in [&one, &two] {
        assert_eq!(key.recipients().len(), 1);
    }
    assert_eq!(opened(&sealed, &[one], &no_one()).unwrap(), b"\0\xff");
    let error = opened(&sealed, &[other], &no_one()).unwrap_err();
    assert_eq!(error, "it is for another key: none of the 1 given opens it");
    let error = opened(&sealed, &[], &no_one()).unwrap_err();
    assert!(error.contains("an identity of one of them opens it"), "{error}");
    assert_eq!(opened(&sealed, &[two], &no_one()).unwrap(), b"\0\xff");
}

#[test]
fn a_passphrase_seals_and_opens() {
    let (right, wrong) = (File::new("tr0ub4dor\r\n"), File::new("troubador\n"));
    let sealed = seal_with(&bytes(b"secret"), &right.passphrase(), true).unwrap();
    assert_eq!(opened(&sealed, &[], &right.passphrase()).unwrap(), b"secret");
    let error = opened(&sealed, &[], &wrong.passphrase()).unwrap_err();
    assert_eq!(error, "it has another passphrase");
}

#[test]
fn too_much_is_refused_before_it_is_done() {
    let secret = bytes(&vec![7; MAX_SECRET_BYTES]);
    let (key, recipients, _) = identity();
    let sealed = seal(&secret, &recipients, true).unwrap();
    assert!(sealed.len() <= MAX_SEALED_BYTES, "{}", sealed.len());
    let secret = bytes(&vec![7; MAX_SECRET_BYTES + 1]);
    let sealed = seal(&secret, &recipients, false).unwrap();
    let error = opened(&sealed, &[key], &no_one()).unwrap_err();
    assert_eq!(error, "it is too large: at most 1048576 bytes are taken");
    let error = read(&[0; 9][..], "it", 8).err().unwrap();
    assert_eq!(error.message(), "it is too large: at most 8 bytes are taken");
    // A file that asks for hours of work, or for all memory.
    let nothing = "A".repeat(43);
    let work = format!(
        "age-encryption.org/v1\n-> scrypt bWFkZSB1cCBzYWx0IDE2Yg 40\n{nothing}\n--- {nothing}\n{nothing}"
    );
    let any = File::new("any");
    let error = opened(work.as_bytes(), &[], &any.passphrase()).unwrap_err();
    assert!(error.contains("asks for too much work: 2^40"), "{error}");
}

#[test]
fn what_is_not_sealed_is_named() {
    for (file, expected) in [
        (&b""[..], "it is empty"),
        (b"\n \n", "it is empty"),
        (b"s3cret\n", "it is neither an age file nor an OpenPGP message"),
        (b"\x7fELF", "it is neither an age file nor an OpenPGP message"),
        (
            b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n",
            "it is an OpenPGP key or signature, and no sealed message",
        ),
        (b"-----BEGIN PGP MESSAGE-----\n\nAAAA\n", "it is cut short: its end is missing"),
        (b"-----BEGIN AGE ENCRYPTED FILE-----\nAAAA\n", "it is cut short: its end is missing"),
        (b"age-encryption.org/v1\n-> X25", "it is cut short: its end is missing"),
        (b"age-encryption.org/v9\n", "it is of a version of age that is not known here"),
        // A literal packet within a marker's company: anybody can read that.
        (
            &[0xCA, 3, 0x50, 0x47, 0x50, 0xCB, 7, b'b', 0, 0, 0, 0, 0, b'x'],
            "it is cut short: its end is missing",
        ),
        // Data without a check against changes.
        (
            &[0xC9, 3, 1, 2, 3],
            "it is sealed without a check against changes, as very old programs do",
        ),
        (&[0xD2, 3, 1, 2, 3], "it names neither a key nor a passphrase that opens it"),
    ] {
        let error = opened(file, &[], &no_one()).unwrap_err();
        assert_eq!(error, expected, "{:?}", String::from_utf8_lossy(file));
    }
}

#[test]
fn what_is_no_key_is_named_and_not_repeated() {
    for (text, expected) in [
        ("", "has no key in it"),
        ("# only a comment\n", "has no key in it"),
        ("hunter2\n", "has on line 1 what is no age identity"),
        ("# x\n\nAGE-PLUGIN-YUBIKEY-1QQ\n", "has on line 3 what is an identity of a plug-in"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\n", "is a key of SSH or TLS"),
        ("-----BEGIN PGP PUBLIC KEY BLOCK-----\n", "is a public OpenPGP key"),
        ("-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nAAAA\n", "is no OpenPGP secret key"),
    ] {
        let error = File::new(text).key().err().unwrap();
        assert!(error.contains(expected) && !error.contains("hunter2"), "{error}");
    }
}

#[test]
fn what_is_no_recipient_is_named() {
    let (_, _, good) = identity();
    let mistyped = format!("{}{}", &good[..61], if good.ends_with('q') { 'p' } else { 'q' });
    for (text, expected) in [
        ("AGE-SECRET-KEY-1QQ", "is a secret key"),
        ("ssh-ed25519 AAAA", "is an SSH key"),
        ("age1yubikey1qq", "is of another kind, or mistyped"),
        (mistyped.as_str(), "is no recipient"),
        ("alice", "is no recipient"),
    ] {
        let error = Recipients::default().add(text).unwrap_err();
        assert!(error.message().contains(expected), "{}", error.message());
        let error = Recipients::default().add_file(&File::new(text).0).unwrap_err();
        assert!(error.message().contains("has on line 1 what is"), "{}", error.message());
    }
    let empty = Recipients::default().add_file(&File::new("# none\n").0).unwrap_err();
    assert!(empty.message().ends_with("has no recipient in it"));
}

#[test]
fn passphrases_are_one_line_of_text() {
    for (text, expected) in
        [("", "is empty"), ("\n", "is empty"), ("a\nb\n", "has more than one line")]
    {
        let file = File::new(text);
        let error = file.passphrase().ask("it").err().unwrap();
        assert!(error.message().ends_with(expected), "{}", error.message());
    }
    let spaced = File::new("  two words \n");
    assert_eq!(spaced.passphrase().ask("it").ok().unwrap().expose(), "  two words ");
}
