//! Which addresses may be asked.
//!
//! An address that carries another (an IPv4 address within an IPv6 one) is judged as every address
//! it may reach, so that no list is walked around in another spelling.

use crate::definition::route::Network;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Networks that are never asked, in IPv4.
const NEVER_V4: [(Ipv4Addr, u8); 8] = [
    (Ipv4Addr::UNSPECIFIED, 8), // this network, the unspecified address in it (RFC 1122 §3.2.1.3)
    (Ipv4Addr::new(169, 254, 0, 0), 16), // link-local, metadata services in it (RFC 3927)
    (Ipv4Addr::new(100, 100, 100, 200), 32), // metadata, Alibaba Cloud
    (Ipv4Addr::new(168, 63, 129, 16), 32), // the platform's own services, Azure
    (Ipv4Addr::new(192, 0, 0, 192), 32), // metadata, Oracle Cloud
    (Ipv4Addr::new(192, 88, 99, 0), 24), // 6to4 relays (RFC 7526)
    (Ipv4Addr::new(224, 0, 0, 0), 4), // multicast (RFC 5771)
    (Ipv4Addr::BROADCAST, 32),
];

/// Networks that are never asked, in IPv6.
const NEVER_V6: [(Ipv6Addr, u8); 7] = [
    (Ipv6Addr::UNSPECIFIED, 128),
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10), // link-local (RFC 4291 §2.5.6)
    (Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 0), 10), // site-local, deprecated (RFC 3879)
    (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8),  // multicast
    (Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, 0, 0), 48), // NAT64 of unknown layout (RFC 8215)
    (Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254), 128), // metadata, AWS
    (Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254), 128), // metadata, Google Cloud
];

/// The address to send to when `address` may be asked. An IPv4-mapped one (`::ffff:a.b.c.d`) is
/// the IPv4 address it spells. One that carries an IPv4 address to a translator or a relay must be
/// allowed itself, and the carried one too.
pub(super) fn target(address: IpAddr, allow: &[Network]) -> Option<IpAddr> {
    let address = address.to_canonical();
    let allowed = |address: IpAddr| {
        !is_never_asked(address) && allow.iter().any(|network| contains(network, address))
    };
    let carried = match address {
        IpAddr::V4(_) => Vec::new(),
        IpAddr::V6(address) => carried(address),
    };
    (allowed(address) && carried.into_iter().all(|it| allowed(it.into()))).then_some(address)
}

fn is_never_asked(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => NEVER_V4.iter().any(|(network, prefix)| {
            shares_prefix(address.to_bits().into(), network.to_bits().into(), *prefix, 32)
        }),
        IpAddr::V6(address) => NEVER_V6.iter().any(|(network, prefix)| {
            shares_prefix(address.to_bits(), network.to_bits(), *prefix, 128)
        }),
    }
}

fn contains(network: &Network, address: IpAddr) -> bool {
    match (network.address, address) {
        (IpAddr::V4(network_address), IpAddr::V4(address)) => shares_prefix(
            network_address.to_bits().into(),
            address.to_bits().into(),
            network.prefix,
            32,
        ),
        (IpAddr::V6(network_address), IpAddr::V6(address)) => {
            shares_prefix(network_address.to_bits(), address.to_bits(), network.prefix, 128)
        }
        _ => false,
    }
}

fn shares_prefix(left: u128, right: u128, prefix: u8, width: u8) -> bool {
    let past = u32::from(width.saturating_sub(prefix));
    (left ^ right).checked_shr(past).unwrap_or(0) == 0
}

/// The IPv4 addresses within an IPv6 address, for every scheme that it may belong to.
fn carried(address: Ipv6Addr) -> Vec<Ipv4Addr> {
    let segments = address.segments();
    let pair = |at: usize| {
        let high = u32::from(segments.get(at).copied().unwrap_or(0));
        let low = u32::from(segments.get(at + 1).copied().unwrap_or(0));
        Ipv4Addr::from_bits(high << 16 | low)
    };
    let mut carried = Vec::new();
    match segments {
        // ::a.b.c.d, deprecated (RFC 4291 §2.5.5.1); `::` and `::1` are none.
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 || low > 1 => carried.push(pair(6)),
        // ::ffff:0:a.b.c.d (SIIT, RFC 2765) and NAT64 64:ff9b::a.b.c.d (RFC 6052)
        [0, 0, 0, 0, 0xffff, 0, _, _] | [0x64, 0xff9b, 0, 0, 0, 0, _, _] => carried.push(pair(6)),
        // 6to4 (RFC 3056)
        [0x2002, ..] => carried.push(pair(1)),
        // Teredo: the server, and the client with its bits turned over (RFC 4380 §4)
        [0x2001, 0, ..] => {
            carried.push(pair(2));
            carried.push(Ipv4Addr::from_bits(!pair(6).to_bits()));
        }
        _ => {}
    }
    // ISATAP interface identifiers (RFC 5214 §6.1), under any prefix
    if let [.., 0 | 0x0200, 0x5efe, _, _] = segments {
        carried.push(pair(6));
    }
    carried
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        let (address, prefix) = text.split_once('/').unwrap();
        Network { address: address.parse().unwrap(), prefix: prefix.parse().unwrap() }
    }

    fn judged(address: &str, allow: &[&str]) -> Option<String> {
        let allow: Vec<Network> = allow.iter().map(|text| network(text)).collect();
        target(address.parse().unwrap(), &allow).map(|target| target.to_string())
    }

    const LOOPBACK: &[&str] = &["127.0.0.0/8", "::1/128"];
    const EVERYTHING: &[&str] = &["0.0.0.0/0", "::/0"];

    #[test]
    fn the_list_decides() {
        for address in ["127.0.0.1", "127.255.255.254", "::1"] {
            assert_eq!(judged(address, LOOPBACK).as_deref(), Some(address));
            assert_eq!(judged(address, &[]), None, "{address}");
        }
        for address in ["128.0.0.1", "126.255.255.255", "10.0.0.1", "::2", "2001:db8::1"] {
            assert_eq!(judged(address, LOOPBACK), None, "{address}");
        }
        assert_eq!(judged("10.1.2.3", &["10.1.2.3/32"]).as_deref(), Some("10.1.2.3"));
        assert_eq!(judged("10.1.2.4", &["10.1.2.3/32"]), None);
        assert_eq!(judged("2001:db8::7", &["2001:db8::/32"]).as_deref(), Some("2001:db8::7"));
        assert_eq!(judged("8.8.8.8", &["::/0"]), None);
        assert_eq!(judged("2001:db8::7", &["0.0.0.0/0"]), None);
    }

    #[test]
    fn some_addresses_are_never_asked() {
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "169.254.0.1",
            "169.254.169.254",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "224.0.0.1",
            "239.255.255.255",
            "255.255.255.255",
            "192.88.99.1",
            "::",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
            "fd00:ec2::254",
            "fd20:ce::254",
            "64:ff9b:1::a9fe:a9fe",
            // The same in another spelling:
            "::ffff:169.254.169.254",
            "::169.254.169.254",
            "::ffff:0:169.254.169.254",
            "64:ff9b::169.254.169.254",
            "2002:a9fe:a9fe::1",
            "2001:0:a9fe:a9fe::",
            "2001:0:808:808:0:0:5601:5601",
            "2001:db8::5efe:169.254.169.254",
            "2001:db8::200:5efe:a9fe:a9fe",
            "::ffff:0.0.0.0",
            "::ffff:224.0.0.1",
        ] {
            assert_eq!(judged(address, EVERYTHING), None, "{address}");
            assert_eq!(judged(address, &["169.254.0.0/16", "fe80::/10"]), None, "{address}");
        }
        for address in ["8.8.8.8", "2001:db8::1", "64:ff9b::8.8.8.8", "2002:808:808::1"] {
            assert!(judged(address, EVERYTHING).is_some(), "{address}");
        }
    }

    #[test]
    fn a_mapped_address_is_the_ipv4_address_it_spells() {
        assert_eq!(judged("::ffff:127.0.0.1", LOOPBACK).as_deref(), Some("127.0.0.1"));
        assert_eq!(judged("::ffff:7f00:1", &["::/0"]), None);
        assert_eq!(judged("::ffff:10.0.0.1", LOOPBACK), None);
    }

    #[test]
    fn a_carried_address_does_not_lead_out_of_the_list() {
        // They spell 127.0.0.1, and a packet to them would leave the machine.
        for address in ["64:ff9b::127.0.0.1", "2002:7f00:1::1", "::127.0.0.1"] {
            assert_eq!(judged(address, LOOPBACK), None, "{address}");
        }
        assert_eq!(judged("64:ff9b::10.0.0.1", &["64:ff9b::/96"]), None);
        assert!(judged("64:ff9b::10.0.0.1", &["64:ff9b::/96", "10.0.0.0/8"]).is_some());
    }
}
