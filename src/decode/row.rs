//! One row of a COPY while its fields are read, in whatever order they come.
//!
//! Source: PostgreSQL documentation, "COPY: File Formats".

use crate::value::argument::{Invalid, copy::Form};

/// What is known of a column's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    /// Nothing yet.
    Absent,
    /// It was refused.
    Refused,
    Null,
    /// These bytes of the row's buffer.
    Value(usize, usize),
}

/// The values of one row.
pub(super) struct Row {
    bytes: Vec<u8>,
    slots: Vec<Slot>,
}

/// The bytes a row's buffer keeps once a large row is gone.
const KEPT: usize = 64 * 1024;

impl Row {
    pub(super) fn new(columns: usize) -> Self {
        Self { bytes: Vec::new(), slots: vec![Slot::Absent; columns] }
    }

    /// Forgets all values.
    pub(super) fn clear(&mut self) {
        if self.bytes.capacity() > KEPT {
            self.bytes = Vec::new();
        }
        self.bytes.clear();
        self.slots.fill(Slot::Absent);
    }

    pub(super) fn slot(&self, at: usize) -> Slot {
        self.slots.get(at).copied().unwrap_or(Slot::Refused)
    }

    pub(super) fn put(&mut self, at: usize, slot: Slot) {
        if let Some(place) = self.slots.get_mut(at) {
            *place = slot;
        }
    }

    /// Has `write` append the value of column `at`; it says whether the value is other than NULL.
    pub(super) fn fill(
        &mut self,
        at: usize,
        write: impl FnOnce(&mut Vec<u8>) -> Result<bool, Invalid>,
    ) -> Result<Slot, Invalid> {
        let start = self.bytes.len();
        let slot = match write(&mut self.bytes) {
            Ok(true) => Slot::Value(start, self.bytes.len()),
            Ok(false) => Slot::Null,
            Err(invalid) => {
                self.put(at, Slot::Refused);
                return Err(invalid);
            }
        };
        self.put(at, slot);
        Ok(slot)
    }

    /// Appends the row as COPY takes it.
    pub(super) fn write(&self, form: Form, out: &mut Vec<u8>) {
        match form {
            Form::Binary => self.write_binary(out),
            Form::Text => self.write_text(out),
        }
    }

    fn value(&self, slot: Slot) -> Option<&[u8]> {
        match slot {
            Slot::Value(start, end) => self.bytes.get(start..end),
            Slot::Absent | Slot::Refused | Slot::Null => None,
        }
    }

    fn write_binary(&self, out: &mut Vec<u8>) {
        // A table has 1,600 columns at most, and a record is far shorter than 2 GiB.
        let count = i16::try_from(self.slots.len()).unwrap_or(i16::MAX);
        out.extend_from_slice(&count.to_be_bytes());
        for slot in &self.slots {
            match self.value(*slot) {
                Some(value) => {
                    let length = i32::try_from(value.len()).unwrap_or(i32::MAX);
                    out.extend_from_slice(&length.to_be_bytes());
                    out.extend_from_slice(value);
                }
                None => out.extend_from_slice(&(-1_i32).to_be_bytes()),
            }
        }
    }

    fn write_text(&self, out: &mut Vec<u8>) {
        for (at, slot) in self.slots.iter().enumerate() {
            if at > 0 {
                out.push(b'\t');
            }
            out.extend_from_slice(self.value(*slot).unwrap_or(b"\\N"));
        }
        out.push(b'\n');
    }
}
