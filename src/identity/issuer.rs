//! Keeping one issuer's keys new.

use super::{
    LOOK_EVERY,
    ask::{self, Asker},
    file::{self, Followed},
};
use crate::{
    access::{Issuer, keyset::KeySet},
    config::KeySource,
    event::{Event, Observer},
};
use std::{path::Path, time::Duration};
use tokio::time::{Instant, sleep, sleep_until};
use zeroize::Zeroizing;

/// The first wait after an issuer did not answer.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest wait after an issuer did not answer.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// Reads an issuer's keys from their file.
///
/// # Errors
/// Why they cannot be had; the old ones go on.
pub(super) fn read(issuer: &Issuer, path: &Path) -> Result<usize, String> {
    let bytes = Zeroizing::new(file::read(path)?);
    let keys = match issuer.settings.keys {
        KeySource::Secret(_) => {
            // The newline that an editor puts at the end is no part of a secret.
            let secret = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
            KeySet::secret(secret.strip_suffix(b"\r").unwrap_or(secret))?
        }
        _ => KeySet::parse(&bytes)?,
    };
    let count = keys.len();
    issuer.ends(Some(keys));
    Ok(count)
}

/// Keeps the keys of `issuer` new for ever.
pub(super) async fn follow(issuer: &Issuer, observer: &Observer) {
    match &issuer.settings.keys {
        KeySource::File(path) | KeySource::Secret(path) => {
            follow_file(issuer, path, observer).await;
        }
        KeySource::Discovery | KeySource::Url(_) => follow_server(issuer, observer).await,
    }
}

async fn follow_file(issuer: &Issuer, path: &Path, observer: &Observer) {
    let mut followed = Followed::new(path);
    loop {
        tokio::select! {
            () = sleep(LOOK_EVERY) => {}
            // A token names a key that is not in the file: perhaps it is by now.
            () = issuer.wanted() => {}
        }
        issuer.begins();
        if !followed.has_changed() {
            issuer.ends(None);
            continue;
        }
        match read(issuer, path) {
            Ok(keys) => observer(&Event::IssuerAnswered { issuer: issuer.name.as_str(), keys }),
            Err(reason) => {
                issuer.ends(None);
                away(issuer, &reason, LOOK_EVERY, observer);
            }
        }
    }
}

async fn follow_server(issuer: &Issuer, observer: &Observer) {
    let settings = &issuer.settings;
    let mut asker: Option<Asker> = None;
    let mut failures = 0_u32;
    loop {
        issuer.begins();
        let began = Instant::now();
        let outcome = ask_once(&mut asker, issuer).await;
        let wait = match outcome {
            Ok((keys, fresh_for)) => {
                failures = 0;
                let count = keys.len();
                issuer.ends(Some(keys));
                observer(&Event::IssuerAnswered { issuer: issuer.name.as_str(), keys: count });
                fresh_for
            }
            Err(reason) => {
                issuer.ends(None);
                let wait = backoff(failures);
                failures = failures.saturating_add(1);
                away(issuer, &reason, wait, observer);
                wait
            }
        };
        tokio::select! {
            () = sleep(wait) => {}
            () = issuer.wanted() => sleep_until(began + settings.pause.min(LONGEST_WAIT)).await,
        }
    }
}

async fn ask_once(
    asker: &mut Option<Asker>,
    issuer: &Issuer,
) -> Result<(KeySet, Duration), String> {
    let asker = match asker {
        Some(asker) => asker,
        None => asker.insert(Asker::new()?),
    };
    let asked = ask::keys(asker, &issuer.settings);
    tokio::time::timeout(issuer.settings.timeout, asked)
        .await
        .unwrap_or_else(|_| Err("it did not answer in time".to_owned()))
}

/// Doubles from a second to a minute; up to a quarter is left to chance, so that many services do
/// not ask at once.
fn backoff(failures: u32) -> Duration {
    let wait = FIRST_WAIT.saturating_mul(1 << failures.min(6)).min(LONGEST_WAIT);
    wait.mul_f64(0.75 + fastrand::f64() / 4.0)
}

fn away(issuer: &Issuer, reason: &str, retry_in: Duration, observer: &Observer) {
    observer(&Event::IssuerAway { issuer: issuer.name.as_str(), reason, retry_in });
}
