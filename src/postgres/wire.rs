//! Signing in on a connection: the start-up message, the password.
//!
//! Source: PostgreSQL documentation, "Message Flow: Start-up" and "SASL Authentication". Does not
//! own sockets and TLS (`dial`), nor what is said afterwards (`message`, `lane`).

pub use super::dial::{Peer, Stream};

use super::{
    Target,
    dial::{self, DialError, Opened, Privacy},
    refusal::{POOLER_SAYS, Refusal},
    target::STANDING,
    tls::Fault,
};
use crate::config::{ChannelBinding, SessionAttrs};
use bytes::BytesMut;
use fallible_iterator::FallibleIterator;
use postgres_protocol::{
    authentication::{md5_hash, sasl},
    message::{backend::Message, frontend},
};
use std::{fmt, io};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

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
    /// There is no TLS with it, or not with whom it should be.
    Tls(Fault),
    /// It is not such a server as is asked for.
    Misfit(&'static str),
    /// None of several hosts will do; why not, host by host.
    Everywhere(String),
}

impl fmt::Display for ConnectError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(formatter, "{error}"),
            Self::TimedOut => formatter.write_str("it did not answer in time"),
            Self::Refused(refusal) => {
                write!(formatter, "{} (SQLSTATE {})", refusal.message, refusal.sqlstate)?;
                if refusal.message.starts_with(POOLER_SAYS) {
                    formatter.write_str(
                        "; it is a pooler, which `pooler` in `[database]` does not say",
                    )?;
                }
                Ok(())
            }
            Self::Unsupported(what) => formatter.write_str(what),
            Self::Tls(fault) => fmt::Display::fmt(fault, formatter),
            Self::Misfit(why) => formatter.write_str(why),
            Self::Everywhere(why) => formatter.write_str(why),
        }
    }
}

impl ConnectError {
    /// Whether the server knows us and does not let us in: it needs somebody to change something,
    /// and asking it again and again only fills its log, or locks the role.
    pub fn is_denial(&self) -> bool {
        match self {
            Self::Refused(refusal) => matches!(refusal.class(), "28" | "3D" | "42"),
            Self::Unsupported(_) | Self::Tls(_) => true,
            Self::Io(_) | Self::TimedOut | Self::Misfit(_) | Self::Everywhere(_) => false,
        }
    }
}

impl From<io::Error> for ConnectError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<DialError> for ConnectError {
    fn from(error: DialError) -> Self {
        match error {
            DialError::Io(error) => Self::Io(error),
            DialError::Tls(fault) => Self::Tls(fault),
        }
    }
}

/// Opens a connection whose session has `settings` beside UTF-8 and ISO dates, to the first of the
/// target's hosts that will do. After one that does not let us in, no other is tried.
///
/// # Errors
/// Why there is none; nothing of the password is in it.
pub async fn connect(target: &Target, settings: &[(&str, &str)]) -> Result<Wire, ConnectError> {
    let each = async {
        let mut candidates = target.candidates();
        if let [only] = candidates.as_slice() {
            return sign_in(only, settings, dial::open(only).await?).await;
        }
        let mut failures = Vec::new();
        for candidate in candidates.drain(..) {
            let attempt =
                async { sign_in(&candidate, settings, dial::open(&candidate).await?).await };
            let attempt = tokio::time::timeout(candidate.connect_timeout, attempt);
            match attempt.await.unwrap_or(Err(ConnectError::TimedOut)) {
                Ok(wire) => return Ok(wire),
                Err(error @ ConnectError::Refused(_)) if error.is_denial() => return Err(error),
                Err(error) => {
                    failures.push(format!("{}:{}: {error}", candidate.host, candidate.port));
                }
            }
        }
        Err(ConnectError::Everywhere(failures.join("; ")))
    };
    tokio::time::timeout(target.connect_timeout, each).await.unwrap_or(Err(ConnectError::TimedOut))
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

impl Handshake {
    /// Asks whether the server is such a one as the target wants.
    async fn must_fit(&mut self, target: &Target, reads: bool) -> Result<(), ConnectError> {
        frontend::query(STANDING, &mut self.out)?;
        self.send().await?;
        let mut misfit = None;
        loop {
            match self.next().await? {
                Message::DataRow(row) => {
                    let ranges = row.ranges().collect::<Vec<_>>()?;
                    let text = |range: &Option<std::ops::Range<usize>>| {
                        let bytes = range.clone().and_then(|it| row.buffer().get(it))?;
                        std::str::from_utf8(bytes).ok()
                    };
                    let standing: Vec<&str> = ranges.iter().filter_map(text).collect();
                    misfit = target.misfit(&standing, reads);
                }
                Message::ReadyForQuery(_) => break,
                Message::RowDescription(_) | Message::CommandComplete(_) => {}
                _ => return Err(ConnectError::Unsupported("it answered with an unknown message")),
            }
        }
        misfit.map_or(Ok(()), |why| Err(ConnectError::Misfit(why)))
    }
}

async fn sign_in(
    target: &Target,
    settings: &[(&str, &str)],
    opened: Opened,
) -> Result<Wire, ConnectError> {
    let Opened { stream, peer, privacy } = opened;
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
    authenticate(target, &privacy, &mut handshake).await?;
    let mut key = BackendKey::default();
    loop {
        match handshake.next().await? {
            Message::BackendKeyData(body) => {
                key = BackendKey { process_id: body.process_id(), secret_key: body.secret_key() };
            }
            Message::ReadyForQuery(_) => {
                if target.session != SessionAttrs::Any {
                    let reads = settings.iter().any(|it| it.0 == "default_transaction_read_only");
                    handshake.must_fit(target, reads).await?;
                }
                let Handshake { stream, unread, .. } = handshake;
                return Ok(Wire { stream, unread, key, peer });
            }
            _ => return Err(ConnectError::Unsupported("it greeted with an unknown message")),
        }
    }
}

async fn authenticate(
    target: &Target,
    privacy: &Privacy,
    handshake: &mut Handshake,
) -> Result<(), ConnectError> {
    let password = || {
        target
            .password
            .as_ref()
            .map(|password| password.expose().as_bytes())
            .ok_or(ConnectError::Unsupported("it asks for a password and none is configured"))
    };
    let asked = handshake.next().await?;
    let binding = target.tls.channel_binding();
    if binding == ChannelBinding::Require && !matches!(asked, Message::AuthenticationSasl(_)) {
        return Err(ConnectError::Unsupported(NO_BINDING));
    }
    let tells = || {
        if target.tls.tells_passwords(&target.host) {
            password()
        } else {
            Err(ConnectError::Unsupported(ASKS_TO_BE_TOLD))
        }
    };
    match asked {
        Message::AuthenticationOk => return Ok(()),
        Message::AuthenticationCleartextPassword => {
            frontend::password_message(tells()?, &mut handshake.out)?;
        }
        Message::AuthenticationMd5Password(body) => {
            let hash = md5_hash(target.user.as_bytes(), tells()?, body.salt());
            frontend::password_message(hash.as_bytes(), &mut handshake.out)?;
        }
        Message::AuthenticationSasl(body) => {
            let offered = body.mechanisms().collect::<Vec<_>>()?;
            let (binding, mechanism) = choose(&offered, privacy, binding)?;
            scram(password()?, binding, mechanism, handshake).await?;
        }
        _ => return Err(ConnectError::Unsupported("it asks for an unknown way to sign in")),
    }
    handshake.send().await?;
    match handshake.next().await? {
        Message::AuthenticationOk => Ok(()),
        _ => Err(ConnectError::Unsupported("it did not finish signing in")),
    }
}

/// What to say when nothing binds the sign-in to the server's certificate, and something should.
const NO_BINDING: &str =
    "it does not bind the sign-in to its certificate, and `channel_binding` is `require`";
/// What to say when a password is not told as the server asks for it.
pub(super) const ASKS_TO_BE_TOLD: &str = "it asks for the password in a form that shows it to whoever listens; `sslmode` as \
     `verify-full` makes sure of the server, and `disable` says that the network is private";

/// The way to sign in among those that are offered. That this side could bind the sign-in is said
/// where the server seems not to, so that nobody on the way can have taken its offer out (RFC 5802 §6).
fn choose(
    offered: &[&str],
    privacy: &Privacy,
    wanted: ChannelBinding,
) -> Result<(sasl::ChannelBinding, &'static str), ConnectError> {
    let hash = match privacy {
        Privacy::Tls(Some(hash)) if wanted != ChannelBinding::Disable => Some(hash.clone()),
        _ => None,
    };
    let offers = |mechanism| offered.contains(&mechanism);
    match hash {
        Some(hash) if offers(sasl::SCRAM_SHA_256_PLUS) => {
            Ok((sasl::ChannelBinding::tls_server_end_point(hash), sasl::SCRAM_SHA_256_PLUS))
        }
        _ if wanted == ChannelBinding::Require => Err(ConnectError::Unsupported(NO_BINDING)),
        _ if !offers(sasl::SCRAM_SHA_256) => {
            Err(ConnectError::Unsupported("it asks for a sign-in other than SCRAM-SHA-256"))
        }
        Some(_) => Ok((sasl::ChannelBinding::unrequested(), sasl::SCRAM_SHA_256)),
        None => Ok((sasl::ChannelBinding::unsupported(), sasl::SCRAM_SHA_256)),
    }
}

/// SCRAM-SHA-256 (RFC 5802, RFC 7677) up to the server's signature, which is verified.
async fn scram(
    password: &[u8],
    binding: sasl::ChannelBinding,
    mechanism: &str,
    handshake: &mut Handshake,
) -> Result<(), ConnectError> {
    let broken = ConnectError::Unsupported("it broke off signing in");
    let mut scram = sasl::ScramSha256::new(password, binding);
    frontend::sasl_initial_response(mechanism, scram.message(), &mut handshake.out)?;
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
