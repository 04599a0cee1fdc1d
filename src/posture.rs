//! What is really in force: checks of the running process, its files, its listeners, its database.
//!
//! Owns the checks: what each looks at, why it matters, which control it answers, how much it weighs.
//! Evidence is gathered first (`evidence`), from the kernel and the database and never from what was
//! asked for; checks only judge it. Does not own making it so (`hardening`).

mod database;
mod evidence;
mod files;
mod keeper;
mod listeners;
mod process;
pub mod report;
#[cfg(test)]
mod tests;

pub use evidence::Evidence;
pub use report::Report;

/// What a check looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Area {
    /// The process, as the kernel sees it.
    Process,
    /// Its files.
    Files,
    /// Its listeners and their limits.
    Listeners,
    /// Its database and the role it has there.
    Database,
    /// The keeper, as the service sees it.
    Keeper,
}

impl Area {
    /// The area's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Files => "files",
            Self::Listeners => "listeners",
            Self::Database => "database",
            Self::Keeper => "keeper",
        }
    }
}

/// What it costs when the check fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// One of several layers is missing.
    Low,
    /// An attack becomes easier.
    Medium,
    /// An attacker who gets in gets much further.
    High,
    /// The door is open.
    Critical,
}

impl Severity {
    /// The severity's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// What a check says of the evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// In force, and what was found.
    Pass(String),
    /// Not in force, and what was found.
    Fail(String),
    /// It does not apply here, and why.
    Skip(String),
}

impl Verdict {
    /// Passes when `good`, with what was found either way.
    fn of(good: bool, found: impl Into<String>) -> Self {
        if good { Self::Pass(found.into()) } else { Self::Fail(found.into()) }
    }

    /// Passes when `good`; else says what is `bad`.
    fn unless_found(good: bool, fine: &str, bad: impl Into<String>) -> Self {
        if good { Self::Pass(fine.to_owned()) } else { Self::Fail(bad.into()) }
    }
}

/// One check.
pub struct Check {
    /// Its stable name.
    pub id: &'static str,
    /// What is so when it passes.
    pub title: &'static str,
    /// What it looks at.
    pub area: Area,
    /// What a failure costs.
    pub severity: Severity,
    /// Why it matters.
    pub why: &'static str,
    /// What to do when it fails.
    pub remedy: &'static str,
    /// Controls that it answers: NIST SP 800-53 Rev. 5 by number, the CIS benchmarks by title.
    pub controls: &'static [&'static str],
    judge: fn(&Evidence) -> Verdict,
}

impl Check {
    /// Every check, by area.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        let ours = process::CHECKS.iter().chain(files::CHECKS).chain(listeners::CHECKS);
        ours.chain(database::CHECKS).chain(keeper::CHECKS)
    }

    /// Judges the evidence.
    pub fn judge(&self, evidence: &Evidence) -> Verdict {
        (self.judge)(evidence)
    }
}
