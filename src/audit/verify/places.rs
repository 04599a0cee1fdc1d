//! The checkpoints that left the database, and the roots that they say.

use super::{Code, Demand, Report};
use crate::audit::{
    checkpoint::{Checkpoint, Unusable},
    note::{Distrust, Note},
    tree::{Frontier, Hash},
};
use std::collections::BTreeMap;

/// What a place outside the database holds.
#[derive(Clone, Debug)]
pub struct Place {
    /// What it is called in the report: the file's name.
    pub name: String,
    /// The notes in it, in their order, and what is none.
    pub notes: Vec<String>,
}

/// Parts the text of a place into its notes: each is a text, an empty line and its signatures, and
/// is followed by an empty line. A note that broke off is one without signatures.
pub fn read_place(name: &str, text: &str) -> Place {
    let mut notes: Vec<String> = Vec::new();
    let blocks = text.split("\n\n").map(|block| block.trim_matches('\n'));
    for block in blocks.filter(|block| !block.is_empty()) {
        let is_signature = block.lines().all(|line| line.starts_with('\u{2014}'));
        match notes.last_mut() {
            Some(note) if is_signature && !note.contains("\n\n") => {
                note.push('\n');
                note.push_str(block);
                note.push('\n');
            }
            _ => notes.push(format!("{block}\n")),
        }
    }
    Place { name: name.to_owned(), notes }
}

/// A root that a checkpoint says.
#[derive(Clone, Debug)]
struct Said {
    root: Hash,
    place: usize,
}

/// Every root that was signed, by the size of its tree.
#[derive(Debug)]
pub(super) struct Roots {
    names: Vec<String>,
    waiting: BTreeMap<u64, Vec<Said>>,
    /// The smallest tree at which a checkpoint and the leaves differ, and its place.
    differs: Option<(u64, usize)>,
    /// The largest tree at which a checkpoint and the leaves agree, and its place.
    agrees: Option<(u64, usize)>,
}

impl Roots {
    /// Reads the checkpoints of all places.
    pub(super) fn gather(places: &[Place], demand: &Demand, report: &mut Report) -> Self {
        let mut waiting: BTreeMap<u64, Vec<Said>> = BTreeMap::new();
        let mut is_witnessed = demand.witness.is_none();
        for (at, place) in places.iter().enumerate() {
            let mut largest = 0;
            let mut last_s = None;
            for text in &place.notes {
                let checkpoint = match Checkpoint::open(text, &demand.key) {
                    Ok(checkpoint) => checkpoint,
                    Err(why) => {
                        report.add(code_of(why), None, refusal(&place.name, why));
                        continue;
                    }
                };
                report.checkpoints += 1;
                let mut time_s = checkpoint.time_s;
                match cosigned(text, demand) {
                    Some(Ok(cosigned_s)) => {
                        is_witnessed = true;
                        time_s = cosigned_s.or(time_s);
                    }
                    Some(Err(Distrust::Forged)) => {
                        let text = format!(
                            "{}: the witness's signature at {} leaves is wrong",
                            place.name, checkpoint.size
                        );
                        report.add(Code::Forged, Some(checkpoint.size), text);
                    }
                    Some(Err(Distrust::Unsigned)) | None => {}
                }
                last_s = time_s.or(last_s);
                if checkpoint.size < largest {
                    let text = format!(
                        "{}: a checkpoint of {} leaves comes after one of {largest}",
                        place.name, checkpoint.size
                    );
                    report.add(Code::Rollback, Some(checkpoint.size), text);
                }
                largest = largest.max(checkpoint.size);
                let said = waiting.entry(checkpoint.size).or_default();
                if let Some(other) = said.iter().find(|it| it.root != checkpoint.root) {
                    let text = format!(
                        "{} and {} hold different roots of the same {} leaves",
                        places[other.place].name, place.name, checkpoint.size
                    );
                    report.add(Code::Fork, Some(checkpoint.size), text);
                }
                // The same root from the same place, as after a pause without entries, says nothing new.
                if !said.iter().any(|it| it.root == checkpoint.root && it.place == at) {
                    said.push(Said { root: checkpoint.root, place: at });
                }
            }
            // The last one, not the one of the latest time: a clock that was ahead once would hide for that
            // long that nothing comes any more.
            report.newest_checkpoint_s = report.newest_checkpoint_s.max(last_s);
        }
        if waiting.is_empty() {
            report.add(
                Code::NoCheckpoint,
                None,
                "there is no checkpoint of this trail to check against".to_owned(),
            );
        }
        if !is_witnessed {
            report.add(
                Code::Unwitnessed,
                None,
                "the witness has cosigned no checkpoint".to_owned(),
            );
        }
        let names = places.iter().map(|place| place.name.clone()).collect();
        Self { names, waiting, differs: None, agrees: None }
    }

    /// Compares what was said of a tree of this size.
    pub(super) fn compare(&mut self, tree: &Frontier, report: &mut Report) {
        let Some(said) = self.waiting.first_entry().filter(|it| *it.key() == tree.size()) else {
            return;
        };
        let root = tree.root();
        for said in said.remove() {
            if said.root == root {
                report.covered = tree.size();
                self.agrees = Some((tree.size(), said.place));
                continue;
            }
            self.differs.get_or_insert((tree.size(), said.place));
            let text = format!(
                "the first {} leaves are not those of the checkpoint in {}",
                tree.size(),
                self.names[said.place]
            );
            report.add(Code::RootDiffers, Some(tree.size()), text);
        }
    }

    /// What shows only at the end of the export.
    pub(super) fn finish(
        self,
        tree: &Frontier,
        demand: &Demand,
        report: &mut Report,
        newest_leaf_s: Option<u64>,
    ) {
        for (size, said) in &self.waiting {
            for said in said {
                let text = format!(
                    "{} has a checkpoint of {size} leaves, the export has {}",
                    self.names[said.place],
                    tree.size()
                );
                report.add(Code::Truncated, Some(*size), text);
            }
        }
        // Had both been signed over one trail, the smaller would agree because the larger does.
        if let (Some((differs, one)), Some((agrees, other))) = (self.differs, self.agrees)
            && agrees >= differs
            && !report.has(Code::Fork)
        {
            let text = format!(
                "{} holds a checkpoint of {differs} leaves of another history than {} at {agrees}",
                self.names[one], self.names[other]
            );
            report.add(Code::Fork, Some(differs), text);
        }
        let Some(checkpoint_s) = report.newest_checkpoint_s else { return };
        let lag_s = newest_leaf_s.unwrap_or_default().saturating_sub(checkpoint_s);
        if tree.size() > report.covered && lag_s > demand.max_lag.as_secs() {
            let text = format!("the newest leaf is {lag_s} s newer than the newest checkpoint");
            report.add(Code::Stale, None, text);
        }
        let ahead_s = checkpoint_s.saturating_sub(demand.now_s);
        if demand.max_age.is_some() && ahead_s > demand.max_lag.as_secs() {
            let text = format!(
                "the newest checkpoint is of {ahead_s} s from now: how old it is, nobody knows"
            );
            report.add(Code::Stale, None, text);
        }
        let age_s = demand.now_s.saturating_sub(checkpoint_s);
        if demand.max_age.is_some_and(|limit| age_s > limit.as_secs()) {
            report.add(Code::Stale, None, format!("the newest checkpoint is {age_s} s old"));
        }
    }
}

/// What the witness says of a note, when one is asked for.
fn cosigned(note: &str, demand: &Demand) -> Option<Result<Option<u64>, Distrust>> {
    Some(Note::parse(note)?.verify(demand.witness.as_ref()?))
}

fn code_of(why: Unusable) -> Code {
    match why {
        Unusable::Malformed => Code::Torn,
        Unusable::Foreign => Code::Foreign,
        Unusable::Distrusted(Distrust::Forged) => Code::Forged,
        Unusable::Distrusted(Distrust::Unsigned) => Code::Unsigned,
    }
}

fn refusal(place: &str, why: Unusable) -> String {
    match why {
        Unusable::Malformed => {
            format!("{place} holds text that is no checkpoint, or one that broke off")
        }
        Unusable::Foreign => format!("{place} holds a checkpoint of another trail"),
        Unusable::Distrusted(Distrust::Forged) => {
            format!("{place} holds a checkpoint whose signature is wrong")
        }
        Unusable::Distrusted(Distrust::Unsigned) => {
            format!("{place} holds a checkpoint that the trail's key has not signed")
        }
    }
}
