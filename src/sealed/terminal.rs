//! Asking a person at the terminal, without showing what is typed.

use super::passphrase::{MAX_BYTES, nobody};
use crate::{
    diagnostic::{Code, Diagnostic},
    secret::Secret,
};
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};
use std::{
    fs::{File, OpenOptions},
    io::{Read, Write},
};
use zeroize::Zeroizing;

/// A terminal that shows nothing of what is typed, until this is dropped. Keys that interrupt come
/// as characters, so that no signal ends the process with the terminal still silent.
struct Silent<'a> {
    terminal: &'a File,
    before: Termios,
}

impl<'a> Silent<'a> {
    fn new(terminal: &'a File) -> rustix::io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
        silent.special_codes[SpecialCodeIndex::VMIN] = 1;
        silent.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(terminal, OptionalActions::Flush, &silent)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Silent<'_> {
    fn drop(&mut self) {
        let _ = tcsetattr(self.terminal, OptionalActions::Now, &self.before);
    }
}

/// Asks for `what`, on the terminal that the process belongs to wherever its streams go.
pub(super) fn ask(what: &str) -> Result<Secret, Box<Diagnostic>> {
    let terminal = OpenOptions::new().read(true).write(true).open("/dev/tty");
    let mut terminal = terminal.map_err(|_| nobody(what))?;
    let failed = |error: std::io::Error| {
        Diagnostic::error(
            Code::Machine,
            format!("the terminal cannot be asked for {what}: {error}"),
        )
        .boxed()
    };
    let silent = Silent::new(&terminal).map_err(|error| failed(error.into()))?;
    let line =
        (&terminal).write_all(format!("Type {what}: ").as_bytes()).and_then(|()| line(&terminal));
    drop(silent);
    let _ = terminal.write_all(b"\n");
    match line.map_err(failed)? {
        Some(line) => Ok(line),
        None => Err(Diagnostic::error(Code::Machine, format!("nobody gave {what}")).boxed()),
    }
}

/// One line, or nothing when it was interrupted.
fn line(mut terminal: impl Read) -> std::io::Result<Option<Secret>> {
    // As large as it may grow, so that no copy is left behind.
    let mut typed = Zeroizing::new(Vec::with_capacity(MAX_BYTES));
    let mut octet = Zeroizing::new([0]);
    loop {
        if terminal.read(&mut *octet)? == 0 {
            return Ok(None);
        }
        match octet[0] {
            b'\r' | b'\n' => break,
            // Ctrl-C, Ctrl-\ and, on an empty line, Ctrl-D.
            0x03 | 0x1c => return Ok(None),
            0x04 if typed.is_empty() => return Ok(None),
            // Backspace takes a character, Ctrl-U the line.
            0x08 | 0x7f => while typed.pop().is_some_and(|it| it & 0xC0 == 0x80) {},
            0x15 => typed.clear(),
            _ if typed.len() == MAX_BYTES => {
                return Err(std::io::Error::other("the line is too long"));
            }
            octet => typed.push(octet),
        }
    }
    match std::str::from_utf8(&typed) {
        Ok(text) => Ok(Some(Secret::new(text.to_owned()))),
        Err(_) => Err(std::io::Error::other("what was typed is not UTF-8")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(keys: &[u8]) -> Option<String> {
        line(keys).unwrap().map(|it| it.expose().to_owned())
    }

    #[test]
    fn a_line_is_edited_as_people_do() {
        assert_eq!(typed(b"horse\n").as_deref(), Some("horse"));
        assert_eq!(typed(b"horse\rmore").as_deref(), Some("horse"));
        assert_eq!(typed("hé\x7f\x7fho\n".as_bytes()).as_deref(), Some("ho"));
        assert_eq!(typed(b"\x08wrong\x15right\n").as_deref(), Some("right"));
        assert_eq!(typed(b"\n").as_deref(), Some(""));
        assert_eq!(typed(b"a\x04b\n").as_deref(), Some("a\x04b"));
    }

    #[test]
    fn what_is_interrupted_is_nothing() {
        for keys in [&b"ho\x03rse\n"[..], b"\x04", b"ho\x1c", b"", b"no end"] {
            assert_eq!(typed(keys), None, "{keys:?}");
        }
        assert!(line(&[0xff, b'\n'][..]).is_err());
        assert!(line(&vec![b'x'; MAX_BYTES + 1][..]).is_err());
    }
}
