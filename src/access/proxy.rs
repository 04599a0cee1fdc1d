//! The PROXY protocol, versions 1 and 2: what a proxy sends before anything else on a connection.
//!
//! Source: <https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt>.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The most bytes that a preamble may have here; version 1 has 107 at most, version 2 may add more
/// fields of its own.
pub const MOST_BYTES: usize = 2048;
/// The longest line of version 1, its end included.
const LONGEST_LINE: usize = 107;
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// What the first bytes of a connection are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preamble {
    /// More bytes are needed.
    Incomplete,
    /// A preamble of `length` bytes; `source` is who spoke to the proxy, nothing when the proxy
    /// speaks for itself or does not say.
    Complete {
        /// Its length in bytes.
        length: usize,
        /// Who spoke to the proxy.
        source: Option<SocketAddr>,
    },
    /// No preamble, or a broken one.
    Malformed,
}

/// Reads the preamble at the beginning of `bytes`.
pub fn preamble(bytes: &[u8]) -> Preamble {
    let begins = |known: &[u8]| {
        let common = known.len().min(bytes.len());
        bytes[..common] == known[..common]
    };
    if begins(SIGNATURE) {
        if bytes.len() < SIGNATURE.len() { Preamble::Incomplete } else { binary(bytes) }
    } else if begins(b"PROXY ") {
        line(bytes)
    } else {
        Preamble::Malformed
    }
}

/// Version 1: `PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n`.
fn line(bytes: &[u8]) -> Preamble {
    let window = &bytes[..bytes.len().min(LONGEST_LINE)];
    let Some(end) = window.windows(2).position(|pair| pair == b"\r\n") else {
        return if bytes.len() < LONGEST_LINE { Preamble::Incomplete } else { Preamble::Malformed };
    };
    let Ok(text) = std::str::from_utf8(&bytes[..end]) else { return Preamble::Malformed };
    let words: Vec<&str> = text.split(' ').collect();
    let length = end + 2;
    let source = match words.as_slice() {
        ["PROXY", "UNKNOWN", ..] => return Preamble::Complete { length, source: None },
        ["PROXY", family @ ("TCP4" | "TCP6"), source, destination, port, other] => {
            let address = |text: &str| -> Option<IpAddr> {
                if *family == "TCP4" {
                    text.parse().ok().map(IpAddr::V4)
                } else {
                    text.parse().ok().map(IpAddr::V6)
                }
            };
            let port_of = |text: &str| {
                let plain = text.bytes().all(|byte| byte.is_ascii_digit());
                text.parse::<u16>().ok().filter(|_| plain)
            };
            address(destination)
                .and(port_of(other))
                .and(address(source).zip(port_of(port)))
                .map(SocketAddr::from)
        }
        _ => None,
    };
    source.map_or(Preamble::Malformed, |source| Preamble::Complete { length, source: Some(source) })
}

/// Version 2.
fn binary(bytes: &[u8]) -> Preamble {
    let Some(([version, family], [high, low])) = bytes
        .get(12..16)
        .and_then(|head| Some((head.first_chunk::<2>()?, head.last_chunk::<2>()?)))
    else {
        return Preamble::Incomplete;
    };
    let length = 16 + usize::from(u16::from_be_bytes([*high, *low]));
    if version >> 4 != 2 || version & 15 > 1 || length > MOST_BYTES {
        return Preamble::Malformed;
    }
    let Some(body) = bytes.get(16..length) else { return Preamble::Incomplete };
    // LOCAL: the proxy asks for itself, as for a health check.
    if *version == 0x20 {
        return Preamble::Complete { length, source: None };
    }
    let source = match family >> 4 {
        1 => body.first_chunk::<12>().map(|body| {
            let address = Ipv4Addr::new(body[0], body[1], body[2], body[3]);
            SocketAddr::from((address, u16::from_be_bytes([body[8], body[9]])))
        }),
        2 => body.first_chunk::<36>().map(|body| {
            let mut address = [0; 16];
            address.copy_from_slice(&body[..16]);
            SocketAddr::from((Ipv6Addr::from(address), u16::from_be_bytes([body[32], body[33]])))
        }),
        // Unspecified, or a unix socket.
        0 | 3 => return Preamble::Complete { length, source: None },
        _ => None,
    };
    source.map_or(Preamble::Malformed, |source| Preamble::Complete { length, source: Some(source) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn complete(length: usize, source: Option<&str>) -> Preamble {
        Preamble::Complete { length, source: source.map(|it| it.parse().unwrap()) }
    }

    #[test]
    fn lines_of_version_1_are_read() {
        let text = b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\nGET /";
        assert_eq!(preamble(text), complete(45, Some("192.0.2.1:56324")));
        for cut in 0..45 {
            assert_eq!(preamble(&text[..cut]), Preamble::Incomplete, "{cut}");
        }
        let text = b"PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n";
        assert_eq!(preamble(text), complete(40, Some("[2001:db8::1]:1")));
        assert_eq!(preamble(b"PROXY UNKNOWN\r\n"), complete(15, None));
        assert_eq!(preamble(b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n"), complete(35, None));
        for bad in [
            "GET / HTTP/1.1\r\n\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.1 56324\r\n",
            "PROXY TCP4 2001:db8::1 198.51.100.1 1 2\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.1 +1 2\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.1 65536 2\r\n",
            "PROXY  TCP4 192.0.2.1 198.51.100.1 1 2\r\n",
            &format!("PROXY UNKNOWN {}\r\n", "x".repeat(100)),
        ] {
            assert_eq!(preamble(bad.as_bytes()), Preamble::Malformed, "{bad}");
        }
    }

    #[test]
    fn frames_of_version_2_are_read() {
        let frame = |command: u8, family: u8, body: &[u8]| {
            let length = u16::try_from(body.len()).unwrap().to_be_bytes();
            [&SIGNATURE[..], &[command, family], &length, body].concat()
        };
        let four = frame(0x21, 0x11, &[192, 0, 2, 1, 198, 51, 100, 1, 0xdc, 4, 1, 0xbb]);
        assert_eq!(preamble(&four), complete(28, Some("192.0.2.1:56324")));
        for cut in 0..28 {
            assert_eq!(preamble(&four[..cut]), Preamble::Incomplete, "{cut}");
        }
        let mut six = [0; 40];
        six[..2].copy_from_slice(&[0x20, 1]);
        six[15] = 9;
        six[33] = 80;
        assert_eq!(preamble(&frame(0x21, 0x21, &six)), complete(56, Some("[2001::9]:80")));
        assert_eq!(preamble(&frame(0x20, 0, b"")), complete(16, None), "a health check");
        assert_eq!(preamble(&frame(0x21, 0x31, &[0; 216])), complete(232, None));
        assert_eq!(preamble(&frame(0x11, 0x11, &[0; 12])), Preamble::Malformed);
        assert_eq!(preamble(&frame(0x22, 0x11, &[0; 12])), Preamble::Malformed);
        assert_eq!(preamble(&frame(0x21, 0x11, &[0; 11])), Preamble::Malformed);
        assert_eq!(preamble(&frame(0x21, 0x11, &[0; 3000])), Preamble::Malformed);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(tail in prop::collection::vec(any::<u8>(), 0..120), which in 0..3_u8) {
            let head: &[u8] = match which { 0 => SIGNATURE, 1 => b"PROXY ", _ => b"" };
            let bytes = [head, &tail].concat();
            if let Preamble::Complete { length, .. } = preamble(&bytes) {
                prop_assert!(length <= bytes.len() && length <= MOST_BYTES);
            }
        }
    }
}
