//! Where a listener listens.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::PathBuf,
};

/// A listener's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A host (an IP address, or a name such as `localhost`) without brackets, and a port; port 0
    /// lets the kernel choose.
    Tcp(String, u16),
    /// A unix socket's path.
    Unix(PathBuf),
}

impl Address {
    /// Reads `127.0.0.1:3000`, `[::1]:3000`, `localhost:3000`, `:3000` (every IPv4 address) or
    /// `unix:/run/rates.sock`.
    ///
    /// # Errors
    /// What is wrong, as a sentence without its full stop.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            return socket_path(path);
        }
        let Some((host, port)) = text.rsplit_once(':') else {
            return Err("the port is missing".into());
        };
        if port.is_empty() || !port.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err("the port is not a number".into());
        }
        let port = port.parse::<u16>().map_err(|_| "a port is at most 65535")?;
        Ok(Self::Tcp(read_host(host)?, port))
    }

    /// Whether a listener on `self` and one on `other` would want the same socket.
    pub fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Unix(one), Self::Unix(two)) => one == two,
            (Self::Tcp(one, port), Self::Tcp(two, other_port)) => {
                *port != 0 && port == other_port && (one == two || is_any(one) || is_any(two))
            }
            _ => false,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(host, port) if host.contains(':') => write!(formatter, "[{host}]:{port}"),
            Self::Tcp(host, port) => write!(formatter, "{host}:{port}"),
            Self::Unix(path) => write!(formatter, "unix:{}", path.display()),
        }
    }
}

/// A path that fits into `sockaddr_un`, which has room for 108 bytes with the closing NUL.
fn socket_path(path: &str) -> Result<Address, String> {
    if !path.starts_with('/') {
        return Err("the path of a unix socket begins with `/`".into());
    }
    if path.len() > 107 {
        return Err("the path of a unix socket is at most 107 bytes long".into());
    }
    if path.bytes().any(|byte| byte.is_ascii_control()) {
        return Err("the path has a control character".into());
    }
    Ok(Address::Unix(path.into()))
}

fn read_host(host: &str) -> Result<String, String> {
    if host.is_empty() {
        return Ok(Ipv4Addr::UNSPECIFIED.to_string());
    }
    if let Some(inner) = host.strip_prefix('[') {
        let inner = inner.strip_suffix(']').ok_or("the bracket is not closed")?;
        let address: Ipv6Addr =
            inner.parse().map_err(|_| "what stands in brackets is not an IPv6 address")?;
        return Ok(address.to_string());
    }
    if host.contains(':') {
        return Err("an IPv6 address stands in brackets, as in `[::1]:3000`".into());
    }
    if !is_host_name(host) {
        return Err("the host is neither a name nor an IP address".into());
    }
    Ok(host.to_owned())
}

/// Letters, digits, hyphens, underscores and dots; all digits and dots only when it is an IPv4
/// address, so that `300.1.1.1` is not taken for a name.
pub(super) fn is_host_name(host: &str) -> bool {
    let shaped = host.split('.').all(|label| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    });
    let numeric = host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    shaped && host.len() <= 253 && (!numeric || host.parse::<Ipv4Addr>().is_ok())
}

fn is_any(host: &str) -> bool {
    host.parse::<IpAddr>().is_ok_and(|address| address.is_unspecified())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read_and_shown() {
        for (text, shown) in [
            ("0.0.0.0:3000", "0.0.0.0:3000"),
            ("[::1]:3000", "[::1]:3000"),
            ("[0:0::1]:80", "[::1]:80"),
            ("localhost:0", "localhost:0"),
            (":3000", "0.0.0.0:3000"),
            ("my_db-1.internal:65535", "my_db-1.internal:65535"),
            ("unix:/run/rates.sock", "unix:/run/rates.sock"),
        ] {
            assert_eq!(Address::parse(text).unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long = format!("unix:/{}", "x".repeat(107));
        for text in [
            "",
            "3000",
            "localhost",
            "localhost:",
            "localhost:http",
            "a:65536",
            "a:+1",
            "::1:3000",
            "[::1:3000",
            "[localhost]:1",
            "300.1.1.1:1",
            "a b:1",
            "-a:1",
            "a..b:1",
            "unix:run",
            "unix:",
            "unix:/a\0b",
            "http://a:1",
            &long,
        ] {
            assert!(Address::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_wildcard_overlaps_its_port() {
        let overlap =
            |one, two| Address::parse(one).unwrap().overlaps(&Address::parse(two).unwrap());
        assert!(overlap("127.0.0.1:80", "127.0.0.1:80"));
        assert!(overlap("0.0.0.0:80", "127.0.0.1:80"));
        assert!(overlap("[::]:80", "127.0.0.1:80"));
        assert!(overlap("unix:/a", "unix:/a"));
        assert!(!overlap("127.0.0.1:80", "127.0.0.2:80"));
        assert!(!overlap("127.0.0.1:0", "127.0.0.1:0"));
        assert!(!overlap("unix:/a", "127.0.0.1:80"));
    }
}
