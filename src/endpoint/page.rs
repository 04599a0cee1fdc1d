//! Rows page by page: after the keys of the last row that the caller has (keyset paging).
//!
//! Owns the two statements of a paged endpoint, what a cursor says and what it is good for, and where
//! a page ends. Does not own how cursors are signed (`cursor`), nor where in an answer they stand
//! (`http`).

mod cut;
mod prepare;
mod sql;

pub(super) use cut::Cut;
pub(super) use prepare::{Known, prepare};

use super::Endpoint;
use crate::{
    cursor::Cursors,
    postgres::statement::Prepared,
    problem::{Code, Problem},
    value::{Argument, wire::Wire},
};
use std::sync::Arc;

/// The name of the argument that says how many rows.
pub const LIMIT: &str = crate::definition::file::page::ARGUMENTS[0];
/// The name of the argument that says where the page begins.
pub const CURSOR: &str = crate::definition::file::page::ARGUMENTS[1];

/// How an endpoint's rows are given page by page. The endpoint's own statement gives the first page.
pub struct Paging {
    /// The statement of pages behind the first.
    pub after: Arc<Prepared>,
    /// Which columns of the result are the keys, in the order of pages.
    keys: Arc<[usize]>,
    /// What a cursor is for, beside the arguments: the endpoint, its keys and their types.
    endpoint: Vec<u8>,
    /// Where the arguments of paging are among the endpoint's; they are its last two.
    limit: usize,
    cursor: usize,
}

/// A page that is asked for.
pub struct Page<'e> {
    paging: &'e Paging,
    /// Rows of it.
    limit: u32,
    /// The keys of the row that it begins behind, when it is not the first.
    after: Option<Vec<Argument>>,
    /// What its cursor will be good for.
    question: Vec<u8>,
}

impl Paging {
    /// The page that the arguments ask for; they are the endpoint's, in their declared order.
    ///
    /// # Errors
    /// `cursor-invalid`: the cursor was made elsewhere, for another endpoint or for other arguments.
    pub fn page(&self, arguments: &[Argument], cursors: &Cursors) -> Result<Page<'_>, Problem> {
        let limit = match arguments.get(self.limit) {
            Some(Argument::Binary(bytes)) => bytes.as_slice().try_into().map(u32::from_be_bytes),
            _ => return Err(Problem::new(Code::Internal)),
        };
        let limit = limit.map_err(|_| Problem::new(Code::Internal))?;
        let question = self.question(arguments);
        let after = match arguments.get(self.cursor) {
            Some(Argument::Text(text) | Argument::Binary(text)) => {
                let invalid = || Problem::new(Code::CursorInvalid);
                let text = std::str::from_utf8(text).map_err(|_| invalid())?;
                let keys = cursors.open(text, &question)?;
                Some(read_keys(&keys, self.keys.len()).ok_or_else(invalid)?)
            }
            _ => None,
        };
        Ok(Page { paging: self, limit, after, question })
    }

    /// What a cursor is good for: this endpoint with these arguments, but for those of paging.
    fn question(&self, arguments: &[Argument]) -> Vec<u8> {
        let mut question = self.endpoint.clone();
        for argument in arguments.get(..self.limit).unwrap_or_default() {
            let (kind, bytes): (u8, &[u8]) = match argument {
                Argument::Null => (0, &[]),
                Argument::Text(bytes) => (1, bytes),
                Argument::Binary(bytes) => (2, bytes),
            };
            question.push(kind);
            question.extend((bytes.len() as u64).to_be_bytes());
            question.extend(bytes);
        }
        question
    }
}

impl Page<'_> {
    /// The statement that gives the page, with its arguments: one row more than the page has, which
    /// tells whether there is a next one.
    pub fn call(
        &self,
        endpoint: &Endpoint,
        arguments: &[Argument],
    ) -> (Arc<Prepared>, Vec<Argument>) {
        let mut bound = endpoint.bind(arguments);
        bound.push(Argument::Binary((i64::from(self.limit) + 1).to_be_bytes().to_vec()));
        match &self.after {
            None => (Arc::clone(&endpoint.statement), bound),
            Some(keys) => {
                bound.extend(keys.iter().cloned());
                (Arc::clone(&self.paging.after), bound)
            }
        }
    }

    /// Rows of the page.
    pub fn limit(&self) -> u32 {
        self.limit
    }

    /// What takes note of where the page ends.
    pub(super) fn cut(&self) -> Cut {
        Cut::new(Arc::clone(&self.paging.keys))
    }

    /// The cursor of the page behind the row with these keys, which are the last of its page.
    pub fn cursor(&self, keys: &[u8], cursors: &Cursors) -> Option<String> {
        cursors.seal(keys, &self.question)
    }
}

/// The keys of a row, as a cursor says them: for each the length in four bytes (-1 is NULL) and the
/// value in PostgreSQL's binary form. `None` when they are not so many.
fn read_keys(bytes: &[u8], count: usize) -> Option<Vec<Argument>> {
    let mut wire = Wire::new(bytes, "cursor");
    let mut keys = Vec::with_capacity(count);
    for _ in 0..count {
        keys.push(match wire.value().ok()? {
            None => Argument::Null,
            Some(value) => Argument::Binary(value.to_vec()),
        });
    }
    wire.end().ok().map(|()| keys)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops where it is wrong")]

    use super::*;

    fn paging(name: &str) -> Paging {
        Paging {
            after: Arc::default(),
            keys: [0, 1].into(),
            endpoint: name.as_bytes().to_vec(),
            limit: 1,
            cursor: 2,
        }
    }

    fn arguments(text: &str, cursor: Option<&str>) -> Vec<Argument> {
        let cursor = cursor.map_or(Argument::Null, |it| Argument::Binary(it.into()));
        vec![Argument::Binary(text.into()), Argument::Binary(10_i32.to_be_bytes().to_vec()), cursor]
    }

    #[test]
    fn a_cursor_is_good_for_its_endpoint_and_its_arguments() {
        let cursors = Cursors::new();
        let paging_a = paging("a");
        let first = paging_a.page(&arguments("x", None), &cursors).unwrap();
        assert_eq!((first.limit(), first.after.is_none()), (10, true));
        let keys = [&[0, 0, 0, 2][..], b"EE", &[255; 4]].concat();
        let cursor = first.cursor(&keys, &cursors).unwrap();
        let mut next = arguments("x", Some(&cursor));
        // How many rows there shall be is another matter.
        next[1] = Argument::Binary(3_i32.to_be_bytes().to_vec());
        let page = paging_a.page(&next, &cursors).unwrap();
        assert_eq!(page.limit(), 3);
        assert_eq!(page.after.unwrap(), [Argument::Binary(b"EE".to_vec()), Argument::Null]);
        let refused = |paging: &Paging, text: &str, cursor: &str| {
            let page = paging.page(&arguments(text, Some(cursor)), &cursors);
            page.err().map(|problem| problem.code())
        };
        assert_eq!(refused(&paging_a, "y", &cursor), Some(Code::CursorInvalid));
        assert_eq!(refused(&paging("b"), "x", &cursor), Some(Code::CursorInvalid));
        assert_eq!(refused(&paging_a, "x", "x"), Some(Code::CursorInvalid));
        // Signed, and yet not what an endpoint of two keys makes.
        for keys in [&keys[..6], &[][..], &[&keys[..], &[0]].concat()] {
            let cursor = first.cursor(keys, &cursors).unwrap();
            assert_eq!(refused(&paging_a, "x", &cursor), Some(Code::CursorInvalid));
        }
    }

    #[test]
    fn arguments_do_not_run_into_each_other() {
        let question = |texts: &[&str]| {
            let arguments: Vec<Argument> =
                texts.iter().map(|it| Argument::Binary(it.as_bytes().to_vec())).collect();
            let all = Paging { limit: texts.len(), ..paging("a") };
            all.question(&arguments)
        };
        assert_ne!(question(&["ab", "c"]), question(&["a", "bc"]));
        assert_ne!(question(&["", "a"]), question(&["a", ""]));
    }
}
