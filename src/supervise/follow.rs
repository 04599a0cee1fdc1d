//! Following the credential that the keeper publishes.
//!
//! The file is read four times a second: that costs nothing beside a request, and works where a
//! notification would not come, as with symlinks that are swapped and on shared mounts
//! (docs/decisions/0191). A new credential is proved by signing in before it is used; until then the
//! one before serves on.

use super::Supervisor;
use crate::{
    credential::Credential,
    event::{Event, Observer},
    http::response::{Answer, JSON},
    postgres::{Target, session},
    startup,
};
use serde_json::json;
use std::{cell::RefCell, convert::Infallible, path::Path, rc::Rc, sync::Arc, time::Duration};
use tokio::time::Instant;
use zeroize::Zeroizing;

/// How often the file is read.
const PERIOD: Duration = Duration::from_millis(250);
/// The first wait after a credential that does not work.
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// The longest wait after one.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// What the service runs on, for operators: the generation and the login.
pub type Shown = Rc<RefCell<Option<(u64, String)>>>;

/// Hangs the page `/credential` on the operators' listener; gives what it shows.
pub fn publish(supervisor: &Supervisor, current: Option<&Credential>) -> Shown {
    let shown: Shown = Rc::default();
    shown.replace(current.map(|it| (it.generation, it.user.clone())));
    let page = Rc::clone(&shown);
    supervisor.publish(
        "/credential",
        Box::new(move || {
            let body = match &*page.borrow() {
                Some((generation, login)) => json!({ "generation": generation, "login": login }),
                None => json!({ "generation": null }),
            };
            Box::pin(async move { Answer::ok(JSON, body.to_string()) })
        }),
    );
    shown
}

/// Follows the credential at `path` for as long as the service runs. `place` is the target without
/// one, `current` what the service runs on.
pub async fn follow(
    path: &Path,
    place: &Target,
    mut current: Option<Credential>,
    shown: &Shown,
    supervisor: &Supervisor,
    observer: &Observer,
) -> Infallible {
    let mut read: Zeroizing<Vec<u8>> = Zeroizing::default();
    let mut wait = FIRST_WAIT;
    let mut next_try = Instant::now();
    let mut is_wanted = false;
    let mut told = String::new();
    loop {
        tokio::time::sleep(PERIOD).await;
        let problem = match startup::credential_bytes(path) {
            // While there is none, what serves serves on.
            Ok(None) => None,
            Ok(Some(bytes)) => {
                if *bytes != *read {
                    read = bytes;
                    (is_wanted, wait, next_try) = (true, FIRST_WAIT, Instant::now());
                    told.clear();
                }
                if !is_wanted || Instant::now() < next_try {
                    continue;
                }
                match take(&read, place, current.as_ref(), supervisor).await {
                    Ok(Some(credential)) => {
                        let generation = credential.generation;
                        observer(&Event::Credential { generation, login: &credential.user });
                        shown.replace(Some((generation, credential.user.clone())));
                        current = Some(credential);
                        is_wanted = false;
                        None
                    }
                    Ok(None) => {
                        is_wanted = false;
                        None
                    }
                    Err(why) => {
                        next_try = Instant::now() + wait.mul_f64(0.5 + 0.5 * fastrand::f64());
                        wait = (wait * 2).min(LONGEST_WAIT);
                        Some(why)
                    }
                }
            }
            Err(error) => Some(format!("the credential cannot be read: {error}")),
        };
        if let Some(why) = problem
            && why != told
        {
            observer(&Event::Warning {
                message: &format!("the service keeps its credential: {why}"),
            });
            told = why;
        }
    }
}

/// Proves the credential in `bytes` and has the service use it; nothing when it does already.
async fn take(
    bytes: &[u8],
    place: &Target,
    current: Option<&Credential>,
    supervisor: &Supervisor,
) -> Result<Option<Credential>, String> {
    let credential = Credential::parse(bytes).map_err(str::to_owned)?;
    if current == Some(&credential) {
        return Ok(None);
    }
    let target = startup::with_credential(place, &credential);
    let session = session::connect_through(&target).await.map_err(|error| {
        let diagnostic = crate::diagnostic::Diagnostic::from(error);
        format!("generation {}: {}", credential.generation, diagnostic.message())
    })?;
    session.close().await;
    supervisor.renew(&Arc::new(target));
    Ok(Some(credential))
}
