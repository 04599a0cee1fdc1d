//! A policy: who may have a role for a while, for how long, and whose leave it takes.

use serde_json::{Value, json};
use std::time::Duration;

/// A policy as the manifest says it. The database keeps each version that there was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Its name, which requests ask for.
    pub name: String,
    /// What is asked for: `login` or `rotation`.
    pub action: &'static str,
    /// The role that a temporary login is made a member of; of a rotation the role whose credential it
    /// changes.
    pub profile: String,
    /// How many people must approve; never the requester.
    pub approvals: u8,
    /// The groups whose members may approve.
    pub approvers: Vec<String>,
    /// The groups whose members may ask; everybody who is known when there is none.
    pub requesters: Vec<String>,
    /// The longest time that may be asked for.
    pub max_ttl: Duration,
    /// How many requests one person may have open.
    pub max_pending: u16,
    /// After which time a request that was not approved, or not taken up, is void.
    pub lapse_after: Duration,
    /// How long emergency access may last, where there is such.
    pub break_glass: Option<Duration>,
}

impl Policy {
    /// The policy as a row of the database.
    pub(super) fn to_json(&self) -> Value {
        let interval = |duration: Duration| format!("{} seconds", duration.as_secs_f64());
        json!({
            "id": self.name,
            "action": self.action,
            "profile": self.profile,
            "approvals": self.approvals,
            "approvers": self.approvers,
            "requesters": self.requesters,
            "max_ttl": interval(self.max_ttl),
            "max_pending": self.max_pending,
            "lapse_after": interval(self.lapse_after),
            "break_glass_ttl": self.break_glass.map(interval),
        })
    }
}
