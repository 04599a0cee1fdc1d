//! The words of a connection to PostgreSQL, as libpq names them.
//!
//! Source: PostgreSQL documentation, "Database Connection Control Functions".

use super::kind::Choice;
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
