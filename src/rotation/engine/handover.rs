//! The handover: waiting until the new credential is used, and taking the old one away.

use super::{Rotation, SHORTEST, Step};
use crate::{
    postgres::{lead::Lead, session::Session},
    rotation::{
        ledger::{Change, Failure, Record},
        sessions::{self, Session as Seen},
    },
};

impl Rotation {
    /// Published to adopted: no live `serve` works with an earlier generation.
    pub(super) async fn adopt(
        &self,
        session: &mut Session,
        lead: Lead,
        record: &Record,
    ) -> Result<Step, Failure> {
        let seen = self.seen(session, record).await?;
        if let Some(waits) = lagging(&seen, record) {
            return Ok(Step::Waits(waits));
        }
        let to = record.state.adopted()?;
        self.make(session, lead, record, Change::of("adopted", record, to, "keeper")).await
    }

    /// Adopted to overlap: from now on the old sessions have until a deadline.
    pub(super) async fn overlap(
        &self,
        session: &mut Session,
        lead: Lead,
        record: &Record,
    ) -> Result<Step, Failure> {
        let to = record.state.overlapping()?;
        let mut change = Change::of("overlap", record, to, "keeper");
        change.deadline = Some(self.settings.overlap.max(SHORTEST));
        self.make(session, lead, record, change).await
    }

    /// Overlap to retired: the old login is disabled when nobody needs it any more, at the deadline
    /// at the latest; but never while a live `serve` works with it, or a sink has another.
    pub(super) async fn retire(
        &self,
        session: &mut Session,
        lead: Lead,
        record: &Record,
    ) -> Result<Step, Failure> {
        let Some(old) = record.state.old() else { return Ok(Step::Idle) };
        let seen = self.seen(session, record).await?;
        if let Some(waits) = lagging(&seen, record) {
            return Ok(Step::Waits(waits));
        }
        let left = seen.iter().filter(|it| it.login == old.login).count();
        let is_first = old.login == self.settings.owner;
        if left > 0 && (is_first || !record.is_late) {
            if is_first {
                // The time without any session of it begins anew.
                self.restart_overlap(session, lead, record).await?;
            }
            return Ok(Step::Waits(format!("{left} sessions of `{}`", old.login)));
        }
        let is_seen_at_once = !is_first && self.sinks.iter().all(|it| it.is_immediate());
        let is_over = record.is_late || is_seen_at_once && record.phase_age >= SHORTEST;
        if !is_over {
            return Ok(Step::Waits("the overlap".to_owned()));
        }
        if let Some(waits) = self.unpublished(record).await? {
            return Ok(Step::Waits(waits));
        }
        let mut change = Change::of("retired", record, record.state.retired()?, "keeper");
        change.statements = vec![self.settings.hand.disable(&old.login)];
        change.deadline = Some(self.settings.grace);
        self.make(session, lead, record, change).await
    }

    /// The first sink that does not have the current credential, in words.
    pub(super) async fn unpublished(&self, record: &Record) -> Result<Option<String>, Failure> {
        let credential = self.current(record)?;
        for sink in &self.sinks {
            match sink.read().await {
                Ok(Some(has)) if has == credential => {}
                Ok(_) => return Ok(Some(format!("{} has another credential", sink.name()))),
                Err(failure) => return Ok(Some(format!("{}: {failure}", sink.name()))),
            }
        }
        Ok(None)
    }

    pub(super) async fn restart_overlap(
        &self,
        session: &mut Session,
        lead: Lead,
        record: &Record,
    ) -> Result<(), Failure> {
        let transaction = session.transaction().await?;
        lead.fence(&transaction).await?;
        let sql = "UPDATE howdah.rotation SET deadline = now() + make_interval(secs => $2) \
            WHERE name = $1 AND phase = 'overlap' AND highest = $3";
        let overlap = self.settings.overlap.max(SHORTEST).as_secs_f64();
        let highest = i64::try_from(record.state.highest()).unwrap_or(i64::MAX);
        transaction.execute(sql, &[&self.name(), &overlap, &highest]).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Retired to idle: the old login's sessions are ended, first those that do nothing, and after
    /// the grace all; then its seal is wiped.
    pub(super) async fn finish(
        &self,
        session: &mut Session,
        lead: Lead,
        record: &Record,
    ) -> Result<Step, Failure> {
        let Some(old) = record.state.old() else { return Ok(Step::Idle) };
        sessions::end(session, &[&old.login], record.is_late).await?;
        let left = sessions::of(session, &[&old.login]).await?.len();
        if left > 0 {
            return Ok(Step::Waits(format!("{left} sessions of `{}`", old.login)));
        }
        let mut change = Change::of("idle", record, record.state.finished()?, "keeper");
        change.old_sealed = None;
        change.due_in = Some(self.next_due());
        self.make(session, lead, record, change).await
    }
}

/// Who still works with an earlier generation, in words.
fn lagging(seen: &[Seen], record: &Record) -> Option<String> {
    let generation = record.state.current().generation;
    let lagging: Vec<_> = seen.iter().filter(|it| it.lags(generation)).collect();
    let first = lagging.first()?;
    Some(format!(
        "{} sessions of an earlier generation, such as `{}`",
        lagging.len(),
        first.application
    ))
}
