//! Network and hardware addresses, written in full: without PostgreSQL's abbreviations.

use super::{Invalid, scalar::Literal};
use crate::value::network::{IPV4, IPV6};
use std::net::IpAddr;

/// PostgreSQL's binary form of an address with an optional prefix length, and whether a bit is set
/// behind the prefix.
fn read(text: &str, is_cidr: bool) -> Option<(Vec<u8>, bool)> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (text, None),
    };
    let (family, octets) = match address.parse().ok()? {
        IpAddr::V4(address) => (IPV4, address.octets().to_vec()),
        IpAddr::V6(address) => (IPV6, address.octets().to_vec()),
    };
    let length = u8::try_from(octets.len()).ok()?;
    let whole = length * 8;
    let bits = match bits {
        None => whole,
        Some(bits) => {
            let plain = bits.bytes().all(|byte| byte.is_ascii_digit())
                && (bits == "0" || !bits.starts_with('0'));
            plain.then(|| bits.parse().ok())?.filter(|bits| *bits <= whole)?
        }
    };
    let host_bit = (usize::from(bits)..usize::from(whole))
        .any(|bit| octets[bit / 8] & (0x80 >> (bit % 8)) != 0);
    let binary = [[family, bits, u8::from(is_cidr), length].as_slice(), &octets].concat();
    Some((binary, host_bit))
}

pub(super) fn inet(text: &str) -> Result<Literal<'_>, Invalid> {
    let (binary, _) = read(text, false)
        .ok_or(Invalid::new("is not a network address (192.0.2.1, 2001:db8::/32)"))?;
    Ok(Literal::binary(text, binary))
}

pub(super) fn cidr(text: &str) -> Result<Literal<'_>, Invalid> {
    match read(text, true) {
        Some((binary, false)) => Ok(Literal::binary(text, binary)),
        Some((_, true)) => Err(Invalid::new("has bits set behind its prefix length")),
        None => Err(Invalid::new("is not a network (192.0.2.0/24, 2001:db8::/32)")),
    }
}

/// `N` groups of two hexadecimal digits with colons between them.
pub(super) fn hardware<const N: usize>(text: &str) -> Option<Literal<'_>> {
    let mut address = [0; N];
    let mut groups = text.split(':');
    for byte in &mut address {
        let group = groups.next()?;
        let plain = group.len() == 2 && group.bytes().all(|it| it.is_ascii_hexdigit());
        *byte = plain.then(|| u8::from_str_radix(group, 16).ok())??;
    }
    groups.next().is_none().then(|| Literal::binary(text, address))
}
