//! The rotation of one credential: what is done in each phase, one function for each.
//!
//! [`Rotation::step`] looks where the rotation stands and makes the next transition, or says what it
//! waits for. It keeps nothing between two calls: whoever leads next goes on where it stands.

mod forward;
mod handover;

use super::{
    ledger::{self, Change, Failure, Leave, Record},
    role::{self, Hand},
    sessions::{self, Session as Seen},
    sink::Sink,
    state::{Issue, Phase, State},
};
use crate::{
    credential::{self, Credential, Key, Label},
    postgres::{Target, lead::Lead, session::Session},
    secret::Secret,
};
use std::time::Duration;

/// How long a new credential may take to work everywhere, and to be taken by the sinks, before it is
/// given up.
const PATIENCE: Duration = Duration::from_secs(15);
/// The shortest overlap: for an application that has read the old credential and not yet connected.
const SHORTEST: Duration = Duration::from_secs(1);
/// When a rotation that was given up is tried again, where one is due.
const AGAIN: Duration = Duration::from_mins(10);

/// What a credential's rotation is to be like.
#[derive(Clone)]
pub struct Settings {
    /// Its name: `app`.
    pub name: String,
    /// The role that its sessions act as.
    pub owner: String,
    /// By which right its logins are changed.
    pub hand: Hand,
    /// Where it must work; the first is the database itself. Who signs in there is left open.
    pub endpoints: Vec<Target>,
    /// How often it is changed, when at all.
    pub every: Option<Duration>,
    /// By how much later, at most.
    pub jitter: Duration,
    /// How long the old login stays when its sessions do not end.
    pub overlap: Duration,
    /// How long sessions of a retired login may work on.
    pub grace: Duration,
}

/// The rotation of one credential.
pub struct Rotation {
    pub(super) settings: Settings,
    pub(super) sinks: Vec<Box<dyn Sink>>,
    pub(super) key: Key,
    /// The password that the application has before the keeper takes over, when it is known.
    first: Option<Secret>,
}

/// What came of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A transition was made: its name.
    Made(&'static str),
    /// It waits, for this.
    Waits(String),
    /// Nothing is under way.
    Idle,
}

/// Why a rotation does not begin.
#[derive(Debug)]
pub enum Refused {
    /// One is under way: its generation and phase.
    UnderWay(u64, Phase),
    /// The application has not been taken over yet, or has been already.
    Adoption(&'static str),
    /// It went wrong.
    Failure(Failure),
}

impl<T: Into<Failure>> From<T> for Refused {
    fn from(failure: T) -> Self {
        Self::Failure(failure.into())
    }
}

impl Rotation {
    /// A rotation with its sinks.
    pub fn new(
        settings: Settings,
        sinks: Vec<Box<dyn Sink>>,
        key: Key,
        first: Option<Secret>,
    ) -> Self {
        Self { settings, sinks, key, first }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// Makes sure that there is a state.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn register(&self, session: &mut Session, lead: Lead) -> Result<(), Failure> {
        let state = State::unadopted(&self.settings.owner);
        ledger::register(session, lead, self.name(), &state, None, None).await
    }

    /// Makes sure that there is a state, of an application that signs in with `credential`, one of its
    /// two logins, already: the keeper itself.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn register_in_use(
        &self,
        session: &mut Session,
        lead: Lead,
        credential: &Credential,
    ) -> Result<(), Failure> {
        // Without it, it would be found out on the day when the login is due.
        let sql = "SELECT CASE WHEN to_regprocedure($1) IS NULL THEN false \
            ELSE has_function_privilege($1, 'EXECUTE') END";
        let function = format!("{}(text,text)", role::FUNCTION);
        if !session.query_one(sql, &[&function]).await?.try_get(0)? {
            return Err(Failure::Damaged(format!(
                "the keeper's own login is not rotated: it may not call {function}; run the SQL of \
                 `howdah credentials setup` again"
            )));
        }
        let state = State::in_use(credential.generation, &credential.user);
        let seal = self.seal(state.current(), &credential.password)?;
        let due_in = Some(self.next_due());
        ledger::register(session, lead, self.name(), &state, Some(seal), due_in).await
    }

    pub(super) async fn load(&self, session: &Session) -> Result<Record, Failure> {
        let record = ledger::load(session, self.name()).await?;
        record.ok_or_else(|| Failure::Damaged("there is no state of the rotation".to_owned()))
    }

    /// Begins a new generation; gives its number. `adopts` is the first one, by which the keeper
    /// takes an application over; `leave` the access request that it uses up.
    ///
    /// # Errors
    /// Why it does not begin; nothing has changed.
    pub async fn begin(
        &self,
        session: &mut Session,
        lead: Lead,
        actor: &str,
        leave: Option<Leave<'_>>,
        adopts: bool,
    ) -> Result<u64, Refused> {
        let record = self.load(session).await?;
        let state = &record.state;
        if state.phase() != Phase::Idle {
            return Err(Refused::UnderWay(state.current().generation, state.phase()));
        }
        let is_adopted = state.current().login != self.settings.owner;
        match (adopts, is_adopted) {
            (true, true) => {
                return Err(Refused::Adoption("the application was taken over already"));
            }
            (false, false) => {
                return Err(Refused::Adoption("the application has not been taken over yet"));
            }
            _ => {}
        }
        Ok(self.apply(session, lead, &record, actor, leave).await?)
    }

    /// Idle to applied: the standby login gets a new password and may sign in.
    pub(super) async fn apply(
        &self,
        session: &mut Session,
        lead: Lead,
        record: &Record,
        actor: &str,
        leave: Option<Leave<'_>>,
    ) -> Result<u64, Failure> {
        let logins = role::logins_of(&self.settings.owner);
        let in_use = &record.state.current().login;
        let standby = logins.iter().find(|it| *it != in_use).unwrap_or(&logins[0]);
        // The standby has no session: one would be of an earlier life of the login.
        sessions::end(session, &[standby], true).await?;
        let mut left = sessions::of(session, &[standby]).await?;
        for _ in 0..20 {
            if left.is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
            left = sessions::of(session, &[standby]).await?;
        }
        if !left.is_empty() {
            return Err(Failure::Elsewhere(format!("`{standby}` has sessions that do not end")));
        }
        let to = record.state.applied(standby)?;
        let password = credential::new_password()
            .map_err(|_| Failure::Damaged("the kernel gives no random bytes".to_owned()))?;
        let mut change = Change::of("applied", record, to, actor);
        change.leave = leave;
        change.sealed = Some(self.seal(change.to.current(), &password)?);
        change.old_sealed = match (&record.sealed, &self.first) {
            (None, Some(first)) => Some(self.seal(record.state.current(), first)?),
            (sealed, _) => sealed.clone(),
        };
        change.statements = vec![self.settings.hand.enable(standby, &password)];
        let generation = change.to.current().generation;
        ledger::advance(session, lead, self.name(), &record.state, &change).await?;
        Ok(generation)
    }

    /// Makes the next transition, or says what it waits for.
    ///
    /// # Errors
    /// Why the transition was not made.
    pub async fn step(&self, session: &mut Session, lead: Lead) -> Result<Step, Failure> {
        let mut record = self.load(session).await?;
        if record.is_ahead {
            ledger::begin_again(session, lead, self.name()).await?;
            record = self.load(session).await?;
        }
        let made = match record.state.phase() {
            Phase::Idle => return self.idle(session, lead, &record).await,
            Phase::Applied => self.verify(session, lead, &record).await?,
            Phase::Verified => self.publish(session, lead, &record).await?,
            Phase::Published => self.adopt(session, lead, &record).await?,
            Phase::Adopted => self.overlap(session, lead, &record).await?,
            Phase::Overlap => self.retire(session, lead, &record).await?,
            Phase::Retired => self.finish(session, lead, &record).await?,
        };
        if let Step::Waits(reason) = &made {
            ledger::note(session, self.name(), reason).await?;
        }
        Ok(made)
    }

    /// Idle: the next one, when it is due.
    async fn idle(
        &self,
        session: &mut Session,
        lead: Lead,
        record: &Record,
    ) -> Result<Step, Failure> {
        let is_adopted = record.state.current().login != self.settings.owner;
        // The date was set by the settings of then; by those of now it may have been due for long.
        let is_old = |every| record.age >= every + self.settings.jitter;
        let is_due = self.settings.every.is_some_and(|every| record.is_due || is_old(every));
        if !(is_adopted && is_due) {
            return Ok(Step::Idle);
        }
        self.apply(session, lead, record, "schedule", None).await?;
        Ok(Step::Made("applied"))
    }

    /// Back to the old password under a higher generation, while its login still works.
    ///
    /// # Errors
    /// Why not: it is retired, or nothing is under way, or its password is not known.
    pub async fn go_back(
        &self,
        session: &mut Session,
        lead: Lead,
        actor: &str,
    ) -> Result<u64, Refused> {
        let record = self.load(session).await?;
        let to = record.state.returned()?;
        let (Some(old), Some(seal)) = (record.state.old(), &record.old_sealed) else {
            return Err(Refused::Adoption("the password before is not known to the keeper"));
        };
        let password = self.open(old, seal)?;
        let mut change = Change::of("returned", &record, to, actor);
        let generation = change.to.current().generation;
        change.sealed = Some(self.seal(change.to.current(), &password)?);
        change.old_sealed = record.sealed.clone();
        self.make(session, lead, &record, change).await?;
        Ok(generation)
    }

    pub(super) async fn make(
        &self,
        session: &mut Session,
        lead: Lead,
        record: &Record,
        change: Change<'_>,
    ) -> Result<Step, Failure> {
        ledger::advance(session, lead, self.name(), &record.state, &change).await?;
        Ok(Step::Made(change.step))
    }

    pub(super) async fn seen(
        &self,
        session: &Session,
        record: &Record,
    ) -> Result<Vec<Seen>, Failure> {
        let logins: Vec<&str> = [Some(record.state.current()), record.state.old()]
            .into_iter()
            .flatten()
            .map(|issue| issue.login.as_str())
            .collect();
        Ok(sessions::of(session, &logins).await?)
    }

    /// The current credential with its password.
    pub(super) fn current(&self, record: &Record) -> Result<Credential, Failure> {
        let issue = record.state.current();
        let seal = record.sealed.as_ref();
        let seal = seal.ok_or_else(|| Failure::Damaged("the seal is gone".to_owned()))?;
        let password = self.open(issue, seal)?;
        Ok(Credential { generation: issue.generation, user: issue.login.clone(), password })
    }

    fn label<'a>(&'a self, issue: &'a Issue) -> Label<'a> {
        Label { name: self.name(), generation: issue.generation, login: &issue.login }
    }

    fn seal(&self, issue: &Issue, password: &Secret) -> Result<Vec<u8>, Failure> {
        let seal = self.key.seal(self.label(issue), password);
        seal.map_err(|error| Failure::Damaged(error.to_string()))
    }

    fn open(&self, issue: &Issue, seal: &[u8]) -> Result<Secret, Failure> {
        let password = self.key.open(self.label(issue), seal);
        password.map_err(|error| Failure::Damaged(format!("the stored password: {error}")))
    }

    fn next_due(&self) -> Duration {
        let Some(every) = self.settings.every else { return Duration::MAX };
        every + self.settings.jitter.mul_f64(fastrand::f64())
    }
}
