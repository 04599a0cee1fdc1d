//! Routes that need no SQL: what answers them.
//!
//! Owns replies with placeholders, the ping, the calculator and the facts about this process. Does
//! not own the routes themselves (`definition::route`), arguments (`http`) or the database that a
//! probe asks about (`lane`).

pub mod calculate;
pub mod info;
pub mod ping;
pub mod reply;

#[cfg(test)]
mod tests;
