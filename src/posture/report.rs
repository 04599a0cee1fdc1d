//! The report: every check's finding, and a grade; as a document, a table, or SARIF.

mod sarif;
mod table;

use super::{Check, Evidence, Severity, Verdict};
use serde::{Deserialize, Serialize};

/// What all checks said of one process at one moment. The form in which `/posture` answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The service's name.
    pub service: String,
    /// The service's own version.
    pub version: String,
    /// The version of Howdah that looked.
    pub howdah: String,
    /// `A` to `F`.
    pub grade: Grade,
    /// 100 less what each failure costs, and not below 0.
    pub score: u32,
    /// A finding for each check, in the order of the documentation.
    pub findings: Vec<Finding>,
}

/// How good it is as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Grade {
    /// Nothing of weight is missing.
    A,
    /// Some layers are missing.
    B,
    /// A high-severity check fails, or many others.
    C,
    /// Several high-severity checks fail.
    D,
    /// A critical check fails, or most others.
    F,
}

/// What a check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// In force.
    Pass,
    /// Not in force.
    Fail,
    /// It does not apply.
    Skip,
}

/// One check's finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The check's stable name.
    pub id: String,
    /// What is so when it passes.
    pub title: String,
    /// `process`, `files`, `listeners` or `database`.
    pub area: String,
    /// `low`, `medium`, `high` or `critical`.
    pub severity: String,
    /// What came of it.
    pub outcome: Outcome,
    /// What was found; for a check that does not apply, why.
    pub found: String,
    /// Why it matters.
    pub why: String,
    /// What to do when it fails.
    pub remedy: String,
    /// The controls that it answers.
    pub controls: Vec<String>,
}

impl Report {
    /// Judges `evidence` by every check.
    pub fn of(evidence: &Evidence) -> Self {
        let findings: Vec<(Severity, Finding)> =
            Check::all().map(|check| (check.severity, Finding::of(check, evidence))).collect();
        let failed = |severity| {
            let found = findings.iter().filter(|(its, _)| *its == severity);
            found.filter(|(_, finding)| finding.outcome == Outcome::Fail).count()
        };
        let counts =
            [Severity::Low, Severity::Medium, Severity::High, Severity::Critical].map(failed);
        let (score, grade) = grade(counts);
        Self {
            service: evidence.config.service.name.clone(),
            version: evidence.config.service.version.clone(),
            howdah: env!("CARGO_PKG_VERSION").to_owned(),
            grade,
            score,
            findings: findings.into_iter().map(|(_, finding)| finding).collect(),
        }
    }

    /// How many checks came to `outcome`.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.findings.iter().filter(|finding| finding.outcome == outcome).count()
    }

    /// For a person: a line for each check, what to do about those that fail, and the grade.
    /// `colour` uses ANSI colours; `width` is the terminal's, in columns.
    pub fn to_table(&self, colour: bool, width: usize) -> String {
        table::render(self, colour, width)
    }

    /// For tools that collect findings: SARIF 2.1.0. What does not apply is left out.
    pub fn to_sarif(&self) -> serde_json::Value {
        sarif::document(self)
    }
}

/// The score and grade of so many failures: low, medium, high, critical.
fn grade([low, medium, high, critical]: [usize; 4]) -> (u32, Grade) {
    let cost = low * 2 + medium * 6 + high * 15 + critical * 50;
    let score = 100_usize.saturating_sub(cost);
    let by_score = match score {
        95.. => Grade::A,
        85.. => Grade::B,
        65.. => Grade::C,
        45.. => Grade::D,
        _ => Grade::F,
    };
    let at_best = match (high, critical) {
        (_, 1..) => Grade::F,
        (2.., _) => Grade::D,
        (1, _) => Grade::C,
        _ => Grade::A,
    };
    (u32::try_from(score).unwrap_or(0), by_score.max(at_best))
}

impl Finding {
    fn of(check: &Check, evidence: &Evidence) -> Self {
        let (outcome, found) = match check.judge(evidence) {
            Verdict::Pass(found) => (Outcome::Pass, found),
            Verdict::Fail(found) => (Outcome::Fail, found),
            Verdict::Skip(why) => (Outcome::Skip, why),
        };
        Self {
            id: check.id.to_owned(),
            title: check.title.to_owned(),
            area: check.area.as_str().to_owned(),
            severity: check.severity.as_str().to_owned(),
            outcome,
            found,
            why: check.why.to_owned(),
            remedy: check.remedy.to_owned(),
            controls: check.controls.iter().map(|&control| control.to_owned()).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_grade_is_lost_by_what_weighs() {
        assert_eq!(grade([0, 0, 0, 0]), (100, Grade::A));
        assert_eq!(grade([2, 0, 0, 0]), (96, Grade::A));
        assert_eq!(grade([0, 1, 0, 0]), (94, Grade::B));
        assert_eq!(grade([0, 0, 1, 0]), (85, Grade::C));
        assert_eq!(grade([0, 0, 2, 0]), (70, Grade::D));
        assert_eq!(grade([0, 0, 0, 1]), (50, Grade::F));
        assert_eq!(grade([9, 9, 9, 9]), (0, Grade::F));
    }

    #[test]
    fn there_are_enough_checks_and_each_answers_a_control() {
        let ids: HashSet<&str> = Check::all().map(|check| check.id).collect();
        assert_eq!(ids.len(), Check::all().count(), "two checks have one name");
        assert!(ids.len() >= 25);
        for check in Check::all() {
            assert!(check.controls.iter().any(|it| it.starts_with("NIST ")), "{}", check.id);
            assert!(!check.why.is_empty() && !check.remedy.is_empty(), "{}", check.id);
        }
    }
}
