//! Values there and back: what is written and read is what PostgreSQL means.
//!
//! `values/results.txt` and `values/arguments.txt` are the tables; a further line is a further test.

mod documented;
mod random;

use crate::support::postgres;
use howdah::value::{Argument, Composite, Domain, Enumeration, Invalid, Type, argument, json};
use std::{error::Error, sync::Arc};
use tokio_postgres::{
    Client,
    types::{self, Format, FromSql, IsNull, Kind, ToSql, to_sql_checked},
};

/// A value's bytes as the server sent them.
struct Raw(Option<Vec<u8>>);

impl<'a> FromSql<'a> for Raw {
    fn from_sql(_: &types::Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(Some(raw.to_vec())))
    }

    fn from_sql_null(_: &types::Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(None))
    }

    fn accepts(_: &types::Type) -> bool {
        true
    }
}

/// An argument as it is sent.
#[derive(Debug)]
struct Sent(Argument);

impl ToSql for Sent {
    fn to_sql(
        &self,
        _: &types::Type,
        out: &mut bytes::BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match &self.0 {
            Argument::Null => return Ok(IsNull::Yes),
            Argument::Text(bytes) | Argument::Binary(bytes) => out.extend_from_slice(bytes),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &types::Type) -> bool {
        true
    }

    fn encode_format(&self, _: &types::Type) -> Format {
        if matches!(self.0, Argument::Binary(_)) { Format::Binary } else { Format::Text }
    }

    to_sql_checked!();
}

/// The type as the server's catalogue has it.
fn ours(ty: &types::Type) -> Type {
    let name = ty.name().to_owned();
    if let Some(builtin) = Type::builtin(ty.oid()) {
        return builtin;
    }
    match ty.kind() {
        Kind::Enum(labels) => Type::Enum(Arc::new(Enumeration { name, labels: labels.clone() })),
        Kind::Array(element) => Type::Array(Arc::new(ours(element))),
        Kind::Range(over) => Type::Range(Arc::new(ours(over))),
        Kind::Multirange(over) => Type::Multirange(Arc::new(ours(over))),
        Kind::Domain(base) => Type::Domain(Arc::new(Domain { name, base: ours(base) })),
        Kind::Composite(fields) => {
            let fields = fields.iter().map(|it| (it.name().to_owned(), ours(it.type_())));
            Type::Composite(Arc::new(Composite { name, fields: fields.collect() }))
        }
        kind => panic!("{name} is {kind:?}"),
    }
}

/// A database with the types of `values/setup.sql`, and the server's major version.
async fn prepared() -> (Client, u32) {
    let database = postgres::database();
    let client = database.client().await;
    client.batch_execute(include_str!("values/setup.sql")).await.unwrap();
    let style = "SET TimeZone = 'UTC'; SET IntervalStyle = 'iso_8601'";
    client.batch_execute(style).await.unwrap();
    (client, postgres::cluster().major)
}

/// The JSON form of an expression with the arguments it takes.
async fn written(client: &Client, sql: &str, arguments: &[Argument]) -> Result<String, String> {
    let told = |error: tokio_postgres::Error| match error.as_db_error() {
        Some(told) => format!("{sql}: {} {}", told.code().code(), told.message()),
        None => format!("{sql}: {error:?}"),
    };
    let statement = client.prepare(&format!("SELECT {sql}")).await.map_err(told)?;
    let sent: Vec<Sent> = arguments.iter().cloned().map(Sent).collect();
    let sent: Vec<&(dyn ToSql + Sync)> = sent.iter().map(|it| it as &(dyn ToSql + Sync)).collect();
    let row = client.query_one(&statement, &sent).await.map_err(told)?;
    let Raw(bytes) = row.get(0);
    let mut out = Vec::new();
    json::write(&ours(statement.columns()[0].type_()), bytes.as_deref(), &mut out)
        .map_err(|malformed| format!("{sql}: {malformed}"))?;
    String::from_utf8(out).map_err(|error| format!("{sql}: {error}"))
}

/// The lines that are for this version, without the version.
fn lines(text: &str, major: u32) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).filter_map(move |line| {
        match line.split_once(": ") {
            Some((version, rest)) if version.len() == 2 => match version.parse::<u32>() {
                Ok(version) => (major >= version).then_some(rest),
                Err(_) => Some(line),
            },
            _ => Some(line),
        }
    })
}

#[tokio::test]
async fn results_have_their_documented_form() {
    let (client, major) = prepared().await;
    let (mut wrong, mut checked) = (Vec::new(), 0);
    for line in lines(include_str!("values/results.txt"), major) {
        let (expression, expected, shared) =
            match (line.split_once(" => "), line.split_once(" ~> ")) {
                (Some((expression, expected)), _) => (expression, expected, true),
                (None, Some((expression, expected))) => (expression, expected, false),
                (None, None) => panic!("no arrow in {line}"),
            };
        checked += 1;
        let mut same = |how: &str, found: String| {
            if found != expected {
                wrong.push(format!("{expression}\n  wanted {expected}\n  {how} {found}"));
            }
        };
        same("found", written(&client, expression, &[]).await.unwrap_or_else(|why| why));
        if shared {
            let server =
                client.query_one(&format!("SELECT to_json({expression})::text"), &[]).await;
            same("server", server.map_or_else(|why| why.to_string(), |row| row.get(0)));
        }
        if expected != "null" {
            let json: Result<&serde_json::value::RawValue, _> = serde_json::from_str(expected);
            assert!(json.is_ok(), "{expected}");
        }
    }
    assert!(wrong.is_empty(), "{} of {checked} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(checked >= 150, "{checked}");
}

/// Reads an argument as a URL or as JSON writes it.
fn read(place: &str, ty: &Type, text: &str) -> Result<Argument, Invalid> {
    match place {
        "url" => argument::from_text(ty, text),
        "json" => argument::from_json(ty, text),
        _ => panic!("no place {place}"),
    }
}

#[tokio::test]
async fn arguments_arrive_as_they_were_meant_or_are_refused() {
    let (client, major) = prepared().await;
    let (mut wrong, mut checked) = (Vec::new(), 0);
    for line in lines(include_str!("values/arguments.txt"), major) {
        let parts = line.split(" | ").collect::<Vec<_>>();
        let [name, place, text, expected] = parts[..] else { panic!("not four parts: {line}") };
        checked += 1;
        let expression = format!("$1::{name}");
        let statement = client.prepare(&format!("SELECT {expression}")).await.unwrap();
        let ty = ours(&statement.params()[0]);
        match (read(place, &ty, text), expected.strip_prefix("refused: ")) {
            (Err(invalid), Some(why)) if invalid.as_str().starts_with(why) => {}
            (Err(invalid), _) => wrong.push(format!("{line}\n  refused: {invalid}")),
            (Ok(argument), Some(_)) => wrong.push(format!("{line}\n  taken: {argument:?}")),
            (Ok(argument), None) => {
                let found = written(&client, &expression, &[argument]).await;
                let found = found.unwrap_or_else(|why| why);
                if found != expected {
                    wrong.push(format!("{line}\n  found {found}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {checked} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(checked >= 150, "{checked}");
}

/// An argument with a character or two changed, dropped, doubled or moved in.
fn mutated(text: &str, random: &mut fastrand::Rng) -> String {
    const INSERTED: &[char] = &[
        '0', '9', '-', '+', '.', ',', ':', 'T', 'Z', 'P', 'e', '"', '\\', '{', '}', '[', ' ', 'é',
    ];
    let mut characters: Vec<char> = text.chars().collect();
    for _ in 0..random.usize(1..=2) {
        let at = random.usize(0..=characters.len());
        let inserted = INSERTED[random.usize(..INSERTED.len())];
        match random.u8(0..4) {
            0 => characters.insert(at, inserted),
            1 if at < characters.len() => drop(characters.remove(at)),
            2 if at < characters.len() => characters[at] = inserted,
            3 if at < characters.len() => characters.insert(at, characters[at]),
            _ => {}
        }
    }
    characters.into_iter().collect()
}

/// What PostgreSQL alone can know: a domain's check, a range whose lower bound is above its upper.
const LEFT_TO_POSTGRESQL: [&str; 2] = ["23514", "22000"];

#[tokio::test]
async fn what_is_taken_here_is_taken_by_postgresql() {
    let (client, major) = prepared().await;
    let mut random = fastrand::Rng::with_seed(20_211_031);
    let (mut wrong, mut taken) = (Vec::new(), 0);
    for line in lines(include_str!("values/arguments.txt"), major) {
        let parts = line.split(" | ").collect::<Vec<_>>();
        let [name, place, text, _] = parts[..] else { panic!("not four parts: {line}") };
        let statement = client.prepare(&format!("SELECT $1::{name}")).await.unwrap();
        let ty = ours(&statement.params()[0]);
        for _ in 0..30 {
            let text = mutated(text, &mut random);
            let Ok(argument) = read(place, &ty, &text) else { continue };
            taken += 1;
            let Err(error) = client.query(&statement, &[&Sent(argument)]).await else { continue };
            let told = error.as_db_error().expect("the server answers");
            if !LEFT_TO_POSTGRESQL.contains(&told.code().code()) {
                wrong.push(format!("{name} | {place} | {text}: {}", told.message()));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {taken} refused:\n{}", wrong.len(), wrong.join("\n"));
    assert!(taken >= 1000, "{taken}");
}

#[tokio::test]
async fn builtin_types_have_the_numbers_and_names_of_the_server() {
    let (client, major) = prepared().await;
    let rows = client
        .query("SELECT oid, format_type(oid, NULL), typarray FROM pg_type WHERE oid < 10000", &[])
        .await
        .unwrap();
    let mut seen = 0;
    for row in rows {
        let (oid, name, array): (u32, String, u32) = (row.get(0), row.get(1), row.get(2));
        let Some(ty) = Type::builtin(oid) else { continue };
        seen += 1;
        assert_eq!(ty.name(), name);
        assert_eq!(ty.builtin_oid(), Some(oid), "{name}");
        if !matches!(ty, Type::Array(_)) {
            assert_eq!(Type::named(&name).as_ref(), Some(&ty), "{name}");
            assert_eq!(Type::builtin(array), Some(Type::Array(Arc::new(ty))), "{name}[]");
        }
    }
    let multiranges = if major < 14 { 0 } else { 6 };
    assert_eq!(seen, 2 * (27 + 6 + multiranges));
}
