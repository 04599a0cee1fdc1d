//! The rooms of the keeper, one line each.

use super::{Desk, Room};
use crate::{approval, audit, diagnostic::Diagnostics, migration::Step, rotation};
use std::rc::Rc;

/// Every room.
///
/// # Errors
/// What is wrong with the configuration of one.
pub(super) fn all(desk: &Rc<Desk>) -> Result<Vec<Rc<dyn Room>>, Diagnostics> {
    let mut rooms: Vec<Rc<dyn Room>> = vec![
        Rc::new(super::trail::Trail::open(desk)?),
        Rc::new(super::requests::Requests::open(desk)),
    ];
    rooms.extend(super::rotation::open(desk)?);
    rooms.extend(super::webhook::open(desk)?);
    Ok(rooms)
}

/// The tables of every room, each step numbered: 1xx the keeper and rotation, 2xx the records.
pub(super) fn migrations() -> Vec<Step> {
    [super::MIGRATIONS, rotation::MIGRATIONS, audit::MIGRATIONS, approval::MIGRATIONS].concat()
}
