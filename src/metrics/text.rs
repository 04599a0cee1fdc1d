//! The text that a scraper reads.
//!
//! Sources: the Prometheus text format 0.0.4 (<https://prometheus.io/docs/instrumenting/exposition_formats/>)
//! and `OpenMetrics` 1.0.0 (<https://prometheus.io/docs/specs/om/open_metrics_spec/>).

use super::{
    histogram::{BOUNDS, Durations},
    list::{Kind, METRICS, Metric},
};
use std::fmt::Write as _;

/// Which of the two formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Prometheus' own, which everything reads.
    Prometheus,
    /// `OpenMetrics`, for who asks for it.
    OpenMetrics,
}

impl Format {
    /// The one that a request's `Accept` asks for. A scraper that knows `OpenMetrics` names it.
    pub fn asked_for(accept: Option<&str>) -> Self {
        let wants = |range: &str| {
            let mut parts = range.split(';').map(str::trim);
            let named = parts
                .next()
                .is_some_and(|it| it.eq_ignore_ascii_case("application/openmetrics-text"));
            named && !parts.any(|it| matches!(it, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
        };
        if accept.is_some_and(|accept| accept.split(',').any(wants)) {
            Self::OpenMetrics
        } else {
            Self::Prometheus
        }
    }

    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// A text that is being written.
pub(super) struct Text {
    format: Format,
    out: String,
    /// The metric whose heading was written last.
    last: &'static str,
}

impl Text {
    pub(super) fn new(format: Format) -> Self {
        Self { format, out: String::with_capacity(16 * 1024), last: "" }
    }

    /// One sample.
    pub(super) fn one(&mut self, name: &str, labels: &[(&str, &str)], value: u64) {
        let Some(metric) = self.heading(name) else { return };
        self.sample(metric.name, "", labels, None, value);
    }

    /// One sample that is no whole number.
    pub(super) fn float(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        let Some(metric) = self.heading(name) else { return };
        self.sample(metric.name, "", labels, None, value);
    }

    /// What is always 1.
    pub(super) fn info(&mut self, name: &str, labels: &[(&str, &str)]) {
        self.one(name, labels, 1);
    }

    /// The samples of a histogram.
    pub(super) fn histogram(&mut self, name: &str, labels: &[(&str, &str)], durations: &Durations) {
        let Some(metric) = self.heading(name) else { return };
        let counts = durations.cumulative();
        for ((_, bound), count) in BOUNDS.iter().zip(counts) {
            self.sample(metric.name, "_bucket", labels, Some(("le", bound)), count);
        }
        let all = counts[BOUNDS.len()];
        self.sample(metric.name, "_bucket", labels, Some(("le", "+Inf")), all);
        self.sample(metric.name, "_sum", labels, None, durations.seconds());
        self.sample(metric.name, "_count", labels, None, all);
    }

    /// The whole text.
    pub(super) fn finish(mut self) -> String {
        if self.format == Format::OpenMetrics {
            self.out.push_str("# EOF\n");
        }
        self.out
    }

    /// Writes the heading of the metric, unless it stands there already.
    fn heading(&mut self, name: &str) -> Option<&'static Metric> {
        let metric = METRICS.iter().find(|it| it.name == name)?;
        if self.last != metric.name {
            self.last = metric.name;
            // In OpenMetrics a family is named without what its samples' names end in.
            let (family, kind) = match (self.format, metric.kind) {
                (Format::OpenMetrics, Kind::Counter) => {
                    (metric.name.strip_suffix("_total").unwrap_or(metric.name), "counter")
                }
                (Format::OpenMetrics, Kind::Info) => {
                    (metric.name.strip_suffix("_info").unwrap_or(metric.name), "info")
                }
                // The older format has no such kind.
                (Format::Prometheus, Kind::Info) => (metric.name, "gauge"),
                (_, kind) => (metric.name, kind.word()),
            };
            let _ = writeln!(self.out, "# HELP {family} {}", metric.help);
            let _ = writeln!(self.out, "# TYPE {family} {kind}");
        }
        Some(metric)
    }

    fn sample(
        &mut self,
        name: &str,
        suffix: &str,
        labels: &[(&str, &str)],
        last: Option<(&str, &str)>,
        value: impl std::fmt::Display,
    ) {
        self.out.push_str(name);
        self.out.push_str(suffix);
        let mut before = '{';
        for (label, value) in labels.iter().chain(&last) {
            self.out.push(before);
            before = ',';
            self.out.push_str(label);
            self.out.push_str("=\"");
            escape(value, &mut self.out);
            self.out.push('"');
        }
        if before == ',' {
            self.out.push('}');
        }
        let _ = writeln!(self.out, " {value}");
    }
}

/// A label's value: backslash, quote and line feed are escaped.
fn escape(value: &str, out: &mut String) {
    for character in value.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            other => out.push(other),
        }
    }
}
