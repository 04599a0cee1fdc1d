//! The smallest service that somebody would write by hand: axum, tokio-postgres, a pool.

use axum::{
    Json, Router,
    extract::{Query, State},
    http::StatusCode,
    routing::get,
};
use chrono::{DateTime, NaiveDate, Utc};
use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use tokio_postgres::NoTls;

type Failure = (StatusCode, &'static str);

fn failed<E: std::fmt::Display>(error: E) -> Failure {
    eprintln!("{error}");
    (StatusCode::INTERNAL_SERVER_ERROR, "failed")
}

#[derive(Serialize)]
struct Hello {
    message: &'static str,
}

#[derive(Deserialize)]
struct Code {
    code: String,
}

#[derive(Serialize)]
struct Port {
    code: String,
    name: String,
}

#[derive(Deserialize)]
struct Range {
    date_from: NaiveDate,
    date_to: NaiveDate,
    orig_code: String,
    dest_code: String,
}

#[derive(Serialize)]
struct Day {
    count: Option<i64>,
    day: NaiveDate,
    price: Option<f64>,
}

#[derive(Serialize)]
struct Rates {
    rates: Vec<Day>,
}

#[derive(Deserialize)]
struct After {
    after: i32,
}

#[derive(Serialize)]
struct Item {
    id: i32,
    name: String,
    score: f64,
    amount: Decimal,
    day: NaiveDate,
    at: DateTime<Utc>,
}

async fn port(State(pool): State<Pool>, Query(it): Query<Code>) -> Result<Json<Port>, Failure> {
    let client = pool.get().await.map_err(failed)?;
    let statement = client.prepare_cached(include_str!("../../../sql/port.sql")).await.map_err(failed)?;
    let row = client.query_opt(&statement, &[&it.code]).await.map_err(failed)?;
    let row = row.ok_or((StatusCode::NOT_FOUND, "no such port"))?;
    Ok(Json(Port { code: row.get(0), name: row.get(1) }))
}

async fn rates(State(pool): State<Pool>, Query(it): Query<Range>) -> Result<Json<Rates>, Failure> {
    let client = pool.get().await.map_err(failed)?;
    let statement = client.prepare_cached(include_str!("../../../sql/rates.sql")).await.map_err(failed)?;
    let rows = client
        .query(&statement, &[&it.date_from, &it.date_to, &it.orig_code, &it.dest_code])
        .await
        .map_err(failed)?;
    let day = |row: &tokio_postgres::Row| Day { count: row.get(0), day: row.get(1), price: row.get(2) };
    Ok(Json(Rates { rates: rows.iter().map(day).collect() }))
}

async fn items(State(pool): State<Pool>, Query(it): Query<After>) -> Result<Json<Vec<Item>>, Failure> {
    let client = pool.get().await.map_err(failed)?;
    let statement = client.prepare_cached(include_str!("../../../sql/items.sql")).await.map_err(failed)?;
    let rows = client.query(&statement, &[&it.after]).await.map_err(failed)?;
    let item = |row: &tokio_postgres::Row| Item {
        id: row.get(0),
        name: row.get(1),
        score: row.get(2),
        amount: row.get(3),
        day: row.get(4),
        at: row.get(5),
    };
    Ok(Json(rows.iter().map(item).collect()))
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let port: u16 = arguments.next().expect("a port").parse().expect("a port");
    let url = arguments.next().expect("a database's URL");
    let config: tokio_postgres::Config = url.parse().expect("a database's URL");
    let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let manager = Manager::from_config(config, NoTls, recycling);
    let pool = Pool::builder(manager).max_size(8).build().expect("a pool");
    let app = Router::new()
        .route("/", get(|| async { Json(Hello { message: "Hello world!" }) }))
        .route("/port", get(self::port))
        .route("/rates", get(rates))
        .route("/items", get(items))
        .with_state(pool);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.expect("the port");
    axum::serve(listener, app).await.expect("serving");
}
