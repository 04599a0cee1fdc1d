//! How rows are laid out in an answer.
//!
//! Owns the media types of results: what stands before, between and after the values. Each has a
//! room of its own: `json` today, `ndjson`, `csv` and `arrow` beside it when they are asked for; each
//! is a [`Layout`], chosen by content negotiation, and whoever sends rows knows nothing more. (A `json`
//! value keeps the line breaks it was stored with: a medium of lines must take them out.) Does
//! not own how one value is written (`value`), nor where rows come from (`lane`) and go (`http`).

pub mod json;

use crate::value::Malformed;

/// A plan of an endpoint's answer in one media type, made at start from its columns.
///
/// An answer is [`Layout::begin`], [`Layout::row`] for each row and [`Layout::end`], one behind the
/// other in one buffer or in pieces of it. Where the shape is one row or one value and there is no
/// row, there is no answer to lay out: the caller answers 404.
pub trait Layout: Send + Sync {
    /// The media type, as the `Content-Type` field has it.
    fn media_type(&self) -> &'static str;

    /// Writes what stands before the first row.
    fn begin(&self, out: &mut Vec<u8>);

    /// Writes a row. `data_row` is the body of PostgreSQL's `DataRow` message with all values in
    /// binary form: the count of columns in two bytes, then for each column the length in four
    /// bytes (-1 is NULL) and the value. `first` says that no row was written before it. Where the
    /// shape is one row or one value, rows after the first are left out.
    ///
    /// # Errors
    /// The row is not what the plan was made for. `out` is then as it was before.
    fn row(&self, data_row: &[u8], first: bool, out: &mut Vec<u8>) -> Result<(), Malformed>;

    /// Writes what stands behind the last row.
    fn end(&self, out: &mut Vec<u8>);
}
