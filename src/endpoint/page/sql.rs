//! The statements of pages, around the one that the author wrote.
//!
//! The order is PostgreSQL's own for `ORDER BY`: NULL comes last, and first where the greatest comes
//! first. What is behind a row says the same of NULL.

use std::fmt::Write as _;

/// A column that orders pages.
#[derive(Clone, Debug)]
pub(super) struct Key {
    /// Its name, quoted.
    pub(super) column: String,
    /// The name of its type on the server.
    pub(super) type_name: String,
    /// Whether the greatest comes first.
    pub(super) descending: bool,
    /// Whether it may be NULL.
    pub(super) nullable: bool,
}

const ROWS: &str = "howdah_page";

/// The first page of `statement`, which has so many parameters: the limit is the next one.
pub(super) fn first(statement: &str, parameters: usize, keys: &[Key]) -> String {
    around(statement, "", parameters, keys)
}

/// A page behind a row, whose keys are the parameters after the limit.
pub(super) fn after(statement: &str, parameters: usize, keys: &[Key]) -> String {
    around(statement, &format!("WHERE {}\n", behind(keys, parameters + 2)), parameters, keys)
}

/// What the author wrote is a subquery on lines of its own, so that a comment at its end ends there.
fn around(statement: &str, condition: &str, parameters: usize, keys: &[Key]) -> String {
    let order = keys.iter().map(|key| {
        let direction = if key.descending { " DESC" } else { "" };
        format!("{ROWS}.{}{direction}", key.column)
    });
    let order = order.collect::<Vec<_>>().join(", ");
    let limit = parameters + 1;
    format!(
        "SELECT * FROM (\n{statement}\n) AS {ROWS}\n{condition}ORDER BY {order}\nLIMIT ${limit}::int8"
    )
}

/// What holds for rows behind the one with the keys `$number` and following.
fn behind(keys: &[Key], number: usize) -> String {
    let plain = keys.iter().all(|key| !key.nullable);
    let alike = keys.windows(2).all(|pair| pair[0].descending == pair[1].descending);
    if plain && alike && keys.len() > 1 {
        return compare_rows(keys, number);
    }
    let mut condition = String::new();
    if let Some(first) = keys.first().filter(|first| keys.len() > 1 && !first.nullable) {
        // Follows from the rest, and is what an index can begin at.
        let than = if first.descending { "<=" } else { ">=" };
        let _ = write!(condition, "{} {than} {} AND ", first.name(), first.value(number));
    }
    condition + &step(keys, number)
}

/// `(a, b) > ($3, $4)`: an index on both finds where to begin.
fn compare_rows(keys: &[Key], number: usize) -> String {
    let names: Vec<_> = keys.iter().map(Key::name).collect();
    let values: Vec<_> = keys.iter().zip(number..).map(|(key, number)| key.value(number)).collect();
    let than = if keys.iter().any(|key| key.descending) { "<" } else { ">" };
    format!("({}) {than} ({})", names.join(", "), values.join(", "))
}

/// Behind by the first key, or the same by it and behind by the others.
fn step(keys: &[Key], number: usize) -> String {
    let Some((key, others)) = keys.split_first() else { return "false".to_owned() };
    let (name, value) = (key.name(), key.value(number));
    let strictly = match (key.nullable, key.descending) {
        (false, false) => format!("{name} > {value}"),
        (false, true) => format!("{name} < {value}"),
        (true, false) => format!("({name} > {value} OR ({name} IS NULL AND {value} IS NOT NULL))"),
        (true, true) => format!("({name} < {value} OR ({value} IS NULL AND {name} IS NOT NULL))"),
    };
    if others.is_empty() {
        return strictly;
    }
    let same = if key.nullable { "IS NOT DISTINCT FROM" } else { "=" };
    format!("({strictly} OR ({name} {same} {value} AND {}))", step(others, number + 1))
}

impl Key {
    fn name(&self) -> String {
        format!("{ROWS}.{}", self.column)
    }

    fn value(&self, number: usize) -> String {
        format!("${number}::{}", self.type_name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(column: &str, descending: bool, nullable: bool) -> Key {
        let (column, type_name) = (column.to_owned(), "t".to_owned());
        Key { column, type_name, descending, nullable }
    }

    #[test]
    fn what_the_author_wrote_stands_whole() {
        let sql = first("SELECT $1 -- a comment", 1, &[key("a", false, false)]);
        let expected = "SELECT * FROM (\nSELECT $1 -- a comment\n) AS howdah_page\n\
                        ORDER BY howdah_page.a\nLIMIT $2::int8";
        assert_eq!(sql, expected);
        let keys = [key("a", false, false), key("b", false, false)];
        assert!(
            after("SELECT", 1, &keys)
                .contains("\nWHERE (howdah_page.a, howdah_page.b) > ($3::t, $4::t)\nORDER")
        );
    }

    #[test]
    fn what_is_behind_follows_the_directions() {
        let told = |keys: &[Key]| behind(keys, 1).replace("howdah_page.", "").replace("::t", "");
        assert_eq!(told(&[key("a", false, false)]), "a > $1");
        assert_eq!(told(&[key("a", true, false)]), "a < $1");
        let down = [key("a", true, false), key("b", true, false)];
        assert_eq!(told(&down), "(a, b) < ($1, $2)");
        let mixed = [key("a", true, false), key("b", false, false)];
        assert_eq!(told(&mixed), "a <= $1 AND (a < $1 OR (a = $1 AND b > $2))");
        assert_eq!(
            told(&[key("a", false, true), key("b", false, false)]),
            "((a > $1 OR (a IS NULL AND $1 IS NOT NULL)) OR (a IS NOT DISTINCT FROM $1 AND b > $2))"
        );
        assert_eq!(told(&[key("a", true, true)]), "(a < $1 OR ($1 IS NULL AND a IS NOT NULL))");
    }
}
