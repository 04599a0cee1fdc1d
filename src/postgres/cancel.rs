//! Asking the server to stop what a connection is running.

use super::{
    dial::{DialError, Opened},
    wire::{BackendKey, Peer},
};
use bytes::BytesMut;
use postgres_protocol::message::frontend;
use std::{io, time::Duration};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// How long a cancel request may take.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Sends a cancel request and waits until the server has taken it, which it shows by hanging up.
/// What the backend runs *then* is cancelled: the caller must expect that it hits the statement
/// after the one that was meant (PostgreSQL documentation, "Canceling Requests in Progress").
/// `is_wanted` is asked at the last moment. The request is as private as the connection was.
///
/// # Errors
/// When the server could not be reached.
pub async fn cancel(
    peer: &Peer,
    key: BackendKey,
    is_wanted: impl FnOnce() -> bool,
) -> io::Result<()> {
    let request = async {
        let Opened { mut stream, .. } = peer.dial().await.map_err(|error| match error {
            DialError::Io(error) => error,
            DialError::Tls(fault) => io::Error::other(fault.to_string()),
        })?;
        if !is_wanted() {
            return Ok(());
        }
        let mut out = BytesMut::new();
        frontend::cancel_request(key.process_id, key.secret_key, &mut out);
        stream.write_all(&out).await?;
        stream.flush().await?;
        let mut end = [0; 1];
        stream.read(&mut end).await.map(drop)
    };
    tokio::time::timeout(TIMEOUT, request).await.unwrap_or(Err(io::ErrorKind::TimedOut.into()))
}
