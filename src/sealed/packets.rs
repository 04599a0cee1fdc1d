//! The packets of an OpenPGP message, by their heads alone (RFC 9580, section 4.2).
//!
//! Says whether the bytes are such packets and all there, before anything is decrypted: a file that
//! is cut short is told apart from one that is damaged. Does not read what is in them.

use std::ops::ControlFlow;

/// The tags that a sealed message begins with: session keys (1, 3), encrypted data (9, 18, 20), and
/// the marker (10) that old programs write first.
const FIRST: [u8; 6] = [1, 3, 9, 18, 20, 10];

/// The tags of encrypted data.
const ENCRYPTED: [u8; 3] = [9, 18, 20];

/// What is wrong with the packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// A packet's end, or the one with the data, is missing.
    CutShort,
    /// Where a packet should begin, none does.
    NoPacket,
}

/// The tag in a packet's first octet, when it is one.
fn tag(head: u8) -> Option<u8> {
    match head {
        0xC0.. => Some(head & 0x3F),
        0x80..0xC0 => Some((head >> 2) & 0x0F),
        _ => None,
    }
}

/// Whether `bytes` begin as a sealed message does.
pub(super) fn begins_message(bytes: &[u8]) -> bool {
    bytes.first().and_then(|it| tag(*it)).is_some_and(|it| FIRST.contains(&it))
}

/// Whether `bytes` are whole packets, one of which holds encrypted data.
///
/// # Errors
/// What is wrong with them.
pub(super) fn check(bytes: &[u8]) -> Result<(), Broken> {
    let mut rest = bytes;
    let mut encrypted = false;
    while let Some((head, after)) = rest.split_first() {
        let tag = tag(*head).ok_or(Broken::NoPacket)?;
        encrypted |= ENCRYPTED.contains(&tag);
        rest = if head & 0x40 == 0 { old(*head, after)? } else { new(after)? };
    }
    if encrypted { Ok(()) } else { Err(Broken::CutShort) }
}

/// What follows a packet with a head of the old format.
fn old(head: u8, after: &[u8]) -> Result<&[u8], Broken> {
    let octets = match head & 3 {
        0 => 1,
        1 => 2,
        2 => 4,
        // Of indeterminate length: to the end of the file.
        _ => return Ok(&[]),
    };
    let (length, after) = number(after, octets)?;
    skip(after, length)
}

/// What follows a packet with a head of the new format, whose body may come in parts.
fn new(mut after: &[u8]) -> Result<&[u8], Broken> {
    loop {
        match part(after)? {
            ControlFlow::Continue(rest) => after = rest,
            ControlFlow::Break(rest) => return Ok(rest),
        }
    }
}

/// What follows one part; the last one breaks.
fn part(bytes: &[u8]) -> Result<ControlFlow<&[u8], &[u8]>, Broken> {
    let (first, after) = bytes.split_first().ok_or(Broken::CutShort)?;
    match *first {
        length @ 0..192 => skip(after, usize::from(length)).map(ControlFlow::Break),
        high @ 192..224 => {
            let (low, after) = number(after, 1)?;
            skip(after, ((usize::from(high) - 192) << 8) + low + 192).map(ControlFlow::Break)
        }
        255 => {
            let (length, after) = number(after, 4)?;
            skip(after, length).map(ControlFlow::Break)
        }
        partial => skip(after, 1 << (partial & 0x1F)).map(ControlFlow::Continue),
    }
}

/// A number of so many octets, and what follows it.
fn number(bytes: &[u8], octets: usize) -> Result<(usize, &[u8]), Broken> {
    let (digits, after) = bytes.split_at_checked(octets).ok_or(Broken::CutShort)?;
    Ok((digits.iter().fold(0, |value, digit| (value << 8) | usize::from(*digit)), after))
}

fn skip(bytes: &[u8], length: usize) -> Result<&[u8], Broken> {
    bytes.get(length..).ok_or(Broken::CutShort)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_packets_are_told_from_cut_ones() {
        // A session key (tag 3) of the new format, then data (tag 18) in two parts, 1 + 2 octets.
        let message = [0xC3, 2, 4, 9, 0xD2, 0xE0, 1, 2, 7, 7];
        assert!(begins_message(&message));
        assert_eq!(check(&message), Ok(()));
        for end in 1..message.len() {
            assert_eq!(check(&message[..end]), Err(Broken::CutShort), "{end}");
        }
        // The old format, lengths of one, two and four octets, and none.
        for head in [&[0xA4, 2][..], &[0xA5, 0, 2], &[0xA6, 0, 0, 0, 2], &[0xA7]] {
            let message = [head, &[1, 2]].concat();
            assert!(begins_message(&message));
            assert_eq!(check(&message), Ok(()), "{head:?}");
            let cut = check(&message[..message.len() - 1]);
            assert_eq!(cut.is_ok(), head == [0xA7], "{head:?}");
        }
        // Two octets of length: 192 + 8.
        let long = [&[0xD2, 192, 8][..], &[0; 200]].concat();
        assert_eq!(check(&long), Ok(()));
        assert_eq!(check(&long[..202]), Err(Broken::CutShort));
        assert_eq!(check(&[0xD2, 255, 0xFF, 0xFF, 0xFF, 0xFF, 1]), Err(Broken::CutShort));
        assert_eq!(check(&[0xD2, 1, 1, 0x0A]), Err(Broken::NoPacket));
        assert!(!begins_message(b"hello") && !begins_message(&[]) && !begins_message(&[0xC6, 0]));
    }
}
