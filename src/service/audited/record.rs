//! What the trail says of a request.

use crate::{
    access::Caller,
    audit::inbox::{Entry, Outcome},
    service::once,
    value::Argument,
};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// What is done to an endpoint.
const REQUEST: &str = "service.request";
/// Who writes; the database's function says which writer it is.
const WRITER: &str = "service";
/// Who calls when nobody says so.
pub(super) const NOBODY: &str = "anonymous";

/// A request to an audited endpoint, as its record tells of it. No argument is in it, but a digest of
/// them all.
#[derive(Clone, Debug)]
pub struct Record {
    actor: String,
    subject: String,
    detail: Map<String, Value>,
}

impl Record {
    /// A request of `caller` to the route, such as `GET /ports/{code}`, with an id.
    pub fn new(caller: &Caller, route: &str, request_id: &str) -> Self {
        let actor = caller.account().unwrap_or_else(|| NOBODY.to_owned());
        let mut detail = Map::new();
        detail.insert("request_id".to_owned(), request_id.into());
        if let Some(role) = caller.role() {
            detail.insert("role".to_owned(), role.into());
        }
        Self { actor, subject: route.to_owned(), detail }
    }

    /// The same with the digest of its arguments, in the order that they are declared.
    #[must_use]
    pub fn with_arguments(self, arguments: &[Argument]) -> Self {
        let mut digest = Sha256::new();
        for argument in arguments {
            once::say_argument(&mut digest, argument);
        }
        self.with_digest(digest)
    }

    /// The same with a digest of what was asked.
    #[must_use]
    pub fn with_digest(mut self, digest: Sha256) -> Self {
        let hex = digest.finalize().iter().fold(String::from("sha256:"), |mut hex, byte| {
            // Writing into a String does not fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        self.detail.insert("arguments".to_owned(), hex.into());
        self
    }

    /// The entry, with what else there is to know.
    pub(in crate::service) fn to_entry(
        &self,
        outcome: Outcome,
        further: impl IntoIterator<Item = (&'static str, Value)>,
    ) -> Entry<'_> {
        let mut detail = self.detail.clone();
        detail.extend(further.into_iter().map(|(name, value)| (name.to_owned(), value)));
        Entry {
            writer: WRITER,
            action: REQUEST,
            actor: &self.actor,
            subject: &self.subject,
            outcome,
            detail,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_has_the_digest_of_its_arguments_and_none_of_them() {
        let text = |text: &str| Argument::Text(text.as_bytes().to_vec());
        let of = |arguments: &[Argument]| {
            let record = Record::new(&Caller::Anonymous, "GET /a", "r").with_arguments(arguments);
            record.to_entry(Outcome::Done, [("rows", 2.into())]).to_json()
        };
        let one = of(&[text("secret"), Argument::Null]);
        assert!(one.contains("\"arguments\":\"sha256:") && !one.contains("secret"), "{one}");
        assert!(one.contains("\"actor\":\"anonymous\"") && one.contains("\"rows\":2"), "{one}");
        assert_eq!(one, of(&[text("secret"), Argument::Null]));
        let others: [&[Argument]; 3] = [&[text("secret")], &[text("secret"), text("")], &[]];
        for other in others {
            assert_ne!(one, of(other));
        }
    }
}
