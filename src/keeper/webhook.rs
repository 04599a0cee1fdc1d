//! Telling a receiver what happens: entries of the audit trail, as signed messages.
//!
//! The trail is the queue: what was told is a number in the database, moved on when the receiver took
//! the message, so that each is delivered at least once, in order, across restarts, and nothing waits
//! in memory. Nobody waits for it: a receiver that is down holds up its own messages alone.

mod message;

use super::{Desk, Lead, Room, SignedIn};
use crate::{
    audit::inbox,
    config::Webhook,
    diagnostic::{Code, Diagnostic},
    event::Event,
    http::api::Later,
    outbound::{self, Endpoint},
    postgres::session::Session,
    secret::Secret,
    startup,
};
use message::{Message, Secrets};
use serde_json::{Map, json};
use std::{
    rc::Rc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::time::Instant;
use tokio_postgres::Error;

/// How often the trail is looked into for more.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// The first wait after a message that was not taken; each further one is twice as long.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest.
const LONGEST_WAIT: Duration = Duration::from_mins(5);
/// Leaves that are read at once.
const BATCH: i64 = 100;

/// Begins where the trail ends, the first time.
const BEGIN: &str = "INSERT INTO howdah.webhook (next_leaf) SELECT size FROM howdah.audit_sequencer \
                     ON CONFLICT DO NOTHING";
/// The leaves that are next, and for how many seconds the first was tried already.
const READ: &str = "SELECT l.leaf, l.body, coalesce(extract(epoch FROM clock_timestamp() - w.since), 0)::float8 \
                    FROM howdah.webhook w JOIN howdah.audit_leaf l ON l.leaf >= w.next_leaf \
                    ORDER BY l.leaf LIMIT $1";
const TRY: &str = "UPDATE howdah.webhook SET since = coalesce(since, clock_timestamp())";
const MOVE_ON: &str = "UPDATE howdah.webhook SET next_leaf = $1, since = NULL";

/// The room of the webhook.
struct Teller {
    settings: Webhook,
    endpoint: Endpoint,
    client: reqwest::Client,
}

/// The room, where the manifest names a receiver.
///
/// # Errors
/// When the receiver may not be asked, or the secret cannot be read.
pub(super) fn open(desk: &Rc<Desk>) -> Result<Option<Rc<dyn Room>>, Box<Diagnostic>> {
    let Some(settings) = desk.config.webhook.clone() else { return Ok(None) };
    let endpoint = Endpoint::parse(&settings.url).map_err(|why| refuse("webhook.url", why))?;
    secrets(&settings).map_err(|why| refuse("webhook.secret_file", &why))?;
    let client = outbound::client().map_err(|why| refuse("webhook.url", &why))?;
    Ok(Some(Rc::new(Teller { settings, endpoint, client })))
}

fn refuse(key: &str, why: &str) -> Box<Diagnostic> {
    Diagnostic::error(Code::InvalidValue, format!("`{key}`: {why}"))
        .help("docs/webhook.md says how it is set up")
        .boxed()
}

/// The secrets as their file has them now, without a word of what is in it when it is wrong.
fn secrets(settings: &Webhook) -> Result<Secrets, String> {
    let shown = settings.secret_file.display();
    let bytes = startup::credential_bytes(&settings.secret_file).ok().flatten();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes.to_vec()).ok());
    let text = text.ok_or_else(|| format!("{shown} cannot be read"))?;
    Secrets::parse(&Secret::new(text)).map_err(|why| format!("{shown}: {why}"))
}

impl Room for Teller {
    fn work(&self, desk: Rc<Desk>, lead: Lead) -> Later<String> {
        let teller = Self {
            settings: self.settings.clone(),
            endpoint: self.endpoint.clone(),
            client: self.client.clone(),
        };
        Box::pin(async move {
            let mut told = String::new();
            let mut wait = FIRST_WAIT;
            loop {
                let why = match teller.tell(&desk, lead, &mut wait, &mut told).await {
                    Ok(never) => match never {},
                    Err(error) => format!("the database: {error}"),
                };
                say(&desk, &mut told, &why);
                tokio::time::sleep(FIRST_WAIT).await;
            }
        })
    }
}

/// Warns; the same thing again is no news.
fn say(desk: &Desk, told: &mut String, why: &str) {
    if told != why {
        (desk.observer)(&Event::Warning { message: &format!("webhook: {why}") });
        why.clone_into(told);
    }
}

impl Teller {
    /// Tells what the trail holds and will hold, until the database fails.
    async fn tell(
        &self,
        desk: &Desk,
        lead: Lead,
        wait: &mut Duration,
        told: &mut String,
    ) -> Result<std::convert::Infallible, String> {
        let said = |error: Error| error.to_string();
        let mut own = desk.sign_in().await.map_err(|it| it.message().to_owned())?;
        own.session.execute(BEGIN, &[]).await.map_err(said)?;
        loop {
            let rows = own.session.query(READ, &[&BATCH]).await.map_err(said)?;
            if rows.is_empty() {
                rest(desk, &mut own, LOOK_EVERY).await;
            }
            for row in rows {
                follow(desk, &mut own).await;
                let (leaf, body): (i64, &str) = (row.get(0), row.get(1));
                let message = Message::of(desk.config.service.name.as_str(), leaf, body);
                let message = message.filter(|it| it.is_wanted(&self.settings.events));
                let Some(message) = message else {
                    move_on(&mut own.session, lead, leaf, None).await?;
                    continue;
                };
                let tried = Duration::try_from_secs_f64(row.get(2)).unwrap_or_default();
                own.session.execute(TRY, &[]).await.map_err(said)?;
                match self.send(&message).await {
                    Ok(()) => {
                        (*wait, *told) = (FIRST_WAIT, String::new());
                        move_on(&mut own.session, lead, leaf, None).await?;
                    }
                    Err(why) if tried >= self.settings.give_up => {
                        say(desk, told, &format!("message {} is given up: {why}", message.id));
                        move_on(&mut own.session, lead, leaf, Some((&message, &why))).await?;
                    }
                    Err(why) => {
                        say(desk, told, &why);
                        let pause = wait.mul_f64(0.75 + fastrand::f64() / 4.0);
                        rest(desk, &mut own, pause).await;
                        *wait = (*wait * 2).min(LONGEST_WAIT).min(self.settings.give_up);
                        // What is next is read again: it is this one, older.
                        break;
                    }
                }
            }
        }
    }

    /// Sends a message once. Only 2xx means that it was taken; a redirection is not followed, for it
    /// would take the message to somebody whom nobody named.
    async fn send(&self, message: &Message) -> Result<(), String> {
        let secrets = secrets(&self.settings)?;
        let now_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |it| it.as_secs());
        let request = self
            .client
            .post(self.endpoint.url().clone())
            .header("content-type", "application/json")
            .header("webhook-id", &message.id)
            .header("webhook-timestamp", now_s)
            .header("webhook-signature", secrets.sign(&message.id, now_s, &message.body))
            .body(message.body.clone());
        let answer = request.send().await.map_err(|error| outbound::in_words(&error))?;
        let status = answer.status();
        if status.is_success() {
            Ok(())
        } else {
            Err(format!("the receiver answered with {}", status.as_u16()))
        }
    }
}

/// Goes over to another credential of the keeper's own when there is one: its rotation waits for every
/// session of the one before.
async fn follow(desk: &Desk, own: &mut SignedIn) {
    if let Some(other) = desk.renewed(&own.credential).await {
        *own = other;
    }
}

/// Waits for so long, and follows meanwhile.
async fn rest(desk: &Desk, own: &mut SignedIn, time: Duration) {
    let end = Instant::now() + time;
    loop {
        follow(desk, own).await;
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(left.min(LOOK_EVERY)).await;
    }
}

/// Notes, as the keeper that leads, that the leaf needs no telling any more; one that was given up is
/// in the trail.
async fn move_on(
    session: &mut Session,
    lead: Lead,
    leaf: i64,
    given_up: Option<(&Message, &str)>,
) -> Result<(), String> {
    let said = |error: Error| error.to_string();
    let transaction = session.transaction().await.map_err(said)?;
    lead.fence(&transaction).await.map_err(|lost| lost.to_string())?;
    transaction.execute(MOVE_ON, &[&(leaf + 1)]).await.map_err(said)?;
    if let Some((message, why)) = given_up {
        let entry = inbox::Entry {
            writer: "webhook",
            action: "webhook.given-up",
            actor: "howdah keeper",
            subject: &message.id,
            outcome: inbox::Outcome::Failed,
            detail: Map::from_iter([("reason".to_owned(), json!(why))]),
        };
        inbox::write(&transaction, &entry).await.map_err(said)?;
    }
    transaction.commit().await.map_err(said)
}
