//! Routes that need no SQL: what answers them.
//!
//! Owns replies with placeholders, the ping, the calculator and the facts about this process. Does
//! not own the routes themselves (`definition::route`), arguments (`http`) or the database probe's
//! connection (`lane`).

pub mod calculate;
pub mod ping;
