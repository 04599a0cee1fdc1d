//! The control-plane connection: one at a time, for one-off work.
//!
//! Owns connecting with `tokio-postgres` for what is not a request: migrations, setting up a private
//! database, looking into the catalog; and saying in words why it did not work. Does not own the
//! connections that serve (`lane`), which speak through `wire`.

mod channel;
mod explain;
mod failure;
#[cfg(test)]
mod tests;

pub use explain::{NO_COPY, explain};
pub use failure::{ConnectError, Reason};

use super::{
    Target,
    dial::{self, Opened},
    target::STANDING,
};
use crate::config;
use channel::{AsItIs, Channel};
use std::{
    ops::{Deref, DerefMut},
    time::Duration,
};
use tokio::{task::JoinHandle, time::timeout};
use tokio_postgres::{
    Client, Config, Connection, SimpleQueryMessage,
    config::{ChannelBinding, SslMode, SslNegotiation},
};

/// The oldest major version of PostgreSQL that is served.
pub const OLDEST_MAJOR: u32 = 13;

/// What a session is opened with: the placeholder lexer reads strings as the standard has them. The other
/// is what it would be anyway; a pooler in transaction mode, which cannot keep it, says here that it is one.
const OPTIONS: &str = "-c standard_conforming_strings=on -c client_min_messages=notice";
/// How long closing politely may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// One connection, and the task that drives it. Dropping it closes the connection at once.
pub struct Session {
    client: Client,
    driver: Driver,
    version: String,
}

/// The task that moves bytes; it must not outlive the session.
struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Session {
    /// What the server calls its version: `15.18 (Debian 15.18-0+deb12u1)`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Says good-bye to the server and waits, a second at most, until the connection is closed.
    pub async fn close(self) {
        let Self { client, mut driver, .. } = self;
        drop(client);
        let _ = timeout(CLOSE_TIMEOUT, &mut driver.0).await;
    }
}

impl Deref for Session {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl DerefMut for Session {
    fn deref_mut(&mut self) -> &mut Client {
        &mut self.client
    }
}

/// Connects and signs in, within the target's `connect_timeout`, on the first of its hosts that will do;
/// where those are a pooler in transaction mode, on the server itself, for a session is more than a
/// transaction. After one that does not let us in, no other is tried.
///
/// # Errors
/// Why it did not work, in words; never with the password in it.
pub async fn connect(target: &Target) -> Result<Session, ConnectError> {
    open(&target.around_pooler(), OPTIONS).await
}

/// Connects and signs in as [`connect`] does, to the hosts themselves, whatever they are: to see whether
/// a login works there. Behind a pooler in transaction mode nothing but simple queries can be asked.
///
/// # Errors
/// As [`connect`].
pub async fn connect_through(target: &Target) -> Result<Session, ConnectError> {
    open(target, "").await
}

async fn open(target: &Target, options: &str) -> Result<Session, ConnectError> {
    let each = async {
        let mut failures = Vec::new();
        for candidate in target.candidates() {
            let attempt = timeout(candidate.connect_timeout, connect_one(&candidate, options));
            match attempt.await.unwrap_or_else(|_| Err(ConnectError::timed_out(&candidate))) {
                Ok(session) => return Ok(session),
                Err(error) if error.is_denial() => return Err(error),
                Err(error) => failures.push(error),
            }
        }
        Err(ConnectError::everywhere(failures).unwrap_or_else(|| ConnectError::timed_out(target)))
    };
    timeout(target.connect_timeout, each)
        .await
        .unwrap_or_else(|_| Err(ConnectError::timed_out(target)))
}

async fn connect_one(target: &Target, options: &str) -> Result<Session, ConnectError> {
    let (client, connection) = sign_in(target, options).await?;
    let version = connection.parameter("server_version").unwrap_or_default().to_owned();
    if major(&version).is_some_and(|major| major < OLDEST_MAJOR) {
        return Err(ConnectError::too_old(target, &version));
    }
    // What ends the connection is told to whoever waits on the client, so the driver's own result
    // says nothing new.
    let driver = Driver(tokio::spawn(async move {
        let _ = connection.await;
    }));
    let session = Session { client, driver, version };
    if target.session != config::SessionAttrs::Any {
        must_fit(&session, target).await?;
    }
    Ok(session)
}

/// Asks whether the server is such a one as the target wants.
async fn must_fit(session: &Session, target: &Target) -> Result<(), ConnectError> {
    let asked = session.simple_query(STANDING).await;
    let rows = asked.map_err(|error| ConnectError::new(target, &error))?;
    let row = rows.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let standing: Vec<&str> =
        row.map(|row| (0..row.len()).filter_map(|at| row.get(at)).collect()).unwrap_or_default();
    target.misfit(&standing, false).map_or(Ok(()), |why| Err(ConnectError::misfit(target, why)))
}

async fn sign_in(
    target: &Target,
    options: &str,
) -> Result<(Client, Connection<Channel, Channel>), ConnectError> {
    let Opened { stream, privacy, .. } =
        dial::open(target).await.map_err(|error| ConnectError::of_dial(target, error))?;
    let mut config = Config::new();
    config
        .host(&target.host)
        .port(target.port)
        .dbname(&target.database)
        .user(&target.user)
        .application_name(&target.application_name)
        // It is open: the client is to take it as it is, and to ask it what a sign-in is bound to.
        .ssl_mode(SslMode::Require)
        .ssl_negotiation(SslNegotiation::Direct)
        .channel_binding(match target.tls.channel_binding() {
            config::ChannelBinding::Disable => ChannelBinding::Disable,
            config::ChannelBinding::Prefer => ChannelBinding::Prefer,
            config::ChannelBinding::Require => ChannelBinding::Require,
        });
    if !options.is_empty() {
        config.options(options);
    }
    if let Some(password) = &target.password {
        config.password(password.expose());
    }
    let channel = Channel::new(stream, privacy, target.tls.tells_passwords(&target.host));
    config.connect_raw(channel, AsItIs).await.map_err(|error| ConnectError::new(target, &error))
}

/// The major version in `15.18 (Debian …)`, `16beta1` or `9.6.24`.
pub fn major(version: &str) -> Option<u32> {
    let digits = version.bytes().take_while(u8::is_ascii_digit).count();
    version[..digits].parse().ok()
}
