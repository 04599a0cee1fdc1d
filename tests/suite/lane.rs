//! Lanes against a real PostgreSQL: what a caller gets, whatever happens to others, to the network
//! and to the server.

mod cancelling;
mod exclusive;
mod fake;
mod faults;
mod garbage;
mod hosts;
mod identity;
mod packing;
mod plans;
mod reads;
mod rescue;
mod shapes;
mod sharing;
mod signing_in;
mod tls;
mod trips;
mod waiting;
mod writes;

use crate::support::database::Database;
use howdah::{
    access::{Caller, Permit, Policy},
    lane::{Call, Failure, Lane, RowSink, Settings, Stop},
    postgres::{Target, statement::Prepared},
    value::Argument,
};
use std::{future::Future, rc::Rc, sync::Arc, time::Duration};
use tokio::{task::LocalSet, time::Instant};

const TEXT: u32 = 25;
const INT4: u32 = 23;

/// Keeps every row as its values.
#[derive(Debug, Default)]
struct Rows {
    taken: Vec<Vec<Option<String>>>,
    bytes: usize,
    at_most: Option<usize>,
    largest_row: Option<usize>,
    shares: bool,
}

impl RowSink for Rows {
    fn row(&mut self, data_row: &[u8]) -> Result<(), Stop> {
        if self.at_most == Some(self.taken.len()) {
            return Err(Stop::TooMany);
        }
        self.bytes += data_row.len();
        let (count, mut rest) = data_row.split_first_chunk::<2>().unwrap();
        let mut row = Vec::new();
        for _ in 0..u16::from_be_bytes(*count) {
            let (length, behind) = rest.split_first_chunk::<4>().unwrap();
            let length = i32::from_be_bytes(*length);
            let (value, behind) = behind.split_at(usize::try_from(length).unwrap_or(0));
            row.push((length >= 0).then(|| String::from_utf8(value.to_vec()).unwrap()));
            rest = behind;
        }
        assert!(rest.is_empty());
        self.taken.push(row);
        Ok(())
    }

    fn medium(&self) -> Option<usize> {
        self.shares.then_some(self.at_most.unwrap_or(0))
    }

    fn share(&mut self) -> Option<Self> {
        Some(Self { taken: self.taken.clone(), ..Self::default() })
    }

    fn restart(&mut self) {
        self.taken.clear();
        self.bytes = 0;
    }

    fn largest_row(&self) -> usize {
        self.largest_row.unwrap_or(usize::MAX)
    }
}

/// Runs a test on one thread, as a server's thread does; it may take a minute.
fn local(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let limited = async { tokio::time::timeout(Duration::from_mins(1), test).await };
    LocalSet::new().block_on(&runtime, limited).expect("the test ends within a minute");
}

fn target(database: &Database) -> Target {
    database.target("lane", Duration::from_secs(2))
}

fn settings() -> Settings {
    Settings {
        name: "test".to_owned(),
        writes: false,
        connections: 2,
        queue: 10_000,
        queue_delay: None,
        alike_wait: Duration::from_millis(100),
        statement_timeout: Duration::from_secs(20),
        park: Duration::from_secs(10),
        exclusive: 2,
        exclusive_timeout: Duration::from_secs(30),
    }
}

fn writing() -> Settings {
    Settings { writes: true, ..settings() }
}

fn open(target: Target, settings: Settings) -> Rc<Lane<Rows>> {
    Rc::new(Lane::open(settings, Arc::new(target), Arc::new(|_| {})))
}

/// A lane that is connected.
async fn lane(database: &Database, settings: Settings) -> Rc<Lane<Rows>> {
    let lane = open(target(database), settings);
    connected(&lane).await;
    lane
}

/// Waits until the lane is connected; gives how long that took.
async fn connected(lane: &Lane<Rows>) -> Duration {
    let start = Instant::now();
    while !lane.is_connected() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    start.elapsed()
}

/// A statement with parameters of the type `text` and columns of these types.
fn statement(index: usize, sql: &str, parameters: usize, columns: &[u32]) -> Arc<Prepared> {
    Arc::new(Prepared {
        index,
        name: format!("howdah_{index}"),
        label: format!("statement {index}"),
        sql: sql.to_owned(),
        parameters: vec![TEXT; parameters],
        columns: columns.to_vec(),
        ..Prepared::default()
    })
}

fn permit() -> Permit {
    Policy::Public.permit(&Caller::Anonymous).unwrap()
}

fn call(statement: &Arc<Prepared>, arguments: &[&str], patience: Duration) -> Call<Rows> {
    let arguments = arguments.iter().map(|it| Argument::Text(it.as_bytes().to_vec()));
    let deadline = Instant::now() + patience;
    Call::new(Arc::clone(statement), arguments.collect(), Rows::default(), deadline)
}

/// Runs a statement with much patience; gives its rows.
async fn ask(
    lane: &Lane<Rows>,
    statement: &Arc<Prepared>,
    arguments: &[&str],
) -> Result<Vec<Vec<Option<String>>>, Failure> {
    let done = lane.run(permit(), call(statement, arguments, Duration::from_secs(30))).await?;
    assert_eq!(done.rows, done.sink.taken.len() as u64);
    Ok(done.sink.taken)
}

/// One row of one value.
fn one(value: impl std::fmt::Display) -> Vec<Vec<Option<String>>> {
    vec![vec![Some(value.to_string())]]
}

fn sqlstate(outcome: &Result<Vec<Vec<Option<String>>>, Failure>) -> &str {
    match outcome {
        Err(Failure::Refused(refusal)) => &refusal.sqlstate,
        other => panic!("{other:?} is no refusal"),
    }
}
