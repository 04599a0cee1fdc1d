//! Rows into the bytes of an answer, as they arrive.

use crate::{
    encode::Layout,
    lane::{RowSink, Stop},
};
use bytes::Bytes;
use std::sync::Arc;

/// The bytes that most answers fit into without growing.
const FIRST_CAPACITY: usize = 512;

/// Writes rows into a buffer by an endpoint's layout.
pub struct AnswerSink {
    layout: Arc<dyn Layout>,
    bytes: Vec<u8>,
    /// The whole answer, once it is shared.
    whole: Option<Bytes>,
    rows: u64,
    max_rows: u64,
    max_bytes: usize,
}

impl AnswerSink {
    /// A sink for an answer of at most `max_rows` rows and `max_bytes` bytes.
    pub fn new(layout: &Arc<dyn Layout>, max_rows: u64, max_bytes: usize) -> Self {
        let mut bytes = Vec::with_capacity(FIRST_CAPACITY);
        layout.begin(&mut bytes);
        Self { layout: Arc::clone(layout), bytes, whole: None, rows: 0, max_rows, max_bytes }
    }

    /// The media type of the answer.
    pub fn media_type(&self) -> &'static str {
        self.layout.media_type()
    }

    /// The whole answer.
    pub fn finish(mut self) -> Bytes {
        self.whole()
    }

    fn whole(&mut self) -> Bytes {
        if let Some(whole) = &self.whole {
            return whole.clone();
        }
        self.layout.end(&mut self.bytes);
        let whole = Bytes::from(std::mem::take(&mut self.bytes));
        self.whole = Some(whole.clone());
        whole
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

    /// An endpoint has one layout for each medium, and its limits with it.
    fn medium(&self) -> Option<usize> {
        Some(Arc::as_ptr(&self.layout).cast::<()>() as usize)
    }

    fn share(&mut self) -> Option<Self> {
        let whole = Some(self.whole());
        Some(Self {
            layout: Arc::clone(&self.layout),
            bytes: Vec::new(),
            whole,
            rows: self.rows,
            max_rows: self.max_rows,
            max_bytes: self.max_bytes,
        })
    }

    fn restart(&mut self) {
        self.whole = None;
        self.bytes.clear();
        self.layout.begin(&mut self.bytes);
        self.rows = 0;
    }
}
