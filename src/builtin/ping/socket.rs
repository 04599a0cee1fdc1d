//! An ICMP socket: unprivileged where the kernel lets the process's group have one
//! (`net.ipv4.ping_group_range`, Linux `ping` sockets; macOS always), else raw.

use super::Wire;
use rustix::{
    io::Errno,
    net::{
        AddressFamily, Protocol, SocketFlags, SocketType, bind, connect, getsockname, ipproto,
        socket_with,
    },
    rand::{GetRandomFlags, getrandom},
};
use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::fd::OwnedFd,
};
use tokio::net::UdpSocket;

/// A socket that is connected to the one address it asks: the kernel drops what others send.
///
/// It is no UDP socket, but tokio's type for one does on it just what is needed: it waits for a
/// datagram socket to be ready, sends, and receives with the sender's address.
pub(super) struct Socket {
    wire: UdpSocket,
    address: SocketAddr,
}

impl Socket {
    /// A socket for `address`, and the identifier that its echo must have. Within a tokio runtime.
    ///
    /// # Errors
    /// When neither kind of socket may be had; the first kind's reason.
    pub(super) fn open(address: IpAddr) -> io::Result<(Self, u16)> {
        let (descriptor, identifier) = open_any(address)?;
        Ok((Self::listen(descriptor, address)?, identifier))
    }

    pub(super) fn listen(descriptor: OwnedFd, address: IpAddr) -> io::Result<Self> {
        let wire = UdpSocket::from_std(descriptor.into())?;
        Ok(Self { wire, address: SocketAddr::new(address, 0) })
    }
}

/// The descriptor of a socket for `address`, and the identifier that its echo must have.
pub(super) fn open_any(address: IpAddr) -> io::Result<(OwnedFd, u16)> {
    open(address, SocketType::DGRAM)
        .or_else(|error| open(address, SocketType::RAW).map_err(|_| error))
}

/// Whether the kernel gives this process ICMP sockets without a capability: not whether it gives
/// any, for a raw one needs `CAP_NET_RAW`.
pub(super) fn is_unprivileged() -> bool {
    let (kind, flags) = (SocketType::DGRAM, SocketFlags::CLOEXEC);
    socket_with(AddressFamily::INET, kind, flags, Some(ipproto::ICMP)).is_ok()
}

pub(super) fn open(address: IpAddr, kind: SocketType) -> io::Result<(OwnedFd, u16)> {
    let (family, protocol, any): (_, Protocol, IpAddr) = match address {
        IpAddr::V4(_) => (AddressFamily::INET, ipproto::ICMP, Ipv4Addr::UNSPECIFIED.into()),
        IpAddr::V6(_) => (AddressFamily::INET6, ipproto::ICMPV6, Ipv6Addr::UNSPECIFIED.into()),
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(family, kind, flags, Some(protocol))?;
    // The kernel gives a datagram socket its identifier where others have a port, and delivers to
    // it only the answers to that; a raw socket chooses its own.
    bind(&socket, &SocketAddr::new(any, 0))?;
    let identifier = match SocketAddr::try_from(getsockname(&socket)?) {
        Ok(bound) if kind == SocketType::DGRAM => bound.port(),
        _ => {
            let mut random = [0; 2];
            getrandom(&mut random, GetRandomFlags::empty())?;
            u16::from_ne_bytes(random)
        }
    };
    match connect(&socket, &SocketAddr::new(address, 0)) {
        // No route, or a broadcast address: sending says so again, and there it is the address's
        // fault.
        Ok(()) | Err(Errno::NETUNREACH | Errno::HOSTUNREACH | Errno::ACCESS) => {}
        Err(error) => return Err(error.into()),
    }
    Ok((socket, identifier))
}

impl Wire for Socket {
    async fn send(&self, message: &[u8]) -> io::Result<()> {
        self.wire.send_to(message, self.address).await.map(drop)
    }

    async fn receive(&self, buffer: &mut [u8]) -> io::Result<(usize, Option<IpAddr>)> {
        let (length, source) = self.wire.recv_from(buffer).await?;
        Ok((length, Some(source.ip())))
    }
}
