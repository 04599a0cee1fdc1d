//! The words of a connection to PostgreSQL, as libpq names them.
//!
//! Source: PostgreSQL documentation, "Database Connection Control Functions".

use super::kind::{Choice, Integer, Kind, Server};
use std::path::PathBuf;

/// `sslmode`: whether a connection is encrypted, and whether the server must prove who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SslMode {
    /// It is not encrypted.
    Disable,
    /// It is encrypted when the server offers that.
    Prefer,
    /// It is encrypted, with whoever answers.
    Require,
    /// The server's certificate is signed by a known authority.
    VerifyCa,
    /// And it is for the host that was asked for.
    VerifyFull,
}

/// `sslnegotiation`: how TLS begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SslNegotiation {
    /// The server is asked first whether it speaks TLS.
    #[default]
    Postgres,
    /// TLS from the first byte: PostgreSQL 17 and newer.
    Direct,
}

/// `channel_binding`: whether the sign-in is bound to the server's certificate (RFC 5929).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChannelBinding {
    /// It is not.
    Disable,
    /// It is when the server offers that.
    #[default]
    Prefer,
    /// Nothing else will do.
    Require,
}

/// `sslrootcert`: by whose word a server's certificate is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authorities {
    /// Those that the machine trusts.
    System,
    /// Those in a file, PEM.
    File(PathBuf),
}

/// `target_session_attrs`: which of several servers will do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SessionAttrs {
    /// Any.
    #[default]
    Any,
    /// One that takes writes.
    ReadWrite,
    /// One that takes none.
    ReadOnly,
    /// One that is no standby.
    Primary,
    /// A standby.
    Standby,
    /// A standby, or any when there is none.
    PreferStandby,
}

/// What stands between the service and the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pooler {
    /// Nothing, or what gives whole sessions.
    #[default]
    None,
    /// What gives a server connection for one transaction at a time, as PgBouncer's `pool_mode =
    /// transaction` does.
    Transaction,
}

pub(super) const POOLER: Choice<Pooler> =
    Choice(&[("none", Pooler::None), ("transaction", Pooler::Transaction)]);

/// Servers in the order in which they are tried.
pub(super) struct Servers;

impl Kind for Servers {
    type Value = Vec<String>;
    fn label(&self) -> String {
        "host, or several with commas".into()
    }
    fn wanted(&self) -> String {
        "host names, IP addresses or socket directories, with commas between several".into()
    }
    fn parse(&self, text: &str) -> Result<Vec<String>, String> {
        if text.contains("://") || text.contains('=') {
            return Err(
                "a connection URL or string is no host: a URL stands in the file that `url_file` names, \
                 or in the environment variable that `url` refers to"
                    .into(),
            );
        }
        text.split(',').map(|host| Server.parse(host)).collect()
    }
}

/// The ports of servers.
pub(super) struct Ports;

impl Kind for Ports {
    type Value = Vec<u16>;
    fn label(&self) -> String {
        "integer, 1 to 65535, or several with commas".into()
    }
    fn wanted(&self) -> String {
        "a port from 1 to 65535, or one for each host with commas between them".into()
    }
    fn parse(&self, text: &str) -> Result<Vec<u16>, String> {
        text.split(',').map(|port| Integer(1..=u16::MAX).parse(port)).collect()
    }
    fn takes_bare(&self) -> bool {
        true
    }
}

pub(super) const SESSION_ATTRS: Choice<SessionAttrs> = Choice(&[
    ("any", SessionAttrs::Any),
    ("read-write", SessionAttrs::ReadWrite),
    ("read-only", SessionAttrs::ReadOnly),
    ("primary", SessionAttrs::Primary),
    ("standby", SessionAttrs::Standby),
    ("prefer-standby", SessionAttrs::PreferStandby),
]);

/// `load_balance_hosts`: whether servers are tried in a new order each time.
pub(super) const LOAD_BALANCE: Choice<bool> = Choice(&[("disable", false), ("random", true)]);

pub(super) const SSL_MODE: Choice<SslMode> = Choice(&[
    ("disable", SslMode::Disable),
    ("prefer", SslMode::Prefer),
    ("require", SslMode::Require),
    ("verify-ca", SslMode::VerifyCa),
    ("verify-full", SslMode::VerifyFull),
]);

pub(super) const SSL_NEGOTIATION: Choice<SslNegotiation> =
    Choice(&[("postgres", SslNegotiation::Postgres), ("direct", SslNegotiation::Direct)]);

pub(super) const CHANNEL_BINDING: Choice<ChannelBinding> = Choice(&[
    ("disable", ChannelBinding::Disable),
    ("prefer", ChannelBinding::Prefer),
    ("require", ChannelBinding::Require),
]);
