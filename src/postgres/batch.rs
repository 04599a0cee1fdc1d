//! One execution that answers many calls of one statement.
//!
//! Owns the form of a statement that takes arrays of arguments, and how arguments become arrays. Does
//! not own which statements have such a form (`endpoint`), nor which calls go together (`lane`).

use super::statement::Prepared;
use crate::{definition::placeholder, value::Argument};
use std::{fmt::Write as _, sync::Arc};

/// `text`, `varchar`, `bpchar` and `name`: their binary form is their text.
const TEXTS: [u32; 4] = [25, 1043, 1042, 19];
/// The OID of `int8`, the type of a row's place.
pub const INT8: u32 = 20;

/// The form of a statement that answers many calls at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// It takes an array for each parameter, and gives the call's place, from 1, before the columns.
    pub statement: Arc<Prepared>,
    /// The types of the arrays' elements.
    pub elements: Vec<u32>,
}

/// The SQL that runs `statement` once for each place of the arrays, whose elements have these types
/// by name.
///
/// Each placeholder becomes a column of a row of arguments, so it has the same value and type, and
/// everything else stays as it is: the statement is a subquery of its own scope, in which all of its
/// names still mean what they meant, as names there come before those around it.
pub fn sql(statement: &placeholder::Statement, elements: &[String]) -> String {
    let mut sql = String::from("SELECT howdah_call.howdah_place, howdah_row.* FROM unnest(");
    for (index, element) in elements.iter().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        let _ = write!(sql, "{comma}${}::{element}[]", index + 1);
    }
    sql.push_str(") WITH ORDINALITY AS howdah_call (");
    for index in 1..=elements.len() {
        let _ = write!(sql, "howdah_{index}, ");
    }
    sql.push_str("howdah_place), LATERAL (\n");
    let mut end = 0;
    for it in &statement.uses {
        sql.push_str(&statement.sql[end..it.sql_span.start]);
        let _ = write!(sql, "howdah_call.howdah_{}", it.parameter + 1);
        end = it.sql_span.end;
    }
    sql.push_str(&statement.sql[end..]);
    sql.push_str("\n) AS howdah_row");
    sql
}

impl Batch {
    /// An array for each parameter of these calls' arguments. `None` when those of one parameter
    /// come in two forms.
    pub fn bind(&self, calls: &[Vec<Argument>]) -> Option<Vec<Argument>> {
        let array = |(index, element): (usize, &u32)| {
            let values = || calls.iter().map(move |call| call.get(index));
            let plain = TEXTS.contains(element);
            if values().all(|it| match it {
                Some(Argument::Binary(_) | Argument::Null) => true,
                Some(Argument::Text(_)) => plain,
                None => false,
            }) {
                Some(binary(*element, calls.len(), values().flatten()))
            } else if values().all(|it| matches!(it, Some(Argument::Text(_) | Argument::Null))) {
                Some(text(values().flatten()))
            } else {
                None
            }
        };
        self.elements.iter().enumerate().map(array).collect()
    }
}

/// An array of one dimension in binary form (PostgreSQL's `array_recv`): dimensions, whether there are
/// NULLs, the elements' type, how many, the first index, then each with its length.
fn binary<'a>(
    element: u32,
    count: usize,
    values: impl Iterator<Item = &'a Argument> + Clone,
) -> Argument {
    let nulls = values.clone().any(|it| *it == Argument::Null);
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    let mut out = Vec::with_capacity(20 + 16 * count as usize);
    for word in [1, u32::from(nulls), element, count, 1] {
        out.extend_from_slice(&word.to_be_bytes());
    }
    for value in values {
        match value {
            Argument::Null => out.extend_from_slice(&(-1_i32).to_be_bytes()),
            Argument::Text(bytes) | Argument::Binary(bytes) => {
                let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
                out.extend_from_slice(&length.to_be_bytes());
                out.extend_from_slice(bytes);
            }
        }
    }
    Argument::Binary(out)
}

/// An array of one dimension as text (PostgreSQL documentation, "Array Input and Output Syntax").
fn text<'a>(values: impl Iterator<Item = &'a Argument>) -> Argument {
    let mut out = vec![b'{'];
    for (index, value) in values.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        match value {
            Argument::Null => out.extend_from_slice(b"NULL"),
            Argument::Text(bytes) | Argument::Binary(bytes) => {
                out.push(b'"');
                for byte in bytes {
                    if matches!(byte, b'"' | b'\\') {
                        out.push(b'\\');
                    }
                    out.push(*byte);
                }
                out.push(b'"');
            }
        }
    }
    out.push(b'}');
    Argument::Text(out)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops where it is wrong")]

    use super::*;
    use crate::diagnostic::SourceFile;

    fn batch(elements: &[u32]) -> Batch {
        Batch { statement: Arc::new(Prepared::default()), elements: elements.to_vec() }
    }

    #[test]
    fn placeholders_become_columns_and_all_else_stays() {
        let text = "SELECT ':a', $$:b$$, x + :a FROM t WHERE y = :b AND z < :a::int -- :a";
        let source = Arc::new(SourceFile::new("f.sql", text));
        let statement = placeholder::lex(&source, 0..text.len()).unwrap();
        assert_eq!(
            sql(&statement, &["int4".to_owned(), "text".to_owned()]),
            "SELECT howdah_call.howdah_place, howdah_row.* FROM unnest($1::int4[], $2::text[]) \
             WITH ORDINALITY AS howdah_call (howdah_1, howdah_2, howdah_place), LATERAL (\n\
             SELECT ':a', $$:b$$, x + howdah_call.howdah_1 FROM t WHERE y = howdah_call.howdah_2 \
             AND z < howdah_call.howdah_1::int\n) AS howdah_row"
        );
    }

    #[test]
    fn arguments_of_one_form_become_an_array() {
        let text = |it: &str| Argument::Text(it.into());
        let mixed = vec![vec![text("7")], vec![Argument::Binary(vec![0, 0, 0, 7])]];
        assert_eq!(batch(&[23]).bind(&mixed), None);
        assert_eq!(batch(&[23]).bind(&[vec![text("7")], Vec::new()]), None);
        let texts = vec![vec![text("a\"b\\c,{")], vec![Argument::Null], vec![text("")]];
        assert_eq!(
            batch(&[1700]).bind(&texts).unwrap(),
            [Argument::Text(br#"{"a\"b\\c,{",NULL,""}"#.to_vec())]
        );
        let Some([Argument::Binary(bytes)]) = batch(&[25])
            .bind(&texts)
            .as_deref()
            .map(|it| <&[Argument; 1]>::try_from(it).unwrap().clone())
        else {
            panic!("texts go as they are");
        };
        let head = [0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 25, 0, 0, 0, 3, 0, 0, 0, 1];
        assert_eq!(bytes, [&head[..], &[0, 0, 0, 7], b"a\"b\\c,{", &[255; 4], &[0; 4]].concat());
    }
}
