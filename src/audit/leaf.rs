//! A leaf as an export writes it: one JSON object on a line.
//!
//! Owns the form of a line and of the body within it. The body is a text in the line, so that its
//! bytes, which are hashed, come out of the export as they went into the trail.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// The longest line that is read, in bytes: an entry of 64 KiB in which every character is escaped
/// twice fits.
pub const MAX_LINE_BYTES: usize = 1 << 20;

/// A line of an export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leaf<'a> {
    /// Its place in the trail, from zero.
    pub leaf: u64,
    /// `SHA-256(0x00 ‖ body)` in hexadecimal digits.
    #[serde(borrow)]
    pub hash: Cow<'a, str>,
    /// Who wrote it.
    #[serde(borrow)]
    pub writer: Cow<'a, str>,
    /// Its number among the writer's entries, from one.
    pub seq: u64,
    /// What is hashed: the text of an [`Envelope`].
    #[serde(borrow)]
    pub body: Cow<'a, str>,
}

/// What a body says around the entry itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Envelope<'a> {
    /// Who wrote it.
    #[serde(borrow)]
    pub writer: Cow<'a, str>,
    /// Its number among the writer's entries.
    pub seq: u64,
    /// The leaf hash of the writer's entry before it, in hexadecimal digits; zeros for the first.
    #[serde(borrow)]
    pub prev: Cow<'a, str>,
    /// When it was written, by the database's clock: `2026-01-31T12:00:00.123456Z`.
    #[serde(borrow)]
    pub at: Cow<'a, str>,
}
