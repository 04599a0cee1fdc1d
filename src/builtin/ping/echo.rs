//! ICMP echo messages (RFC 792, RFC 4443 §4): one request, and what its answer must look like.

use rustix::rand::{GetRandomFlags, getrandom};
use std::{io, net::IpAddr};

pub(super) const HEADER_BYTES: usize = 8;
pub(super) const PAYLOAD_BYTES: usize = 56;
/// One echo is sent, so there is one number.
pub(super) const SEQUENCE: u16 = 1;

/// An echo request and what its answer must repeat. The payload is random: who did not see the
/// request cannot answer it.
pub(super) struct Echo {
    address: IpAddr,
    request: [u8; HEADER_BYTES + PAYLOAD_BYTES],
}

impl Echo {
    /// A request to `address`, with the identifier that the socket listens for.
    pub(super) fn new(address: IpAddr, identifier: u16) -> io::Result<Self> {
        let mut payload = [0; PAYLOAD_BYTES];
        getrandom(&mut payload, GetRandomFlags::empty())?;
        Ok(Self::with_payload(address, identifier, payload))
    }

    pub(super) fn with_payload(
        address: IpAddr,
        identifier: u16,
        payload: [u8; PAYLOAD_BYTES],
    ) -> Self {
        let kind = if address.is_ipv4() { 8 } else { 128 };
        let mut request = [0; HEADER_BYTES + PAYLOAD_BYTES];
        let (header, rest) = request.split_at_mut(HEADER_BYTES);
        let ([high, low], [next, last]) = (identifier.to_be_bytes(), SEQUENCE.to_be_bytes());
        header.copy_from_slice(&[kind, 0, 0, 0, high, low, next, last]);
        rest.copy_from_slice(&payload);
        if address.is_ipv4() {
            // The kernel fills in that of ICMPv6, which covers the addresses too (RFC 3542 §3.1).
            let [high, low] = checksum(&request).to_be_bytes();
            request[2] = high;
            request[3] = low;
        }
        Self { address, request }
    }

    /// Who is asked.
    pub(super) fn address(&self) -> IpAddr {
        self.address
    }

    /// The message to send.
    pub(super) fn request(&self) -> &[u8] {
        &self.request
    }

    /// Whether `message`, as a socket gives it, answers this request: type, code, identifier,
    /// sequence number and payload. The kernel has checked the checksum.
    pub(super) fn is_answer(&self, message: &[u8]) -> bool {
        let message = match message.first() {
            // A raw IPv4 socket gives the IP header too; its length stands in its first byte. The
            // first byte of an answer is 0 or 129, so there is no mistaking one for the other.
            Some(first) if self.address.is_ipv4() && first >> 4 == 4 => {
                message.get(usize::from(first & 0x0f) * 4..).unwrap_or_default()
            }
            _ => message,
        };
        let kind = if self.address.is_ipv4() { 0 } else { 129 };
        message.starts_with(&[kind, 0]) && message.get(4..) == self.request.get(4..)
    }
}

/// The ones' complement of the ones' complement sum (RFC 1071), for an even number of bytes.
fn checksum(bytes: &[u8]) -> u16 {
    let sum = bytes
        .chunks_exact(2)
        .fold(0u32, |sum, pair| sum + u32::from(u16::from_be_bytes([pair[0], pair[1]])));
    let folded = (sum & 0xffff) + (sum >> 16);
    let folded = (folded & 0xffff) + (folded >> 16);
    !u16::try_from(folded).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn echo(address: &str) -> Echo {
        Echo::with_payload(address.parse().unwrap(), 0x1234, [7; PAYLOAD_BYTES])
    }

    fn answer(echo: &Echo, kind: u8) -> Vec<u8> {
        let mut message = echo.request().to_vec();
        message[0] = kind;
        message
    }

    #[test]
    fn a_request_is_as_the_rfc_draws_it() {
        let echo = echo("127.0.0.1");
        assert_eq!(echo.request()[..2], [8, 0]);
        assert_eq!(echo.request()[4..8], [0x12, 0x34, 0, 1]);
        // A sum over a message with its checksum is all ones.
        assert_eq!(checksum(echo.request()), 0);
        assert_eq!(self::echo("::1").request()[..4], [128, 0, 0, 0]);
        let random = |()| Echo::new("::1".parse().unwrap(), 1).unwrap().request()[8..].to_vec();
        assert_ne!(random(()), random(()));
    }

    #[test]
    fn an_answer_repeats_the_request() {
        let (v4, v6) = (echo("127.0.0.1"), echo("::1"));
        assert!(v4.is_answer(&answer(&v4, 0)));
        assert!(v6.is_answer(&answer(&v6, 129)));
        let mut with_header = vec![0x46; 24];
        with_header.extend(answer(&v4, 0));
        assert!(v4.is_answer(&with_header));
    }

    #[test]
    fn nothing_else_is_an_answer() {
        let echo = echo("127.0.0.1");
        assert!(!echo.is_answer(echo.request()), "the request itself");
        assert!(!echo.is_answer(&answer(&echo, 129)), "another protocol's");
        for at in [1, 4, 5, 6, 7, 8, 63] {
            let mut message = answer(&echo, 0);
            message[at] ^= 1;
            assert!(!echo.is_answer(&message), "byte {at}");
        }
        let whole = answer(&echo, 0);
        for length in 0..whole.len() {
            assert!(!echo.is_answer(&whole[..length]), "{length} bytes");
        }
        for first in 0..=255 {
            assert!(!echo.is_answer(&[first]));
            assert!(!echo.is_answer(&[first; 30]));
        }
    }
}
