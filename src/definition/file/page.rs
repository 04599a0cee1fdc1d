//! The key of front matter that says how rows are given page by page.

use super::{DEFAULT_MAX_ROWS, ResultShape};
use crate::{
    definition::{parameter::Parameter, route::Method},
    diagnostic::{Code, Diagnostic},
    table::{Item, Table},
};
use std::ops::Range;

/// The names of the arguments that paging takes; no parameter of the file may have them.
pub const ARGUMENTS: [&str; 2] = ["limit", "cursor"];
/// The most columns that may order pages.
const MOST_KEYS: usize = 8;
const HELP: &str = "such as `page = { by = [\"-day\", \"code\"], size = 100 }`";

/// How rows are given page by page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The columns of the result that order the rows, and name where a page ends.
    pub by: Vec<Key>,
    /// Rows of a page when the caller does not say.
    pub size: u32,
    /// The most rows of a page that a caller may ask for.
    pub max_size: u32,
    /// Whether the author says that no two rows have the same keys.
    pub unique: bool,
    /// The bytes of the file that say so.
    pub span: Range<usize>,
}

/// A column that orders pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The column's name.
    pub column: String,
    /// Whether the greatest comes first.
    pub descending: bool,
    /// The bytes of the file that name it.
    pub span: Range<usize>,
}

/// Takes `page` out of the root; what it says is told against the other keys by [`Taken::read`].
pub(super) struct Taken<'t, 'e>(Option<Item<'t, 'e>>);

pub(super) fn take<'t, 'e>(root: &Table<'t, 'e>) -> Taken<'t, 'e> {
    Taken(root.take("page"))
}

/// What else the front matter says that paging has to agree with.
pub(super) struct Beside<'a, 't, 'e> {
    pub(super) method: Option<Method>,
    pub(super) shape: ResultShape,
    pub(super) is_copy: bool,
    pub(super) max_rows: Option<&'a Item<'t, 'e>>,
    pub(super) streams: bool,
}

impl Taken<'_, '_> {
    /// What the key says.
    pub(super) fn read(&self, beside: &Beside<'_, '_, '_>) -> Option<Page> {
        let item = self.0.as_ref()?;
        if beside.is_copy {
            item.refuse(Code::Conflict, "is for a statement, and this loads rows", None);
        } else if beside.method.is_some_and(|method| method != Method::Get) {
            item.refuse(Code::Conflict, "is for GET", Some("a change is answered as a whole"));
        } else if beside.shape != ResultShape::Rows {
            let why = format!("is for \"rows\", and the result is \"{}\"", beside.shape.as_str());
            item.refuse(Code::Conflict, &why, Some("leave it out"));
        }
        if let Some(max_rows) = beside.max_rows {
            let help = "a page has `size` rows, or as many as are asked for up to `max_size`";
            max_rows.refuse(Code::Conflict, "stands beside `page`", Some(help));
        }
        if beside.streams {
            let help = "a page is whole; leave one of the two out";
            item.refuse(Code::Conflict, "stands beside `stream = true`", Some(help));
        }
        let table = item.table()?;
        let by = table.take("by").map(|item| keys(&item));
        let size = table.take("size").map(|item| rows(&item));
        let most = table.take("max_size").map(|item| (rows(&item), item));
        let unique = table.take("unique").and_then(|item| item.boolean()).unwrap_or(false);
        table.finish();
        for (is_there, name) in [(by.is_some(), "by"), (size.is_some(), "size")] {
            if !is_there {
                let message = format!("`page` has no `{name}`");
                item.report(Diagnostic::error(Code::MissingKey, message).help(HELP));
            }
        }
        let (by, size) = (by??, size??);
        let max_size = match &most {
            None => size,
            Some((most, item)) => {
                let most = (*most)?;
                if most < size {
                    item.refuse(Code::InvalidValue, "is less than `size`", None);
                }
                most
            }
        };
        Some(Page { by, size, max_size, unique, span: item.file_span() })
    }

    /// Tells each parameter that has the name of an argument that paging takes.
    pub(super) fn refuse_parameters(&self, parameters: &[Parameter]) {
        let Some(item) = &self.0 else { return };
        for parameter in parameters {
            let name = parameter.name.as_str();
            if ARGUMENTS.contains(&name) {
                let why = format!("takes the argument `{name}`, and a parameter has that name");
                item.refuse(Code::Conflict, &why, Some("give the parameter another name"));
            }
        }
    }
}

/// The columns, each once; a `-` before the name puts the greatest first.
fn keys(item: &Item<'_, '_>) -> Option<Vec<Key>> {
    let items = item.array()?;
    if items.is_empty() || items.len() > MOST_KEYS {
        let why = format!("takes 1 to {MOST_KEYS} columns");
        item.refuse(Code::InvalidValue, &why, Some(HELP));
        return None;
    }
    let mut keys: Vec<Key> = Vec::new();
    for item in items {
        let written = item.string()?;
        let (column, descending) = match written.strip_prefix('-') {
            Some(column) => (column, true),
            None => (written.as_str(), false),
        };
        if column.is_empty() {
            item.refuse(Code::InvalidValue, "names no column", Some(HELP));
            return None;
        }
        if keys.iter().any(|known| known.column == column) {
            item.refuse(Code::InvalidValue, "names the column once more", Some("name it once"));
            return None;
        }
        keys.push(Key { column: column.to_owned(), descending, span: item.file_span() });
    }
    Some(keys)
}

fn rows(item: &Item<'_, '_>) -> Option<u32> {
    let rows = item.json()?.as_u64().and_then(|rows| u32::try_from(rows).ok());
    let rows = rows.filter(|rows| (1..=DEFAULT_MAX_ROWS).contains(rows));
    if rows.is_none() {
        item.refuse(Code::InvalidValue, "takes an integer from 1 to 10,000", None);
    }
    rows
}
