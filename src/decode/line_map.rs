//! On which line each row began: PostgreSQL counts rows, a person counts lines.

/// The most changes that are remembered. A body that never keeps to one row per line could else
/// fill the memory.
const MOST: usize = 1024;

/// For every run of rows on consecutive lines, the first row with its line.
#[derive(Default)]
pub(super) struct LineMap {
    runs: Vec<(u64, u64)>,
    /// The first row that is not in `runs` any more.
    full_at: Option<u64>,
}

impl LineMap {
    /// Row `row` begins on `line`; rows come in their order.
    pub(super) fn row_at(&mut self, row: u64, line: u64) {
        let expected = self.runs.last().map(|(first, at)| at + (row - first));
        if self.full_at.is_some() || expected == Some(line) {
            return;
        }
        if self.runs.len() == MOST {
            self.full_at = Some(row);
        } else {
            self.runs.push((row, line));
        }
    }

    /// The line on which `row` began, where that is remembered.
    pub(super) fn line_of(&self, row: u64) -> Option<u64> {
        if self.full_at.is_some_and(|full| row >= full) {
            return None;
        }
        let run = self.runs.iter().rev().find(|(first, _)| *first <= row)?;
        Some(run.1 + (row - run.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_rows_are_remembered_up_to_a_bound() {
        let mut map = LineMap::default();
        for (row, line) in [(1, 2), (2, 3), (3, 7), (4, 8)] {
            map.row_at(row, line);
        }
        assert_eq!(
            (1..=4).map(|row| map.line_of(row)).collect::<Option<Vec<_>>>(),
            Some(vec![2, 3, 7, 8])
        );
        assert_eq!(map.runs.len(), 2);
        for row in 5..5 + 2 * MOST as u64 {
            map.row_at(row, row * 3);
        }
        assert_eq!(map.runs.len(), MOST);
        assert_eq!(map.line_of(6), Some(18));
        assert_eq!(map.line_of(2 * MOST as u64), None);
    }
}
