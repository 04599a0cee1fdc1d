//! What is shown of what happens: log lines.
//!
//! Owns the choice of words and levels for each [`Event`], and the format: text for a person at a
//! terminal, a JSON object a line otherwise. Does not own what happens (`event`).

use crate::{
    config::{Format, Level, Log},
    event::{Event, Observer},
};
use std::{
    collections::HashMap,
    io::IsTerminal,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tracing::{debug, error, info, subscriber::set_global_default, warn};
use tracing_subscriber::EnvFilter;

/// Starts the log, on standard error. A second call in one process changes nothing.
pub fn start(log: &Log) {
    let level = match log.level {
        Level::Error => "error",
        Level::Warn => "warn",
        Level::Info => "info",
        Level::Debug => "debug",
        Level::Trace => "trace",
    };
    // What libraries have to say is not ours to vouch for: there may be a value in it.
    let filter = EnvFilter::new(format!("howdah={level}"));
    let terminal = std::io::stderr().is_terminal();
    // See https://no-color.org.
    let colour = terminal && std::env::var_os("NO_COLOR").is_none_or(|it| it.is_empty());
    let text = match log.format {
        Format::Auto => terminal,
        Format::Text => true,
        Format::Json => false,
    };
    let builder = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(filter)
        // They would be printed to standard error, which panics when it is that which is closed.
        .log_internal_errors(false)
        .with_target(false);
    // The one error is that a log has been started already. Not `try_init`, which would also take in
    // what libraries say by way of the `log` crate: PostgreSQL's notices, for one.
    let _ = if text {
        set_global_default(builder.with_ansi(colour).finish())
    } else {
        set_global_default(builder.json().flatten_event(true).with_current_span(false).finish())
    };
}

/// How often the log repeats that a lane has no connection, while that lasts.
const REPEAT: Duration = Duration::from_secs(10);

/// Sends events to the log.
pub fn observer() -> Observer {
    let told = Mutex::new(HashMap::new());
    Arc::new(move |event| {
        if !is_repetition(event, &told) {
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

fn show(event: &Event<'_>) {
    match event {
        Event::Listening { listener, address } => info!(listener, address, "listening"),
        Event::Answered { request_id, method, route, status, code, rows, duration } => {
            let duration_us = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
            if *status >= 500 {
                warn!(request_id, method, route, status, code, rows, duration_us, "answered");
            } else {
                info!(request_id, method, route, status, code, rows, duration_us, "answered");
            }
        }
        Event::Refused { request_id, endpoint, sqlstate } => {
            warn!(request_id, endpoint, sqlstate, "the database refused a statement");
        }
        Event::ToolFailed { request_id, reason } => warn!(request_id, reason, "a tool failed"),
        Event::Connected { lane } => debug!(lane, "connected to the database"),
        Event::Disconnected { lane, reason, retry_in } => {
            let retry_in_ms = u64::try_from(retry_in.as_millis()).unwrap_or(u64::MAX);
            warn!(lane, reason, retry_in_ms, "no connection to the database");
        }
        Event::Reloaded { routes } => info!(routes, "reloaded"),
        Event::ReloadRefused { errors } => {
            error!(errors, "the service folder is wrong; the last good version keeps serving");
        }
        Event::Stopping { deadline } => {
            info!(
                deadline_ms = u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX),
                "stopping"
            );
        }
        Event::Stopped { unfinished } => info!(unfinished, "stopped"),
        Event::Warning { message } => warn!("{message}"),
    }
}
