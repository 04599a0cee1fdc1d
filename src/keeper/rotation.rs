//! The room that rotates: it drives the rotation while this keeper leads, and takes what operators
//! ask for.

mod look;
mod routes;
mod subject;

use super::{Desk, Lead, Room, SignedIn};
use crate::{
    approval::store,
    diagnostic::Diagnostics,
    event::Event,
    http::api::{Entry, Later},
    postgres::session::Session,
    problem::Code,
    rotation::{Failure, Leave, Looked, Refused, Rotation, Step},
};
use look::Look;
use std::{
    rc::Rc,
    time::{Duration, Instant},
};
use subject::{Opened, Subject};
use tokio::sync::{Mutex, Notify};

/// How often a rotation that is under way is looked at.
const UNDER_WAY: Duration = Duration::from_millis(100);
/// How often it is looked at whether one is due.
const IDLE: Duration = Duration::from_secs(2);
/// How often a session is asked for before the lead is given up.
const TRIES: u32 = 3;
/// How long to wait after a transition that was refused.
const PAUSE: Duration = Duration::from_secs(2);
/// The rotation of one credential.
pub(super) struct Rotations {
    desk: Rc<Desk>,
    opened: Opened,
    /// Who changes the state waits here; the database would refuse the second.
    turn: Mutex<()>,
    wake: Notify,
}

/// The rooms, when the manifest has `[credentials]`: one for the application's credential, one for the
/// keeper's own.
///
/// # Errors
/// When the key cannot be read.
pub(super) fn open(desk: &Rc<Desk>) -> Result<Vec<Rc<dyn Room>>, Diagnostics> {
    let (Some(credentials), Some(database)) = (&desk.config.credentials, &desk.config.database)
    else {
        return Ok(Vec::new());
    };
    let room = |opened| -> Rc<dyn Room> {
        let (desk, turn, wake) = (Rc::clone(desk), Mutex::new(()), Notify::new());
        Rc::new(Shared(Rc::new(Rotations { desk, opened, turn, wake })))
    };
    Ok(vec![
        room(Opened::of_application(desk, credentials, database)?),
        room(Opened::of_keeper(desk, credentials)?),
    ])
}

/// The room as the keeper holds it.
struct Shared(Rc<Rotations>);

impl Room for Shared {
    fn routes(&self) -> Vec<Entry> {
        routes::of(&self.0)
    }

    fn work(&self, _desk: Rc<Desk>, lead: Lead) -> Later<String> {
        let rotations = Rc::clone(&self.0);
        Box::pin(async move { rotations.drive(lead).await })
    }
}

impl Rotations {
    /// Goes on with what is under way, begins what is due, and checks; ends when the lead must be
    /// given up.
    async fn drive(&self, lead: Lead) -> String {
        let mut own = match self.first_session().await {
            Ok(own) => own,
            Err(why) => return why,
        };
        let mut look = Look::default();
        let mut told = String::new();
        loop {
            if let Some(other) = self.desk.renewed(&own.credential).await {
                own = other;
            }
            let outcome = self.once(&mut own, lead, &mut look).await;
            let wait = match outcome {
                Ok(Step::Made(step)) => {
                    told.clear();
                    self.tell(step, "");
                    Duration::ZERO
                }
                Ok(Step::Waits(reason)) => {
                    if told != reason {
                        self.tell("waits", &reason);
                        told = reason;
                    }
                    UNDER_WAY
                }
                Ok(Step::Idle) => IDLE,
                // A new lead, by the same keeper or another, goes on.
                Err(Failure::Lost(lost)) => return lost.to_string(),
                Err(failure) => {
                    let reason = failure.to_string();
                    if told != reason {
                        self.tell("refused", &reason);
                        told = reason;
                    }
                    PAUSE
                }
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.wake.notified() => {}
            }
        }
    }

    /// A session to begin with. A server that is slow for a moment does not cost the lead, which is held by
    /// a session that is there.
    async fn first_session(&self) -> Result<SignedIn, String> {
        let mut tries = 1;
        loop {
            match self.desk.sign_in().await {
                Ok(own) => return Ok(own),
                Err(diagnostic) if tries >= TRIES => return Err(diagnostic.message().to_owned()),
                Err(_) => tries += 1,
            }
            tokio::time::sleep(UNDER_WAY).await;
        }
    }

    fn tell(&self, step: &'static str, detail: &str) {
        let of = self.opened.subject.name();
        (self.desk.observer)(&Event::Rotation { of, step, detail });
    }

    async fn once(&self, own: &mut SignedIn, lead: Lead, look: &mut Look) -> Result<Step, Failure> {
        let _turn = self.turn.lock().await;
        let rotation = self.opened.rotation(&own.credential)?;
        if !look.was_made() {
            self.register(rotation, own, lead).await?;
        }
        let session = &mut own.session;
        let step = rotation.step(session, lead).await?;
        if step == Step::Idle && look.is_due(Instant::now()) {
            self.look(rotation, session, lead, look).await?;
        }
        Ok(step)
    }

    /// Looks whether others have changed anything, mends it, and stores what stays wrong.
    async fn look(
        &self,
        rotation: &Rotation,
        session: &mut Session,
        lead: Lead,
        look: &mut Look,
    ) -> Result<(), Failure> {
        let looked = match rotation.check(session, lead, look.held(Instant::now())).await {
            // Neither is cured by trying it at once again.
            Err(failure @ (Failure::Damaged(_) | Failure::Role { .. })) => {
                Looked::Held(failure.to_string())
            }
            other => other?,
        };
        match &looked {
            Looked::Well => rotation.set_trouble(session, lead, None).await?,
            Looked::Mended(found) => self.tell("mended", found),
            Looked::Held(found) => {
                if look.is_news(found) {
                    self.tell("stuck", found);
                }
                rotation.set_trouble(session, lead, Some(found)).await?;
            }
        }
        look.made(looked, Instant::now());
        Ok(())
    }

    /// Makes sure that there is a state.
    async fn register(
        &self,
        rotation: &Rotation,
        own: &mut SignedIn,
        lead: Lead,
    ) -> Result<(), Failure> {
        let SignedIn { session, credential } = own;
        match self.opened.subject {
            Subject::Application => rotation.register(session, lead).await,
            Subject::Keeper => rotation.register_in_use(session, lead, credential).await,
        }
    }

    /// Begins a new generation for `actor`, by `leave` where it takes that.
    async fn begin(
        &self,
        actor: &str,
        leave: Option<Leave<'_>>,
        adopts: bool,
    ) -> Result<u64, Refused> {
        let (mut own, lead) = self.own_session().await?;
        let _turn = self.turn.lock().await;
        let rotation = self.opened.rotation(&own.credential)?;
        // Whoever asks may be faster than the keeper's first look.
        self.register(rotation, &mut own, lead).await?;
        let begun = rotation.begin(&mut own.session, lead, actor, leave, adopts).await;
        let generation = begun?;
        self.wake.notify_one();
        Ok(generation)
    }

    /// Goes back to the password before, for `actor`.
    async fn go_back(&self, actor: &str) -> Result<u64, Refused> {
        let (mut own, lead) = self.own_session().await?;
        let _turn = self.turn.lock().await;
        let rotation = self.opened.rotation(&own.credential)?;
        let generation = rotation.go_back(&mut own.session, lead, actor).await?;
        self.wake.notify_one();
        Ok(generation)
    }

    /// Tells the trail of a refusal, as far as there is a database to tell.
    async fn tell_refusal(&self, action: &str, actor: i64, code: Code) {
        let Ok(session) = self.desk.connect().await else { return };
        let subject = self.opened.subject.name();
        if let Err(error) = store::tell_refusal(&session, action, actor, subject, code).await {
            let message = format!("a refusal is not in the audit trail: {error}");
            (self.desk.observer)(&Event::Warning { message: &message });
        }
        session.close().await;
    }

    async fn own_session(&self) -> Result<(SignedIn, Lead), Refused> {
        let epoch = self.desk.epoch().ok_or(Failure::Lost(crate::postgres::lead::Lost::Lead))?;
        let own = self.desk.sign_in().await;
        let own = own.map_err(|it| Failure::Elsewhere(it.message().to_owned()))?;
        Ok((own, Lead::of(epoch)))
    }
}
