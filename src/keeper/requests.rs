//! Access requests in the keeper: who calls, the routes, and the end of each temporary login.

mod cursor;
mod routes;

use super::{Desk, Lead, Room};
use crate::{
    approval::{
        ending::{self, Ends},
        policy::Policy,
        store::{self, Failure},
    },
    config::{AccessAction, AccessPolicy, Config},
    event::Event,
    http::api::{Asked, Entry, Later},
    name::Identifier,
    postgres::session::Session,
    problem::{Code, Problem},
};
use std::{rc::Rc, time::Duration};

/// How long to wait after a failure.
const PAUSE: Duration = Duration::from_secs(1);

/// The room of access requests.
pub(super) struct Requests {
    desk: Rc<Desk>,
    cursors: Rc<cursor::Cursors>,
}

impl Requests {
    /// The room of this desk.
    pub(super) fn open(desk: &Rc<Desk>) -> Self {
        Self { desk: Rc::clone(desk), cursors: Rc::new(cursor::Cursors::new()) }
    }
}

impl Room for Requests {
    fn routes(&self) -> Vec<Entry> {
        routes::all(&self.desk, &self.cursors)
    }

    fn work(&self, desk: Rc<Desk>, _lead: Lead) -> Later<String> {
        Box::pin(async move {
            let mut told = String::new();
            loop {
                let why = end_logins(&desk).await;
                if told != why {
                    let message = format!("access requests: {why}");
                    (desk.observer)(&Event::Warning { message: &message });
                    told = why;
                }
                tokio::time::sleep(PAUSE).await;
            }
        })
    }
}

/// Sets the policies and ends what is due, until something fails; gives what.
async fn end_logins(desk: &Desk) -> String {
    let policies = desk.config.access_policies.iter();
    let policies: Vec<_> = policies.map(|(name, of)| policy(&desk.config, name, of)).collect();
    let attempt = async {
        let mut own = desk.sign_in().await.map_err(|it| it.message().to_owned())?;
        let said = |error: tokio_postgres::Error| ending::Failure::from(error).to_string();
        if !policies.is_empty() {
            store::prepare(&own.session).await.map_err(said)?;
        }
        store::set_policies(&own.session, &policies).await.map_err(said)?;
        let mut ends = Ends::default();
        loop {
            if let Some(other) = desk.renewed(&own.credential).await {
                own = other;
            }
            let target = desk.target(&own.credential);
            let looked = ending::look(&own.session, &target, &mut ends).await.map_err(said)?;
            for (login, failure) in looked.failures {
                let message = format!("{login} cannot be taken away: {failure}");
                (desk.observer)(&Event::Warning { message: &message });
            }
            // Never at once again, whatever is due.
            tokio::time::sleep(looked.next.max(Duration::from_millis(20))).await;
        }
    };
    let outcome: Result<std::convert::Infallible, String> = attempt.await;
    match outcome {
        Ok(never) => match never {},
        Err(why) => why,
    }
}

fn policy(config: &Config, name: &Identifier, of: &AccessPolicy) -> Policy {
    let owner = || config.credentials.as_ref().map(|it| it.rotating.owner.clone());
    let (action, profile) = match of.action {
        AccessAction::Login => ("login", of.profile.clone()),
        AccessAction::Rotation => ("rotation", owner()),
    };
    Policy {
        name: name.as_str().to_owned(),
        action,
        profile: profile.unwrap_or_default(),
        approvals: of.approvals,
        approvers: of.approvers.clone(),
        requesters: of.requesters.clone(),
        max_ttl: of.max_for,
        max_pending: of.max_pending,
        lapse_after: of.lapse_after,
        break_glass: of.break_glass.map(|it| it.min(of.max_for)),
    }
}

/// A connection in the role of requests, and the number of who asks.
async fn enter(desk: &Desk, asked: &Asked) -> Result<(Session, i64), Problem> {
    let unknown = || Problem::new(Code::TokenInvalid);
    let principal = asked.caller.as_ref().ok_or_else(unknown)?.principal;
    let away = || Problem::new(Code::DatabaseUnavailable);
    let session = desk.connect().await.map_err(|_| away())?;
    let unprepared = || away().detail("Access requests are not set up here, or not yet.");
    store::lower(&session).await.map_err(|_| unprepared())?;
    Ok((session, principal))
}

/// What a caller is told of a failure.
fn problem(failure: &Failure) -> Problem {
    match failure {
        Failure::Refused(problem) => problem.clone(),
        Failure::Database(error) => match error.code().map(tokio_postgres::error::SqlState::code) {
            None => Problem::new(Code::DatabaseUnavailable),
            Some("22P02") => Problem::new(Code::RequestNumberInvalid),
            Some("23514") => {
                Problem::new(Code::Unprocessable).detail("The reason or the age recipient is none.")
            }
            Some(_) => Problem::new(Code::Internal),
        },
    }
}
