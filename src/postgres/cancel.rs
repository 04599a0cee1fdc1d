//! Asking the server to stop what a connection is running.

use super::{Target, wire};
use bytes::BytesMut;
use postgres_protocol::message::frontend;
use std::{io, time::Duration};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// How long a cancel request may take; past it the statement's own timeout is what is left.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Sends a cancel request and waits until the server has taken it, which it shows by hanging up.
/// What the backend runs *then* is cancelled: the caller must expect that it hits the statement
/// after the one that was meant (PostgreSQL documentation, "Canceling Requests in Progress").
///
/// # Errors
/// When the server could not be reached.
pub async fn cancel(target: &Target, key: wire::BackendKey) -> io::Result<()> {
    let request = async {
        let mut stream = wire::open(target).await?;
        let mut out = BytesMut::new();
        frontend::cancel_request(key.process_id, key.secret_key, &mut out);
        stream.write_all(&out).await?;
        let mut end = [0; 1];
        stream.read(&mut end).await.map(drop)
    };
    tokio::time::timeout(TIMEOUT, request).await.unwrap_or(Err(io::ErrorKind::TimedOut.into()))
}
