//! `/metrics`: what callers did is what is counted, and only operators see it.

use super::{database, on_threads, wait_until_ready};
use crate::support::{eventually, http::PATIENCE};

/// The value of a series.
fn value(text: &str, series: &str) -> Option<f64> {
    let line = text.lines().find(|line| line.rsplit_once(' ').is_some_and(|it| it.0 == series))?;
    line.rsplit_once(' ').unwrap().1.parse().ok()
}

#[test]
fn what_callers_did_is_counted_and_shown_to_operators_alone() {
    let service = on_threads(&database(), 2).start();
    wait_until_ready(&service);
    for _ in 0..10 {
        assert_eq!(service.get("/echo?text=four").text(), r#""four""#);
    }
    assert_eq!(service.get("/nowhere/at%20all").problem(), "not-found");
    assert_eq!(service.get("/metrics").problem(), "not-found");
    let text = || service.get_admin("/metrics").text();
    let echo = r#"route="/echo",method="GET""#;
    let answered = format!("howdah_requests_total{{{echo},status=\"200\",code=\"\"}}");
    eventually("every answer is counted", PATIENCE, || value(&text(), &answered) == Some(10.0));
    eventually("nothing is in flight", PATIENCE, || {
        value(&text(), "howdah_requests_in_flight") == Some(0.0)
    });
    let text = text();
    let of = |name: &str, labels: &str| value(&text, &format!("{name}{{{labels}}}"));
    assert_eq!(of("howdah_answer_bytes_total", echo), Some(60.0), "{text}");
    assert_eq!(of("howdah_answer_rows_total", echo), Some(10.0), "{text}");
    assert_eq!(of("howdah_request_duration_seconds_count", echo), Some(10.0), "{text}");
    let nowhere = r#"route="",method="GET",status="404",code="not-found""#;
    assert_eq!(of("howdah_requests_total", nowhere), Some(2.0), "{text}");
    assert!(!text.contains("nowhere"), "a path that came is no label");
    assert!(of("howdah_lane_connections", r#"lane="read""#) >= Some(1.0), "{text}");
    assert_eq!(of("howdah_lane_shed_total", r#"lane="read""#), Some(0.0), "{text}");
    assert_eq!(value(&text, "howdah_database_up"), Some(1.0), "{text}");
    let media = service.get_admin("/metrics");
    let media = media.header("content-type").unwrap();
    assert_eq!(media, "text/plain; version=0.0.4; charset=utf-8");
}

#[test]
fn a_database_that_is_away_shows() {
    let database = database().through(1);
    let service = on_threads(&database, 1).start();
    assert_eq!(service.get("/echo?text=x").problem(), "database-unavailable");
    let text = service.get_admin("/metrics").text();
    let refused = "howdah_requests_total{route=\"/echo\",method=\"GET\",status=\"503\",\
                   code=\"database-unavailable\"}";
    assert_eq!(value(&text, refused), Some(1.0), "{text}");
    assert_eq!(value(&text, "howdah_database_up"), Some(0.0), "{text}");
}
