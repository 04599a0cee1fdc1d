//! The way forward: proving a new credential, and publishing it.

use super::{AGAIN, PATIENCE, Rotation, Step};
use crate::{
    postgres::{lead::Lead, session::Session},
    rotation::{
        ledger::{Change, Failure, Record},
        sessions, sink,
        verify::verify,
    },
};

impl Rotation {
    /// Applied to verified: a real login on every endpoint. When it does not work in time, the new
    /// login is disabled again.
    pub(super) async fn verify(
        &self,
        session: &mut Session,
        lead: Lead,
        record: &Record,
    ) -> Result<Step, Failure> {
        let credential = self.current(record)?;
        match verify(&self.settings.endpoints, &credential, &self.settings.owner).await {
            Ok(()) => {
                let to = record.state.verified()?;
                self.make(session, lead, record, Change::of("verified", record, to, "keeper")).await
            }
            Err(broken) if record.phase_age > PATIENCE => {
                self.abort(session, lead, record, &broken.message).await
            }
            Err(broken) => Ok(Step::Waits(broken.message)),
        }
    }

    /// Verified to published: every sink has it, and gives it back. When none takes it in time, it is
    /// given up; when some have it and others do not, both logins work on until they do.
    pub(super) async fn publish(
        &self,
        session: &mut Session,
        lead: Lead,
        record: &Record,
    ) -> Result<Step, Failure> {
        let credential = self.current(record)?;
        // A keeper that has lost the lead without knowing ends here.
        let transaction = session.transaction().await?;
        lead.fence(&transaction).await?;
        transaction.commit().await?;
        let mut wrong = Vec::new();
        let mut untouched = 0;
        for sink in &self.sinks {
            let outcome = match sink.publish(&credential).await {
                Ok(()) => sink.read().await,
                Err(failure) => Err(failure),
            };
            match outcome {
                Ok(Some(has)) if has == credential => {}
                Ok(_) => wrong.push(format!("{}: it gives back another", sink.name())),
                Err(sink::Failure::Overtaken(generation)) => {
                    return self.overtaken(session, lead, record, generation).await;
                }
                Err(failure) => {
                    wrong.push(format!("{}: {failure}", sink.name()));
                    untouched += usize::from(matches!(failure, sink::Failure::Refused(_)));
                }
            }
        }
        if wrong.is_empty() {
            let to = record.state.published()?;
            return self
                .make(session, lead, record, Change::of("published", record, to, "keeper"))
                .await;
        }
        let reason = wrong.join("; ");
        if untouched == self.sinks.len()
            && record.phase_age > PATIENCE
            && self.is_unread(record).await
        {
            return self.abort(session, lead, record, &reason).await;
        }
        Ok(Step::Waits(reason))
    }

    /// Whether every sink can be read and has an earlier generation than the current one.
    pub(super) async fn is_unread(&self, record: &Record) -> bool {
        let mut unread = true;
        for sink in &self.sinks {
            // What cannot be read now refused the writing for sure; a later look mends the rest.
            unread &= match sink.read().await {
                Ok(has) => has.is_none_or(|it| it.generation < record.state.current().generation),
                Err(sink::Failure::Refused(_)) => true,
                Err(_) => false,
            };
        }
        unread
    }

    /// A sink has a higher generation, as after a restore: this one is given up, and the next is
    /// higher than that.
    pub(super) async fn overtaken(
        &self,
        session: &mut Session,
        lead: Lead,
        record: &Record,
        generation: u64,
    ) -> Result<Step, Failure> {
        let reason = format!("a sink has generation {generation}");
        if record.state.aborted().is_err() {
            return Ok(Step::Waits(reason));
        }
        self.abort(session, lead, record, &reason).await
    }

    /// Gives the new generation up: its login is disabled, and the old was never touched.
    pub(super) async fn abort(
        &self,
        session: &mut Session,
        lead: Lead,
        record: &Record,
        reason: &str,
    ) -> Result<Step, Failure> {
        let to = record.state.aborted()?;
        let failed = &record.state.current().login;
        let mut change = Change::of("aborted", record, to, "keeper");
        change.sealed =
            if change.to.current().generation == 0 { None } else { record.old_sealed.clone() };
        change.old_sealed = None;
        change.statements = vec![self.settings.hand.disable(failed)];
        change.due_in = self.settings.every.map(|every| every.min(AGAIN));
        let generation = record.state.current().generation;
        change.reason = Some(format!("generation {generation} was given up: {reason}"));
        let made = self.make(session, lead, record, change).await?;
        sessions::end(session, &[failed], true).await?;
        Ok(made)
    }
}
