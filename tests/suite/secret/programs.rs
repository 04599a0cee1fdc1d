//! The `age` program, in both directions.

use super::{SECRET, does, ended, is_there, private, refuses};
use crate::support::folder::Folder;
use std::process::Command;

fn age(folder: &Folder, arguments: &str, input: &[u8]) -> Vec<u8> {
    let mut command = Command::new("age");
    command.args(arguments.split(' ')).current_dir(folder.path());
    let ended = ended(command, input);
    assert_eq!(ended.code, 0, "age {arguments}: {}", ended.err);
    ended.out
}

#[test]
fn what_is_sealed_here_age_opens() {
    if !is_there("age") {
        return;
    }
    let folder = Folder::new("secret");
    let recipient = String::from_utf8(does(&folder, "key id", b"")).unwrap();
    let recipient = recipient.trim();
    for arguments in [
        format!("seal -r {recipient}"),
        format!("seal --armor --recipient {recipient}"),
        "seal --key id".to_owned(),
    ] {
        let sealed = does(&folder, &arguments, SECRET);
        assert_eq!(age(&folder, "-d -i id", &sealed), SECRET, "{arguments}");
    }
    folder.write("team", format!("# the team\n{recipient}\n"));
    does(&folder, "seal -R team -o x.age", SECRET);
    assert_eq!(age(&folder, "-d -i id x.age", b""), SECRET);
}

#[test]
fn what_age_sealed_is_opened_here() {
    if !is_there("age") {
        return;
    }
    let folder = Folder::new("secret");
    let mut keygen = Command::new("age-keygen");
    keygen.args(["-o", "id"]).current_dir(folder.path());
    assert_eq!(ended(keygen, b"").code, 0);
    let recipient = String::from_utf8(does(&folder, "key --recipients id", b"")).unwrap();
    for armor in ["", "-a "] {
        let sealed = age(&folder, &format!("{armor}-r {}", recipient.trim()), SECRET);
        assert_eq!(does(&folder, "open --key id", &sealed), SECRET);
        // A long one, of several chunks.
        let long: Vec<u8> = SECRET.iter().copied().cycle().take(200_000).collect();
        let sealed = age(&folder, &format!("{armor}-r {}", recipient.trim()), &long);
        assert_eq!(does(&folder, "open --key id -", &sealed), long);
        for end in [sealed.len() - 1000, 70_000] {
            refuses(&folder, "open --key id", &sealed[..end], "cut short");
        }
    }
    does(&folder, "key other", b"");
    let sealed = age(&folder, &format!("-r {}", recipient.trim()), SECRET);
    refuses(&folder, "open --key other", &sealed, "is for another key: none of the 1 given");
    assert_eq!(does(&folder, "open --key other --key id", &sealed), SECRET);
    // An identity that is itself sealed with a passphrase.
    private(&folder, "passphrase", "long enough\n");
    does(&folder, "seal id -o id.age --passphrase-file passphrase", b"");
    super::mode(&folder.path().join("id.age"), 0o400);
    let opened = does(&folder, "open --key id.age --passphrase-file passphrase", &sealed);
    assert_eq!(opened, SECRET);
}
