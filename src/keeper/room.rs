//! What works in the keeper.

use super::{Desk, Lead};
use crate::http::api::{Entry, Later};
use std::rc::Rc;

/// A room of the keeper: tables, routes, and work that the leading keeper does. `rooms` lists them.
pub trait Room {
    /// Its routes.
    fn routes(&self) -> Vec<Entry> {
        Vec::new()
    }

    /// Its work while this keeper leads. It is dropped when the lead is lost, at any await, and ends
    /// early only to have the lead given up: with the reason.
    fn work(&self, _desk: Rc<Desk>, _lead: Lead) -> Later<String> {
        Box::pin(std::future::pending())
    }
}
