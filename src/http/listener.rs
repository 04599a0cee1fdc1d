//! A listening socket, TCP or unix, and the streams it gives.

use crate::config::Address;
use socket2::{Domain, Protocol, SockFilter, SockRef, Socket, Type};
use std::{
    io,
    net::{SocketAddr, ToSocketAddrs},
    os::unix::fs::FileTypeExt,
    path::{Path, PathBuf},
};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

/// Connections that the kernel keeps for a listener that is busy.
const BACKLOG: i32 = 1024;

/// An address that was taken, free of any runtime: connections wait in the kernel until a
/// [`Listener`] takes them. A unix socket's file is removed with it.
pub enum Bound {
    /// TCP.
    Tcp(std::net::TcpListener),
    /// A unix socket and its path.
    Unix(std::os::unix::net::UnixListener, SocketFile),
}

/// An open listener. A unix socket's file is removed with it.
pub enum Listener {
    /// TCP, with the address that the kernel gave.
    Tcp(TcpListener, SocketAddr),
    /// A unix socket and its path.
    Unix(UnixListener, SocketFile),
}

/// Who else may listen at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sharing {
    Alone,
    Shared,
}

/// A socket's file, which goes when the listener goes.
pub struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// An accepted connection, free of any runtime so that it can be handed to another thread.
pub enum Accepted {
    /// TCP, and who is at the other end.
    Tcp(std::net::TcpStream, SocketAddr),
    /// A unix socket.
    Unix(std::os::unix::net::UnixStream),
}

impl Bound {
    /// Takes an address for this process alone.
    ///
    /// # Errors
    /// When the address cannot be had, with the address in the text.
    pub fn open(address: &Address) -> io::Result<Self> {
        Self::take(address, Sharing::Alone)
    }

    /// Takes an address that another process of the same user may take likewise (`SO_REUSEPORT`).
    ///
    /// # Errors
    /// As [`Bound::open`].
    pub fn open_shared(address: &Address) -> io::Result<Self> {
        Self::take(address, Sharing::Shared)
    }

    /// A connection that waits in the kernel. One that has gone again is passed over.
    pub fn accept_waiting(&self) -> Option<Accepted> {
        loop {
            let accepted = match self {
                Self::Tcp(listener) => listener.accept().and_then(|(stream, peer)| {
                    stream.set_nonblocking(true)?;
                    stream.set_nodelay(true)?;
                    Ok(Accepted::Tcp(stream, peer))
                }),
                Self::Unix(listener, _) => listener.accept().and_then(|(stream, _)| {
                    stream.set_nonblocking(true)?;
                    Ok(Accepted::Unix(stream))
                }),
            };
            match accepted {
                Ok(accepted) => return Some(accepted),
                Err(error) if has_gone(&error) => {}
                Err(_) => return None,
            }
        }
    }

    fn take(address: &Address, sharing: Sharing) -> io::Result<Self> {
        let within = |error: io::Error| {
            io::Error::new(error.kind(), format!("cannot listen on {address}: {error}"))
        };
        match address {
            Address::Tcp(host, port) => {
                let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
                for socket in (host.as_str(), *port).to_socket_addrs().map_err(within)? {
                    match open_tcp(socket, sharing) {
                        Ok(listener) => return Ok(Self::Tcp(listener)),
                        Err(error) => last = error,
                    }
                }
                Err(within(last))
            }
            Address::Unix(path) => open_unix(path).map_err(within),
        }
    }
}

impl Listener {
    /// Opens a listener at once. Must be called within a runtime.
    ///
    /// # Errors
    /// When the address cannot be had, with the address in the text.
    pub fn open(address: &Address) -> io::Result<Self> {
        Self::start(Bound::open(address)?)
    }

    /// Takes connections from `bound`. Must be called within a runtime.
    ///
    /// # Errors
    /// When the runtime has no room for it.
    pub fn start(bound: Bound) -> io::Result<Self> {
        Ok(match bound {
            Bound::Tcp(listener) => {
                let listener = TcpListener::from_std(listener)?;
                let address = listener.local_addr()?;
                Self::Tcp(listener, address)
            }
            Bound::Unix(listener, file) => Self::Unix(UnixListener::from_std(listener)?, file),
        })
    }

    /// The address without the runtime.
    ///
    /// # Errors
    /// When the runtime does not let go of it.
    pub fn into_bound(self) -> io::Result<Bound> {
        Ok(match self {
            Self::Tcp(listener, _) => Bound::Tcp(listener.into_std()?),
            Self::Unix(listener, file) => Bound::Unix(listener.into_std()?, file),
        })
    }

    /// The next connection.
    ///
    /// # Errors
    /// When the process has no room for it; the listener goes on.
    pub async fn accept(&self) -> io::Result<Accepted> {
        match self {
            Self::Tcp(listener, _) => {
                let (stream, peer) = listener.accept().await?;
                stream.set_nodelay(true)?;
                stream.into_std().map(|stream| Accepted::Tcp(stream, peer))
            }
            Self::Unix(listener, _) => {
                let (stream, _) = listener.accept().await?;
                stream.into_std().map(Accepted::Unix)
            }
        }
    }

    /// Has the kernel begin no further connection here, and go on with those that have begun. It drops
    /// their first packet, so that the caller sends it again, a second later; by then, whoever
    /// shares the address has it. Refusing them would be an error, and a listener that is closed resets
    /// what waits in its queue. Says whether it could be done.
    pub fn begin_no_more(&self) -> bool {
        match self {
            Self::Tcp(listener, _) => {
                SockRef::from(listener).attach_filter(&NO_FIRST_PACKET.map(instruction)).is_ok()
            }
            Self::Unix(..) => false,
        }
    }

    /// The address as a client would dial it: `127.0.0.1:3000` or `unix:/path`.
    pub fn address(&self) -> String {
        match self {
            Self::Tcp(_, address) => address.to_string(),
            Self::Unix(_, file) => format!("unix:{}", file.0.display()),
        }
    }
}

/// Whether it is the caller's connection that is no more, and not the listener that cannot.
fn has_gone(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}

/// A program of the kernel's packet filter (Linux' "Linux Socket Filtering", classic BPF): it sees a TCP
/// header (RFC 9293 §3.1), whose 14th byte has the flags, and drops a packet that has SYN (2) without
/// ACK (16). Each is an operation, how many instructions to pass over when it holds and when not, and
/// an operand.
const NO_FIRST_PACKET: [(u16, u8, u8, u32); 5] = [
    (LOAD_BYTE, 0, 0, 13),
    (AND, 0, 0, 0x12),
    (JUMP_IF_EQUAL, 0, 1, 0x02),
    (RETURN, 0, 0, 0),
    (RETURN, 0, 0, u32::MAX),
];

/// `BPF_LD | BPF_B | BPF_ABS`
const LOAD_BYTE: u16 = 0x30;
/// `BPF_ALU | BPF_AND | BPF_K`
const AND: u16 = 0x54;
/// `BPF_JMP | BPF_JEQ | BPF_K`
const JUMP_IF_EQUAL: u16 = 0x15;
/// `BPF_RET | BPF_K`: how many bytes of the packet are kept.
const RETURN: u16 = 0x06;

fn instruction((operation, then, otherwise, operand): (u16, u8, u8, u32)) -> SockFilter {
    SockFilter::new(operation, then, otherwise, operand)
}

fn open_tcp(address: SocketAddr, sharing: Sharing) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if sharing == Sharing::Shared {
        socket.set_reuse_port(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// A socket file that nobody listens on is left over from a process that was killed; it is removed.
/// Anything else at the path is left alone.
fn open_unix(path: &Path) -> io::Result<Bound> {
    if let Ok(found) = std::fs::symlink_metadata(path) {
        if !found.file_type().is_socket() {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "a file is there that is no socket",
            ));
        }
        if std::os::unix::net::UnixStream::connect(path).is_ok() {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        std::fs::remove_file(path)?;
    }
    let listener = std::os::unix::net::UnixListener::bind(path)?;
    listener.set_nonblocking(true)?;
    Ok(Bound::Unix(listener, SocketFile(path.to_owned())))
}

/// A stream on this thread's runtime.
pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Accepted {
    /// The address at the other end; a unix socket has none.
    pub(super) fn peer(&self) -> Option<std::net::IpAddr> {
        match self {
            Self::Tcp(_, peer) => Some(peer.ip().to_canonical()),
            Self::Unix(_) => None,
        }
    }

    /// Takes the connection up on this thread's runtime.
    pub(super) fn attach(self) -> io::Result<Stream> {
        match self {
            Self::Tcp(stream, _) => TcpStream::from_std(stream).map(Stream::Tcp),
            Self::Unix(stream) => UnixStream::from_std(stream).map(Stream::Unix),
        }
    }
}
