//! The keys of front matter that say how an answer is delivered.

use super::ResultShape;
use crate::{
    definition::route::Method,
    diagnostic::Code,
    table::{Item, Table},
};
use std::time::Duration;

/// How an endpoint's answer is delivered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    /// Whether rows are streamed; `None` leaves it to `max_rows`.
    pub stream: Option<bool>,
    /// How long a request may wait and run together, where that is less than its lane says.
    pub deadline: Option<Duration>,
}

impl Delivery {
    /// How long a request may wait and run together on a lane that says so much.
    pub fn within(&self, lane: Duration) -> Duration {
        self.deadline.map_or(lane, |it| it.min(lane))
    }
}

/// Takes the keys; what they say is told against method and shape by `agreement`.
pub(super) struct Taken<'t, 'e> {
    stream: Option<Item<'t, 'e>>,
    pub(super) deadline: Option<Item<'t, 'e>>,
}

/// Takes the keys out of the root.
pub(super) fn take<'t, 'e>(root: &Table<'t, 'e>) -> Taken<'t, 'e> {
    Taken { stream: root.take("stream"), deadline: root.take("deadline") }
}

impl Taken<'_, '_> {
    /// What the keys say, for an endpoint of this method and shape.
    pub(super) fn read(&self, method: Option<Method>, shape: ResultShape) -> Delivery {
        let stream = self.stream.as_ref().and_then(|item| Some((item.boolean()?, item)));
        if let Some((true, item)) = &stream {
            if method.is_some_and(|method| method != Method::Get) {
                let help = "a change is answered when it is made, as a whole";
                item.refuse(Code::Conflict, "is for GET", Some(help));
            } else if shape != ResultShape::Rows {
                let why = format!("is for \"rows\", and the result is \"{}\"", shape.as_str());
                item.refuse(Code::Conflict, &why, Some("leave it out"));
            }
        }
        let deadline = self.deadline.as_ref().and_then(deadline);
        Delivery { stream: stream.map(|(stream, _)| stream), deadline }
    }
}

fn deadline(item: &Item<'_, '_>) -> Option<Duration> {
    let read = humantime::parse_duration(item.string()?.trim()).ok();
    let deadline = read.filter(|it| !it.is_zero());
    if deadline.is_none() {
        let help = "such as \"500ms\" or \"2s\"";
        item.refuse(Code::InvalidValue, "takes a duration above 0", Some(help));
    }
    deadline
}

/// Refuses `audit`, the item given, beside what would give an answer before, or without, its record.
pub(super) fn refuse_audited(audit: &Item<'_, '_>, delivery: &Delivery, is_cached: bool) {
    if delivery.stream == Some(true) {
        let help =
            "leave `stream` out: an audited answer is given when its record is kept, as a whole";
        audit.refuse(Code::Conflict, "does not go with `stream`", Some(help));
    }
    if is_cached {
        let help = "leave `cache` out: an audited answer is not given again without its own record";
        audit.refuse(Code::Conflict, "does not go with `cache`", Some(help));
    }
}
