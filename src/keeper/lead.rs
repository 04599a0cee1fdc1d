//! One keeper leads: the one that holds an advisory lock on a session of its own.
//!
//! The lock goes with its session, so that a keeper that dies is followed at once. One that is cut
//! off may not know that it has lost the lock; so each lead has an epoch, which the next one counts
//! up, and every change checks it in its own transaction ([`Lead::fence`]).

use super::{Desk, Room, SignedIn, rooms};
use crate::{
    audit::inbox,
    credential::Credential,
    event::Event,
    migration,
    postgres::{
        lead::{Lead, Lost},
        session::Session,
    },
};
use serde_json::{Map, json};
use std::{convert::Infallible, rc::Rc, time::Duration};
use tokio_postgres::Error;

/// The lock's number: the letters of "howdah" and "keep".
const LOCK: i64 = 0x686f_7764_6b65_6570;
/// How often a keeper that waits asks for the lock, and one that leads whether its session lives.
const PERIOD: Duration = Duration::from_millis(500);
/// How long the server may take to answer the session that holds the lock.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long to wait after a failure.
const PAUSE: Duration = Duration::from_secs(1);

/// How the server finds out that the holder of the lock was cut off: within some 15 s, not hours.
const SETTINGS: &str = "SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 3; \
    SET tcp_keepalives_count = 3; SET idle_in_transaction_session_timeout = '30s'; \
    SET lock_timeout = '10s'; SET client_min_messages = 'error'";

/// Leads whenever it can.
pub(super) async fn run(desk: &Rc<Desk>, rooms: &[Rc<dyn Room>]) -> Infallible {
    let mut told = String::new();
    loop {
        let why = match attempt(desk, rooms).await {
            Ok(why) | Err(why) => why,
        };
        if desk.epoch.take().is_some() {
            told.clear();
        }
        desk.waits_for.replace(why.clone());
        if told != why {
            (desk.observer)(&Event::Warning {
                message: &format!("the keeper does not lead: {why}"),
            });
            told = why;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Waits for the lock, leads, and says why it leads no more, or what kept it from that.
async fn attempt(desk: &Rc<Desk>, rooms: &[Rc<dyn Room>]) -> Result<String, String> {
    let mut own = desk.sign_in().await.map_err(|it| it.message().to_owned())?;
    own.session.batch_execute(SETTINGS).await.map_err(said)?;
    while !locked(&own.session).await.map_err(said)? {
        desk.waits_for.replace("the keeper that leads, to end".to_owned());
        tokio::time::sleep(PERIOD).await;
        if let Some(other) = desk.renewed(&own.credential).await {
            other.session.batch_execute(SETTINGS).await.map_err(said)?;
            own = other;
        }
    }
    let applied =
        migration::apply_steps(&mut own.session, migration::KEEPER, &rooms::migrations()).await;
    applied.map_err(|it| it.message().to_owned())?;
    let sql = "UPDATE howdah.keeper_lead SET epoch = epoch + 1, since = now() RETURNING epoch";
    let row = own.session.query_one(sql, &[]).await.map_err(said)?;
    let lead = Lead::of(row.get(0));
    tell(desk, &own.session, lead).await.map_err(said)?;
    desk.epoch.set(Some(lead.epoch()));
    (desk.observer)(&Event::Leading { epoch: lead.epoch() });
    let mut works: Vec<_> = rooms.iter().map(|room| room.work(Rc::clone(desk), lead)).collect();
    let first = std::future::poll_fn(|context| {
        let ready = works.iter_mut().find_map(|work| match work.as_mut().poll(context) {
            std::task::Poll::Ready(why) => Some(why),
            std::task::Poll::Pending => None,
        });
        ready.map_or(std::task::Poll::Pending, std::task::Poll::Ready)
    });
    tokio::select! {
        why = first => Ok(why),
        why = watch(desk, &mut own, lead) => Ok(why),
    }
}

/// Why another session does not hold the lock.
enum NotHandedOver {
    /// The one before still has it.
    Kept,
    /// It was let go, and somebody else may have it.
    Lost(String),
}

/// Has the session `to` take the lock over from the session `from`, without a moment at which a third
/// could get it: `to` stands in the lock's line before `from` lets go, and the server gives a lock that
/// is let go to the first in its line. Others only try, and a try fails while there is a line.
async fn hand_over(from: &Session, to: &Session) -> Result<(), NotHandedOver> {
    let kept = |_: Error| NotHandedOver::Kept;
    to.batch_execute(SETTINGS).await.map_err(kept)?;
    let row = to.query_one("SELECT pg_backend_pid()", &[]).await.map_err(kept)?;
    let pid: i32 = row.get(0);
    let taken = async {
        let taken = to.query_one("SELECT pg_advisory_lock($1)", &[&LOCK]).await;
        taken.map(drop).map_err(|error| NotHandedOver::Lost(said(error)))
    };
    let let_go = async {
        let start = tokio::time::Instant::now();
        while start.elapsed() < PATIENCE {
            let sql = "SELECT EXISTS (SELECT FROM pg_locks \
                WHERE locktype = 'advisory' AND pid = $1 AND NOT granted)";
            if from.query_one(sql, &[&pid]).await?.get(0) {
                from.query_one("SELECT pg_advisory_unlock($1)", &[&LOCK]).await?;
                return Ok(true);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(false)
    };
    let let_go = async {
        match let_go.await {
            Ok(true) => Ok(()),
            Ok(false) => Err(NotHandedOver::Kept),
            Err(error) => Err(NotHandedOver::Lost(said(error))),
        }
    };
    // A wait that failed before the lock was let go changed nothing, but is not told from the other.
    tokio::try_join!(taken, let_go).map(drop)
}

/// Tells the audit trail who leads, with which configuration.
async fn tell(desk: &Desk, session: &Session, lead: Lead) -> Result<(), Error> {
    let detail = [("epoch", json!(lead.epoch())), ("configuration", json!(desk.digest))];
    let entry = inbox::Entry {
        writer: "keeper",
        action: "keeper.leads",
        actor: "howdah keeper",
        subject: desk.config.service.name.as_str(),
        outcome: inbox::Outcome::Done,
        detail: Map::from_iter(detail.map(|(name, value)| (name.to_owned(), value))),
    };
    inbox::write_failure(session, &entry).await.map(drop)
}

async fn locked(session: &Session) -> Result<bool, Error> {
    session.query_one("SELECT pg_try_advisory_lock($1)", &[&LOCK]).await?.try_get(0)
}

fn said(error: Error) -> String {
    Lost::from(error).to_string()
}

/// Ends when the session that holds the lock is gone, or another leads. When the keeper's credential
/// changes, another session takes the lock over.
async fn watch(desk: &Desk, own: &mut SignedIn, lead: Lead) -> String {
    loop {
        tokio::time::sleep(PERIOD).await;
        if let Some(other) = desk.renewed(&own.credential).await {
            match hand_over(&own.session, &other.session).await {
                Ok(()) => {
                    let Credential { generation, user, .. } = &*other.credential;
                    (desk.observer)(&Event::Credential { generation: *generation, login: user });
                    *own = other;
                }
                Err(NotHandedOver::Kept) => {}
                Err(NotHandedOver::Lost(why)) => return why,
            }
        }
        let asked = own.session.query_one("SELECT epoch FROM howdah.keeper_lead", &[]);
        match tokio::time::timeout(PATIENCE, asked).await {
            Ok(Ok(row)) if row.get::<_, i64>(0) == lead.epoch() => {}
            Ok(Ok(_)) => return Lost::Lead.to_string(),
            Ok(Err(error)) => return Lost::from(error).to_string(),
            Err(_) => return "the database does not answer".to_owned(),
        }
    }
}
