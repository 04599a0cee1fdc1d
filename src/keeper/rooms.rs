//! The rooms of the keeper, one line each.

use super::{Desk, Room};
use crate::{audit, diagnostic::Diagnostics, migration::Step};
use std::rc::Rc;

/// Every room.
///
/// # Errors
/// What is wrong with the configuration of one.
#[expect(clippy::unnecessary_wraps, reason = "rooms read keys and files when they are made")]
pub(super) fn all(_desk: &Rc<Desk>) -> Result<Vec<Rc<dyn Room>>, Diagnostics> {
    Ok(Vec::new())
}

/// The tables of every room, each step numbered: 1xx the keeper and rotation, 2xx the records.
pub(super) fn migrations() -> Vec<Step> {
    [super::MIGRATIONS, audit::MIGRATIONS].concat()
}
