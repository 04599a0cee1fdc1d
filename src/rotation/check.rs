//! The check of what others may have changed: every minute, and whenever a keeper begins to lead.
//!
//! After a restore or a failover the state may be older than what was published; a person may have
//! changed a password or a file. What can be mended is mended, with an entry in the trail. What was
//! mended and is found again at once is not this check's to mend: the caller holds it back.

use super::{
    engine::{Rotation, Step},
    ledger::{Change, Failure, Record},
    role::{self, Hand},
    sessions,
    state::Phase,
    verify::verify,
};
use crate::postgres::{lead::Lead, session::Session};

/// What came of a look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Looked {
    /// Everything is as it should be.
    Well,
    /// This was found and mended.
    Mended(String),
    /// This was found, and left as it is.
    Held(String),
}

impl Rotation {
    /// Looks at everything while nothing is under way, and mends what it finds; but not what is in the
    /// words of `held`, for which that was tried.
    ///
    /// # Errors
    /// Why it could not look, or not mend.
    pub async fn check(
        &self,
        session: &mut Session,
        lead: Lead,
        held: Option<&str>,
    ) -> Result<Looked, Failure> {
        let record = self.load(session).await?;
        let current = record.state.current();
        if record.state.phase() != Phase::Idle || current.login == self.settings.owner {
            return Ok(Looked::Well);
        }
        let sinks = self.check_sinks(session, lead, &record, held).await?;
        if let Looked::Mended(_) = sinks {
            return Ok(sinks);
        }
        match self.check_roles(session, lead, &record, held).await? {
            Looked::Well => Ok(sinks),
            roles => Ok(roles),
        }
    }

    /// A sink that is ahead: the next generation is higher than that. One that is behind, or empty:
    /// it is given the current credential again.
    async fn check_sinks(
        &self,
        session: &mut Session,
        lead: Lead,
        record: &Record,
        held: Option<&str>,
    ) -> Result<Looked, Failure> {
        let credential = self.current(record)?;
        let mut looked = Looked::Well;
        for sink in &self.sinks {
            // A sink that is down now is looked at again in a minute.
            let Ok(has) = sink.read().await else { continue };
            match has {
                Some(has) if has == credential => {}
                Some(has) if has.generation >= credential.generation => {
                    let mended = format!("{} has generation {}", sink.name(), has.generation);
                    self.overtake(session, lead, record, has.generation, &mended).await?;
                    return Ok(Looked::Mended(mended));
                }
                _ => {
                    let mended = format!("{} was given its credential again", sink.name());
                    if held == Some(&mended) {
                        looked = Looked::Held(mended);
                    } else if sink.publish(&credential).await.is_ok() {
                        self.mend(session, lead, record, Vec::new(), &mended).await?;
                        return Ok(Looked::Mended(mended));
                    }
                    // What it does not take now, it is given in a minute.
                }
            }
        }
        Ok(looked)
    }

    /// Makes a new generation that is higher than a sink's.
    async fn overtake(
        &self,
        session: &mut Session,
        lead: Lead,
        record: &Record,
        generation: u64,
        reason: &str,
    ) -> Result<(), Failure> {
        if let Ok(to) = record.state.overtaken(generation) {
            let mut change = Change::of("overtaken", record, to, "check");
            change.reason = Some(reason.to_owned());
            self.make(session, lead, record, change).await?;
        }
        let record = self.load(session).await?;
        self.apply(session, lead, &record, "check", None).await.map(drop)
    }

    /// The published login signs in with its password and acts as the owner, and no other does.
    async fn check_roles(
        &self,
        session: &mut Session,
        lead: Lead,
        record: &Record,
        held: Option<&str>,
    ) -> Result<Looked, Failure> {
        let owner = &self.settings.owner;
        let credential = self.current(record)?;
        let mut statements = Vec::new();
        let mut found = Vec::new();
        let primary = self.settings.endpoints.get(..1).unwrap_or_default();
        let broken = verify(primary, &credential, owner).await.err().filter(|it| it.is_denial);
        let is_held = broken.as_ref().is_some_and(|it| held == Some(&it.message));
        if let Some(broken) = broken.filter(|_| !is_held) {
            let hand = self.settings.hand;
            match hand.acts_as(&credential.user, owner) {
                Some(acts_as) => statements.push(acts_as),
                None if broken.is_of_role => {
                    let help = "run the SQL of `howdah credentials setup` again";
                    return Err(Failure::Damaged(format!("{}; {help}", broken.message)));
                }
                None => {}
            }
            statements.push(hand.enable(&credential.user, &credential.password));
            found.push(broken.message);
        }
        let idle: Vec<String> = role::logins_of(owner)
            .into_iter()
            .chain((self.settings.hand == Hand::Keeper).then(|| owner.clone()))
            .filter(|it| *it != credential.user)
            .collect();
        let sql = "SELECT rolname::text FROM pg_roles WHERE rolname = ANY($1) AND rolcanlogin";
        let mut enabled = Vec::new();
        for row in session.query(sql, &[&idle]).await? {
            let login: String = row.get(0);
            statements.push(self.settings.hand.disable(&login));
            found.push(format!("`{login}` could sign in"));
            enabled.push(login);
        }
        if found.is_empty() {
            let held = held.filter(|_| is_held);
            return Ok(held.map_or(Looked::Well, |it| Looked::Held(it.to_owned())));
        }
        let mended = found.join("; ");
        self.mend(session, lead, record, statements, &mended).await?;
        let enabled: Vec<&str> = enabled.iter().map(String::as_str).collect();
        sessions::end(session, &enabled, true).await?;
        Ok(Looked::Mended(mended))
    }

    async fn mend(
        &self,
        session: &mut Session,
        lead: Lead,
        record: &Record,
        statements: Vec<String>,
        reason: &str,
    ) -> Result<Step, Failure> {
        let mut change = Change::of("mended", record, record.state.clone(), "check");
        change.statements = statements;
        change.reason = Some(reason.to_owned());
        self.make(session, lead, record, change).await
    }
}
