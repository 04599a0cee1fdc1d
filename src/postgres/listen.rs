//! A connection that listens for notifications (PostgreSQL documentation, "Asynchronous Notification").
//!
//! Owns hearing them, and noticing that nothing can be heard any more. Does not own what they mean.

use super::{Target, wire};
use crate::config::SessionAttrs;
use bytes::BytesMut;
use postgres_protocol::message::{backend::Message, frontend};
use std::{borrow::Cow, io, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

/// How long it may be quiet before the server is asked whether it is there.
const QUIET: Duration = Duration::from_secs(2);
/// How long it may take to say so.
const ANSWER: Duration = Duration::from_secs(2);

/// A connection that listens.
pub struct Listener {
    stream: Box<dyn wire::Stream>,
    unread: BytesMut,
    /// Whether the server owes the end of an answer.
    asked: bool,
}

/// What was heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A notification on the channel of this name.
    Notified(String),
    /// The server has answered.
    Answered,
}

impl Listener {
    /// Connects to a server that takes writes, for those notify, and listens on `channels` from then on.
    ///
    /// # Errors
    /// Why it does not.
    pub async fn open(target: &Target, channels: &[String]) -> Result<Self, wire::ConnectError> {
        let wire = wire::connect(&notifying(&target.around_pooler()), &[]).await?;
        let mut listener = Self { stream: wire.stream, unread: wire.unread, asked: false };
        let listen: Vec<String> = channels
            .iter()
            .map(|name| format!("LISTEN \"{}\"", name.replace('"', "\"\"")))
            .collect();
        listener.ask(&listen.join("; ")).await?;
        // What is notified meanwhile is from before anything was kept.
        while listener.asked {
            match timeout(target.connect_timeout, listener.hear()).await {
                Ok(heard) => drop(heard?),
                Err(_) => return Err(wire::ConnectError::TimedOut),
            }
        }
        Ok(listener)
    }

    /// The channel of the next notification.
    ///
    /// # Errors
    /// Nothing can be heard any more: the connection is gone, or the server does not answer.
    pub async fn next(&mut self) -> io::Result<String> {
        loop {
            let patience = if self.asked { ANSWER } else { QUIET };
            match timeout(patience, self.hear()).await {
                Ok(Ok(Heard::Notified(channel))) => return Ok(channel),
                Ok(Ok(Heard::Answered)) => {}
                Ok(Err(error)) => return Err(error),
                Err(_) if self.asked => return Err(io::ErrorKind::TimedOut.into()),
                Err(_) => self.ask("SELECT").await?,
            }
        }
    }

    async fn ask(&mut self, sql: &str) -> io::Result<()> {
        let mut out = BytesMut::new();
        frontend::query(sql, &mut out)?;
        self.asked = true;
        let sent = async {
            self.stream.write_all(&out).await?;
            self.stream.flush().await
        };
        match timeout(ANSWER, sent).await {
            Ok(written) => written,
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    /// Reads on; nothing is lost when it is given up in between.
    async fn hear(&mut self) -> io::Result<Heard> {
        loop {
            while let Some(message) = Message::parse(&mut self.unread)? {
                match message {
                    Message::NotificationResponse(body) => {
                        return Ok(Heard::Notified(body.channel()?.to_owned()));
                    }
                    Message::ReadyForQuery(_) => {
                        self.asked = false;
                        return Ok(Heard::Answered);
                    }
                    Message::ErrorResponse(_) => {
                        return Err(io::Error::other("the server refuses to be listened to"));
                    }
                    _ => {}
                }
            }
            if self.stream.read_buf(&mut self.unread).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

/// The target, of several hosts the one that takes writes. A single one is listened to whatever it is: a
/// standby refuses LISTEN.
fn notifying(target: &Target) -> Cow<'_, Target> {
    let fits = matches!(target.session, SessionAttrs::ReadWrite | SessionAttrs::Primary);
    if fits || target.also.is_empty() {
        return Cow::Borrowed(target);
    }
    Cow::Owned(Target { session: SessionAttrs::ReadWrite, ..target.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn of_several_hosts_the_one_that_takes_writes_is_listened_to() {
        let target = |session, also: &[&str]| Target {
            host: "a".to_owned(),
            port: 1,
            also: also.iter().map(|it| ((*it).to_owned(), 2)).collect(),
            direct: Vec::new(),
            session,
            shuffles: false,
            database: String::new(),
            user: String::new(),
            password: None,
            connect_timeout: Duration::from_secs(1),
            application_name: String::new(),
            tls: Arc::default(),
        };
        let chosen = |session, also: &[&str]| notifying(&target(session, also)).session;
        assert_eq!(chosen(SessionAttrs::Any, &[]), SessionAttrs::Any);
        assert_eq!(chosen(SessionAttrs::Primary, &["b"]), SessionAttrs::Primary);
        for session in [SessionAttrs::Any, SessionAttrs::PreferStandby, SessionAttrs::Standby] {
            assert_eq!(chosen(session, &["b"]), SessionAttrs::ReadWrite);
        }
    }
}
