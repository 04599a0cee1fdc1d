//! Each writer's own chain: its numbers without a gap, each entry naming the hash of the one before.

use super::{Code, Report};
use crate::audit::{
    leaf::{Envelope, Leaf},
    tree::{Hash, from_hex},
};
use std::collections::BTreeMap;

/// Where each writer's chain stands.
#[derive(Debug, Default)]
pub(super) struct Chains {
    latest: BTreeMap<String, (u64, Hash)>,
    newest_s: Option<u64>,
}

impl Chains {
    /// Follows a leaf.
    pub(super) fn follow(&mut self, leaf: &Leaf<'_>, hash: Hash, at: u64, report: &mut Report) {
        let Ok(body) = serde_json::from_str::<Envelope<'_>>(&leaf.body) else {
            let text = format!("the body of leaf {} is none that a writer writes", leaf.leaf);
            report.add(Code::Unreadable, Some(at), text);
            return;
        };
        if body.writer != leaf.writer || body.seq != leaf.seq {
            let text = format!(
                "leaf {} says {} {} beside a body of {} {}",
                leaf.leaf, leaf.writer, leaf.seq, body.writer, body.seq
            );
            report.add(Code::LeafRelabelled, Some(at), text);
        }
        self.newest_s = seconds(&body.at).max(self.newest_s);
        let (before, head) = self.latest.get(&*body.writer).copied().unwrap_or((0, [0; 32]));
        let writer = &body.writer;
        if body.seq <= before {
            let text = format!("{writer} {} comes again, after {before}", body.seq);
            report.add(Code::WriterRepeat, Some(at), text);
            return;
        }
        if body.seq - before > 1 {
            let missing = match body.seq - before - 1 {
                1 => format!("entry {}", before + 1),
                _ => format!("entries {} to {}", before + 1, body.seq - 1),
            };
            report.add(Code::WriterGap, Some(at), format!("{writer} lacks {missing}"));
        } else if from_hex(&body.prev) != Some(head) {
            let text = format!("{writer} {} does not follow from {before}", body.seq);
            report.add(Code::WriterChain, Some(at), text);
        }
        match self.latest.get_mut(&*body.writer) {
            Some(latest) => *latest = (body.seq, hash),
            None => {
                self.latest.insert(body.writer.into_owned(), (body.seq, hash));
            }
        }
    }

    /// When the newest entry was written, in seconds since 1970.
    pub(super) fn newest_s(&self) -> Option<u64> {
        self.newest_s
    }

    /// Each writer with its latest number.
    pub(super) fn writers(self) -> BTreeMap<String, u64> {
        self.latest.into_iter().map(|(writer, (seq, _))| (writer, seq)).collect()
    }
}

/// The seconds since 1970 of `2026-01-31T12:00:00.123456Z`.
fn seconds(moment: &str) -> Option<u64> {
    let time = humantime::parse_rfc3339(moment).ok()?;
    Some(time.duration_since(std::time::UNIX_EPOCH).ok()?.as_secs())
}
