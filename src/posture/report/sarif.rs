//! The report as SARIF.
//!
//! Source: OASIS "Static Analysis Results Interchange Format (SARIF) Version 2.1.0".

use super::{Finding, Outcome, Report};
use serde_json::{Value, json};

pub(super) fn document(report: &Report) -> Value {
    let rules: Vec<Value> = report.findings.iter().map(rule).collect();
    let results: Vec<Value> = report
        .findings
        .iter()
        .enumerate()
        .filter(|(_, finding)| finding.outcome != Outcome::Skip)
        .map(|(index, finding)| result(report, index, finding))
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "howdah posture",
                "version": report.howdah,
                "rules": rules,
            }},
            "results": results,
            "properties": { "grade": report.grade, "score": report.score },
        }],
    })
}

fn rule(finding: &Finding) -> Value {
    json!({
        "id": finding.id,
        "shortDescription": { "text": finding.title },
        "fullDescription": { "text": finding.why },
        "help": { "text": finding.remedy },
        "defaultConfiguration": { "level": level(finding) },
        "properties": {
            "tags": finding.controls,
            // What viewers of SARIF rank by: 0 to 10.
            "security-severity": match finding.severity.as_str() {
                "critical" => "9.5",
                "high" => "8.0",
                "medium" => "5.5",
                _ => "2.0",
            },
        },
    })
}

fn result(report: &Report, index: usize, finding: &Finding) -> Value {
    let passed = finding.outcome == Outcome::Pass;
    json!({
        "ruleId": finding.id,
        "ruleIndex": index,
        "kind": if passed { "pass" } else { "fail" },
        // SARIF 2.1.0 §3.27.10: what is not a failure has the level `none`.
        "level": if passed { "none" } else { level(finding) },
        "message": { "text": format!("{}: {}", finding.title, finding.found) },
        "locations": [{ "logicalLocations": [{
            "name": report.service,
            "fullyQualifiedName": format!("{}/{}", report.service, finding.area),
            "kind": "module",
        }]}],
    })
}

fn level(finding: &Finding) -> &'static str {
    match finding.severity.as_str() {
        "critical" | "high" => "error",
        "medium" => "warning",
        _ => "note",
    }
}
