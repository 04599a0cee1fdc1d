//! What becomes of a request that comes again, as it is described.

use super::operation::definition;
use crate::{
    definition::file::{Idempotency, Repeats},
    problem::Code,
    service::Entry,
};
use serde_json::{Map, Value, json};

fn keeps(entry: &Entry) -> Option<&Repeats> {
    definition(entry).map(|file| &file.repeats).filter(|it| it.keeps_answers())
}

/// The Parameter Object of `Idempotency-Key`, where it is taken.
pub(super) fn parameter(entry: &Entry) -> Option<Value> {
    let repeats = keeps(entry)?;
    let mut object = json!({
        "name": "Idempotency-Key",
        "in": "header",
        "description": "A string that no other request of this caller has, such as a UUID. A request \
            that is sent again with its key is carried out once, and answered as it was first.",
        "schema": { "type": "string", "pattern": "^[-._~+/=:A-Za-z0-9]{1,255}$" },
        "example": "8e03978e-40d5-43e8-bc93-6894a57f9324",
    });
    if repeats.idempotency == Idempotency::Required {
        object["required"] = true.into();
    }
    Some(object)
}

/// The problems that a key can lead to.
pub(super) fn codes(entry: &Entry, codes: &mut Vec<Code>) {
    let Some(repeats) = keeps(entry) else { return };
    codes.extend([
        Code::IdempotencyKeyInvalid,
        Code::IdempotencyKeyReused,
        Code::RequestInProgress,
    ]);
    if repeats.idempotency == Idempotency::Required {
        codes.push(Code::IdempotencyKeyMissing);
    }
}

/// The field of an answer that was given before.
pub(super) fn fields(entry: &Entry, responses: &mut Map<String, Value>) {
    if keeps(entry).is_none() {
        return;
    }
    for (status, response) in responses {
        if ["200", "204", "404"].contains(&status.as_str()) {
            response["headers"]["Idempotent-Replayed"] = json!({
                "description": "There when a request with this key was carried out before, and this \
                    is its answer.",
                "schema": { "const": "true" },
            });
        }
        if status == "409" {
            response["headers"]["Retry-After"] =
                json!({ "$ref": "#/components/headers/RetryAfter" });
        }
    }
}
