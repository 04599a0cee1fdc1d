//! Where a page ends.

use crate::{
    lane::Stop,
    value::{Malformed, wire::Wire},
};
use std::sync::Arc;

/// The most that the keys of a row may take, in bytes: a cursor stands in a request's target.
const MAX_KEYS: usize = 2048;

/// Takes note of the keys of a page's last row, and of whether a row is behind it.
#[derive(Clone)]
pub(in crate::endpoint) struct Cut {
    columns: Arc<[usize]>,
    last: Vec<u8>,
    has_more: bool,
}

impl Cut {
    pub(super) fn new(columns: Arc<[usize]>) -> Self {
        Self { columns, last: Vec::new(), has_more: false }
    }

    /// The page's last row.
    pub(in crate::endpoint) fn last_row(&mut self, data_row: &[u8]) -> Result<(), Stop> {
        self.last.clear();
        keys(data_row, &self.columns, &mut self.last).map_err(|_| Stop::Malformed)
    }

    /// The row behind it.
    ///
    /// # Errors
    /// No cursor can tell where the page ends: the row has the same keys, and would be passed over by
    /// a page that begins behind them; or they are too long.
    pub(in crate::endpoint) fn row_behind(&mut self, data_row: &[u8]) -> Result<(), Stop> {
        let mut behind = Vec::with_capacity(self.last.len());
        keys(data_row, &self.columns, &mut behind).map_err(|_| Stop::Malformed)?;
        if behind == self.last || self.last.len() > MAX_KEYS {
            return Err(Stop::NoCursor);
        }
        self.has_more = true;
        Ok(())
    }

    /// Forgets all rows.
    pub(in crate::endpoint) fn restart(&mut self) {
        self.last.clear();
        self.has_more = false;
    }

    /// The keys of the last row when there are more behind it, as a cursor says them.
    pub(in crate::endpoint) fn end(self) -> Option<Vec<u8>> {
        self.has_more.then_some(self.last)
    }
}

/// Appends the fields of these columns, each with its length as a `DataRow` has it.
fn keys(data_row: &[u8], columns: &[usize], out: &mut Vec<u8>) -> Result<(), Malformed> {
    for column in columns {
        let mut row = Wire::new(data_row, "row");
        let _count = row.i16()?;
        for _ in 0..*column {
            row.value()?;
        }
        match row.value()? {
            None => out.extend((-1_i32).to_be_bytes()),
            Some(value) => {
                let length = i32::try_from(value.len()).map_err(|_| row.malformed())?;
                out.extend(length.to_be_bytes());
                out.extend(value);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops where it is wrong")]

    use super::*;

    fn row(fields: &[Option<&[u8]>]) -> Vec<u8> {
        let mut row = i16::try_from(fields.len()).unwrap().to_be_bytes().to_vec();
        for field in fields {
            let length = field.map_or(-1, |it| i32::try_from(it.len()).unwrap());
            row.extend(length.to_be_bytes());
            row.extend(field.unwrap_or_default());
        }
        row
    }

    #[test]
    fn keys_are_in_the_order_of_pages() {
        let mut cut = Cut::new([2, 0].into());
        cut.last_row(&row(&[Some(b"a"), Some(b"skipped"), None])).unwrap();
        assert!(cut.clone().end().is_none());
        cut.row_behind(&row(&[Some(b"b"), None, None])).unwrap();
        assert_eq!(cut.end().unwrap(), [255, 255, 255, 255, 0, 0, 0, 1, b'a']);
    }

    #[test]
    fn a_page_that_no_cursor_can_end_is_told() {
        let mut cut = Cut::new([0].into());
        cut.last_row(&row(&[Some(b"a"), Some(b"1")])).unwrap();
        assert_eq!(cut.row_behind(&row(&[Some(b"a"), Some(b"2")])), Err(Stop::NoCursor));
        let long = vec![b'a'; MAX_KEYS];
        cut.last_row(&row(&[Some(&long)])).unwrap();
        assert_eq!(cut.row_behind(&row(&[Some(b"b")])), Err(Stop::NoCursor));
        assert_eq!(cut.last_row(&row(&[])), Err(Stop::Malformed));
    }
}
