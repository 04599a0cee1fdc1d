//! Where a plan reads a table as a whole, or sorts what an index could give in order.

use super::{
    condition::{Term, pairs, terms},
    node::Node,
};

/// A scan that gives more than this part of its table is no work for an index.
const SELECTIVE: f64 = 0.1;

/// The least number of times that a join's other side must be smaller than the table.
const SMALLER: f64 = 20.0;

/// A table that is read as a whole, and what is wanted of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Look {
    pub(super) schema: String,
    pub(super) relation: String,
    /// Rows that the scan gives, by estimate.
    pub(super) rows: f64,
    /// What the filter says of the table's columns.
    pub(super) terms: Vec<Term>,
    /// The columns that a join compares, where the other side is small.
    pub(super) joins: Vec<String>,
    pub(super) sort: Option<Sort>,
}

/// A sort of what one table gives.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sort {
    /// Its columns in order, and whether each goes down, and where it has NULLs: as SQL writes it.
    pub(super) keys: Vec<(String, String)>,
    /// Bytes that are sorted, by estimate.
    pub(super) bytes: f64,
    /// Whether it takes more memory than a session has, and goes by way of files.
    pub(super) spills: bool,
    /// Whether only its first rows are wanted.
    pub(super) limited: bool,
}

impl Look {
    /// Whether the filter leaves little of a table of so many rows.
    pub(super) fn is_selective(&self, of: f64) -> bool {
        !self.terms.is_empty() && self.rows <= of * SELECTIVE
    }
}

/// Every table that `plan` reads as a whole.
pub(super) fn looks(plan: &Node, work_mem: f64) -> Vec<Look> {
    let mut found = Vec::new();
    walk(plan, &Above { work_mem, ..Above::default() }, &mut found);
    found
}

/// What stands above a node.
#[derive(Clone, Default)]
struct Above {
    work_mem: f64,
    limited: bool,
    /// The sort above, with nothing between that has rows of other tables.
    sort: Option<(Vec<String>, f64)>,
    /// Columns of tables, by what the statement calls them, that are joined with something small.
    joins: Vec<(String, String)>,
}

fn walk(node: &Node, above: &Above, found: &mut Vec<Look>) {
    if is_whole(node, above) && !node.relation.is_empty() {
        found.push(look(node, above));
    }
    let mut below = above.clone();
    match node.kind.as_str() {
        "Limit" => below.limited = true,
        "Sort" | "Incremental Sort" => {
            below.sort = node
                .children
                .first()
                .map(|child| (node.sort_key.clone(), child.rows * (child.width + 24.0)));
        }
        // They hand on the rows of their one child as they are.
        "Gather" | "Gather Merge" | "Subquery Scan" | "Result" | "Hash" | "Materialize"
        | "Memoize" => {}
        "Hash Join" | "Merge Join" | "Nested Loop" => {
            below.sort = None;
            below.limited = false;
            join(node, &mut below);
        }
        _ => {
            below.sort = None;
            below.limited = false;
            below.joins.clear();
        }
    }
    for child in &node.children {
        walk(child, &below, found);
    }
}

/// Whether the node reads its table as a whole, or an index of it as a whole: one that holds all that is
/// wanted is smaller than its table. One that is read in its order for the first rows alone is not.
fn is_whole(node: &Node, above: &Above) -> bool {
    match node.kind.as_str() {
        "Seq Scan" => true,
        "Index Only Scan" | "Index Scan" => {
            node.index_cond.is_none() && node.filter.is_some() && !above.limited
        }
        _ => false,
    }
}

/// Which columns a join compares whose other side is small beside the table: there each of its rows
/// could find its partners by an index.
fn join(node: &Node, below: &mut Above) {
    let condition = node.join.as_ref().or(node.join_filter.as_ref());
    let (Some(condition), [outer, inner, ..]) = (condition, &node.children[..]) else { return };
    let small = if outer.rows * SMALLER < inner.rows {
        outer
    } else if inner.rows * SMALLER < outer.rows {
        inner
    } else {
        return;
    };
    for [one, other] in pairs(condition) {
        for (large, partner) in [(&one, &other), (&other, &one)] {
            if has_table(small, &partner.0) && !has_table(small, &large.0) {
                below.joins.push(large.clone());
            }
        }
    }
}

fn has_table(node: &Node, alias: &str) -> bool {
    node.alias == alias || node.children.iter().any(|child| has_table(child, alias))
}

fn look(node: &Node, above: &Above) -> Look {
    let sort = above.sort.as_ref().and_then(|(keys, bytes)| {
        let keys: Option<Vec<_>> = keys.iter().map(|key| sort_key(key, &node.alias)).collect();
        let spills = *bytes > above.work_mem;
        Some(Sort { keys: keys?, bytes: *bytes, spills, limited: above.limited })
    });
    let joins = above.joins.iter().filter(|(alias, _)| *alias == node.alias);
    Look {
        schema: node.schema.clone(),
        relation: node.relation.clone(),
        rows: node.rows,
        terms: node.filter.as_ref().map(|it| terms(it, &node.alias)).unwrap_or_default(),
        joins: joins.map(|(_, column)| column.clone()).collect(),
        sort,
    }
}

/// `p.day DESC NULLS LAST` as a column and what stands behind it; nothing where it is more than a
/// column.
fn sort_key(key: &str, alias: &str) -> Option<(String, String)> {
    use super::condition::Token::{Sign, Word};
    let tokens = super::condition::tokens(key);
    let [Word(table), Sign(dot), Word(column), rest @ ..] = &tokens[..] else { return None };
    if table != alias || dot != "." {
        return None;
    }
    let mut order = String::new();
    for token in rest {
        match token {
            Word(word) if ["ASC", "DESC", "NULLS", "FIRST", "LAST"].contains(&word.as_str()) => {
                order.push(' ');
                order.push_str(word);
            }
            _ => return None,
        }
    }
    Some((column.clone(), order))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops where it is wrong")]

    use super::*;

    fn plan(text: &str) -> Node {
        Node::parse(&format!("[{{\"Plan\": {text}}}]")).unwrap()
    }

    const SCAN: &str = r#"{"Node Type": "Seq Scan", "Schema": "s", "Relation Name": "prices", "Alias": "p",
        "Plan Rows": 5, "Plan Width": 10, "Filter": "(p.code = $1)"}"#;

    #[test]
    fn a_sort_reaches_the_scan_below_it_and_not_past_a_join() {
        let sorted = format!(
            r#"{{"Node Type": "Limit", "Plans": [{{"Node Type": "Sort",
                "Sort Key": ["p.day DESC", "p.\"Odd one\""], "Plans": [{SCAN}]}}]}}"#
        );
        let [look] = &looks(&plan(&sorted), 100.0)[..] else { panic!() };
        let sort = look.sort.as_ref().unwrap();
        let key = |column: &str, order: &str| (column.to_owned(), order.to_owned());
        assert_eq!(sort.keys, [key("day", " DESC"), key("Odd one", "")]);
        assert!(sort.limited && sort.spills);
        assert_eq!(look.terms, [Term::Equal("code".to_owned())]);
        assert!(look.is_selective(50.0) && !look.is_selective(49.0));
        let joined =
            sorted.replace("\"Limit\"", "\"Nested Loop\"").replace("\"Sort\"", "\"Hash Join\"");
        assert_eq!(looks(&plan(&joined), 100.0)[0].sort, None);
        let computed = sorted.replace("p.day DESC", "lower(p.day) DESC");
        assert_eq!(looks(&plan(&computed), 100.0)[0].sort, None);
    }

    #[test]
    fn an_index_that_is_read_as_a_whole_is_looked_at() {
        let whole = SCAN.replace("\"Seq Scan\"", "\"Index Only Scan\"");
        assert_eq!(looks(&plan(&whole), 1.0)[0].terms, [Term::Equal("code".to_owned())]);
        let found = whole.replace("\"Filter\"", "\"Index Cond\": \"(p.id = $2)\", \"Filter\"");
        assert!(looks(&plan(&found), 1.0).is_empty());
        // In its order, and only for as long as rows are wanted.
        let first = format!(r#"{{"Node Type": "Limit", "Plans": [{whole}]}}"#);
        assert!(looks(&plan(&first), 1.0).is_empty());
    }

    #[test]
    fn the_large_side_of_a_join_with_something_small_is_looked_at() {
        let large = SCAN.replace("\"Plan Rows\": 5", "\"Plan Rows\": 50000");
        let small = r#"{"Node Type": "Index Scan", "Relation Name": "ports", "Alias": "r", "Plan Rows": 1}"#;
        let joined = |small: &str| {
            format!(
                r#"{{"Node Type": "Hash Join", "Hash Cond": "(p.orig = r.code)", "Plans": [{large},
                    {{"Node Type": "Hash", "Plan Rows": 1, "Plans": [{small}]}}]}}"#
            )
        };
        assert_eq!(looks(&plan(&joined(small)), 1e6)[0].joins, ["orig"]);
        let both = joined(small).replace("\"Plan Rows\": 1,", "\"Plan Rows\": 40000,");
        assert!(looks(&plan(&both), 1e6)[0].joins.is_empty());
    }
}
