//! The check of what others may have changed: every minute, and whenever a keeper begins to lead.
//!
//! After a restore or a failover the state may be older than what was published; a person may have
//! changed a password or a file. What can be mended is mended, with an entry in the trail.

use super::{
    engine::{Rotation, Step},
    ledger::{Change, Failure, Record},
    role::{self, Hand},
    sessions,
    state::Phase,
    verify::verify,
};
use crate::postgres::{lead::Lead, session::Session};

impl Rotation {
    /// Looks at everything while nothing is under way; gives what it mended, in words.
    ///
    /// # Errors
    /// Why it could not look, or not mend.
    pub async fn check(
        &self,
        session: &mut Session,
        lead: Lead,
    ) -> Result<Option<String>, Failure> {
        let record = self.load(session).await?;
        let current = record.state.current();
        if record.state.phase() != Phase::Idle || current.login == self.settings.owner {
            return Ok(None);
        }
        if let Some(mended) = self.check_sinks(session, lead, &record).await? {
            return Ok(Some(mended));
        }
        self.check_roles(session, lead, &record).await
    }

    /// A sink that is ahead: the next generation is higher than that. One that is behind, or empty:
    /// it is given the current credential again.
    async fn check_sinks(
        &self,
        session: &mut Session,
        lead: Lead,
        record: &Record,
    ) -> Result<Option<String>, Failure> {
        let credential = self.current(record)?;
        for sink in &self.sinks {
            // A sink that is down now is looked at again in a minute.
            let Ok(has) = sink.read().await else { continue };
            match has {
                Some(has) if has == credential => {}
                Some(has) if has.generation >= credential.generation => {
                    let mended = format!("{} has generation {}", sink.name(), has.generation);
                    self.overtake(session, lead, record, has.generation, &mended).await?;
                    return Ok(Some(mended));
                }
                _ if sink.publish(&credential).await.is_ok() => {
                    let mended = format!("{} was given its credential again", sink.name());
                    self.mend(session, lead, record, Vec::new(), &mended).await?;
                    return Ok(Some(mended));
                }
                // What it does not take now, it is given in a minute.
                _ => {}
            }
        }
        Ok(None)
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
    ) -> Result<Option<String>, Failure> {
        let owner = &self.settings.owner;
        let credential = self.current(record)?;
        let mut statements = Vec::new();
        let mut found = Vec::new();
        let primary = self.settings.endpoints.get(..1).unwrap_or_default();
        if let Err(broken) = verify(primary, &credential, owner).await
            && broken.is_denial
        {
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
            return Ok(None);
        }
        let mended = found.join("; ");
        self.mend(session, lead, record, statements, &mended).await?;
        let enabled: Vec<&str> = enabled.iter().map(String::as_str).collect();
        sessions::end(session, &enabled, true).await?;
        Ok(Some(mended))
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
