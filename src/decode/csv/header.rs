//! The header record: which field is which column.

use super::{
    super::{
        Body,
        fault::{shown, unknown},
    },
    split::fields,
};

/// For each field of a record, its column.
pub(super) struct Header(Vec<usize>);

impl Header {
    /// Reads the header; what is wrong with it is noted, and then nothing more can be told.
    pub(super) fn read(
        record: &[u8],
        line: u64,
        body: &mut Body,
        unquoted: &mut Vec<u8>,
    ) -> Option<Self> {
        let Ok(text) = std::str::from_utf8(record) else {
            let _ = body.give_up(line, "the header is not UTF-8");
            return None;
        };
        let mut columns = Vec::new();
        let known = body.columns.clone();
        let result = fields(text, unquoted, |field| {
            if body.faults.is_full() {
                return;
            }
            let Some(at) = known.all().iter().position(|column| column.name == field.text) else {
                let name = shown(field.text);
                let detail = unknown(&name, known.all().iter().map(|column| column.name.as_str()));
                return body.refuse_field(line, name, detail);
            };
            if columns.contains(&at) {
                body.refuse_column(line, at, "is given more than once");
            }
            columns.push(at);
        });
        if let Err(fault) = result {
            body.refuse(line, format!("the header has a name that {fault}"));
        } else {
            for at in (0..known.all().len()).filter(|at| !columns.contains(at)) {
                body.refuse_column(line, at, "is missing in the header");
            }
        }
        if !body.faults.is_empty() {
            body.faults.close();
            return None;
        }
        Some(Self(columns))
    }

    /// The column of field `at`.
    pub(super) fn column(&self, at: usize) -> Option<usize> {
        self.0.get(at).copied()
    }

    /// How many fields each record has.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
