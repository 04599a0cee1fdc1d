//! Every line of the tables in `docs/types.md` is true.

use super::{ours, prepared, read, written};
use howdah::value::{Argument, Type, argument, schema};
use tokio_postgres::Client;

const PAGE: &str = include_str!("../../../docs/types.md");

/// A line of a table: the code in each cell, and the least version its first cell states.
struct Line<'a> {
    cells: Vec<Vec<&'a str>>,
    from_version: u32,
}

/// The lines of the table under a heading.
fn table(heading: &str) -> Vec<Line<'static>> {
    let section = PAGE.split_once(&format!("\n## {heading}\n")).unwrap().1;
    let section = section.split_once("\n## ").map_or(section, |(section, _)| section);
    let lines = section.lines().filter(|line| line.starts_with("| `"));
    lines
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').collect();
            let version = cells[0].split_once('(').and_then(|(_, it)| it.split_once("+)"));
            Line {
                from_version: version.map_or(13, |(version, _)| version.parse().unwrap_or(13)),
                cells: cells
                    .iter()
                    .map(|cell| cell.split('`').skip(1).step_by(2).collect())
                    .collect(),
            }
        })
        .collect()
}

/// The statements that the page itself shows.
async fn with_the_types_of_the_page() -> (Client, u32) {
    let (client, major) = prepared().await;
    let shown = PAGE.split_once("```sql\n").unwrap().1.split_once("```").unwrap().0;
    client.batch_execute("CREATE SCHEMA page; SET search_path = page, public").await.unwrap();
    client.batch_execute(shown).await.unwrap();
    (client, major)
}

async fn parameter(client: &Client, name: &str) -> Type {
    ours(&client.prepare(&format!("SELECT $1::{name}")).await.unwrap().params()[0])
}

#[tokio::test]
async fn each_form_is_as_documented() {
    let (client, major) = with_the_types_of_the_page().await;
    let (mut wrong, mut checked) = (Vec::new(), 0);
    for line in table("Forms").iter().filter(|line| line.from_version <= major) {
        let [name, result, urls, bodies, schema] = &line.cells[..] else { panic!("five cells") };
        let (name, result) = (name[0], result[0]);
        let ty = parameter(&client, name).await;
        let spellings =
            urls.iter().map(|it| ("url", it)).chain(bodies.iter().map(|it| ("json", it)));
        for (place, text) in spellings {
            checked += 1;
            let found = match read(place, &ty, text) {
                Ok(argument) => written(&client, &format!("$1::{name}"), &[argument]).await,
                Err(invalid) => Err(invalid.to_string()),
            };
            if found.as_deref() != Ok(result) {
                wrong.push(format!("{name} in {place}: {text}: {found:?}"));
            }
        }
        if schema::of(&ty) != serde_json::from_str::<serde_json::Value>(schema[0]).unwrap() {
            wrong.push(format!("{name}: its schema is {}", schema::of(&ty)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(checked >= 65, "{checked}");
}

#[tokio::test]
async fn each_special_value_is_as_documented() {
    let (client, major) = with_the_types_of_the_page().await;
    let lines = table("Special values");
    assert!(lines.len() >= 25);
    for line in lines.iter().filter(|line| line.from_version <= major) {
        let [name, value, result] = &line.cells[..] else { panic!("three cells") };
        let found = written(&client, &format!("({})::{}", value[0], name[0]), &[]).await;
        assert_eq!(found.as_deref(), Ok(result[0]), "{}", value[0]);
    }
}

#[tokio::test]
async fn each_refusal_has_its_way_out() {
    let (client, _) = with_the_types_of_the_page().await;
    let lines = table("What is refused, and what to write");
    assert!(lines.len() >= 15);
    for line in &lines {
        let [name, refused, cast] = &line.cells[..] else { panic!("three cells") };
        let ty = parameter(&client, name[0]).await;
        assert!(argument::from_text(&ty, refused[0]).is_err(), "{} {}", name[0], refused[0]);
        let (before, parameter) = cast[0].split_once(':').unwrap();
        let after = parameter.trim_start_matches(|letter: char| letter.is_ascii_lowercase());
        let text = Argument::Text(refused[0].as_bytes().to_vec());
        written(&client, &format!("{before}$1{after}"), &[text]).await.unwrap();
    }
}

#[tokio::test]
async fn each_type_that_is_not_served_has_its_cast() {
    let (client, _) = prepared().await;
    let lines = table("Types that are not served");
    assert!(lines.len() >= 8);
    for line in &lines {
        let [name, cast] = &line.cells[..] else { panic!("two cells") };
        assert_eq!(Type::named(name[0]), None);
        let statement = client.prepare(&format!("SELECT {}", cast[0])).await.unwrap();
        assert!(Type::builtin(statement.columns()[0].type_().oid()).is_some(), "{}", cast[0]);
        written(&client, cast[0], &[]).await.unwrap();
    }
}
