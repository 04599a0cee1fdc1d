//! The room that rotates: it drives the rotation while this keeper leads, and takes what operators
//! ask for.

mod routes;

use super::{Desk, Lead, Room};
use crate::{
    approval::store,
    diagnostic::{self, Diagnostic, Diagnostics},
    event::Event,
    http::api::{Entry, Later},
    postgres::session::Session,
    problem::Code,
    rotation::{Failure, Leave, Refused, Rotation, Settings, Step, sink},
    startup,
};
use std::{rc::Rc, time::Duration};
use tokio::{
    sync::{Mutex, Notify},
    time::Instant,
};

/// How often a rotation that is under way is looked at.
const UNDER_WAY: Duration = Duration::from_millis(100);
/// How often it is looked at whether one is due.
const IDLE: Duration = Duration::from_secs(2);
/// How often everything is checked that others may have changed.
const CHECK: Duration = Duration::from_mins(1);
/// How long to wait after a transition that was refused.
const PAUSE: Duration = Duration::from_secs(2);
/// What the rotation of the application's credential is called.
const NAME: &str = "app";

/// The rotation of the application's credential.
pub(super) struct Rotations {
    desk: Rc<Desk>,
    rotation: Rotation,
    /// Who changes the state waits here; the database would refuse the second.
    turn: Mutex<()>,
    wake: Notify,
}

/// The room, when the manifest has `[credentials]`.
///
/// # Errors
/// When the key cannot be read.
pub(super) fn open(desk: &Rc<Desk>) -> Result<Option<Rc<dyn Room>>, Diagnostics> {
    let (Some(credentials), Some(database)) = (&desk.config.credentials, &desk.config.database)
    else {
        return Ok(None);
    };
    let rotating = &credentials.rotating;
    let key = startup::key(&desk.keeper.key_file)?;
    let sinks = sink::open(&credentials.sinks).map_err(|why| {
        Diagnostic::error(diagnostic::Code::InvalidValue, format!("`credentials.sinks`: {why}"))
            .help("docs/sinks.md says what a sink takes")
    })?;
    // Without its password file the application may still be taken over; only the way back is shut.
    let first = startup::with_password(database).ok().and_then(|target| target.password);
    let place = |host: &str, port: u16| startup::place(database).at(host, port);
    let mut endpoints = vec![startup::place(database)];
    endpoints.extend(credentials.endpoints.iter().map(|(host, port)| place(host, *port)));
    let settings = Settings {
        name: NAME.to_owned(),
        owner: rotating.owner.clone(),
        endpoints,
        every: rotating.rotate_every,
        jitter: rotating.jitter,
        overlap: rotating.overlap,
        grace: rotating.grace,
    };
    let rotation = Rotation::new(settings, sinks, key, first);
    let turn = Mutex::new(());
    Ok(Some(Rc::new(Shared(Rc::new(Rotations {
        desk: Rc::clone(desk),
        rotation,
        turn,
        wake: Notify::new(),
    })))))
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
        let mut session = match self.desk.connect().await {
            Ok(session) => session,
            Err(diagnostic) => return diagnostic.message().to_owned(),
        };
        let mut checked: Option<Instant> = None;
        let mut told = String::new();
        loop {
            let outcome = self.once(&mut session, lead, &mut checked).await;
            let wait = match outcome {
                Ok(Step::Made(step)) => {
                    told.clear();
                    (self.desk.observer)(&Event::Rotation { step, detail: "" });
                    Duration::ZERO
                }
                Ok(Step::Waits(reason)) => {
                    if told != reason {
                        (self.desk.observer)(&Event::Rotation { step: "waits", detail: &reason });
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
                        (self.desk.observer)(&Event::Rotation { step: "refused", detail: &reason });
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

    async fn once(
        &self,
        session: &mut Session,
        lead: Lead,
        checked: &mut Option<Instant>,
    ) -> Result<Step, Failure> {
        let _turn = self.turn.lock().await;
        if checked.is_none() {
            self.rotation.register(session, lead).await?;
        }
        let step = self.rotation.step(session, lead).await?;
        if step == Step::Idle && checked.is_none_or(|at| at.elapsed() >= CHECK) {
            let mended = self.rotation.check(session, lead).await?;
            if let Some(mended) = &mended {
                (self.desk.observer)(&Event::Rotation { step: "mended", detail: mended });
            }
            // What was mended may have uncovered more.
            *checked = if mended.is_some() { None } else { Some(Instant::now()) };
        }
        Ok(step)
    }

    /// Begins a new generation for `actor`, by `leave` where it takes that.
    async fn begin(
        &self,
        actor: &str,
        leave: Option<Leave<'_>>,
        adopts: bool,
    ) -> Result<u64, Refused> {
        let (mut session, lead) = self.own_session().await?;
        let _turn = self.turn.lock().await;
        let generation = self.rotation.begin(&mut session, lead, actor, leave, adopts).await?;
        self.wake.notify_one();
        Ok(generation)
    }

    /// Goes back to the password before, for `actor`.
    async fn go_back(&self, actor: &str) -> Result<u64, Refused> {
        let (mut session, lead) = self.own_session().await?;
        let _turn = self.turn.lock().await;
        let generation = self.rotation.go_back(&mut session, lead, actor).await?;
        self.wake.notify_one();
        Ok(generation)
    }

    /// Tells the trail of a refusal, as far as there is a database to tell.
    async fn tell_refusal(&self, action: &str, actor: i64, code: Code) {
        let Ok(session) = self.desk.connect().await else { return };
        if let Err(error) = store::tell_refusal(&session, action, actor, NAME, code).await {
            let message = format!("a refusal is not in the audit trail: {error}");
            (self.desk.observer)(&Event::Warning { message: &message });
        }
        session.close().await;
    }

    async fn own_session(&self) -> Result<(Session, Lead), Refused> {
        let epoch = self.desk.epoch().ok_or(Failure::Lost(crate::postgres::lead::Lost::Lead))?;
        let session = self.desk.connect().await;
        let session = session.map_err(|it| Failure::Elsewhere(it.message().to_owned()))?;
        Ok((session, Lead::of(epoch)))
    }
}
