#![allow(clippy::unwrap_used, reason = "a test stops where it is wrong")]

use super::*;
use crate::audit::{
    checkpoint::Checkpoint,
    note::{Kind, Signer},
    tree::{Hash, hex},
};
use std::collections::BTreeMap;

const NOW_S: u64 = 1_800_000_000;

/// A trail as the database keeps it, and the key that it does not have.
struct Trail {
    bodies: Vec<String>,
    signer: Signer,
}

impl Trail {
    fn new(leaves: usize) -> Self {
        let mut bodies = Vec::new();
        let mut heads: BTreeMap<&str, (u64, Hash)> = BTreeMap::new();
        for at in 0..leaves {
            let writer = ["rotation", "access", "access"][at % 3];
            let (seq, head) = heads.entry(writer).or_insert((0, [0; 32]));
            *seq += 1;
            let body = format!(
                "{{\"writer\":\"{writer}\",\"seq\":{seq},\"prev\":\"{}\",\"at\":\"2027-01-15T08:00:00.000000Z\",\
                 \"role\":\"k\",\"entry\":{{\"é\\n\":{at}}}}}",
                hex(head)
            );
            *head = leaf_hash(body.as_bytes());
            bodies.push(body);
        }
        Self { bodies, signer: Signer::generate("example.org/trail", Kind::Log).unwrap() }
    }

    fn line(at: usize, body: &str) -> String {
        let envelope: crate::audit::leaf::Envelope<'_> = serde_json::from_str(body).unwrap();
        let leaf = Leaf {
            leaf: at as u64,
            hash: hex(&leaf_hash(body.as_bytes())).into(),
            writer: envelope.writer.clone(),
            seq: envelope.seq,
            body: body.into(),
        };
        serde_json::to_string(&leaf).unwrap() + "\n"
    }

    fn export(&self) -> String {
        self.bodies.iter().enumerate().map(|(at, body)| Self::line(at, body)).collect()
    }

    fn note(&self, size: usize) -> String {
        self.note_at(size, NOW_S)
    }

    fn note_at(&self, size: usize, time_s: u64) -> String {
        let mut tree = Frontier::new();
        for body in &self.bodies[..size] {
            tree.push(leaf_hash(body.as_bytes()));
        }
        let origin = "example.org/trail".to_owned();
        Checkpoint { origin, size: size as u64, root: tree.root(), time_s: Some(time_s) }
            .sign(&self.signer)
    }

    fn place(&self, sizes: &[usize]) -> Place {
        let text: String = sizes.iter().map(|size| self.note(*size) + "\n").collect();
        read_place("a.log", &text)
    }

    fn demand(&self) -> Demand {
        Demand {
            key: self.signer.verifier(),
            witness: None,
            max_lag: Duration::from_mins(1),
            max_age: Some(Duration::from_mins(1)),
            now_s: NOW_S + 30,
        }
    }

    fn verify(&self, export: &str, places: &[Place]) -> Report {
        verify(export.as_bytes(), places, &self.demand()).unwrap()
    }
}

fn codes(report: &Report) -> Vec<Code> {
    report.counts.keys().copied().collect()
}

#[test]
fn an_untouched_trail_holds() {
    let trail = Trail::new(50);
    let report = trail.verify(&trail.export(), &[trail.place(&[0, 1, 7, 7, 32, 50])]);
    assert_eq!(codes(&report), []);
    assert!(report.holds());
    assert_eq!((report.leaves, report.covered, report.checkpoints), (50, 50, 6));
    assert_eq!(report.writers["access"], 33);
    assert_eq!(report.newest_checkpoint_s, Some(NOW_S));
}

#[test]
fn leaves_after_the_last_checkpoint_are_counted_as_not_covered() {
    let trail = Trail::new(50);
    let report = trail.verify(&trail.export(), &[trail.place(&[7, 32])]);
    assert!(report.holds());
    assert_eq!((report.leaves, report.covered), (50, 32));
}

#[test]
fn each_tampering_is_found() {
    let trail = Trail::new(20);
    let places = [trail.place(&[4, 20])];
    let lines: Vec<String> = trail.export().lines().map(|line| line.to_owned() + "\n").collect();
    let found = |lines: &[String]| {
        let report = trail.verify(&lines.concat(), &places);
        assert!(!report.holds());
        codes(&report)
    };
    let mut changed = lines.clone();
    changed[9] = changed[9].replace(":9}", ":8}");
    assert_eq!(found(&changed), [Code::LeafChanged, Code::WriterChain, Code::RootDiffers]);
    let mut relabelled = lines.clone();
    relabelled[9] = relabelled[9].replacen("\"writer\":\"rotation\"", "\"writer\":\"access\"", 1);
    assert_eq!(found(&relabelled), [Code::LeafRelabelled]);
    let mut deleted = lines.clone();
    deleted.remove(9);
    assert_eq!(found(&deleted), [Code::LeafOrder, Code::WriterGap, Code::Truncated]);
    let mut swapped = lines.clone();
    swapped.swap(9, 12);
    assert!(found(&swapped).contains(&Code::LeafOrder));
    let mut doubled = lines.clone();
    doubled.insert(9, lines[8].clone());
    assert!(found(&doubled).contains(&Code::WriterRepeat));
    assert_eq!(found(&lines[..19]), [Code::Truncated]);
    let mut broken = lines.clone();
    broken[19].truncate(30);
    assert_eq!(found(&broken), [Code::Unreadable, Code::Truncated]);
    let mut noise = lines.clone();
    noise[3] = "{\"leaf\":3}\n".to_owned();
    assert!(found(&noise).contains(&Code::Unreadable));
    noise[3] = "x".repeat(3 << 20) + "\n";
    assert!(found(&noise).contains(&Code::Unreadable));
}

#[test]
fn a_trail_made_anew_is_found_by_its_roots() {
    let trail = Trail::new(20);
    let anew = Trail {
        bodies: Trail::new(25).bodies[..].iter().map(|it| it.replace("\"k\"", "\"x\"")).collect(),
        ..Trail::new(0)
    };
    // Its chains are not made anew, which shows as well.
    let report = trail.verify(&anew.export(), &[trail.place(&[20])]);
    assert!(report.has(Code::RootDiffers));
}

#[test]
fn histories_that_contradict_each_other_are_a_fork() {
    let trail = Trail::new(20);
    let mut bodies = trail.bodies.clone();
    bodies[2] = bodies[2].replace(":2}", ":3}");
    let other = Trail { bodies, signer: trail.signer.clone() };
    let forked = read_place("b.log", &(other.note(10) + "\n"));
    let same_size = trail.verify(&trail.export(), &[trail.place(&[10]), forked.clone()]);
    assert_eq!(codes(&same_size), [Code::RootDiffers, Code::Fork]);
    let other_size = trail.verify(&trail.export(), &[trail.place(&[15]), forked]);
    assert_eq!(codes(&other_size), [Code::RootDiffers, Code::Fork]);
}

#[test]
fn checkpoints_that_prove_nothing_are_findings() {
    let trail = Trail::new(20);
    let export = trail.export();
    let with = |text: &str| codes(&trail.verify(&export, &[read_place("a.log", text)]));
    let good = trail.note(20) + "\n";
    assert_eq!(with(""), [Code::NoCheckpoint]);
    assert_eq!(with(&good.replace("\n20\n", "\n19\n")), [Code::Forged, Code::NoCheckpoint]);
    // One that broke off in the text, and one that did in its signature, before one that is whole.
    assert_eq!(with(&format!("{}\n\n{good}", &good[..30])), [Code::Torn]);
    let at = good.len() - 40;
    assert_eq!(with(&format!("{}\n\n{good}", &good[..at])), [Code::Torn]);
    assert_eq!(with(&format!("{good}{}\n", trail.note(10))), [Code::Rollback]);
    let stranger = Trail::new(20);
    let unsigned = stranger.note(20) + "\n";
    assert_eq!(with(&format!("{good}{unsigned}")), [Code::Unsigned]);
    let foreign = Signer::generate("example.org/other", Kind::Log).unwrap();
    let other =
        Checkpoint { origin: "example.org/other".into(), size: 20, root: [0; 32], time_s: None };
    assert_eq!(with(&format!("{good}{}\n", other.sign(&foreign))), [Code::Foreign]);
}

#[test]
fn a_trail_that_is_no_longer_watched_is_stale() {
    let trail = Trail::new(20);
    let mut demand = trail.demand();
    demand.now_s = NOW_S + 61;
    let report = verify(trail.export().as_bytes(), &[trail.place(&[20])], &demand).unwrap();
    assert_eq!(codes(&report), [Code::Stale]);
    demand.max_age = None;
    let report = verify(trail.export().as_bytes(), &[trail.place(&[20])], &demand).unwrap();
    assert!(report.holds());
    // Leaves long after the last checkpoint.
    let later = trail.export().replace("2027-01-15T08:00:00", "2027-01-15T08:03:00");
    let report = verify(later.as_bytes(), &[trail.place(&[0])], &demand).unwrap();
    assert!(report.has(Code::Stale), "{report:?}");
}

#[test]
fn a_clock_that_was_ahead_hides_no_silence() {
    let trail = Trail::new(20);
    let year_s = 365 * 24 * 3600;
    let found = |notes: &[String], now_s: u64| {
        let demand = Demand { now_s, ..trail.demand() };
        let place = read_place("a.log", &(notes.join("\n") + "\n"));
        codes(&verify(trail.export().as_bytes(), &[place], &demand).unwrap())
    };
    let (ahead, behind) = (trail.note_at(10, NOW_S + year_s), trail.note_at(10, NOW_S - year_s));
    // It jumped, and came back: what is new is new, and a minute later it is not.
    for jumped in [ahead.clone(), behind] {
        let notes = [jumped, trail.note(20)];
        assert_eq!(found(&notes, NOW_S + 30), []);
        assert_eq!(found(&notes, NOW_S + 61), [Code::Stale]);
    }
    // It never came back.
    assert_eq!(found(&[ahead], NOW_S), [Code::Stale]);
    assert_eq!(found(&[trail.note(20)], NOW_S - 30), [], "clocks differ a little");
}

#[test]
fn a_witness_that_is_asked_for_must_have_signed() {
    let trail = Trail::new(20);
    let witness = Signer::generate("example.org/witness", Kind::Witness).unwrap();
    let mut demand = trail.demand();
    demand.witness = Some(witness.verifier());
    let bare = verify(trail.export().as_bytes(), &[trail.place(&[20])], &demand).unwrap();
    assert_eq!(codes(&bare), [Code::Unwitnessed]);
    let note = trail.note(20);
    let text = note.split_once("\n\n").unwrap().0.to_owned() + "\n";
    let cosigned = format!("{note}{}\n", witness.line(&text, Some(NOW_S + 5)));
    let place = read_place("a.log", &cosigned);
    let report = verify(trail.export().as_bytes(), &[place], &demand).unwrap();
    assert!(report.holds(), "{report:?}");
    assert_eq!(report.newest_checkpoint_s, Some(NOW_S + 5));
    let forged = format!("{note}{}\n", witness.line("other\n", Some(NOW_S + 5)));
    let place = read_place("a.log", &forged);
    let report = verify(trail.export().as_bytes(), &[place], &demand).unwrap();
    assert_eq!(codes(&report), [Code::Forged, Code::Unwitnessed]);
}
