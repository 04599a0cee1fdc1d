//! The report for a person.

use super::{Outcome, Report};
use std::fmt::Write;

const RESET: &str = "\u{1b}[0m";

pub(super) fn render(report: &Report, colour: bool, width: usize) -> String {
    let mut out = String::new();
    let longest = report.findings.iter().map(|it| it.title.chars().count()).max().unwrap_or(0);
    let mut area = "";
    for finding in &report.findings {
        if finding.area != area {
            area = &finding.area;
            let gap = if out.is_empty() { "" } else { "\n" };
            let _ = writeln!(out, "{gap}{area}");
        }
        let (word, paint) = match finding.outcome {
            Outcome::Pass => ("pass", "\u{1b}[32m"),
            Outcome::Fail => ("FAIL", "\u{1b}[1;31m"),
            Outcome::Skip => ("-   ", "\u{1b}[2m"),
        };
        let (paint, reset) = if colour { (paint, RESET) } else { ("", "") };
        let room = width.saturating_sub(longest + 11).max(20);
        let found = shortened(&finding.found, room);
        let _ = writeln!(out, "  {paint}{word}{reset}  {:longest$}  {found}", finding.title);
    }
    let failed: Vec<_> = report.findings.iter().filter(|it| it.outcome == Outcome::Fail).collect();
    if !failed.is_empty() {
        out.push_str("\nWhat to do\n");
    }
    for finding in failed {
        let _ = writeln!(out, "  {} ({})", finding.id, finding.severity);
        for line in [&finding.found, &finding.why, &finding.remedy] {
            let _ = writeln!(out, "    {line}");
        }
        let _ = writeln!(out, "    {}", finding.controls.join("; "));
    }
    let _ = writeln!(
        out,
        "\n{} {}: grade {:?}, {} of 100; {} pass, {} fail, {} do not apply",
        report.service,
        report.version,
        report.grade,
        report.score,
        report.count(Outcome::Pass),
        report.count(Outcome::Fail),
        report.count(Outcome::Skip),
    );
    out
}

/// `text` in `room` columns.
fn shortened(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    let kept: String = text.chars().take(room.saturating_sub(1)).collect();
    format!("{kept}…")
}
