//! Opening a connection up to where the protocol begins: name, socket, TLS.
//!
//! Owns the byte stream of both clients, `wire`'s and `session`'s, and of cancel requests. Does not own
//! what is said on it.

use super::{
    Target,
    tls::{Door, Entered, Fault},
};
use std::{fmt, io, net::SocketAddr, path::PathBuf, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
};

/// How long sent bytes may stay unacknowledged before the kernel gives the connection up
/// (`TCP_USER_TIMEOUT`, RFC 5482).
const USER_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a connection is quiet before the kernel asks whether the other side is there.
const KEEPALIVE: Duration = Duration::from_secs(10);

/// A byte stream to the server.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// One server: an address, not a name; and how it is entered.
#[derive(Clone, Debug)]
pub struct Peer {
    address: Address,
    /// Without, it is entered in the clear.
    door: Option<Door>,
}

#[derive(Clone, Debug)]
enum Address {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// An open connection on which nothing was said yet.
pub(super) struct Opened {
    pub(super) stream: Box<dyn Stream>,
    pub(super) peer: Peer,
    pub(super) privacy: Privacy,
}

/// Who can listen to a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Privacy {
    /// It is not encrypted.
    Clear,
    /// It is encrypted. A sign-in can be bound to this, the hash of the server's certificate.
    Tls(Option<Vec<u8>>),
}

/// Why there is no connection.
#[derive(Debug)]
pub(super) enum DialError {
    /// The network.
    Io(io::Error),
    /// TLS.
    Tls(Fault),
}

impl From<io::Error> for DialError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl fmt::Display for DialError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(formatter),
            Self::Tls(fault) => fault.fmt(formatter),
        }
    }
}

/// Opens a connection to the first of the target's addresses that answers. Each has its share of the
/// time, so that one that is silent does not use it up for the others.
pub(super) async fn open(target: &Target) -> Result<Opened, DialError> {
    if target.host.starts_with('/') {
        let path = format!("{}/.s.PGSQL.{}", target.host.trim_end_matches('/'), target.port);
        return Peer { address: Address::Unix(path.into()), door: None }.dial().await;
    }
    let door = target.tls.door(&target.host).map_err(DialError::Tls)?;
    let addresses: Vec<SocketAddr> =
        tokio::net::lookup_host((target.host.as_str(), target.port)).await?.collect();
    let share = target.connect_timeout / u32::try_from(addresses.len().max(1)).unwrap_or(u32::MAX);
    let no_address = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    let mut failure = DialError::Io(no_address);
    for address in addresses {
        let peer = Peer { address: Address::Tcp(address), door: door.clone() };
        match tokio::time::timeout(share, peer.dial()).await {
            Ok(Ok(opened)) => return Ok(opened),
            Ok(Err(error)) => failure = error,
            Err(_) => failure = DialError::Io(io::ErrorKind::TimedOut.into()),
        }
    }
    Err(failure)
}

impl Peer {
    /// Opens one more connection to the same server, as private as the first: for a cancel request.
    pub(super) async fn dial(&self) -> Result<Opened, DialError> {
        let address = match &self.address {
            Address::Tcp(address) => address,
            Address::Unix(path) => {
                let stream = Box::new(UnixStream::connect(path).await?);
                return Ok(Opened { stream, peer: self.clone(), privacy: Privacy::Clear });
            }
        };
        let stream = socket(address).await?;
        let Some(door) = &self.door else {
            let (stream, peer) = (Box::new(stream), self.clone());
            return Ok(Opened { stream, peer, privacy: Privacy::Clear });
        };
        let (address, mut door) = (self.address.clone(), door.clone());
        Ok(match door.enter(stream).await?.map_err(DialError::Tls)? {
            Entered::Tls(stream, hash) => {
                // What was encrypted once is not taken in the clear for a cancel request.
                door.insists = true;
                let peer = Peer { address, door: Some(door) };
                Opened { stream, peer, privacy: Privacy::Tls(hash) }
            }
            Entered::Clear(stream) => {
                let peer = Peer { address, door: None };
                Opened { stream: Box::new(stream), peer, privacy: Privacy::Clear }
            }
        })
    }
}

async fn socket(address: &SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let socket = socket2::SockRef::from(&stream);
    let keepalive = socket2::TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE);
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(USER_TIMEOUT))?;
    Ok(stream)
}
