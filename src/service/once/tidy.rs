//! Putting away answers that are older than they are kept.

use super::{kept, tidying_period};
use crate::{
    access::{Caller, Policy},
    lane::Failure,
    service::{Serving, log_reason},
};
use std::rc::Rc;
use tokio::time::Instant;

/// Answers that are put away by one statement.
const AT_ONCE: u64 = 1000;

impl Serving {
    /// Puts away what is too old, where answers are kept and some time has passed; otherwise nothing.
    /// Threads do so apart and pass over what another one has in hand.
    pub fn tidy(self: &Rc<Self>) {
        if self.tidied.get().elapsed() < tidying_period(self.service.config.idempotency.keep)
            || self.service.keeps_answers_on().is_none()
        {
            return;
        }
        self.tidied.set(Instant::now());
        let serving = Rc::clone(self);
        tokio::task::spawn_local(async move {
            // A database that is away has it done later.
            if let Err(failure) = serving.put_away().await
                && let Some(reason) = log_reason(&failure)
            {
                serving.warn(&format!("old answers to writes could not be put away: {reason}"));
            }
        });
    }

    async fn put_away(&self) -> Result<(), Failure> {
        let Some(name) = self.service.keeps_answers_on() else { return Ok(()) };
        let Some((lane, patience)) = self.exclusive(name) else { return Ok(()) };
        let permit = Policy::Public.permit(&Caller::Anonymous).map_err(|_| Failure::Closing)?;
        let mut job = lane.exclusive(permit, Instant::now() + patience.each).await?;
        let sql = kept::put_away(self.service.config.idempotency.keep, AT_ONCE);
        loop {
            job.set_deadline(Instant::now() + patience.each);
            if job.execute(&sql).await? < AT_ONCE {
                return Ok(());
            }
        }
    }
}
