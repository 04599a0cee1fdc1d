//! A plan as EXPLAIN writes it in JSON.

use serde_json::Value;

/// How deep a plan is read: PostgreSQL itself has no plan of this depth that anybody wrote by hand.
const MAX_DEPTH: usize = 200;

/// A node of a plan.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Node {
    /// `Seq Scan`, `Sort`, …
    pub(super) kind: String,
    pub(super) schema: String,
    /// The table that it reads.
    pub(super) relation: String,
    /// What the statement calls it.
    pub(super) alias: String,
    /// Rows that it gives, by estimate.
    pub(super) rows: f64,
    /// Bytes of a row, by estimate.
    pub(super) width: f64,
    pub(super) filter: Option<String>,
    /// What finds the rows in an index.
    pub(super) index_cond: Option<String>,
    /// What a hash or merge join compares.
    pub(super) join: Option<String>,
    /// What a nested loop compares.
    pub(super) join_filter: Option<String>,
    pub(super) sort_key: Vec<String>,
    pub(super) children: Vec<Node>,
}

impl Node {
    /// The plan in the text of `EXPLAIN (FORMAT JSON)`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let document: Value = serde_json::from_str(text).ok()?;
        Some(Self::read(document.get(0)?.get("Plan")?, 0))
    }

    fn read(value: &Value, depth: usize) -> Self {
        let word = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        let number = |key: &str| value.get(key).and_then(Value::as_f64).unwrap_or_default();
        let parallel = value.get("Parallel Aware").and_then(Value::as_bool) == Some(true);
        let children = match value.get("Plans") {
            Some(Value::Array(plans)) if depth < MAX_DEPTH => {
                plans.iter().map(|plan| Self::read(plan, depth + 1)).collect()
            }
            _ => Vec::new(),
        };
        let keys = value.get("Sort Key").and_then(Value::as_array);
        Self {
            kind: word("Node Type").unwrap_or_default(),
            schema: word("Schema").unwrap_or_default(),
            relation: word("Relation Name").unwrap_or_default(),
            alias: word("Alias").unwrap_or_default(),
            // Each of some two workers gives its share.
            rows: number("Plan Rows") * if parallel { 2.4 } else { 1.0 },
            width: number("Plan Width"),
            filter: word("Filter"),
            index_cond: word("Index Cond"),
            join: word("Hash Cond").or_else(|| word("Merge Cond")),
            join_filter: word("Join Filter"),
            sort_key: keys
                .map(|keys| keys.iter().filter_map(Value::as_str).map(str::to_owned).collect())
                .unwrap_or_default(),
            children,
        }
    }
}
