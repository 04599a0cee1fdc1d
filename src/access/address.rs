//! Which address a request came from, when proxies stand in front.
//!
//! A proxy adds the address of whoever spoke to it at the right end of a header field. Read from the
//! right, past the proxies that are trusted, the first other address is the caller's; what stands
//! further left is the caller's own word and counts for nothing. Of a peer that is no trusted proxy,
//! no word counts.

use crate::{
    config::{ForwardedField, Proxies},
    definition::route::Network,
};
use ::http::{HeaderMap, HeaderName, header};
use std::net::{IpAddr, SocketAddr};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The most hops that are looked at.
const MOST_HOPS: usize = 32;

/// Whether the peer's word on the caller's address is taken. A peer on a unix socket is on this
/// machine, put there by whoever gave it the socket.
pub fn is_trusted(peer: Option<IpAddr>, networks: &[Network]) -> bool {
    match peer {
        Some(peer) => networks.iter().any(|network| network.contains(peer)),
        None => !networks.is_empty(),
    }
}

/// The caller's address, when there is one: that of `peer`, or what the trusted proxies say.
pub fn of_caller(peer: Option<IpAddr>, headers: &HeaderMap, proxies: &Proxies) -> Option<IpAddr> {
    let peer = peer.map(|peer| peer.to_canonical());
    let field = match proxies.field {
        ForwardedField::XForwardedFor => X_FORWARDED_FOR,
        ForwardedField::Forwarded => header::FORWARDED,
        ForwardedField::None => return peer,
    };
    if !is_trusted(peer, &proxies.networks) || !headers.contains_key(&field) {
        return peer;
    }
    let mut nearest = peer;
    let mut hops = 0;
    for value in headers.get_all(&field).iter().rev() {
        let Ok(text) = value.to_str() else { return nearest };
        for element in elements(text).into_iter().rev() {
            hops += 1;
            let told = match proxies.field {
                ForwardedField::Forwarded => forwarded_for(element),
                _ => Some(element),
            };
            // A hop that hides itself, or is misspelled, ends what can be followed.
            let Some(address) = told.and_then(address) else { return nearest };
            nearest = Some(address);
            if hops >= MOST_HOPS || !is_trusted(nearest, &proxies.networks) {
                return nearest;
            }
        }
    }
    nearest
}

/// The elements of a list, commas within quotes being text (RFC 9110 §5.6.1).
fn elements(text: &str) -> Vec<&str> {
    cut(text, ',').into_iter().filter(|element| !element.is_empty()).collect()
}

/// `text` cut at each `mark` that is not within quotes.
fn cut(text: &str, mark: char) -> Vec<&str> {
    let (mut parts, mut start, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, letter) in text.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if letter == mark && !quoted => {
                parts.push(text[start..at].trim());
                start = at + letter.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(text[start..].trim());
    parts
}

/// The value of `for` in one element of `Forwarded` (RFC 7239 §4), without its quotes; there is one
/// at most.
fn forwarded_for(element: &str) -> Option<&str> {
    let mut found = None;
    for pair in cut(element, ';') {
        let Some((name, value)) = pair.split_once('=') else { continue };
        if name.trim().eq_ignore_ascii_case("for") && found.replace(value.trim()).is_some() {
            return None;
        }
    }
    let value = found?;
    match value.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"'),
        None => Some(value),
    }
}

/// An address as proxies spell it: with a port or without, an IPv6 one in brackets or without.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bracketed = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let bare = bracketed.unwrap_or(text);
    let address = bare.parse::<IpAddr>().ok();
    let address = address.or_else(|| text.parse::<SocketAddr>().ok().map(|it| it.ip()));
    address.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::http::HeaderValue;
    use proptest::prelude::*;

    fn proxies(field: ForwardedField) -> Proxies {
        let network = |address: &str, prefix| Network { address: address.parse().unwrap(), prefix };
        let networks = vec![network("10.0.0.0", 8), network("2001:db8:1::", 48)];
        Proxies { networks, field, protocol: false }
    }

    fn of(field: ForwardedField, peer: &str, values: &[&str]) -> String {
        let name =
            if field == ForwardedField::Forwarded { header::FORWARDED } else { X_FORWARDED_FOR };
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(&name, HeaderValue::from_str(value).unwrap());
        }
        let peer = peer.parse().ok();
        of_caller(peer, &headers, &proxies(field)).map_or("none".into(), |it| it.to_string())
    }

    #[test]
    fn the_rightmost_address_that_is_not_trusted_counts() {
        let x = |peer: &str, values: &[&str]| of(ForwardedField::XForwardedFor, peer, values);
        assert_eq!(x("10.0.0.1", &["192.0.2.7"]), "192.0.2.7");
        assert_eq!(x("10.0.0.1", &["6.6.6.6, 192.0.2.7"]), "192.0.2.7", "the left is spoofed");
        assert_eq!(x("10.0.0.1", &["6.6.6.6", "192.0.2.7,10.2.3.4"]), "192.0.2.7");
        assert_eq!(x("10.0.0.1", &["10.1.1.1, 10.2.2.2"]), "10.1.1.1", "all are proxies");
        assert_eq!(x("10.0.0.1", &["192.0.2.7:4711"]), "192.0.2.7");
        assert_eq!(x("10.0.0.1", &["[2001:db8::7]:4711"]), "2001:db8::7");
        assert_eq!(x("10.0.0.1", &["::ffff:192.0.2.7"]), "192.0.2.7");
        assert_eq!(x("::ffff:10.0.0.1", &["192.0.2.7"]), "192.0.2.7");
        assert_eq!(x("10.0.0.1", &["192.0.2.7, nonsense"]), "10.0.0.1");
        assert_eq!(x("10.0.0.1", &["192.0.2.7, nonsense, 10.9.9.9"]), "10.9.9.9");
        assert_eq!(x("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(x("unix", &["192.0.2.7"]), "192.0.2.7");
        assert_eq!(x("unix", &[]), "none");
    }

    #[test]
    fn nobody_else_is_believed() {
        for peer in ["192.0.2.1", "2001:db8:2::1"] {
            assert_eq!(of(ForwardedField::XForwardedFor, peer, &["1.2.3.4"]), peer);
            assert_eq!(of(ForwardedField::Forwarded, peer, &["for=1.2.3.4"]), peer);
        }
        assert_eq!(of(ForwardedField::None, "10.0.0.1", &["1.2.3.4"]), "10.0.0.1");
    }

    #[test]
    fn forwarded_is_read_as_its_standard_has_it() {
        let f = |value: &str| of(ForwardedField::Forwarded, "10.0.0.1", &[value]);
        assert_eq!(f("for=192.0.2.60;proto=http;by=203.0.113.43"), "192.0.2.60");
        assert_eq!(f("for=192.0.2.43, For=\"[2001:db8:cafe::17]:4711\""), "2001:db8:cafe::17");
        assert_eq!(f("proto=https ; FOR = \"192.0.2.43:80\""), "192.0.2.43");
        assert_eq!(f("for=1.1.1.1;by=\"a, for=6.6.6.6\""), "1.1.1.1");
        for hidden in
            ["for=unknown", "for=_gazonk", "by=1.1.1.1", "for=1.1.1.1;for=2.2.2.2", "for=\"1.1.1.1"]
        {
            assert_eq!(f(hidden), "10.0.0.1", "{hidden}");
        }
    }

    proptest! {
        #[test]
        fn any_value_is_read(value in "[ -~]{0,60}", forwarded: bool) {
            let field = if forwarded { ForwardedField::Forwarded } else { ForwardedField::XForwardedFor };
            of(field, "10.0.0.1", &[&value, "10.0.0.2"]);
            let told = of(field, "192.0.2.1", &[&value]);
            prop_assert_eq!(told, "192.0.2.1");
        }
    }
}
