//! `idempotent`: whether a change may be asked for twice and is made once.

use super::Code;
use crate::{definition::route::Method, table::Item};

/// Whether callers may give, or must give, an `Idempotency-Key`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Idempotence {
    /// The field means nothing.
    #[default]
    None,
    /// A request with the field is answered once and then replayed.
    Offered,
    /// A request without the field is refused.
    Required,
}

/// Reads the key; `method` is the endpoint's, when it has one.
pub(super) fn read(item: &Item<'_, '_>, method: Option<Method>) -> Idempotence {
    let wanted = match item.raw_string() {
        Some("required") => Idempotence::Required,
        Some(_) => {
            let help = "it is true, false or \"required\"";
            item.refuse(Code::InvalidValue, "takes no such word", Some(help));
            return Idempotence::None;
        }
        None => match item.boolean() {
            Some(true) => Idempotence::Offered,
            _ => Idempotence::None,
        },
    };
    if wanted != Idempotence::None && method == Some(Method::Get) {
        let help = "a GET changes nothing, so that it can always be repeated; leave it out";
        item.refuse(Code::Conflict, "is for changes, and the method is GET", Some(help));
        return Idempotence::None;
    }
    wanted
}
