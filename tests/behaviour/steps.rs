//! The steps of the rates service.
#![allow(clippy::needless_pass_by_value, reason = "a step's arguments are its own")]

use crate::support::{
    database::Database,
    http::Reply,
    postgres,
    proxy::Proxy,
    service::{self, Service, project},
};
use cucumber::{gherkin::Step, given, then, when};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

/// One scenario's world: a database behind a network that can break, the service, its last answer.
#[derive(Debug, cucumber::World)]
#[world(init = Self::new)]
pub(crate) struct Rates {
    database: Database,
    network: Arc<Proxy>,
    service: Option<Service>,
    reply: Option<Reply>,
}

impl Rates {
    fn new() -> Self {
        let database = postgres::database();
        let mut files: Vec<_> = std::fs::read_dir(project("services/rates/migrations"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        for file in files {
            database.psql(&std::fs::read_to_string(file).unwrap());
        }
        let network = Arc::new(Proxy::to(database.port));
        Self { database, network, service: None, reply: None }
    }

    fn ask(&mut self, method: &str, path: &str) {
        let service = self.service.as_ref().expect("the service runs");
        self.reply = Some(service.send(method, path, &[], b""));
    }

    fn reply(&self) -> &Reply {
        self.reply.as_ref().expect("something was asked")
    }

    /// Adds a port that a price or a test needs, in a region of its own when it is not said.
    fn add_port(&self, code: &str) {
        self.database.psql(&format!(
            "INSERT INTO regions VALUES ('somewhere', 'Somewhere', NULL) ON CONFLICT DO NOTHING;
             INSERT INTO ports VALUES ('{code}', '{code}', 'somewhere') ON CONFLICT DO NOTHING"
        ));
    }

    fn add_price(&self, origin: &str, destination: &str, day: &str, price: &str) {
        self.add_port(origin);
        self.add_port(destination);
        let row = format!("('{origin}', '{destination}', '{day}', {price})");
        self.database.psql(&format!("INSERT INTO prices VALUES {row}"));
    }
}

/// The rows of the step's table below its heading.
fn rows(step: &Step) -> Vec<&[String]> {
    let table = step.table.as_ref().expect("the step has a table");
    table.rows.iter().skip(1).map(Vec::as_slice).collect()
}

#[given("no prices")]
fn no_prices(_: &mut Rates) {}

#[given("the prices")]
fn the_prices(world: &mut Rates, step: &Step) {
    for row in rows(step) {
        let [origin, destination, day, prices] = row else { panic!("four columns, not {row:?}") };
        for price in prices.split(", ") {
            world.add_price(origin, destination, day, price);
        }
    }
}

#[given("the regions")]
fn the_regions(world: &mut Rates, step: &Step) {
    for row in rows(step) {
        let [slug, name, parent] = row else { panic!("three columns, not {row:?}") };
        let values = format!("('{slug}', '{name}', nullif('{parent}', ''))");
        world.database.psql(&format!("INSERT INTO regions VALUES {values}"));
    }
}

#[given("the ports")]
fn the_ports(world: &mut Rates, step: &Step) {
    for row in rows(step) {
        let [code, name, region] = row else { panic!("three columns, not {row:?}") };
        port_is_added(world, code.clone(), name.clone(), region.clone());
    }
}

#[when(expr = "the port {word} {string} is added in {word}")]
fn port_is_added(world: &mut Rates, code: String, name: String, region: String) {
    world.database.psql(&format!("INSERT INTO ports VALUES ('{code}', '{name}', '{region}')"));
}

#[given("the service runs")]
fn the_service_runs(world: &mut Rates) {
    let database = world.database.through(world.network.port);
    world.service = Some(service::serve("services/rates").database(&database).start());
}

#[when(expr = "I ask for the rates from {word} to {word} between {word} and {word}")]
fn ask_for_rates(world: &mut Rates, origin: String, destination: String, from: String, to: String) {
    let route = format!("orig_code={origin}&dest_code={destination}");
    world.ask("GET", &format!("/rates?date_from={from}&date_to={to}&{route}"));
}

#[when(expr = "I ask for {string}")]
fn ask_for(world: &mut Rates, path: String) {
    world.ask("GET", &path);
}

#[when(expr = "I send {word} to {string}")]
fn send(world: &mut Rates, method: String, path: String) {
    world.ask(&method, &path);
}

#[when(expr = "the price {int} is added from {word} to {word} on {word}")]
fn price_is_added(world: &mut Rates, price: u32, origin: String, destination: String, day: String) {
    world.add_price(&origin, &destination, &day, &price.to_string());
}

#[when("the database goes away")]
fn database_goes_away(world: &mut Rates) {
    world.network.cut();
}

#[when(expr = "the database goes away for {int} second(s)")]
fn database_goes_away_for(world: &mut Rates, seconds: u64) {
    world.network.cut();
    let network = Arc::clone(&world.network);
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_secs(seconds));
        network.restore();
    });
}

#[when("the database comes back")]
fn database_comes_back(world: &mut Rates) {
    world.network.restore();
}

#[then(expr = "the answer is {int}")]
fn answer_is(world: &mut Rates, status: u16) {
    assert_eq!(world.reply().status, status, "{}", world.reply());
}

#[then("the rates are")]
fn rates_are(world: &mut Rates, step: &Step) {
    let cell = |text: &String| serde_json::from_str::<Value>(text).unwrap();
    let expected = rows(step).into_iter().map(|row| {
        let [day, count, price] = row else { panic!("three columns, not {row:?}") };
        (day.clone(), cell(count).as_u64(), cell(price).as_f64())
    });
    let answer = world.reply().json();
    let entry = |it: &Value| {
        assert_eq!(it.as_object().unwrap().len(), 3, "{it}");
        (it["day"].as_str().unwrap().to_owned(), it["count"].as_u64(), it["price"].as_f64())
    };
    let entries: Vec<_> = answer["rates"].as_array().unwrap().iter().map(entry).collect();
    assert_eq!(entries, expected.collect::<Vec<_>>());
}

#[then("there are no rates")]
fn no_rates(world: &mut Rates) {
    assert_eq!(world.reply().json(), json!({ "rates": [] }));
}

#[then(regex = r"^the ports are (.+)$")]
fn ports_are(world: &mut Rates, expected: String) {
    let answer = world.reply().json();
    let ports = answer["ports"].as_array().unwrap().iter();
    let codes: Vec<_> = ports.map(|port| port["code"].as_str().unwrap()).collect();
    assert_eq!(codes.join(", "), expected);
}

#[then("the answer says")]
fn answer_says(world: &mut Rates, step: &Step) {
    let answer = world.reply().json();
    for row in &step.table.as_ref().unwrap().rows {
        assert_eq!(answer[&row[0]], row[1], "{}", row[0]);
    }
}

#[then("it is a problem")]
fn is_a_problem(world: &mut Rates) {
    world.reply().problem();
}

#[then(expr = "the problem names {word}")]
fn problem_names(world: &mut Rates, parameter: String) {
    world.reply().problem();
    assert!(world.reply().text().contains(&parameter), "{}", world.reply());
}

#[then("it says when to try again")]
fn says_when_to_try_again(world: &mut Rates) {
    let seconds = world.reply().header("retry-after").expect("Retry-After");
    assert!(seconds.parse::<u32>().is_ok(), "{seconds}");
}

#[then(regex = r"^the methods allowed are (.+)$")]
fn methods_allowed(world: &mut Rates, expected: String) {
    assert_eq!(world.reply().header("allow"), Some(expected.as_str()));
}

#[then(expr = "the table {word} is still there")]
fn table_is_there(world: &mut Rates, table: String) {
    let found = world.database.psql(&format!("SELECT to_regclass('{table}') IS NOT NULL"));
    assert_eq!(found[0][0].as_deref(), Some("t"));
}
