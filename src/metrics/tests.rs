//! What is counted is written, and what is written is declared.
#![allow(clippy::unwrap_used, reason = "a test stops where it is wrong")]

use super::*;
use std::{collections::BTreeMap, time::Duration};

fn answered<'e>(route: &'e str, status: u16, code: Option<&'static str>, us: u64) -> Event<'e> {
    Event::Answered {
        request_id: "id",
        method: "GET",
        route,
        status,
        code,
        rows: 3,
        bytes: 100,
        duration: Duration::from_micros(us),
        address: None,
        caller: None,
    }
}

/// The samples of a text: each series with its value.
fn samples(text: &str) -> BTreeMap<String, f64> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let parsed = lines.map(|line| {
        let (series, value) = line.rsplit_once(' ').unwrap();
        (series.to_owned(), value.parse().unwrap())
    });
    let all: Vec<(String, f64)> = parsed.collect();
    let map: BTreeMap<_, _> = all.iter().cloned().collect();
    assert_eq!(map.len(), all.len(), "a series stands there twice");
    map
}

#[test]
fn threads_count_apart_and_are_summed_up() {
    let metrics = Metrics::new("rates", "1.2.3");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for step in 0..1000 {
                    metrics.count(&Event::Began);
                    metrics.count(&answered("/rates", 200, None, step));
                    metrics.count(&Event::Ended);
                }
                metrics.count(&Event::Began);
                metrics.count(&answered("/rates", 503, Some("overloaded"), 20_000_000));
                metrics.count(&answered("", 404, Some("not-found"), 1));
                metrics.count(&Event::Lane { lane: "read", did: LaneAct::Rescued });
                metrics.count(&Event::Refused { request_id: "", endpoint: "", sqlstate: "22012" });
                metrics.count(&Event::Refused { request_id: "", endpoint: "", sqlstate: "22003" });
            });
        }
    });
    let lanes = vec![
        LaneState { lane: "read".into(), connections: 4, connected: 3, in_flight: 2, waiting: 1 },
        LaneState { lane: "write".into(), connections: 2, connected: 0, in_flight: 0, waiting: 0 },
    ];
    let gauges =
        Gauges { lanes, database_up: Some(false), connections: 64, connections_limit: 10_000 };
    let text = metrics.render(&gauges, Format::Prometheus);
    let samples = samples(&text);
    let expected = [
        (r#"howdah_requests_total{route="/rates",method="GET",status="200",code=""}"#, 4000.0),
        (
            r#"howdah_requests_total{route="/rates",method="GET",status="503",code="overloaded"}"#,
            4.0,
        ),
        (r#"howdah_requests_total{route="",method="GET",status="404",code="not-found"}"#, 4.0),
        (
            r#"howdah_request_duration_seconds_bucket{route="/rates",method="GET",le="0.0001"}"#,
            404.0,
        ),
        (
            r#"howdah_request_duration_seconds_bucket{route="/rates",method="GET",le="0.001"}"#,
            4000.0,
        ),
        (
            r#"howdah_request_duration_seconds_bucket{route="/rates",method="GET",le="10.0"}"#,
            4000.0,
        ),
        (
            r#"howdah_request_duration_seconds_bucket{route="/rates",method="GET",le="+Inf"}"#,
            4004.0,
        ),
        (r#"howdah_request_duration_seconds_count{route="/rates",method="GET"}"#, 4004.0),
        (r#"howdah_request_duration_seconds_sum{route="/rates",method="GET"}"#, 81.998),
        (r#"howdah_answer_rows_total{route="/rates",method="GET"}"#, 12_012.0),
        (r#"howdah_answer_bytes_total{route="/rates",method="GET"}"#, 400_400.0),
        ("howdah_requests_in_flight", 4.0),
        ("howdah_caller_connections", 64.0),
        (r#"howdah_statements_refused_total{class="22"}"#, 8.0),
        (r#"howdah_lane_connections{lane="read"}"#, 3.0),
        (r#"howdah_lane_waiting{lane="read"}"#, 1.0),
        (r#"howdah_lane_rescued_total{lane="read"}"#, 4.0),
        (r#"howdah_lane_rescued_total{lane="write"}"#, 0.0),
        ("howdah_database_up", 0.0),
    ];
    for (series, value) in expected {
        assert_eq!(samples.get(series), Some(&value), "{series} in\n{text}");
    }
    assert!(samples["process_resident_memory_bytes"] > 1e6);
    assert!(samples["process_open_fds"] > 3.0);
    assert!(samples["process_start_time_seconds"] > 1.6e9);
}

#[test]
fn every_sample_is_declared_with_its_labels_and_every_metric_is_written() {
    let metrics = Metrics::new("a\"b\\c\nd", "1");
    metrics.count(&answered("/x", 200, None, 1));
    metrics.count(&Event::Refused { request_id: "", endpoint: "", sqlstate: "shape-changed" });
    metrics.count(&Event::Lane { lane: "read", did: LaneAct::Shed });
    let lane =
        LaneState { lane: "read".into(), connections: 4, connected: 4, in_flight: 0, waiting: 0 };
    let gauges = Gauges { lanes: vec![lane], database_up: Some(true), ..Gauges::default() };
    for format in [Format::Prometheus, Format::OpenMetrics] {
        let text = metrics.render(&gauges, format);
        assert!(text.contains(r#"service="a\"b\\c\nd""#), "{text}");
        assert_eq!(text.ends_with("# EOF\n"), format == Format::OpenMetrics);
        let mut written = std::collections::BTreeSet::new();
        for series in samples(&text).into_keys() {
            let (name, labels) = series.split_once('{').unwrap_or((&series, ""));
            let metric = METRICS.iter().find(|it| {
                let histogram = it.kind == Kind::Histogram;
                let bare =
                    ["_bucket", "_sum", "_count"].iter().find_map(|it| name.strip_suffix(it));
                it.name == if histogram { bare.unwrap_or(name) } else { name }
            });
            let metric = metric.unwrap_or_else(|| panic!("{name} is not declared"));
            for label in metric.labels {
                assert!(labels.contains(&format!("{label}=\"")), "{series} lacks {label}");
            }
            let extra = usize::from(name.ends_with("_bucket"));
            assert_eq!(labels.matches("=\"").count(), metric.labels.len() + extra, "{series}");
            written.insert(metric.name);
        }
        let all: std::collections::BTreeSet<_> = METRICS.iter().map(|it| it.name).collect();
        assert_eq!(written, all);
        // A heading stands once, before its samples.
        let headings: Vec<_> = text.lines().filter(|line| line.starts_with("# TYPE")).collect();
        assert_eq!(headings.len(), METRICS.len(), "{text}");
    }
}

#[test]
fn a_name_at_another_names_place_is_not_mistaken_for_it() {
    let metrics = Metrics::new("a", "1");
    let mut name = String::from("/one");
    metrics.count(&answered(&name, 200, None, 1));
    name.clear();
    name.push_str("/two");
    metrics.count(&answered(&name, 200, None, 1));
    let samples = samples(&metrics.render(&Gauges::default(), Format::Prometheus));
    for route in ["/one", "/two"] {
        let series = format!(
            r#"howdah_requests_total{{route="{route}",method="GET",status="200",code=""}}"#
        );
        assert_eq!(samples.get(&series), Some(&1.0));
    }
}

#[test]
fn openmetrics_is_for_who_names_it() {
    let asked = |accept| Format::asked_for(Some(accept));
    assert_eq!(Format::asked_for(None), Format::Prometheus);
    assert_eq!(asked("*/*"), Format::Prometheus);
    assert_eq!(asked("text/plain;version=0.0.4"), Format::Prometheus);
    assert_eq!(
        asked("application/openmetrics-text;version=1.0.0;q=0.5,text/plain"),
        Format::OpenMetrics
    );
    assert_eq!(asked("application/openmetrics-text;q=0, */*"), Format::Prometheus);
}

/// Prints what counting a request costs. Not a check: a machine has its moods.
#[test]
#[ignore = "it measures"]
fn what_a_request_costs() {
    let metrics = Metrics::new("a", "1");
    let requests = 10_000_000_u32;
    let started = std::time::Instant::now();
    for _ in 0..requests {
        metrics.count(&Event::Began);
        metrics.count(std::hint::black_box(&answered("/ports/{code}", 200, None, 300)));
        metrics.count(&Event::Ended);
    }
    println!("{:.1} ns a request", started.elapsed().as_secs_f64() * 1e9 / f64::from(requests));
}
