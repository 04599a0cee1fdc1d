//! Network and hardware addresses, as PostgreSQL prints them.

use super::{
    plain::{HEX, hex},
    wire::{Malformed, Wire},
};

/// PostgreSQL's numbers for the address families (`src/include/utils/inet.h`).
pub(super) const IPV4: u8 = 2;
/// See [`IPV4`].
pub(super) const IPV6: u8 = 3;

/// Writes an `inet` or `cidr`: the prefix length is left out of an `inet` that is one host.
pub(super) fn write_address(wire: &mut Wire<'_>, out: &mut Vec<u8>) -> Result<(), Malformed> {
    let [family, bits, is_cidr, length] = wire.array()?;
    let whole = match (family, length) {
        (IPV4, 4) => {
            let address: [u8; 4] = wire.array()?;
            write_v4(address, out);
            32
        }
        (IPV6, 16) => {
            let address: [u8; 16] = wire.array()?;
            write_v6(address, out);
            128
        }
        _ => return Err(wire.malformed()),
    };
    if bits > whole {
        return Err(wire.malformed());
    }
    if is_cidr != 0 || bits != whole {
        out.push(b'/');
        decimal(bits, out);
    }
    Ok(())
}

fn decimal(number: u8, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

fn write_v4(address: [u8; 4], out: &mut Vec<u8>) {
    for (index, byte) in address.into_iter().enumerate() {
        if index > 0 {
            out.push(b'.');
        }
        decimal(byte, out);
    }
}

/// The form of PostgreSQL's `inet_net_ntop`: the first longest run of two or more zero groups is
/// `::`, and IPv4 within IPv6 keeps its dots.
fn write_v6(address: [u8; 16], out: &mut Vec<u8>) {
    let mut groups = [0_u16; 8];
    for (group, pair) in groups.iter_mut().zip(address.chunks_exact(2)) {
        *group = u16::from_be_bytes([pair[0], pair[1]]);
    }
    let (mut at, mut length) = (0, 1);
    let mut start = 0;
    while start < 8 {
        let run = groups[start..].iter().take_while(|group| **group == 0).count();
        if run > length {
            (at, length) = (start, run);
        }
        start += run.max(1);
    }
    let run = (length > 1).then(|| at..at + length);
    let embedded = run.as_ref().is_some_and(|run| {
        run.start == 0
            && (run.end == 6
                || run.end == 7 && groups[7] != 1
                || run.end == 5 && groups[5] == 0xffff)
    });
    for index in 0..8 {
        if run.as_ref().is_some_and(|run| run.contains(&index)) {
            if run.as_ref().is_some_and(|run| run.start == index) {
                out.push(b':');
            }
            continue;
        }
        if index > 0 {
            out.push(b':');
        }
        if index == 6 && embedded {
            let [.., a, b, c, d] = address;
            write_v4([a, b, c, d], out);
            return;
        }
        let mut digits = 12;
        while digits > 0 && groups[index] >> digits == 0 {
            digits -= 4;
        }
        for shift in (0..=digits).rev().step_by(4) {
            out.push(HEX[usize::from(groups[index] >> shift & 15)]);
        }
    }
    if run.is_some_and(|run| run.end == 8) {
        out.push(b':');
    }
}

/// Writes a `macaddr` or `macaddr8`.
pub(super) fn write_hardware(address: &[u8], out: &mut Vec<u8>) {
    for (index, byte) in address.iter().enumerate() {
        if index > 0 {
            out.push(b':');
        }
        hex(*byte, out);
    }
}
