//! What was turned away before the database was asked: denied permits, and requests to audited
//! endpoints that were wrong.
//!
//! Nobody waits for these records, and a flood of refusals must not become a flood of writes: alike
//! ones are counted and written as one entry, twice a second at most.

use super::record::NOBODY;
use crate::{
    access::Caller,
    audit::inbox::{Entry, Outcome},
    name::Identifier,
    problem::Code,
    service::{Action, Serving},
};
use serde_json::{Map, Value};
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
    time::Duration,
};

/// How many kinds are told apart until they are written; of more, the callers are not.
const MOST_KINDS: usize = 256;
/// Who was refused when there were more than that.
const MANY: &str = "(many)";

/// What was refused: the route, who asked, and why.
type Kind = (String, String, Code);

/// The refusals of this thread that were not written yet.
#[derive(Default)]
pub(in crate::service) struct Refusals {
    counts: RefCell<BTreeMap<(String, String, &'static str), u64>>,
    writing: Cell<bool>,
}

impl Refusals {
    fn count(&self, (route, actor, code): Kind) {
        let mut counts = self.counts.borrow_mut();
        let mut key = (route, actor, code.slug());
        if counts.len() >= MOST_KINDS && !counts.contains_key(&key) {
            MANY.clone_into(&mut key.1);
        }
        *counts.entry(key).or_default() += 1;
    }

    fn is_empty(&self) -> bool {
        self.counts.borrow().is_empty()
    }
}

/// Whether it says that the caller may not, and not that the request is wrong.
fn is_denial(code: Code) -> bool {
    matches!(
        code,
        Code::Unauthenticated
            | Code::InvalidCredential
            | Code::SeveralCredentials
            | Code::InsufficientScope
            | Code::Forbidden
    )
}

impl Serving {
    /// Counts a request to `route` that `caller` was refused with `code`, where the trail is to have it:
    /// each denied permit of a service with an audited endpoint, and each refusal of an audited one.
    pub fn count_refusal(&self, route: &str, caller: &Caller, code: Code, is_audited: bool) {
        if self.service.is_audited && (is_audited || is_denial(code)) {
            let actor = caller.account().unwrap_or_else(|| NOBODY.to_owned());
            self.refusals.count((route.to_owned(), actor, code));
        }
    }

    /// Writes what was counted, in a task of its own.
    pub fn tell_refusals(self: &Rc<Self>) {
        if self.refusals.is_empty() || self.refusals.writing.replace(true) {
            return;
        }
        let serving = Rc::clone(self);
        tokio::task::spawn_local(async move {
            serving.write_refusals().await;
            serving.refusals.writing.set(false);
        });
    }

    /// Writes what was counted, the last time: also what a task has in hand.
    pub async fn finish_refusals(&self) {
        while self.refusals.writing.get() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.write_refusals().await;
    }

    /// Writes what was counted. What could not be written is counted still.
    async fn write_refusals(&self) {
        let Some(lane) = self.audited_lane() else { return };
        let counted = self.refusals.counts.take();
        let mut failed = false;
        for (key, times) in counted {
            if failed || !self.write_refusal(lane, &key, times).await {
                failed = true;
                *self.refusals.counts.borrow_mut().entry(key).or_default() += times;
            }
        }
    }

    async fn write_refusal(
        &self,
        lane: &Identifier,
        (route, actor, code): &(String, String, &'static str),
        times: u64,
    ) -> bool {
        let members = [("code", Value::from(*code)), ("times", times.into())];
        let entry = Entry {
            writer: "service",
            action: "service.refused",
            actor,
            subject: route,
            outcome: Outcome::Refused,
            detail: Map::from_iter(members.map(|(name, value)| (name.to_owned(), value))),
        };
        self.record_apart(lane, &entry).await.is_ok()
    }

    /// The lane of an audited endpoint.
    fn audited_lane(&self) -> Option<&Identifier> {
        let mut audited = self.service.entries().iter().filter(|entry| entry.is_audited());
        audited.find_map(|entry| match &entry.action {
            Action::Endpoint(it) => Some(&it.lane),
            Action::Bulk(it) => Some(&it.lane),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alike_ones_are_one_and_a_flood_is_bounded() {
        let refusals = Refusals::default();
        for number in 0..MOST_KINDS + 100 {
            refusals.count(("GET /a".into(), format!("key {number}"), Code::Forbidden));
        }
        refusals.count(("GET /a".into(), "key 0".into(), Code::Forbidden));
        let counts = refusals.counts.borrow();
        assert_eq!(counts.len(), MOST_KINDS + 1);
        let of = |actor: &str| counts[&("GET /a".to_owned(), actor.to_owned(), "forbidden")];
        assert_eq!((of("key 0"), of("key 1"), of(MANY)), (2, 1, 100));
    }
}
