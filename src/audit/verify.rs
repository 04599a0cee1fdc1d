//! Checking a trail from an export and checkpoints alone, without the database.
//!
//! Owns what must hold and what each breach is called. Reads the export once, line by line, in
//! memory that does not grow with it. Does not own where the texts come from (`cli`).

mod chain;
mod places;
mod report;

pub use places::{Place, read_place};
pub use report::{Code, Finding, Report};

use super::{
    leaf::{Leaf, MAX_LINE_BYTES},
    note::Verifier,
    tree::{Frontier, leaf_hash},
};
use chain::Chains;
use places::Roots;
use std::{
    io::{self, BufRead, Read},
    time::Duration,
};

/// What is asked of a trail.
#[derive(Clone, Debug)]
pub struct Demand {
    /// The key that signs its checkpoints.
    pub key: Verifier,
    /// A witness that must have cosigned a checkpoint.
    pub witness: Option<Verifier>,
    /// How far the newest leaf may be ahead of the newest checkpoint, in time.
    pub max_lag: Duration,
    /// How old the newest checkpoint may be.
    pub max_age: Option<Duration>,
    /// The time of the check, in seconds since 1970.
    pub now_s: u64,
}

/// Checks the `export` against the checkpoints of `places`.
///
/// # Errors
/// When the export cannot be read. What is wrong with it is in the report.
pub fn verify(mut export: impl BufRead, places: &[Place], demand: &Demand) -> io::Result<Report> {
    let mut report = Report::default();
    let mut roots = Roots::gather(places, demand, &mut report);
    let mut tree = Frontier::new();
    let mut chains = Chains::default();
    let mut line = Vec::new();
    roots.compare(&tree, &mut report);
    let mut number = 0_u64;
    loop {
        line.clear();
        let limit = MAX_LINE_BYTES as u64 + 1;
        if export.by_ref().take(limit).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        number += 1;
        let leaf = match serde_json::from_slice::<Leaf<'_>>(&line) {
            Ok(leaf) if line.ends_with(b"\n") => leaf,
            _ => {
                report.add(
                    Code::Unreadable,
                    Some(tree.size()),
                    format!("line {number} of the export is no leaf, or broke off"),
                );
                if line.len() > MAX_LINE_BYTES {
                    skip_line(&mut export)?;
                }
                continue;
            }
        };
        if leaf.leaf != tree.size() {
            let text =
                format!("line {number} is leaf {}, where leaf {} belongs", leaf.leaf, tree.size());
            report.add(Code::LeafOrder, Some(tree.size()), text);
        }
        let hash = leaf_hash(leaf.body.as_bytes());
        if super::tree::from_hex(&leaf.hash) != Some(hash) {
            let text = format!("the body of leaf {} does not have the hash beside it", leaf.leaf);
            report.add(Code::LeafChanged, Some(tree.size()), text);
        }
        chains.follow(&leaf, hash, tree.size(), &mut report);
        tree.push(hash);
        roots.compare(&tree, &mut report);
    }
    roots.finish(&tree, demand, &mut report, chains.newest_s());
    report.leaves = tree.size();
    report.root = tree.root();
    report.writers = chains.writers();
    Ok(report)
}

/// Reads on to the end of a line that is too long.
fn skip_line(export: &mut impl BufRead) -> io::Result<()> {
    loop {
        let mut rest = Vec::new();
        let read = export.by_ref().take(1 << 16).read_until(b'\n', &mut rest)?;
        if read == 0 || rest.ends_with(b"\n") {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests;
