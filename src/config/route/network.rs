//! `allow`: the networks that `ping` may ask.

use crate::{config::kind::shown, definition::route::Network, diagnostic::Code, table::Item};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The networks of the array `allow`; the loopback ones when it is not there.
pub(super) fn read_allowed(allow: Option<Item<'_, '_>>) -> Option<Vec<Network>> {
    let Some(allow) = allow else {
        return Some(vec![
            Network { address: Ipv4Addr::new(127, 0, 0, 0).into(), prefix: 8 },
            Network { address: Ipv6Addr::LOCALHOST.into(), prefix: 128 },
        ]);
    };
    let networks: Vec<_> = allow.array()?.iter().map(read_one).collect();
    networks.into_iter().collect()
}

fn read_one(item: &Item<'_, '_>) -> Option<Network> {
    let text = item.string()?;
    match parse(&text) {
        Ok(network) => Some(network),
        Err(why) => {
            let message = format!("takes a network such as `127.0.0.0/8`, not `{}`", shown(&text));
            item.refuse(Code::InvalidValue, &message, Some(&why));
            None
        }
    }
}

/// Reads `address/prefix`, or an address alone, which is a network of one.
pub(in crate::config) fn parse(text: &str) -> Result<Network, String> {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let address: IpAddr =
        address.parse().map_err(|_| "what stands before the `/` is an IP address")?;
    let bits: u8 = if address.is_ipv4() { 32 } else { 128 };
    let prefix = match prefix {
        None => bits,
        Some(prefix) => prefix
            .parse()
            .ok()
            .filter(|prefix| *prefix <= bits)
            .ok_or_else(|| format!("what stands after the `/` is a number from 0 to {bits}"))?,
    };
    let masked = mask(address, prefix);
    if masked != address {
        return Err(format!("its host bits are not zero; the network is `{masked}/{prefix}`"));
    }
    Ok(Network { address, prefix })
}

fn mask(address: IpAddr, prefix: u8) -> IpAddr {
    let prefix = u32::from(prefix);
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - prefix).unwrap_or(0);
            Ipv4Addr::from_bits(address.to_bits() & mask).into()
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - prefix).unwrap_or(0);
            Ipv6Addr::from_bits(address.to_bits() & mask).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_read() {
        for (text, address, prefix) in [
            ("127.0.0.0/8", "127.0.0.0", 8),
            ("0.0.0.0/0", "0.0.0.0", 0),
            ("10.1.2.3", "10.1.2.3", 32),
            ("::1/128", "::1", 128),
            ("::/0", "::", 0),
            ("2001:db8::/32", "2001:db8::", 32),
        ] {
            let expected = Network { address: address.parse().unwrap(), prefix };
            assert_eq!(parse(text), Ok(expected), "{text}");
        }
        for text in ["", "/8", "127.0.0.1/8", "127.0.0.0/33", "::1/129", "a/8", "1.1.1.1/", "::1/0"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
