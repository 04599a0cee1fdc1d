//! Rows into the bytes of an answer, as they arrive.

use super::page::{Cut, Page};
use crate::{
    encode::Encoder,
    lane::{RowSink, Stop},
    value::Malformed,
};
use bytes::Bytes;
use std::sync::Arc;

/// The bytes that most answers fit into without growing.
const FIRST_CAPACITY: usize = 512;

/// Writes rows into a buffer in a medium.
pub struct AnswerSink {
    encoder: Encoder,
    bytes: Vec<u8>,
    /// The whole answer, once it is shared.
    whole: Option<Bytes>,
    rows: u64,
    max_rows: u64,
    max_bytes: usize,
    /// Where the page ends, when it is one: then a row behind the last is no mistake.
    cut: Option<Box<Cut>>,
}

impl AnswerSink {
    /// A sink for an answer of at most `max_rows` rows and `max_bytes` bytes.
    pub fn new(mut encoder: Encoder, max_rows: u64, max_bytes: usize) -> Self {
        let mut bytes = Vec::with_capacity(FIRST_CAPACITY);
        encoder.begin(&mut bytes);
        Self { encoder, bytes, whole: None, rows: 0, max_rows, max_bytes, cut: None }
    }

    /// A sink for the page.
    #[must_use]
    pub fn of_page(mut self, page: &Page<'_>) -> Self {
        self.max_rows = u64::from(page.limit());
        self.cut = Some(Box::new(page.cut()));
        self
    }

    /// The keys of the page's last row when there are more behind it.
    pub fn take_page_end(&mut self) -> Option<Vec<u8>> {
        self.cut.take()?.end()
    }

    /// The whole answer.
    ///
    /// # Errors
    /// The medium has no form for one of its values.
    pub fn finish(mut self) -> Result<Bytes, Malformed> {
        self.whole()
    }

    fn whole(&mut self) -> Result<Bytes, Malformed> {
        if let Some(whole) = &self.whole {
            return Ok(whole.clone());
        }
        self.encoder.end(&mut self.bytes)?;
        let whole = Bytes::from(std::mem::take(&mut self.bytes));
        self.whole = Some(whole.clone());
        Ok(whole)
    }
}

impl RowSink for AnswerSink {
    fn row(&mut self, data_row: &[u8]) -> Result<(), Stop> {
        if self.rows == self.max_rows {
            return self.cut.as_mut().map_or(Err(Stop::TooMany), |cut| cut.row_behind(data_row));
        }
        self.encoder.row(data_row, self.rows == 0, &mut self.bytes).map_err(|_| Stop::Malformed)?;
        self.rows += 1;
        if let Some(cut) = self.cut.as_mut().filter(|_| self.rows == self.max_rows) {
            cut.last_row(data_row)?;
        }
        if self.bytes.len() > self.max_bytes { Err(Stop::TooLarge) } else { Ok(()) }
    }

    /// A value's text can be shorter than its binary form: an element of an array of `int8` takes 12
    /// bytes, and as text 2.
    fn largest_row(&self) -> usize {
        self.max_bytes.saturating_mul(8).max(1 << 20)
    }

    /// An endpoint has one layout for each medium, and its limits with it. What gathers rows into
    /// batches is nobody else's.
    fn medium(&self) -> Option<usize> {
        match &self.encoder {
            Encoder::Plain(layout) => Some(Arc::as_ptr(layout).cast::<()>() as usize),
            Encoder::Arrow(_) => None,
        }
    }

    fn share(&mut self) -> Option<Self> {
        let Encoder::Plain(layout) = &self.encoder else { return None };
        let encoder = Encoder::Plain(Arc::clone(layout));
        let whole = Some(self.whole().ok()?);
        Some(Self {
            encoder,
            bytes: Vec::new(),
            whole,
            rows: self.rows,
            max_rows: self.max_rows,
            max_bytes: self.max_bytes,
            cut: self.cut.clone(),
        })
    }

    fn restart(&mut self) {
        self.whole = None;
        self.bytes.clear();
        self.encoder.begin(&mut self.bytes);
        self.rows = 0;
        if let Some(cut) = &mut self.cut {
            cut.restart();
        }
    }
}
