//! Opening a connection: the socket, the start-up message, signing in.
//!
//! Source: PostgreSQL documentation, "Message Flow: Start-up" and "SASL Authentication". Does not
//! own what is said afterwards (`message`, `lane`).

use super::{Target, refusal::Refusal};
use bytes::BytesMut;
use fallible_iterator::FallibleIterator;
use postgres_protocol::{
    authentication::{md5_hash, sasl},
    message::{backend::Message, frontend},
};
use std::{fmt, io, net::SocketAddr, path::PathBuf, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpStream, UnixStream},
};

/// How long sent bytes may stay unacknowledged before the kernel gives the connection up
/// (`TCP_USER_TIMEOUT`, RFC 5482).
const USER_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a connection is quiet before the kernel asks whether the other side is there.
const KEEPALIVE: Duration = Duration::from_secs(10);

/// A byte stream to the server.
pub trait Stream: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Stream for T {}

/// A connection that is signed in and ready for a query.
pub struct Wire {
    /// The stream.
    pub stream: Box<dyn Stream>,
    /// What the server sent past the greeting.
    pub unread: BytesMut,
    /// What a cancel request needs.
    pub key: BackendKey,
    /// The server that answered, where a name stands for several; a cancel request must go there.
    pub peer: Peer,
}

/// One server: an address, not a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peer {
    /// TCP.
    Tcp(SocketAddr),
    /// A unix socket's path.
    Unix(PathBuf),
}

/// What names a backend process in a cancel request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BackendKey {
    /// The server process.
    pub process_id: i32,
    /// Its secret.
    pub secret_key: i32,
}

/// Why a connection could not be opened.
#[derive(Debug)]
pub enum ConnectError {
    /// The network or the server's socket.
    Io(io::Error),
    /// It took longer than `connect_timeout`.
    TimedOut,
    /// The server said no.
    Refused(Refusal),
    /// The server asks for something that this side has not.
    Unsupported(&'static str),
}

impl fmt::Display for ConnectError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(formatter, "{error}"),
            Self::TimedOut => formatter.write_str("it did not answer in time"),
            Self::Refused(refusal) => {
                write!(formatter, "{} (SQLSTATE {})", refusal.message, refusal.sqlstate)
            }
            Self::Unsupported(what) => formatter.write_str(what),
        }
    }
}

impl ConnectError {
    /// Whether the server knows us and does not let us in: it needs somebody to change something,
    /// and asking it again and again only fills its log, or locks the role.
    pub fn is_denial(&self) -> bool {
        match self {
            Self::Refused(refusal) => matches!(refusal.class(), "28" | "3D" | "42"),
            Self::Unsupported(_) => true,
            Self::Io(_) | Self::TimedOut => false,
        }
    }
}

impl From<io::Error> for ConnectError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Opens a connection whose session has `settings` beside UTF-8 and ISO dates.
///
/// # Errors
/// Why there is none; nothing of the password is in it.
pub async fn connect(target: &Target, settings: &[(&str, &str)]) -> Result<Wire, ConnectError> {
    tokio::time::timeout(target.connect_timeout, async {
        let (stream, peer) = open(target).await?;
        sign_in(target, settings, stream, peer).await
    })
    .await
    .unwrap_or(Err(ConnectError::TimedOut))
}

/// Opens a socket to the first of the target's addresses that answers. Each has its share of the
/// time, so that one that is silent does not use it up for the others.
async fn open(target: &Target) -> io::Result<(Box<dyn Stream>, Peer)> {
    if target.host.starts_with('/') {
        let path = format!("{}/.s.PGSQL.{}", target.host.trim_end_matches('/'), target.port);
        let peer = Peer::Unix(path.into());
        return Ok((dial(&peer).await?, peer));
    }
    let addresses: Vec<SocketAddr> =
        tokio::net::lookup_host((target.host.as_str(), target.port)).await?.collect();
    let share = target.connect_timeout / u32::try_from(addresses.len().max(1)).unwrap_or(u32::MAX);
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in addresses {
        let peer = Peer::Tcp(address);
        match tokio::time::timeout(share, dial(&peer)).await {
            Ok(Ok(stream)) => return Ok((stream, peer)),
            Ok(Err(error)) => failure = error,
            Err(_) => failure = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(failure)
}

/// Opens the socket alone: for signing in, and for a cancel request.
pub(super) async fn dial(peer: &Peer) -> io::Result<Box<dyn Stream>> {
    let stream = match peer {
        Peer::Unix(path) => return Ok(Box::new(UnixStream::connect(path).await?)),
        Peer::Tcp(address) => TcpStream::connect(address).await?,
    };
    stream.set_nodelay(true)?;
    let socket = socket2::SockRef::from(&stream);
    let keepalive = socket2::TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE);
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(USER_TIMEOUT))?;
    Ok(Box::new(stream))
}

struct Handshake {
    stream: Box<dyn Stream>,
    unread: BytesMut,
    out: BytesMut,
}

impl Handshake {
    async fn send(&mut self) -> io::Result<()> {
        self.stream.write_all(&self.out.split()).await?;
        self.stream.flush().await
    }

    /// The next message that matters; notices and settings are passed over.
    async fn next(&mut self) -> Result<Message, ConnectError> {
        loop {
            match Message::parse(&mut self.unread)? {
                Some(Message::NoticeResponse(_) | Message::ParameterStatus(_)) => {}
                Some(Message::ErrorResponse(body)) => {
                    return Err(ConnectError::Refused(Refusal::from_fields(body.fields())));
                }
                Some(message) => return Ok(message),
                None => {
                    if self.stream.read_buf(&mut self.unread).await? == 0 {
                        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
                    }
                }
            }
        }
    }
}

async fn sign_in(
    target: &Target,
    settings: &[(&str, &str)],
    stream: Box<dyn Stream>,
    peer: Peer,
) -> Result<Wire, ConnectError> {
    let mut handshake = Handshake { stream, unread: BytesMut::new(), out: BytesMut::new() };
    // The placeholder lexer reads strings as the standard has them, so every session must.
    let fixed = [
        ("standard_conforming_strings", "on"),
        ("user", target.user.as_str()),
        ("database", target.database.as_str()),
        ("application_name", target.application_name.as_str()),
        ("client_encoding", "UTF8"),
        ("DateStyle", "ISO, MDY"),
        ("TimeZone", "UTC"),
    ];
    frontend::startup_message(fixed.iter().chain(settings).copied(), &mut handshake.out)?;
    handshake.send().await?;
    authenticate(target, &mut handshake).await?;
    let mut key = BackendKey::default();
    loop {
        match handshake.next().await? {
            Message::BackendKeyData(body) => {
                key = BackendKey { process_id: body.process_id(), secret_key: body.secret_key() };
            }
            Message::ReadyForQuery(_) => {
                let Handshake { stream, unread, .. } = handshake;
                return Ok(Wire { stream, unread, key, peer });
            }
            _ => return Err(ConnectError::Unsupported("it greeted with an unknown message")),
        }
    }
}

async fn authenticate(target: &Target, handshake: &mut Handshake) -> Result<(), ConnectError> {
    let password = || {
        target
            .password
            .as_ref()
            .map(|password| password.expose().as_bytes())
            .ok_or(ConnectError::Unsupported("it asks for a password and none is configured"))
    };
    match handshake.next().await? {
        Message::AuthenticationOk => return Ok(()),
        Message::AuthenticationCleartextPassword => {
            frontend::password_message(password()?, &mut handshake.out)?;
        }
        Message::AuthenticationMd5Password(body) => {
            let hash = md5_hash(target.user.as_bytes(), password()?, body.salt());
            frontend::password_message(hash.as_bytes(), &mut handshake.out)?;
        }
        Message::AuthenticationSasl(body) => {
            let known = body.mechanisms().any(|name| Ok(name == sasl::SCRAM_SHA_256))?;
            if !known {
                return Err(ConnectError::Unsupported(
                    "it asks for a sign-in other than SCRAM-SHA-256",
                ));
            }
            scram(password()?, handshake).await?;
        }
        _ => return Err(ConnectError::Unsupported("it asks for an unknown way to sign in")),
    }
    handshake.send().await?;
    match handshake.next().await? {
        Message::AuthenticationOk => Ok(()),
        _ => Err(ConnectError::Unsupported("it did not finish signing in")),
    }
}

/// SCRAM-SHA-256 (RFC 5802, RFC 7677) up to the server's signature, which is verified.
async fn scram(password: &[u8], handshake: &mut Handshake) -> Result<(), ConnectError> {
    let broken = ConnectError::Unsupported("it broke off signing in");
    let mut scram = sasl::ScramSha256::new(password, sasl::ChannelBinding::unsupported());
    frontend::sasl_initial_response(sasl::SCRAM_SHA_256, scram.message(), &mut handshake.out)?;
    handshake.send().await?;
    let Message::AuthenticationSaslContinue(body) = handshake.next().await? else {
        return Err(broken);
    };
    scram.update(body.data())?;
    frontend::sasl_response(scram.message(), &mut handshake.out)?;
    handshake.send().await?;
    let Message::AuthenticationSaslFinal(body) = handshake.next().await? else {
        return Err(broken);
    };
    scram.finish(body.data())?;
    Ok(())
}
