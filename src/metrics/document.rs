//! The list of metrics as a page.

use super::METRICS;
use std::fmt::Write as _;

/// What the page says around its table.
const PAGE: &str = include_str!("page.md");

/// What it says below.
const USE: &str = include_str!("use.md");

/// The page `docs/metrics.md`.
pub fn reference() -> String {
    let mut page = PAGE.to_owned();
    for metric in METRICS {
        let labels: Vec<String> = metric.labels.iter().map(|it| format!("`{it}`")).collect();
        let (name, kind, labels) = (metric.name, metric.kind.word(), labels.join(" "));
        let _ = writeln!(page, "| `{name}` | {kind} | {labels} | {} |", metric.help);
    }
    page + USE
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops where it is wrong")]

    use super::*;

    #[test]
    fn the_page_is_what_the_list_says() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/metrics.md");
        if std::env::var_os("HOWDAH_BLESS").is_some() {
            std::fs::write(path, reference()).unwrap();
        }
        let page = std::fs::read_to_string(path).unwrap_or_default();
        assert!(page == reference(), "docs/metrics.md is stale: HOWDAH_BLESS=1 cargo test metrics");
    }

    /// The dashboard and the alerts ask for metrics by name: every name is one that there is.
    #[test]
    fn the_dashboard_and_the_alerts_name_metrics_that_there_are() {
        for file in ["dashboard.json", "alerts.yaml"] {
            let path = format!("{}/deploy/observability/{file}", env!("CARGO_MANIFEST_DIR"));
            let text = std::fs::read_to_string(path).unwrap();
            let words = text.split(|it: char| !it.is_ascii_alphanumeric() && it != '_');
            let named: Vec<&str> = words
                .filter(|it| it.starts_with("howdah_") || it.starts_with("process_"))
                .collect();
            assert!(named.len() > 5, "{file} asks for nothing");
            for name in named {
                let bare =
                    ["_bucket", "_sum", "_count"].iter().find_map(|it| name.strip_suffix(it));
                let known = |name: &str| METRICS.iter().any(|it| it.name == name);
                assert!(known(name) || bare.is_some_and(known), "{file} asks for {name}");
            }
        }
    }
}
