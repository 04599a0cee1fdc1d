//! Rows into the bytes of an answer, as they arrive.

use crate::{
    encode::Layout,
    lane::{RowSink, Stop},
};
use std::sync::Arc;

/// The bytes that most answers fit into without growing.
const FIRST_CAPACITY: usize = 512;

/// Writes rows into a buffer by an endpoint's layout.
pub struct AnswerSink {
    layout: Arc<dyn Layout>,
    bytes: Vec<u8>,
    rows: u64,
    max_rows: u64,
    max_bytes: usize,
}

impl AnswerSink {
    /// A sink for an answer of at most `max_rows` rows and `max_bytes` bytes.
    pub fn new(layout: &Arc<dyn Layout>, max_rows: u64, max_bytes: usize) -> Self {
        let mut bytes = Vec::with_capacity(FIRST_CAPACITY);
        layout.begin(&mut bytes);
        Self { layout: Arc::clone(layout), bytes, rows: 0, max_rows, max_bytes }
    }

    /// The media type of the answer.
    pub fn media_type(&self) -> &'static str {
        self.layout.media_type()
    }

    /// The whole answer.
    pub fn finish(mut self) -> Vec<u8> {
        self.layout.end(&mut self.bytes);
        self.bytes
    }
}

impl RowSink for AnswerSink {
    fn row(&mut self, data_row: &[u8]) -> Result<(), Stop> {
        if self.rows == self.max_rows {
            return Err(Stop::TooMany);
        }
        self.layout.row(data_row, self.rows == 0, &mut self.bytes).map_err(|_| Stop::Malformed)?;
        self.rows += 1;
        if self.bytes.len() > self.max_bytes { Err(Stop::TooLarge) } else { Ok(()) }
    }

    /// A value's text can be shorter than its binary form: an element of an array of `int8` takes 12
    /// bytes, and as text 2.
    fn largest_row(&self) -> usize {
        self.max_bytes.saturating_mul(8).max(1 << 20)
    }

    fn restart(&mut self) {
        self.bytes.clear();
        self.layout.begin(&mut self.bytes);
        self.rows = 0;
    }
}
