//! Why a connection could not be opened, in words a person can act on.

use super::{OLDEST_MAJOR, Target};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::postgres::{dial::DialError, refusal::POOLER_SAYS, tls::Fault, wire::ASKS_TO_BE_TOLD};
use std::{error::Error as _, fmt, io};
use tokio_postgres::Error;

/// Why the server could not be reached, or did not let us in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Nothing listens there.
    Refused,
    /// The host's name has no address.
    UnknownHost,
    /// No answer within the target's `connect_timeout`.
    TimedOut,
    /// The operating system does not let us at the socket.
    NoPermission,
    /// The server asks for a password and there is none.
    PasswordMissing,
    /// The password is wrong (28P01).
    PasswordWrong,
    /// The server's `pg_hba.conf` does not let this role in from here (28000).
    NotAllowed,
    /// There is no such database (3D000).
    NoDatabase,
    /// There is no such role, or it may not sign in (28000).
    NoRole,
    /// The role may not connect to this database (42501).
    NoPrivilege,
    /// All connections are taken (53300).
    TooManyConnections,
    /// The server is starting, stopping or recovering (57P03).
    Starting,
    /// There is no TLS with it, or not with whom it should be.
    Tls,
    /// The way to sign in that it asks for is not good enough.
    Weak,
    /// It is a pooler, and the manifest does not say so.
    Pooler,
    /// It is not such a server as is asked for; it may become one, as a standby does.
    Misfit,
    /// The server is older than [`OLDEST_MAJOR`].
    TooOld,
    /// Something else; the message says what.
    Other,
}

impl Reason {
    /// Whether trying again, with nothing changed by hand, may help.
    pub fn is_passing(self) -> bool {
        matches!(
            self,
            Self::Refused
                | Self::TimedOut
                | Self::TooManyConnections
                | Self::Starting
                | Self::Misfit
        )
    }

    /// Whether it is the login that is refused, so that another credential may help.
    pub fn is_denial(self) -> bool {
        matches!(
            self,
            Self::PasswordMissing | Self::PasswordWrong | Self::NotAllowed | Self::NoRole
        )
    }
}

/// A connection that could not be opened. Holds no secret.
#[derive(Clone, Debug)]
pub struct ConnectError {
    reason: Reason,
    message: String,
    help: &'static str,
    said: Option<(String, String)>,
}

impl ConnectError {
    /// Why.
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// The SQLSTATE, when it was the server that refused.
    pub fn sqlstate(&self) -> Option<&str> {
        self.said.as_ref().map(|(sqlstate, _)| sqlstate.as_str())
    }

    pub(super) fn timed_out(target: &Target) -> Self {
        Self::local(
            Reason::TimedOut,
            format!(
                "the database at {} did not answer within {} s",
                place(target),
                target.connect_timeout.as_secs_f32()
            ),
            "check the host and the port, and that no firewall stands between",
        )
    }

    pub(super) fn too_old(target: &Target, version: &str) -> Self {
        Self::local(
            Reason::TooOld,
            format!(
                "the database at {} is PostgreSQL {version}; {OLDEST_MAJOR} is the oldest that is served",
                place(target)
            ),
            "upgrade the database, or point the service at a newer one",
        )
    }

    /// Whether the server knows us and does not let us in.
    pub(super) fn is_denial(&self) -> bool {
        self.sqlstate().is_some() && !self.reason.is_passing()
    }

    pub(super) fn misfit(target: &Target, why: &str) -> Self {
        Self::local(
            Reason::Misfit,
            format!("the database at {} will not do: {why}", place(target)),
            "`target_session_attrs` in `[database]` says which of its hosts will",
        )
    }

    /// Why none of several hosts will do; one that may do later counts most.
    pub(super) fn everywhere(failures: Vec<Self>) -> Option<Self> {
        let message: Vec<&str> = failures.iter().map(|it| it.message.as_str()).collect();
        let message = message.join("; ");
        let passing = failures.iter().position(|it| it.reason.is_passing()).unwrap_or(0);
        failures.into_iter().nth(passing).map(|it| Self { message, ..it })
    }

    pub(super) fn of_dial(target: &Target, error: DialError) -> Self {
        match error {
            DialError::Io(error) => Self::from_io(target, &error),
            DialError::Tls(fault) => Self::of_tls(target, &fault),
        }
    }

    fn of_tls(target: &Target, fault: &Fault) -> Self {
        let message = format!("no TLS with the database at {}: {fault}", place(target));
        Self::local(Reason::Tls, message, fault.help())
    }

    pub(super) fn new(target: &Target, error: &Error) -> Self {
        if let Some(refusal) = error.as_db_error() {
            return Self::refused(target, refusal.code().code(), refusal.message());
        }
        let place = place(target);
        let cause = error.source();
        if let Some(cause) = cause.and_then(|cause| cause.downcast_ref::<io::Error>()) {
            return Self::from_io(target, cause);
        }
        // The client's own errors carry their kind only as text.
        let cause = cause.map(ToString::to_string).unwrap_or_default();
        if cause == "password missing" {
            return Self::local(
                Reason::PasswordMissing,
                format!(
                    "the database at {place} asks for a password for \"{}\", and there is none",
                    target.user
                ),
                "set `password_file` in `[database]`, or the environment variable it reads",
            );
        }
        if cause == "server did not use channel binding" {
            return Self::local(
                Reason::Weak,
                format!(
                    "the database at {place} does not bind the sign-in to its certificate, and \
                     `channel_binding` is `require`"
                ),
                "the role needs a password kept as SCRAM-SHA-256, and the server TLS of its own",
            );
        }
        let message = match cause.as_str() {
            "" => format!("the database at {place} cannot be used: {error}"),
            cause => format!("the database at {place} cannot be used: {error}: {cause}"),
        };
        Self::local(Reason::Other, message, "check that it is PostgreSQL that listens there")
    }

    fn local(reason: Reason, message: String, help: &'static str) -> Self {
        Self { reason, message, help, said: None }
    }

    fn from_io(target: &Target, cause: &io::Error) -> Self {
        let place = place(target);
        if cause.to_string() == ASKS_TO_BE_TOLD {
            return Self::local(
                Reason::Weak,
                format!(
                    "the database at {place} asks for the password of \"{}\" in a form that shows it to \
                     whoever listens",
                    target.user
                ),
                "set `sslmode` in `[database]`: `verify-full` makes sure of the server, `disable` says \
                 that the network is private; or keep the password as SCRAM-SHA-256",
            );
        }
        match cause.kind() {
            io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => Self::local(
                Reason::Refused,
                format!("nothing listens at {place}"),
                "start the database, or check the host and the port; `howdah up` brings its own",
            ),
            io::ErrorKind::TimedOut => Self::timed_out(target),
            io::ErrorKind::PermissionDenied => Self::local(
                Reason::NoPermission,
                format!("the operating system does not let this user at {place}"),
                "run as a user who may open the socket, or connect over TCP",
            ),
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::BrokenPipe => Self::local(
                Reason::Other,
                format!("{place} closed the connection before anybody had signed in"),
                "check that it is PostgreSQL that listens there",
            ),
            // The resolver's failures have no kind of their own.
            _ if cause.raw_os_error().is_none() => Self::local(
                Reason::UnknownHost,
                format!("the host name of {place} has no address"),
                "check the spelling of the host, and that its name is known here",
            ),
            _ => Self::local(
                Reason::Other,
                format!("{place} cannot be reached: {cause}"),
                "check the host and the port",
            ),
        }
    }

    fn refused(target: &Target, sqlstate: &str, said: &str) -> Self {
        let Target { user, database, .. } = target;
        let place = place(target);
        let (reason, message, help) = match sqlstate {
            "28P01" => (
                Reason::PasswordWrong,
                format!("the database at {place} does not take the password of \"{user}\""),
                "check the password file, and that the role's password was not changed",
            ),
            "28000" if said.starts_with("role ") => (
                Reason::NoRole,
                format!("the database at {place} has no role \"{user}\" that may sign in"),
                "create the role with LOGIN, or name another as `user` in `[database]`",
            ),
            "28000" => (
                Reason::NotAllowed,
                format!("the database at {place} does not let \"{user}\" in from here"),
                "add a line for it to the server's `pg_hba.conf`",
            ),
            "3D000" => (
                Reason::NoDatabase,
                format!("there is no database \"{database}\" at {place}"),
                "create it, or name another as `name` in `[database]`",
            ),
            "42501" => (
                Reason::NoPrivilege,
                format!("\"{user}\" may not connect to \"{database}\" at {place}"),
                "grant it CONNECT on the database",
            ),
            "53300" => (
                Reason::TooManyConnections,
                format!("the database at {place} has no connection left for \"{user}\""),
                "lower `connections` of the lanes, or raise the server's `max_connections`",
            ),
            "08P01" if said.starts_with(POOLER_SAYS) => (
                Reason::Pooler,
                format!("at {place} there is a pooler, and nothing says so"),
                "set `pooler = \"transaction\"` and `direct_host` in `[database]`; \
                 docs/postgresql-connection.md says what goes through a pooler",
            ),
            "57P03" => (
                Reason::Starting,
                format!("the database at {place} takes no connections yet"),
                "it is starting, stopping or recovering: try again in a moment",
            ),
            _ => (
                Reason::Other,
                format!("the database at {place} refuses the connection"),
                "its own words above say why",
            ),
        };
        Self { reason, message, help, said: Some((sqlstate.to_owned(), said.to_owned())) }
    }
}

/// The server, as a person would look for it.
fn place(target: &Target) -> String {
    let Target { host, port, .. } = target;
    match host.as_str() {
        socket if socket.starts_with('/') => format!("{socket}/.s.PGSQL.{port}"),
        address if address.contains(':') => format!("[{address}]:{port}"),
        name => format!("{name}:{port}"),
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for ConnectError {}

impl From<ConnectError> for Diagnostic {
    fn from(error: ConnectError) -> Self {
        let code = match error.reason {
            Reason::TooOld => Code::ServerVersion,
            _ => Code::Database,
        };
        let mut diagnostic = Self::error(code, error.message).help(error.help);
        if let Some((sqlstate, said)) = error.said {
            diagnostic = diagnostic.sqlstate(sqlstate).note(format!("the server says: {said}"));
        }
        diagnostic
    }
}

impl From<ConnectError> for Diagnostics {
    fn from(error: ConnectError) -> Self {
        Diagnostic::from(error).into()
    }
}
