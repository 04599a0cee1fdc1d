//! Conditions as PostgreSQL writes them.

use super::*;

fn equal(column: &str) -> Term {
    Term::Equal(column.to_owned())
}

fn range(column: &str) -> Term {
    Term::Range(column.to_owned())
}

#[test]
fn comparisons_are_found_on_either_side() {
    let text = "((p.orig_code = $3) AND ($4 = p.dest_code) AND (p.day >= $1) AND (p.day <= $2))";
    let expected = [equal("orig_code"), equal("dest_code"), range("day"), range("day")];
    assert_eq!(terms(text, "p"), expected);
    assert_eq!(terms("(p.a = ANY ($1))", "p"), [equal("a")]);
    assert_eq!(terms("(\"P q\".\"a \"\"b\" = r.c)", "P q"), [equal("a \"b")]);
    assert_eq!(terms("(p.a = ('x AND y'::text)::bpchar)", "p"), [equal("a")]);
}

#[test]
fn what_is_not_understood_is_opaque() {
    for text in
        ["(p.a <> $1)", "(p.a = p.b)", "(NOT p.flag)", "p.flag", "((p.a + 1) = $1)", "", "(("]
    {
        assert_eq!(terms(text, "p"), [Term::Opaque], "{text}");
    }
    assert_eq!(terms("(q.a = $1)", "p"), [Term::Opaque]);
    assert_eq!(terms("((p.a = $1) OR (p.b = $2))", "p"), [Term::Opaque]);
}

#[test]
fn what_defeats_an_index_is_told_apart() {
    let cast = |to: &str| Term::Cast { column: "id".into(), to: to.into(), equal: true };
    assert_eq!(terms("((p.id)::numeric = $1)", "p"), [cast("numeric")]);
    assert_eq!(terms("((p.id)::double precision = $1)", "p"), [cast("double precision")]);
    let call = Term::Call { function: "lower".into(), column: "name".into(), equal: true };
    assert_eq!(terms("(lower(p.name) = lower($1))", "p"), std::slice::from_ref(&call));
    assert_eq!(terms("(lower((p.name)::text) = $1)", "p"), [call]);
    assert_eq!(terms("(($1 IS NULL) OR (p.a = $1))", "p"), [Term::Optional]);
}

#[test]
fn patterns_are_known_as_far_as_they_are_written() {
    let like = |prefix: Option<&str>, any_case| Term::Like {
        column: "name".into(),
        prefix: prefix.map(str::to_owned),
        any_case,
    };
    assert_eq!(terms("(p.name ~~ $1)", "p"), [like(None, false)]);
    assert_eq!(terms("(p.name ~~ 'ab_c%'::text)", "p"), [like(Some("ab"), false)]);
    assert_eq!(terms("(p.name ~~* '%ab%'::text)", "p"), [like(Some(""), true)]);
    assert_eq!(
        terms("((p.name)::text ~~ (('%'::text || $1) || '%'::text))", "p"),
        [like(Some(""), false)]
    );
}

#[test]
fn joins_are_pairs_of_columns() {
    let named = |table: &str, column: &str| (table.to_owned(), column.to_owned());
    assert_eq!(pairs("(p.code = r.id)"), [[named("p", "code"), named("r", "id")]]);
    assert_eq!(pairs("((p.a = r.b) AND ((p.c)::text = r.d))").len(), 1);
}

#[test]
fn no_text_is_too_odd() {
    for text in ["'", "\"", "$", "$x", "é", "(((", ")))", "AND", "a AND", "::", "'a''", "p.a = "] {
        terms(text, "p");
        pairs(text);
    }
}
