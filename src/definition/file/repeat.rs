//! The keys of front matter that say what becomes of a request that comes again.

use crate::{
    definition::route::Method,
    diagnostic::Code,
    table::{Item, Table},
};
use std::ops::Range;

/// Whether a write that comes again is carried out once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Idempotency {
    /// It is carried out as often as it comes.
    #[default]
    Unkept,
    /// With an `Idempotency-Key` it is carried out once.
    Offered,
    /// It needs an `Idempotency-Key`.
    Required,
}

/// What becomes of a request that comes again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repeats {
    /// Of a write.
    pub idempotency: Idempotency,
    /// The bytes of the file that say so; empty when nothing is said.
    pub idempotency_span: Range<usize>,
}

impl Repeats {
    /// Whether first answers are kept.
    pub fn keeps_answers(&self) -> bool {
        self.idempotency != Idempotency::Unkept
    }
}

/// The keys, taken out of the root.
pub(super) struct Taken<'t, 'e> {
    idempotent: Option<Item<'t, 'e>>,
}

/// Takes the keys out of the root.
pub(super) fn take<'t, 'e>(root: &Table<'t, 'e>) -> Taken<'t, 'e> {
    Taken { idempotent: root.take("idempotent") }
}

impl Taken<'_, '_> {
    /// What the keys say, for an endpoint of this method.
    pub(super) fn read(&self, method: Option<Method>) -> Repeats {
        let Some(item) = &self.idempotent else { return Repeats::default() };
        let idempotency = idempotency(item).unwrap_or_default();
        if idempotency != Idempotency::Unkept && method == Some(Method::Get) {
            let help = "a GET changes nothing, so it can be sent again as it is; leave it out";
            item.refuse(Code::Conflict, "is for writes, and the method is GET", Some(help));
        }
        Repeats { idempotency, idempotency_span: item.file_span() }
    }
}

fn idempotency(item: &Item<'_, '_>) -> Option<Idempotency> {
    match item.raw_string() {
        Some("required") => Some(Idempotency::Required),
        Some(_) => {
            let help = "write `idempotent = true`, or `idempotent = \"required\"`";
            item.refuse(Code::InvalidValue, "takes true, false or \"required\"", Some(help));
            None
        }
        None => item
            .boolean()
            .map(|offered| if offered { Idempotency::Offered } else { Idempotency::Unkept }),
    }
}
