//! The placeholder lexer against PostgreSQL itself: whatever stands between them, placeholders and
//! nothing else become parameters, and every literal keeps its value.

use crate::support::postgres;
use howdah::{
    definition::placeholder::{self, Statement},
    diagnostic::SourceFile,
    name::Identifier,
};
use proptest::{
    prelude::*,
    sample::select,
    test_runner::{Config, TestRunner},
};
use tokio_postgres::{Client, types::ToSql};

/// Pieces that a careless lexer trips over, alone and side by side.
const TRICKY: [&str; 28] = [
    ":a", "::", ":=", "$1", "$$", "$a$", "$é$", "'", "''", "\"", "\\", "\\'", "--", "/", "*", "\n",
    "\r", ";", "[1:b]", "[", ")", "é", "\u{a0}", "E", "U&", "a", "0", " ",
];
/// The names of the parameters, and the text that is bound to each.
const BOUND: [(&str, &str); 4] =
    [("a", "bound :a"), ("b", "$1"), ("_c9", "it's \\"), ("e", "E'\\''")];

/// An expression as an author writes it, each placeholder marked by a `\0` before it, and its
/// value.
#[derive(Clone, Debug)]
struct Piece {
    written: String,
    value: String,
}

/// A column: noise, an expression, and a name.
#[derive(Clone, Debug)]
struct Column {
    noise: String,
    piece: Piece,
    alias: Option<String>,
}

fn piece(written: impl Into<String>, value: impl Into<String>) -> Piece {
    Piece { written: written.into(), value: value.into() }
}

fn tricky() -> impl Strategy<Value = String> {
    prop::collection::vec(select(&TRICKY[..]), 0..8).prop_map(|pieces| pieces.concat())
}

/// A literal in each of PostgreSQL's spellings, and its value.
fn literal() -> impl Strategy<Value = Piece> {
    (tricky(), tricky(), 0..8).prop_map(|(text, more, spelling)| {
        let doubled = |text: &str| text.replace('\'', "''");
        let escaped = |text: &str| text.replace('\\', r"\\").replace('\'', r"\'");
        match spelling {
            0 => piece(format!("'{}'", doubled(&text)), text),
            1 => piece(format!("N'{}'", doubled(&text)), text),
            2 => piece(format!("e'{}'", escaped(&text)), text),
            3 => piece(format!(r"E'{}\x3aa'", escaped(&text)), format!("{text}:a")),
            4 => {
                let body = doubled(&text.replace('\\', r"\\"));
                piece(format!(r"u&'{body}\003aa'"), format!("{text}:a"))
            }
            5 => {
                let lines = format!("E'{}' -- ' :a\n\t--\n '{}'", escaped(&text), escaped(&more));
                piece(lines, format!("{text}{more}"))
            }
            _ => {
                let mut tags = ["$$", "$a$", "$é_1$", "$aa$", "$q$"];
                tags.rotate_left(more.len() % 5);
                let fits = |tag: &&&str| format!("{text}{tag}").find(**tag) == Some(text.len());
                // A text never has a piece of `$q$`.
                let tag = tags.iter().find(fits).unwrap();
                piece(format!("{tag}{text}{tag}"), text)
            }
        }
    })
}

/// An expression with placeholders.
fn with_placeholders() -> impl Strategy<Value = Piece> {
    (select(&BOUND[..]), select(&BOUND[..])).prop_flat_map(|((one, value), (other, more))| {
        let array = "(ARRAY['x','y','z'])";
        select(vec![
            piece(format!("\0:{one}::text"), value),
            piece(format!("\0:{one} :: text||\0:{other}::text"), format!("{value}{more}")),
            piece(format!("concat(\0:{one}::text,\0:{other}::text)"), format!("{value}{more}")),
            piece(format!("substr(\0:{one}::text,1)"), value),
            piece(format!("(make_date(year:=length(\0:{one}::text)+2000,month=>1,day:=1)-date'2000-01-01')::text"), days(value)),
            piece(format!("{array}[length(\0:{one}::text)-length(\0:{one}::text)+2]"), "y"),
            piece(format!("{array}[length(\0:{one}::text)*0+1:2]::text"), "{x,y}"),
            piece(format!("{array}[length(\0:{one}::text)*0+2:m]::text"), "{y,z}"),
            piece(format!("{array}[1 : length(\0:{other}::text)*0+2]::text"), "{x,y}"),
            piece(format!("{array}[n:m]::text || \0:{one}::text"), format!("{{y,z}}{value}")),
            piece(format!("v$a$||\0:{one}::text||v$a$"), format!("v{value}v")),
            piece(format!("é$$||\0:{one}::text||é$$"), format!("w{value}w")),
            piece(format!("(ARRAY[\0:{one}::text,\0:{other}::text])[2]"), more),
            piece(format!("CASE WHEN\n\0:{one}::text=\0:{one}::text THEN'\\'ELSE \0:{other}::text END"), "\\"),
        ])
    })
}

fn days(text: &str) -> String {
    let years = i64::try_from(text.chars().count()).unwrap();
    // From 2000-01-01: a leap day for each fourth year, the first included (2000).
    (years * 365 + (years + 3) / 4).to_string()
}

fn noise() -> impl Strategy<Value = String> {
    let comment = |text: String| text.replace("/*", "").replace("*/", "");
    prop_oneof![
        Just(" ".to_owned()),
        Just("\n\t\x0c ".to_owned()),
        tricky().prop_map(|text| format!(" -- {}\n", text.replace(['\n', '\r'], ""))),
        tricky().prop_map(move |text| format!(" /* {} /* ' */ $$ */ ", comment(comment(text)))),
        Just("/*/ :a /**/ ' */".to_owned()),
    ]
}

fn column() -> impl Strategy<Value = Column> {
    let alias = prop::option::of(tricky().prop_filter("a name", |it| !it.is_empty()));
    (noise(), prop_oneof![literal(), with_placeholders()], alias)
        .prop_map(|(noise, piece, alias)| Column { noise, piece, alias })
}

/// What the author writes, and what PostgreSQL ought to get, with the parameters' names.
fn render(columns: &[Column]) -> (String, String, Vec<&'static str>) {
    let mut marked = String::from("SELECT");
    for (at, column) in columns.iter().enumerate() {
        let comma = if at > 0 { "," } else { "" };
        marked.extend([comma, &column.noise, &column.piece.written]);
        if let Some(alias) = &column.alias {
            marked.extend([" AS \"", &alias.replace('"', "\"\""), "\""]);
        }
    }
    marked.push_str(" FROM (SELECT 2 AS n, 3 AS m, 'v' AS v$a$, 'w' AS é$$) AS t");
    let mut names: Vec<&'static str> = Vec::new();
    let mut parts = marked.split('\0');
    let mut expected = parts.next().unwrap().to_owned();
    for part in parts {
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let end = part[1..].find(|c| !is_part(c)).unwrap() + 1;
        let name = BOUND.iter().find(|(name, _)| *name == &part[1..end]).unwrap().0;
        let number = names.iter().position(|known| *known == name).unwrap_or_else(|| {
            names.push(name);
            names.len() - 1
        });
        expected.extend(["$", &(number + 1).to_string(), &part[end..]]);
    }
    (marked.replace('\0', ""), expected, names)
}

fn lex(text: &str) -> Statement {
    let source = SourceFile::new("a.sql", text);
    placeholder::lex(&source, 0..text.len())
        .unwrap_or_else(|errors| panic!("{text}\n{}", errors.render(false)))
}

/// The statement with each `$n` put back to what the file has there.
fn restored(statement: &Statement, file: &str) -> String {
    let mut text = String::new();
    let mut at = 0;
    for used in &statement.uses {
        text.push_str(&statement.sql[at..used.sql_span.start]);
        text.push_str(&file[used.file_span.clone()]);
        at = used.sql_span.end;
    }
    text + &statement.sql[at..]
}

async fn check(client: &Client, columns: &[Column]) -> Result<(), TestCaseError> {
    let (written, expected, names) = render(columns);
    let statement = lex(&format!("{written} ; -- :z"));
    prop_assert_eq!(&statement.sql, &expected);
    prop_assert_eq!(restored(&statement, &written), written.as_str());
    let numbered: Vec<_> = statement.parameters.iter().map(Identifier::as_str).collect();
    prop_assert_eq!(&numbered, &names);

    let prepared = client.prepare(&statement.sql).await;
    let prepared = prepared.map_err(|why| TestCaseError::fail(format!("{why:?}\n{expected}")))?;
    prop_assert_eq!(prepared.params().len(), names.len());
    let bound = |name| BOUND.iter().find(|(known, _)| *known == name).map(|(_, value)| value);
    let arguments: Vec<_> = names.iter().map(|name| bound(*name).unwrap()).collect();
    let arguments: Vec<_> = arguments.iter().map(|it| *it as &(dyn ToSql + Sync)).collect();
    let row = client.query_one(&prepared, &arguments).await.unwrap();
    for (at, column) in columns.iter().enumerate() {
        let value: &str = row.get(at);
        prop_assert_eq!(value, &column.piece.value);
        if let Some(alias) = &column.alias {
            prop_assert_eq!(row.columns()[at].name(), alias);
        }
    }
    Ok(())
}

#[test]
fn postgresql_sees_the_same_statement() {
    let database = postgres::database();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let client = runtime.block_on(database.client());
    let mut runner = TestRunner::new(Config { cases: 400, ..Config::default() });
    let columns = prop::collection::vec(column(), 1..6);
    let result = runner.run(&columns, |columns| runtime.block_on(check(&client, &columns)));
    result.unwrap_or_else(|why| panic!("{why}"));
}

proptest! {
    /// Whatever the bytes are: a diagnostic, or the same text but for placeholders.
    #[test]
    fn any_text_comes_out_as_it_was(text in prop_oneof![
        prop::collection::vec(select(&TRICKY[..]), 0..30).prop_map(|it| format!("SELECT {}", it.concat())),
        "SELECT \\PC*",
        any::<String>(),
    ]) {
        let source = SourceFile::new("a.sql", text.as_str());
        if let Ok(statement) = placeholder::lex(&source, 0..text.len()) {
            let file = &text[statement.offset..];
            prop_assert!(file.starts_with(&restored(&statement, &text)));
            for used in &statement.uses {
                let name = statement.parameters[used.parameter].as_str();
                prop_assert_eq!(&text[used.file_span.clone()], format!(":{name}"));
                let number = format!("${}", used.parameter + 1);
                prop_assert_eq!(&statement.sql[used.sql_span.clone()], number);
                prop_assert_eq!(statement.file_offset(used.sql_span.start), used.file_span.start);
                prop_assert_eq!(statement.file_offset(used.sql_span.end), used.file_span.end);
            }
        }
    }
}
