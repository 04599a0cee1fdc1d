//! The closed list of things that happen.
//!
//! Owns what can be observed; logs and metrics (`observe`) choose what to show of it. No event
//! carries an argument, a row or a secret: there is no field to put one in.

use std::{net::IpAddr, time::Duration};

/// Something that happened, worth a line in the log or a number in the metrics.
#[derive(Clone, Debug)]
pub enum Event<'a> {
    /// A listener is open.
    Listening {
        /// `http` or `admin`.
        listener: &'static str,
        /// Where, as a person would type it.
        address: &'a str,
    },
    /// A request was answered.
    Answered {
        /// The request's id.
        request_id: &'a str,
        /// The method.
        method: &'a str,
        /// The route as it was declared, never the path that came; empty when there is none.
        route: &'a str,
        /// The status that was sent.
        status: u16,
        /// The problem's code, when it was one.
        code: Option<&'static str>,
        /// Rows in the answer.
        rows: u64,
        /// Bytes of its body.
        bytes: u64,
        /// From the request's head to the answer's.
        duration: Duration,
        /// The caller's address, where `log.addresses` wants it to be kept.
        address: Option<IpAddr>,
        /// Who the caller is, where `log.callers` wants it: the name of a key, a token's issuer and
        /// subject, or a certificate's name; on one line, and not long.
        caller: Option<&'a str>,
    },
    /// An answer that was streamed has ended, after its head was answered.
    Streamed {
        /// The request's id.
        request_id: &'a str,
        /// The route as it was declared.
        route: &'a str,
        /// How it ended.
        end: StreamEnd,
        /// Why it broke off: a word, or an SQLSTATE.
        reason: Option<&'a str>,
        /// Rows that were sent.
        rows: u64,
        /// Bytes that were sent, before any coding.
        bytes: u64,
        /// From the request's head to the end.
        duration: Duration,
    },
    /// PostgreSQL refused a statement of an endpoint.
    Refused {
        /// The request's id.
        request_id: &'a str,
        /// The endpoint's file.
        endpoint: &'a str,
        /// The SQLSTATE.
        sqlstate: &'a str,
    },
    /// A route without SQL failed for a reason that the caller is not told.
    ToolFailed {
        /// The request's id.
        request_id: &'a str,
        /// Why.
        reason: &'a str,
    },
    /// A request's head was read: it is in flight until [`Event::Ended`].
    Began,
    /// A request is in flight no more: its answer was taken, or its caller left.
    Ended,
    /// A lane did something with a request beside sending it.
    Lane {
        /// The lane.
        lane: &'a str,
        /// What it did.
        did: LaneAct,
    },
    /// An answer was given again, or was not, or will not be.
    Cache {
        /// Which.
        did: CacheAct,
    },
    /// The first answer to a write was given again.
    Replayed,
    /// A connection to the database is open.
    Connected {
        /// The lane.
        lane: &'a str,
    },
    /// A connection to the database was lost, or could not be opened.
    Disconnected {
        /// The lane.
        lane: &'a str,
        /// Why, without an address's credentials.
        reason: &'a str,
        /// When it is tried again.
        retry_in: Duration,
    },
    /// The service folder was read again.
    Reloaded {
        /// Endpoints and routes that are served now.
        routes: usize,
    },
    /// The service folder is wrong and the last good version goes on.
    ReloadRefused {
        /// How many errors stand in it.
        errors: usize,
    },
    /// A signal asked the process to end.
    Stopping {
        /// How long it serves on before.
        delay: Duration,
        /// How long what is in flight may take.
        deadline: Duration,
    },
    /// Nothing is left in flight, or the deadline has passed.
    Stopped {
        /// Requests that the deadline cut off.
        unfinished: usize,
    },
    /// Another certificate, or key, is used for connections from now on.
    CertificateChanged,
    /// The certificate's files have changed and cannot be used; the last good ones go on.
    CertificateRefused {
        /// Why, without a word of what is in them.
        reason: &'a str,
    },
    /// This keeper leads from now on.
    Leading {
        /// Which lead it is: each takeover counts up.
        epoch: i64,
    },
    /// The file of API keys was read.
    KeysRead {
        /// How many are in it.
        keys: usize,
    },
    /// The file of API keys is wrong, or cannot be read, and the last good one goes on.
    KeysRefused {
        /// Why, without a word of what is in it.
        reason: &'a str,
    },
    /// An issuer has told its keys.
    IssuerAnswered {
        /// What the manifest calls it.
        issuer: &'a str,
        /// How many of them can be used.
        keys: usize,
    },
    /// An issuer has not told its keys, and the last ones go on, where there are any.
    IssuerAway {
        /// What the manifest calls it.
        issuer: &'a str,
        /// Why.
        reason: &'a str,
        /// When it is asked again.
        retry_in: Duration,
    },
    /// The service signs in by another credential from now on.
    Credential {
        /// Its generation.
        generation: u64,
        /// The role that signs in.
        login: &'a str,
    },
    /// A rotation took a step, or does not get on.
    Rotation {
        /// Whose credential it is: `app` or `keeper`.
        of: &'static str,
        /// The step's name, or `waits`, `refused`, `mended`.
        step: &'static str,
        /// Why, or what.
        detail: &'a str,
    },
    /// Something in the configuration deserves a look.
    Warning {
        /// What, as a sentence.
        message: &'a str,
    },
}

/// What a lane can do with a request beside sending it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaneAct {
    /// Turned it away: as many waited as the queue holds, or the queue stood.
    Shed,
    /// Let it wait for a database that is away.
    Parked,
    /// Sent it once more on another connection, for it waited behind a slow statement.
    Rescued,
    /// Answered it with the execution of an identical request.
    Coalesced,
    /// Answered it together with others of its endpoint, by one execution.
    Batched,
}

/// What happens to answers that are given again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheAct {
    /// One was given again.
    Hit,
    /// There was none.
    Miss,
    /// A notification has ended some.
    Invalidated,
}

/// How a streamed answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamEnd {
    /// All of it was sent.
    Complete,
    /// It broke off, and so did the connection.
    Aborted,
    /// Its caller went away.
    Left,
}

impl StreamEnd {
    /// As it is logged.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Aborted => "aborted",
            Self::Left => "left",
        }
    }
}

/// Where events go.
pub type Observer = std::sync::Arc<dyn Fn(&Event<'_>) + Send + Sync>;
