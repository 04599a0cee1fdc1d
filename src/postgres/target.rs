//! Where the database is and who signs in.

use super::tls::Tls;
use crate::secret::Secret;
use std::{sync::Arc, time::Duration};

/// Where the database is, and as whom to sign in.
#[derive(Clone)]
pub struct Target {
    /// A host name or address; a path that begins with `/` is a folder with a unix socket.
    pub host: String,
    /// The port, also part of the socket's name.
    pub port: u16,
    /// The database.
    pub database: String,
    /// The role that signs in.
    pub user: String,
    /// Its password, when it needs one.
    pub password: Option<Secret>,
    /// How long connecting and signing in may take together.
    pub connect_timeout: Duration,
    /// What `pg_stat_activity` shows.
    pub application_name: String,
    /// How private the connection must be.
    pub tls: Arc<Tls>,
}
