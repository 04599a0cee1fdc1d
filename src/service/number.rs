//! The places of statements, by which connections keep what they know of them.
//!
//! A service that follows another on the same connections must not take a statement that they know
//! for another one: what is the same keeps its place, and what is new has one that none had.

use super::Service;
use crate::{endpoint::Endpoint, postgres::statement::Prepared};
use std::{collections::HashMap, sync::Arc};

/// Places of statements that are gone, after which numbering begins again, on new connections. Until
/// then every connection still has them prepared.
const MOST_GONE: usize = 512;

/// Services whose places do not clash, and how far they have got.
#[derive(Clone, Debug, Default)]
pub(super) struct Series {
    /// The same for all of them.
    mark: Arc<()>,
    next: usize,
}

impl Series {
    pub(super) fn is_the_series_of(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.mark, &other.mark)
    }
}

/// Numbers the statements of one service.
pub(super) struct Numbers {
    before: HashMap<String, Arc<Prepared>>,
    series: Series,
}

impl Numbers {
    /// Goes on from `before`, unless too much has changed since the first of its series.
    pub(super) fn after(before: Option<&Service>) -> Self {
        let before = before.filter(|it| it.numbers.next <= it.entries().len() + MOST_GONE);
        // Place 0 is the probe's.
        let Some(before) = before.filter(|it| it.numbers.next > 0) else {
            return Self {
                before: HashMap::new(),
                series: Series { next: 1, ..Series::default() },
            };
        };
        let further = |it: &Arc<Endpoint>| it.paging.as_ref().map(|it| Arc::clone(&it.after));
        let statements = before
            .endpoints()
            .flat_map(|it| [Some(Arc::clone(&it.statement)), further(it)])
            .flatten();
        let known = statements.map(|it| (it.label.clone(), it)).collect();
        Self { before: known, series: before.numbers.clone() }
    }

    /// Gives the statement its place.
    pub(super) fn number(&mut self, statement: &mut Arc<Prepared>) {
        // A label is a file, of which there is one, or what it has further pages by.
        if let Some(known) = self.before.remove(&statement.label)
            && statement.renumbered(known.index) == *known
        {
            *statement = known;
            return;
        }
        *statement = Arc::new(statement.renumbered(self.series.next));
        self.series.next += 1;
    }

    /// How far it has got.
    pub(super) fn series(self) -> Series {
        self.series
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(label: &str, sql: &str) -> Arc<Prepared> {
        let (label, sql) = (label.to_owned(), sql.to_owned());
        Arc::new(Prepared { label, sql, ..Prepared::default() })
    }

    fn numbered(numbers: &mut Numbers, label: &str, sql: &str) -> Arc<Prepared> {
        let mut it = statement(label, sql);
        numbers.number(&mut it);
        it
    }

    #[test]
    fn what_is_the_same_keeps_its_place_and_what_is_new_has_one_of_its_own() {
        let mut first = Numbers::after(None);
        let a = numbered(&mut first, "a", "SELECT 1");
        let b = numbered(&mut first, "b", "SELECT 2");
        assert_eq!((a.index, b.index, b.name.as_str()), (1, 2, "howdah_2"));
        let before = [a, b].map(|it| (it.label.clone(), it)).into();
        let mut second = Numbers { before, series: first.series() };
        assert_eq!(numbered(&mut second, "b", "SELECT 2").index, 2);
        assert_eq!(numbered(&mut second, "a", "SELECT 3").index, 3, "it is another one");
        assert_eq!(numbered(&mut second, "c", "SELECT 1").index, 4, "what a was is not forgotten");
    }

    #[test]
    fn columns_make_a_difference() {
        let mut first = Numbers::after(None);
        let a = numbered(&mut first, "a", "SELECT x FROM t");
        let mut second = Numbers { before: [("a".to_owned(), a)].into(), series: first.series() };
        let mut it = Arc::new(Prepared {
            columns: vec![23],
            ..(*statement("a", "SELECT x FROM t")).clone()
        });
        second.number(&mut it);
        assert_eq!(it.index, 2);
    }
}
