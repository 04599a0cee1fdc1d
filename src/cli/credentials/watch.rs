//! What the keeper says of a rotation, for a person: a line for each phase, and how it stands.

use crate::{
    cli::{Exit, show},
    diagnostic::Diagnostics,
};
use serde_json::Value;
use std::{fmt::Write, time::Duration};

/// How often the keeper is asked.
const PERIOD: Duration = Duration::from_millis(200);
/// How often in a row the keeper may fail to answer: another one takes over within seconds.
const PATIENCE: u32 = 150;

/// Prints a line for each phase of `generation` until it is over.
pub(super) fn until_done(
    ask: &dyn Fn() -> Result<Value, Diagnostics>,
    generation: u64,
) -> Result<Exit, Diagnostics> {
    let mut printed = 0;
    let mut waits_for = String::new();
    let mut failures = 0;
    loop {
        let status = match ask() {
            Ok(status) => status,
            Err(_) if failures < PATIENCE => {
                failures += 1;
                std::thread::sleep(PERIOD);
                continue;
            }
            Err(found) => return Err(found),
        };
        failures = 0;
        let is_ours = status["highest"].as_u64() == Some(generation);
        if is_ours {
            let steps = status["steps"].as_array().map(Vec::as_slice).unwrap_or_default();
            for step in steps.iter().skip(printed) {
                show::print(format_args!("{}", line(step, &status)));
            }
            printed = steps.len().max(printed);
        }
        let is_over = status["phase"] == "idle" || !is_ours;
        let reason = status["reason"].as_str().unwrap_or_default();
        if is_over {
            let stands = status["current"]["generation"].as_u64().unwrap_or_default();
            if stands >= generation {
                return Ok(Exit::Success);
            }
            show::complain!("{}", if reason.is_empty() { "it was given up" } else { reason });
            return Ok(Exit::Failure);
        }
        if !reason.is_empty() && reason != waits_for {
            reason.clone_into(&mut waits_for);
            show::print(format_args!("  waits for: {waits_for}\n"));
        }
        std::thread::sleep(PERIOD);
    }
}

fn line(step: &Value, status: &Value) -> String {
    let text = |name: &str| step[name].as_str().unwrap_or_default().to_owned();
    let after = step["after_ms"].as_i64().map_or_else(String::new, |ms| format!("+{ms} ms"));
    let name = text("step");
    let login = status["current"]["login"].as_str().unwrap_or_default();
    let words = match name.as_str() {
        "applied" => format!("`{login}` has a new password"),
        "verified" => "it works on every endpoint".to_owned(),
        "published" => "every sink has it".to_owned(),
        "adopted" => "every service runs on it".to_owned(),
        "overlap" => "old sessions have time to end".to_owned(),
        "retired" => "the old login cannot sign in".to_owned(),
        "idle" => "the last old session is gone".to_owned(),
        "returned" => "going back to the password before".to_owned(),
        _ => String::new(),
    };
    let generation = step["generation"].as_u64().unwrap_or_default();
    format!("generation {generation:<6} {name:<10} {after:>10}  {words}\n")
}

/// How it stands, in lines for a person: the application's, and then the keeper's own.
pub(super) fn in_words(status: &Value) -> String {
    let own = &status["keeper"];
    if own["current"].is_null() {
        let why = own["reason"].as_str().unwrap_or_default();
        return format!("{}\n{:<12} {why}\n", one_in_words(status), "keeper");
    }
    format!("{}\nthe keeper's own\n{}", one_in_words(status), one_in_words(own))
}

fn one_in_words(status: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let mut out = String::new();
    let mut row = |name: &str, value: &str| {
        // Writing into a String does not fail.
        let _ = writeln!(out, "{name:<12} {value}");
    };
    row("generation", &status["current"]["generation"].to_string());
    row("login", &text(&status["current"]["login"]));
    row("phase", &text(&status["phase"]));
    let age = Duration::from_secs(status["age_s"].as_u64().unwrap_or_default());
    row("age", &humantime::format_duration(age).to_string());
    row("due", &text(&status["due_at"]));
    if status["adopted"] == false {
        row("", "the application is not taken over yet: `howdah credentials adopt`");
    }
    if let Some(what) = status["trouble"]["what"].as_str() {
        let since = text(&status["trouble"]["since"]);
        row("TROUBLE", &format!("{what}; since {since}, and the keeper cannot mend it"));
    }
    if let Some(reason) = status["reason"].as_str() {
        row("note", reason);
    }
    for sink in status["sinks"].as_array().into_iter().flatten() {
        row("sink", &text(sink));
    }
    for session in status["sessions"].as_array().into_iter().flatten() {
        let generation = session["generation"]
            .as_u64()
            .map_or_else(|| "unknown".to_owned(), |it| it.to_string());
        let line = format!(
            "{} × {} as {} from {}, generation {generation}",
            session["count"],
            text(&session["application"]),
            text(&session["login"]),
            text(&session["address"]),
        );
        row("sessions", &line);
    }
    out
}
