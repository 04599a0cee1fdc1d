//! What is shown of what happens: log lines.
//!
//! Owns the choice of words and levels for each [`Event`], and the format: text for a person at a
//! terminal, a JSON object a line otherwise. Does not own what happens (`event`).

mod line;
mod sink;

use crate::{
    config::{Format, Level, Log},
    event::{Event, Observer},
};
use sink::Sink;
use std::{
    collections::HashMap,
    io::IsTerminal,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::{Duration, Instant, SystemTime},
};
use tracing::{debug, error, info, subscriber::set_global_default, warn};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;

/// The log of this process.
static LOG: OnceLock<Started> = OnceLock::new();

/// A log that was started.
struct Started {
    sink: Sink,
    /// Whether lines are JSON.
    json: bool,
    /// The least severe line that is written.
    level: Level,
}

/// Starts the log, on standard error. A second call in one process changes nothing.
pub fn start(log: &Log) {
    let level = match log.level {
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
        Level::Trace => LevelFilter::TRACE,
    };
    // What libraries have to say is not ours to vouch for: there may be a value in it.
    let filter = Targets::new().with_target("howdah", level);
    let terminal = std::io::stderr().is_terminal();
    // See https://no-color.org.
    let colour = terminal && std::env::var_os("NO_COLOR").is_none_or(|it| it.is_empty());
    let json = match log.format {
        Format::Auto => !terminal,
        Format::Text => false,
        Format::Json => true,
    };
    let mut first = false;
    let started = LOG.get_or_init(|| {
        first = true;
        Started { sink: Sink::start(std::io::stderr()), json, level: log.level }
    });
    if !first {
        return;
    }
    let builder = tracing_subscriber::fmt()
        .with_writer(started.sink.clone())
        .with_max_level(level)
        // They would be printed to standard error, which panics when it is that which is closed.
        .log_internal_errors(false)
        .with_target(false);
    // The one error is that there is a log already. Not `try_init`, which would also take in what
    // libraries say by way of the `log` crate: PostgreSQL's notices, for one.
    let _ = if json {
        let builder = builder.json().flatten_event(true).with_current_span(false);
        set_global_default(builder.finish().with(filter))
    } else {
        set_global_default(builder.with_ansi(colour).finish().with(filter))
    };
}

/// Waits until every line is written: at the end of the process, and before something is printed
/// that a person should read after them.
pub fn flush() {
    if let Some(started) = LOG.get() {
        started.sink.flush();
    }
}

/// How often the log repeats that a lane has no connection, while that lasts.
const REPEAT: Duration = Duration::from_secs(10);

/// Sends events to the log.
pub fn observer() -> Observer {
    let told = Mutex::new(HashMap::new());
    Arc::new(move |event| {
        if !is_repetition(event, &told) && !show_fast(event) {
            show(event);
        }
    })
}

/// Whether the log has said the same of this lane a moment ago: every connection of every thread
/// tries again several times a second.
fn is_repetition(event: &Event<'_>, told: &Mutex<HashMap<String, Instant>>) -> bool {
    let Event::Disconnected { lane, .. } = event else { return false };
    let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
    let now = Instant::now();
    match told.get(*lane) {
        Some(at) if now.duration_since(*at) < REPEAT => true,
        _ => {
            told.insert((*lane).to_owned(), now);
            false
        }
    }
}

/// Writes what is written for every request without the detour of the subscriber, when lines are
/// JSON; says whether there is nothing left to show.
fn show_fast(event: &Event<'_>) -> bool {
    if let Event::Began
    | Event::Ended
    | Event::Lane { .. }
    | Event::Cache { .. }
    | Event::Replayed = event
    {
        return true;
    }
    let (Event::Answered { status, .. }, Some(started)) = (event, LOG.get()) else { return false };
    let level = if *status >= 500 { Level::Warn } else { Level::Info };
    if level > started.level {
        return true;
    }
    if started.json {
        let now = SystemTime::now();
        started.sink.line(|out| {
            line::answered(event, now, out);
        });
    }
    started.json
}

fn show(event: &Event<'_>) {
    match event {
        Event::Listening { listener, address } => info!(listener, address, "listening"),
        Event::Answered {
            request_id,
            method,
            route,
            status,
            code,
            rows,
            duration,
            address,
            caller,
            ..
        } => {
            let address = address.map(tracing::field::display);
            let duration_us = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
            if *status >= 500 {
                warn!(
                    request_id,
                    method, route, status, code, rows, duration_us, address, caller, "answered"
                );
            } else {
                info!(
                    request_id,
                    method, route, status, code, rows, duration_us, address, caller, "answered"
                );
            }
        }
        Event::Streamed { request_id, route, end, reason, rows, bytes, duration } => {
            let duration_us = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
            let end = end.as_str();
            if reason.is_some() {
                warn!(request_id, route, end, reason, rows, bytes, duration_us, "streamed");
            } else {
                info!(request_id, route, end, rows, bytes, duration_us, "streamed");
            }
        }
        Event::Refused { request_id, endpoint, sqlstate } => {
            warn!(request_id, endpoint, sqlstate, "the database refused a statement");
        }
        Event::ToolFailed { request_id, reason } => warn!(request_id, reason, "a tool failed"),
        // For the metrics alone: they happen with every request.
        Event::Began
        | Event::Ended
        | Event::Lane { .. }
        | Event::Cache { .. }
        | Event::Replayed => {}
        Event::Connected { lane } => debug!(lane, "connected to the database"),
        Event::Disconnected { lane, reason, retry_in } => {
            let retry_in_ms = u64::try_from(retry_in.as_millis()).unwrap_or(u64::MAX);
            warn!(lane, reason, retry_in_ms, "no connection to the database");
        }
        Event::Reloaded { routes } => info!(routes, "reloaded"),
        Event::ReloadRefused { errors } => {
            error!(errors, "the service folder is wrong; the last good version keeps serving");
        }
        Event::KeysRead { keys } => info!(keys, "the API keys were read"),
        Event::KeysRefused { reason } => {
            error!(reason, "the API keys cannot be read; the last good ones go on");
        }
        Event::IssuerAnswered { issuer, keys } => info!(issuer, keys, "the issuer told its keys"),
        Event::IssuerAway { issuer, reason, retry_in } => {
            let retry_in_ms = u64::try_from(retry_in.as_millis()).unwrap_or(u64::MAX);
            warn!(issuer, reason, retry_in_ms, "the issuer did not tell its keys");
        }
        Event::Stopping { delay, deadline } => {
            let delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
            let deadline_ms = u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX);
            info!(delay_ms, deadline_ms, "stopping");
        }
        Event::Stopped { unfinished } => info!(unfinished, "stopped"),
        Event::CertificateChanged => info!("the certificate has changed"),
        Event::CertificateRefused { reason } => {
            warn!(reason, "the new certificate is refused, and the last one goes on");
        }
        Event::Credential { generation, login } => {
            info!(generation, login, "signs in by another credential");
        }
        Event::Rotation { step: step @ ("waits" | "refused" | "mended" | "stuck"), of, detail } => {
            warn!(of, step, detail, "rotation");
        }
        Event::Rotation { of, step, .. } => info!(of, step, "rotation"),
        Event::Leading { epoch } => info!(epoch, "this keeper leads"),
        Event::Warning { message } => warn!("{message}"),
    }
}
