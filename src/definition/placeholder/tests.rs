#![allow(clippy::unwrap_used, clippy::expect_used)]
use super::*;

fn lexed(sql: &str) -> Result<Statement, Diagnostics> {
    lex(&SourceFile::new("a.sql", sql), 0..sql.len())
}

fn sql(text: &str) -> String {
    lexed(text).unwrap_or_else(|errors| panic!("{text}\n{}", errors.render(false))).sql
}

/// The first error's code, and the text its caret stands under.
fn refused(text: &str) -> (Code, String) {
    let errors = lexed(text).expect_err(text);
    let error = errors.iter().next().unwrap();
    let rendered = errors.to_json();
    let column = rendered[0]["column"].as_u64().unwrap() - 1;
    let end = rendered[0]["end_column"].as_u64().unwrap() - 1;
    let line = rendered[0]["line"].as_u64().unwrap() - 1;
    let line = text.split('\n').nth(usize::try_from(line).unwrap()).unwrap();
    let taken = line
        .chars()
        .skip(usize::try_from(column).unwrap())
        .take(usize::try_from(end.saturating_sub(column)).unwrap());
    (error.code(), taken.collect())
}

#[test]
fn a_name_has_one_number_wherever_it_stands() {
    let statement = lexed("SELECT :a, :b, :a::date, f(x=>:b)").unwrap();
    assert_eq!(statement.sql, "SELECT $1, $2, $1::date, f(x=>$2)");
    let names: Vec<_> = statement.parameters.iter().map(Identifier::as_str).collect();
    assert_eq!(names, ["a", "b"]);
    let uses: Vec<_> = statement.uses.iter().map(|it| it.parameter).collect();
    assert_eq!(uses, [0, 1, 0, 1]);
}

#[test]
fn quotes_and_comments_hide_placeholders() {
    for hidden in [
        "SELECT ':a'",
        "SELECT 'it''s :a'",
        r"SELECT '\', ':a'",
        r"SELECT E'\' :a'",
        r"SELECT e'\\' || ':a'",
        "SELECT E'a'\n'\\' :a'",
        "SELECT E'a' -- and on\n  -- and on\n '\\' :a'",
        r#"SELECT U&'\0061 :a', U&"d\0061t :a" FROM t"#,
        "SELECT B'1:a', X':a', N':a'",
        "SELECT $$ :a ' $x$ :a $$",
        "SELECT $é$ :a $$ $e$ :a $é$",
        "SELECT $a$ $ab$ :b $a $a$",
        "SELECT \":a\", \"it\"\"s :a\"",
        "SELECT 1 -- :a ' $$ \" /*",
        "SELECT 1 -- :a\r + 1",
        "SELECT 1 /* :a /* :b ' */ :c */ + 2",
        "SELECT 1 +/* :a */ 2",
        "SELECT 1 *--:a\n 2",
        "SELECT 1 /*/ :a /**/ :b */ + 1",
        "SELECT a$b$ :: text, x$$ FROM t",
    ] {
        let expected = hidden.trim_end_matches(" -- :a ' $$ \" /*");
        assert_eq!(sql(hidden), expected);
    }
}

#[test]
fn what_only_looks_like_a_quote_hides_nothing() {
    assert_eq!(sql("SELECT a$b$, :a, c$b$"), "SELECT a$b$, $1, c$b$");
    assert_eq!(sql(r"SELECT '\' || :a || '\'"), r"SELECT '\' || $1 || '\'");
    assert_eq!(sql(r"SELECT fe'\', :a, 'b'"), r"SELECT fe'\', $1, 'b'");
    assert_eq!(sql(r"SELECT 1e5e'\', :b' || :a"), r"SELECT 1e5e'\', :b' || $1");
    assert_eq!(sql("SELECT 'a' '\\', :a, 'b'"), "SELECT 'a' '\\', $1, 'b'");
    assert_eq!(sql("SELECT U & ':b', :a"), "SELECT U & ':b', $1");
    assert_eq!(sql("SELECT 1$a$:b$a$, :a"), "SELECT 1$a$:b$a$, $1");
}

#[test]
fn other_colons_stay() {
    for same in [
        "SELECT a::int, b :: text, '1'::date::text",
        "SELECT f(a := 1, b:=2, c :=x)",
        "SELECT l[1:2], l[:2], l[1:], l[:], l[ : n], l[a : b], l[1::int:2]",
        "SELECT l[1:n], l[a:b], l[f(x):n], l[m[1]:n], l[\"x\":n]",
    ] {
        assert_eq!(sql(same), same);
    }
    assert_eq!(sql("SELECT f(a:=:a, b=>:b)"), "SELECT f(a:=$1, b=>$2)");
    assert_eq!(
        sql("SELECT l[:a], ARRAY[:a,:b], l[ :a : :b]"),
        "SELECT l[$1], ARRAY[$1,$2], l[ $1 : $2]"
    );
    assert_eq!(sql("SELECT l[:a::int : :b::int]"), "SELECT l[$1::int : $2::int]");
    assert_eq!(sql("SELECT l[coalesce(:a,1):n]"), "SELECT l[coalesce($1,1):n]");
    assert_eq!(
        sql("SELECT 1 WHERE a=:a AND b<>:b AND -:c<1"),
        "SELECT 1 WHERE a=$1 AND b<>$2 AND -$3<1"
    );
    assert_eq!(sql("SELECT 3 OPERATOR(pg_catalog.+):a"), "SELECT 3 OPERATOR(pg_catalog.+)$1");
}

#[test]
fn the_colons_of_json_constructors_stay() {
    assert_eq!(sql("SELECT json_object('a': :a, 'b' : b)"), "SELECT json_object('a': $1, 'b' : b)");
    assert_eq!(refused("SELECT json_object('a':b)"), (Code::ForbiddenSql, ":b".to_owned()));
}

#[test]
fn a_slice_remembers_the_name_behind_its_colon() {
    let text = "SELECT l[:a:b]";
    let statement = lexed(text).unwrap();
    assert_eq!(statement.sql, "SELECT l[$1:b]");
    assert_eq!(statement.slice_names.first(), Some(&(12..13)));
}

#[test]
fn a_colon_that_cannot_be_told_is_refused() {
    use Code::{ForbiddenSql, InvalidValue};
    for (text, code, caret) in [
        ("SELECT x:a", ForbiddenSql, ":a"),
        ("SELECT 1:a", ForbiddenSql, ":a"),
        ("SELECT 'x':a", ForbiddenSql, ":a"),
        ("SELECT \"x\":a", ForbiddenSql, ":a"),
        ("SELECT l[f(1:n)]", ForbiddenSql, ":n"),
        ("SELECT :a:b", ForbiddenSql, ":b"),
        ("SELECT :a$b", ForbiddenSql, ":a$"),
        ("SELECT :naïve", InvalidValue, ":naïve"),
        ("SELECT :'a'", ForbiddenSql, ":"),
        ("SELECT * FROM :\"t\"", ForbiddenSql, ":"),
        ("SELECT :{?a}", ForbiddenSql, ":"),
        ("SELECT $1", ForbiddenSql, "$1"),
        ("SELECT a,$23::int", ForbiddenSql, "$23"),
        ("SELECT 1 \\gset", ForbiddenSql, "\\"),
        ("SELECT\u{a0}1", ForbiddenSql, "\u{a0}"),
        ("SELECT :a\u{a0}, 2", ForbiddenSql, "\u{a0}"),
        ("SELECT '\0'", ForbiddenSql, "\0"),
    ] {
        assert_eq!(refused(text), (code, caret.to_owned()), "{text}");
    }
    let long = format!("SELECT :{}", "x".repeat(64));
    assert_eq!(refused(&long).0, InvalidValue);
}

#[test]
fn what_has_no_end_is_shown_where_it_opens() {
    for (text, caret) in [
        ("SELECT 'abc", "'"),
        ("SELECT E'abc\\'", "E'"),
        ("SELECT E'abc\\", "E'"),
        ("SELECT u&'abc", "u&'"),
        ("SELECT \"abc\"\"", "\""),
        ("SELECT $a$ $b$", "$a$"),
        ("SELECT 1 /* /* */", "/*"),
        ("SELECT 'é' || $é$", "$é$"),
    ] {
        assert_eq!(refused(text), (Code::Unterminated, caret.to_owned()), "{text}");
    }
}

#[test]
fn one_statement_and_no_more() {
    assert_eq!(sql("\n SELECT 1 ; -- done\n /* ; */ ;"), "SELECT 1");
    assert_eq!(sql("/*+ hint */ SELECT 1\n\n"), "/*+ hint */ SELECT 1");
    assert_eq!(refused("SELECT 1; SELECT 2"), (Code::StatementCount, "SELECT".to_owned()));
    assert_eq!(refused("-- nothing\n;").0, Code::StatementCount);
    assert_eq!(refused("").0, Code::StatementCount);
    assert_eq!(refused("SELECT 1; 'x").0, Code::Unterminated);
}

#[test]
fn a_statement_begins_as_an_endpoint_may() {
    for good in
        ["select 1", "(SELECT 1)", "With x AS (SELECT 1) TABLE x", "VALUES (1)", "/**/TABLE t"]
    {
        assert_eq!(sql(good), good);
    }
    for (bad, caret) in [
        ("begin", "begin"),
        ("/* x */ COPY t TO STDOUT", "COPY"),
        ("SET x = 1", "SET"),
        ("Explain SELECT 1", "Explain"),
        ("DROP TABLE t", "DROP"),
        ("SELEC 1", "SELEC"),
        ("frobnicate", "frobnicate"),
    ] {
        assert_eq!(refused(bad), (Code::ForbiddenSql, caret.to_owned()), "{bad}");
    }
    let errors = lexed("SELEC :a, $1").unwrap_err();
    assert_eq!(errors.counts(), (2, 0), "both mistakes are told");
    assert_eq!(errors.iter().next().unwrap().help_text(), Some("did you mean `SELECT`?"));
}

#[test]
fn the_list_of_mistakes_ends() {
    let errors = lexed(&format!("SELECT {}", "$1,".repeat(1000))).unwrap_err();
    assert_eq!(errors.counts(), (MOST_SHOWN, 0));
}

#[test]
fn a_place_in_the_sql_is_found_in_the_file() {
    let text = "/* é */\nSELECT 'é', :first, :second + oops";
    let source = SourceFile::new("a.sql", text);
    let statement = lex(&source, "/* é */".len()..text.len()).unwrap();
    assert_eq!(statement.offset, text.find("SELECT").unwrap());
    let oops = statement.sql.find("oops").unwrap();
    assert_eq!(statement.file_offset(oops), text.find("oops").unwrap());
    let position = statement.sql.chars().position(|c| c == 'o').unwrap() + 1;
    let position = u32::try_from(position).unwrap();
    assert_eq!(statement.file_offset_of_char(position), text.find("oops").unwrap());
    let word = statement.file_span_of_char(&source, position);
    assert_eq!(&text[word], "oops");
    let second = statement.sql.find("$2").unwrap();
    assert_eq!(statement.file_offset(second + 1), text.find(":second").unwrap());
    assert_eq!(statement.file_offset(usize::MAX), text.len());
    assert_eq!(statement.file_offset_of_char(0), statement.offset);
    assert_eq!(statement.file_offset_of_char(u32::MAX), text.len());
}
