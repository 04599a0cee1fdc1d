//! Where the database is and who signs in.

use super::tls::Tls;
use crate::{config::SessionAttrs, secret::Secret};
use std::{borrow::Cow, sync::Arc, time::Duration};

/// Where the database is, and as whom to sign in.
#[derive(Clone)]
pub struct Target {
    /// A host name or address; a path that begins with `/` is a folder with a unix socket.
    pub host: String,
    /// The port, also part of the socket's name.
    pub port: u16,
    /// More hosts and their ports, which are tried after the first.
    pub also: Vec<(String, u16)>,
    /// The server itself, where the hosts are a pooler in transaction mode, with more of them in their
    /// order; empty where the hosts are the server.
    pub direct: Vec<(String, u16)>,
    /// Which of them will do.
    pub session: SessionAttrs,
    /// Whether they are tried in a new order each time.
    pub shuffles: bool,
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

/// What to ask a server to know whether it will do, in text: whether it is a standby, and whether its
/// transactions are read-only by default.
pub(super) const STANDING: &str = "SELECT pg_catalog.pg_is_in_recovery()::text, \
     pg_catalog.current_setting('default_transaction_read_only')";

impl Target {
    /// The same on this host alone, which will do whatever it is.
    #[must_use]
    pub fn at(&self, host: &str, port: u16) -> Self {
        let (host, session) = (host.to_owned(), SessionAttrs::Any);
        Self { host, port, also: Vec::new(), direct: Vec::new(), session, ..self.clone() }
    }

    /// Whether there is a pooler in transaction mode between.
    pub fn is_pooled(&self) -> bool {
        !self.direct.is_empty()
    }

    /// The server itself, for what needs a session of its own.
    pub fn around_pooler(&self) -> Cow<'_, Self> {
        let Some(((host, port), also)) = self.direct.split_first() else {
            return Cow::Borrowed(self);
        };
        let session = if also.is_empty() { SessionAttrs::Any } else { SessionAttrs::ReadWrite };
        Cow::Owned(Self { also: also.to_vec(), session, ..self.at(host, *port) })
    }

    /// Each host by itself, in the order in which they are to be tried, with its share of the time and
    /// with what it must be. A target of one host is that itself.
    pub(super) fn candidates(&self) -> Vec<Self> {
        let mut hosts = vec![(&self.host, self.port)];
        hosts.extend(self.also.iter().map(|(host, port)| (host, *port)));
        if self.shuffles {
            fastrand::shuffle(&mut hosts);
        }
        let connect_timeout = self.connect_timeout / u32::try_from(hosts.len()).unwrap_or(u32::MAX);
        let each = |session| {
            hosts.iter().map(move |(host, port)| Self {
                session,
                connect_timeout,
                ..self.at(host, *port)
            })
        };
        match self.session {
            SessionAttrs::PreferStandby if hosts.len() == 1 => each(SessionAttrs::Any).collect(),
            SessionAttrs::PreferStandby => {
                each(SessionAttrs::Standby).chain(each(SessionAttrs::Any)).collect()
            }
            session => each(session).collect(),
        }
    }

    /// Why a server of this standing (see [`STANDING`]) will not do, when it will not. `reads` is whether
    /// the session itself asked for read-only transactions, so that the second word says nothing.
    pub(super) fn misfit(&self, standing: &[&str], reads: bool) -> Option<&'static str> {
        let is = |at: usize, word: &str| standing.get(at).is_some_and(|it| *it == word);
        let standby = is(0, "true");
        let read_only = standby || (!reads && is(1, "on"));
        match self.session {
            SessionAttrs::ReadWrite if read_only => Some("it takes no writes"),
            SessionAttrs::ReadOnly if !read_only => Some("it takes writes"),
            SessionAttrs::Primary if standby => Some("it is a standby"),
            SessionAttrs::Standby if !standby => Some("it is no standby"),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(session: SessionAttrs) -> Target {
        Target {
            host: "a".to_owned(),
            port: 1,
            also: vec![("b".to_owned(), 2)],
            direct: Vec::new(),
            session,
            shuffles: false,
            database: "d".to_owned(),
            user: "u".to_owned(),
            password: None,
            connect_timeout: Duration::from_secs(4),
            application_name: String::new(),
            tls: Arc::default(),
        }
    }

    #[test]
    fn hosts_are_tried_in_their_order_with_their_share_of_the_time() {
        let tried = |session| {
            let all = target(session).candidates();
            assert!(all.iter().all(|it| it.connect_timeout == Duration::from_secs(2)));
            assert!(all.iter().all(|it| it.also.is_empty()));
            all.into_iter().map(|it| (it.host, it.port, it.session)).collect::<Vec<_>>()
        };
        let pair = |session| [("a".to_owned(), 1, session), ("b".to_owned(), 2, session)];
        assert_eq!(tried(SessionAttrs::Primary), pair(SessionAttrs::Primary));
        assert_eq!(
            tried(SessionAttrs::PreferStandby),
            [pair(SessionAttrs::Standby), pair(SessionAttrs::Any)].concat()
        );
        let shuffled = Target { shuffles: true, ..target(SessionAttrs::Any) };
        let firsts = (0..200).map(|_| shuffled.candidates()[0].port);
        assert_eq!(firsts.collect::<std::collections::BTreeSet<_>>().len(), 2);
    }

    #[test]
    fn a_pooler_is_gone_around() {
        let plain = target(SessionAttrs::ReadWrite);
        assert!(!plain.is_pooled() && plain.around_pooler().host == "a");
        let around = |direct: &[(&str, u16)]| {
            let direct = direct.iter().map(|(host, port)| ((*host).to_owned(), *port)).collect();
            let pooled = Target { direct, ..target(SessionAttrs::Any) };
            assert!(pooled.is_pooled());
            let it = pooled.around_pooler().into_owned();
            assert!(!it.is_pooled());
            (it.host, it.port, it.also.len(), it.session)
        };
        assert_eq!(around(&[("s", 5)]), ("s".to_owned(), 5, 0, SessionAttrs::Any));
        let several = around(&[("s", 5), ("t", 6)]);
        assert_eq!(several, ("s".to_owned(), 5, 1, SessionAttrs::ReadWrite));
    }

    #[test]
    fn a_server_does_or_does_not() {
        let (primary, standby) = (["false", "off"], ["true", "off"]);
        let frozen = ["false", "on"];
        for (session, expected) in [
            (SessionAttrs::Any, [true, true, true]),
            (SessionAttrs::ReadWrite, [true, false, false]),
            (SessionAttrs::ReadOnly, [false, true, true]),
            (SessionAttrs::Primary, [true, false, true]),
            (SessionAttrs::Standby, [false, true, false]),
        ] {
            let does = |standing: &[&str]| target(session).misfit(standing, false).is_none();
            assert_eq!([does(&primary), does(&standby), does(&frozen)], expected, "{session:?}");
        }
        // Whose transactions are read-only because they were asked to be.
        assert_eq!(target(SessionAttrs::ReadWrite).misfit(&frozen, true), None);
    }
}
