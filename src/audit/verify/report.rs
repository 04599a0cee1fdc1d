//! What a check found.

use crate::audit::tree::Hash;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How many findings of one code are kept; the rest are counted.
const KEPT: u64 = 20;

/// What is wrong with a trail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// The export holds something that is no leaf.
    Unreadable,
    /// A body does not have the hash that stands beside it.
    LeafChanged,
    /// Leaves are missing, doubled or in another order.
    LeafOrder,
    /// The writer or the number beside a body is not that within.
    LeafRelabelled,
    /// A writer's entries lack a number.
    WriterGap,
    /// A writer's entry has a number that came before.
    WriterRepeat,
    /// A writer's entry does not follow from the one before.
    WriterChain,
    /// The leaves are not those that a checkpoint was signed over.
    RootDiffers,
    /// A checkpoint counts more leaves than there are.
    Truncated,
    /// Two checkpoints contradict each other.
    Fork,
    /// A place's later checkpoint counts fewer leaves than an earlier one.
    Rollback,
    /// A checkpoint's signature, or its witness's, is wrong.
    Forged,
    /// A checkpoint is not signed by the trail's key.
    Unsigned,
    /// A checkpoint is another trail's.
    Foreign,
    /// A place holds text that is no checkpoint; a checkpoint that broke off is one.
    Torn,
    /// There is no checkpoint to check against.
    NoCheckpoint,
    /// No checkpoint was cosigned by the witness.
    Unwitnessed,
    /// The newest checkpoint is too old, or too far behind the newest leaf.
    Stale,
}

impl Code {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::LeafChanged => "leaf-changed",
            Self::LeafOrder => "leaf-order",
            Self::LeafRelabelled => "leaf-relabelled",
            Self::WriterGap => "writer-gap",
            Self::WriterRepeat => "writer-repeat",
            Self::WriterChain => "writer-chain",
            Self::RootDiffers => "root-differs",
            Self::Truncated => "truncated",
            Self::Fork => "fork",
            Self::Rollback => "rollback",
            Self::Forged => "forged",
            Self::Unsigned => "unsigned",
            Self::Foreign => "foreign",
            Self::Torn => "torn",
            Self::NoCheckpoint => "no-checkpoint",
            Self::Unwitnessed => "unwitnessed",
            Self::Stale => "stale",
        }
    }

    /// Whether it alone is no reason to distrust the trail: a process that dies while it writes a
    /// checkpoint leaves a torn one.
    pub fn is_warning(self) -> bool {
        matches!(self, Self::Torn)
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What kind of thing.
    pub code: Code,
    /// The leaf, from zero, or the size of the tree where it shows.
    pub leaf: Option<u64>,
    /// The sentence.
    pub text: String,
}

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// How many leaves the export has.
    pub leaves: u64,
    /// The root over them.
    pub root: Hash,
    /// How many of them a checkpoint stands for that agrees with them.
    pub covered: u64,
    /// How many checkpoints were read and are signed by the trail's key.
    pub checkpoints: u64,
    /// The time of the newest of them, in seconds since 1970.
    pub newest_checkpoint_s: Option<u64>,
    /// Each writer with the number of its latest entry.
    pub writers: BTreeMap<String, u64>,
    /// What is wrong, in the order in which it was found; 20 of each code at most.
    pub findings: Vec<Finding>,
    /// How often each code was found.
    pub counts: BTreeMap<Code, u64>,
}

impl Report {
    pub(super) fn add(&mut self, code: Code, leaf: Option<u64>, text: String) {
        let count = self.counts.entry(code).or_default();
        *count += 1;
        if *count <= KEPT {
            self.findings.push(Finding { code, leaf, text });
        }
    }

    /// Whether the trail holds.
    pub fn holds(&self) -> bool {
        self.counts.keys().all(|code| code.is_warning())
    }

    /// Whether `code` was found.
    pub fn has(&self, code: Code) -> bool {
        self.counts.contains_key(&code)
    }

    /// The report as a JSON object.
    pub fn to_json(&self) -> Value {
        let findings = self
            .findings
            .iter()
            .map(|it| json!({ "code": it.code.as_str(), "leaf": it.leaf, "text": it.text }));
        let counts: BTreeMap<_, _> =
            self.counts.iter().map(|(code, count)| (code.as_str(), count)).collect();
        json!({
            "holds": self.holds(),
            "leaves": self.leaves,
            "covered": self.covered,
            "root": crate::audit::tree::hex(&self.root),
            "checkpoints": self.checkpoints,
            "newest_checkpoint_s": self.newest_checkpoint_s,
            "writers": self.writers,
            "counts": counts,
            "findings": findings.collect::<Vec<_>>(),
        })
    }
}
