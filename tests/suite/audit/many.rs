//! A trail as long as the figure asks for, verified by the real binary.

use crate::support::{folder::Folder, service, shares::number};
use howdah::audit::{
    checkpoint::Checkpoint,
    leaf::Leaf,
    note::{Kind, Signer},
    tree::{Frontier, Hash, hex, leaf_hash},
};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufWriter, Write},
    path::Path,
    time::{Duration, Instant},
};

/// 2027-01-15T08:00:00Z, when all of it happened.
const AT_S: u64 = 1_800_000_000;

/// Writes an export of so many leaves of three writers' turns, and gives the checkpoints at its half and its
/// end.
fn write(export: &Path, leaves: u64, signer: &Signer) -> String {
    let mut file = BufWriter::new(File::create(export).unwrap());
    let mut heads: BTreeMap<&str, (u64, Hash)> = BTreeMap::new();
    let (mut tree, mut notes) = (Frontier::new(), String::new());
    for at in 0..leaves {
        let writer = ["rotation", "access", "access"][usize::try_from(at % 3).unwrap()];
        let (seq, head) = heads.entry(writer).or_insert((0, [0; 32]));
        *seq += 1;
        let body = format!(
            "{{\"writer\":\"{writer}\",\"seq\":{seq},\"prev\":\"{}\",\"at\":\"2027-01-15T08:00:00.000000Z\",\
             \"role\":\"k\",\"entry\":{{\"é\\n\":{at}}}}}",
            hex(head)
        );
        let hash = leaf_hash(body.as_bytes());
        *head = hash;
        tree.push(hash);
        let (shown, body) = (hex(&hash).into(), body.into());
        let leaf = Leaf { leaf: at, hash: shown, writer: writer.into(), seq: *seq, body };
        serde_json::to_writer(&mut file, &leaf).unwrap();
        file.write_all(b"\n").unwrap();
        if [leaves / 2, leaves].contains(&tree.size()) {
            let origin = "example.org/trail".to_owned();
            let (size, root, time_s) = (tree.size(), tree.root(), Some(AT_S));
            notes += &(Checkpoint { origin, size, root, time_s }.sign(signer) + "\n");
        }
    }
    file.flush().unwrap();
    notes
}

/// As many leaves as `HOWDAH_AUDIT_LEAVES` says; `scripts/chaos-access` reads the line.
#[test]
fn many_leaves_are_verified_soon() {
    let leaves = number("HOWDAH_AUDIT_LEAVES", 2000);
    let folder = Folder::new("many");
    let export = folder.path().join("trail.ndjson");
    let signer = Signer::generate("example.org/trail", Kind::Log).unwrap();
    let notes = write(&export, leaves, &signer);
    let checkpoints = folder.write("checkpoints", notes);
    let mut command = service::howdah(["audit", "verify", "--format", "json", "--key"]);
    command.arg(signer.verifier().to_string()).arg("--checkpoints").arg(checkpoints).arg(&export);
    let begun = Instant::now();
    let output = command.output().unwrap();
    let elapsed = begun.elapsed();
    let said = String::from_utf8_lossy(&output.stderr);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{said}"));
    assert!(output.status.success(), "{report}");
    assert_eq!(report["holds"], true, "{report}");
    assert_eq!((&report["leaves"], &report["covered"]), (&leaves.into(), &leaves.into()));
    let verdict = if elapsed <= Duration::from_secs(10) { "met" } else { "missed" };
    println!("figure\t{leaves} leaves verified\t10 s\t{:.1} s\t{verdict}", elapsed.as_secs_f64());
}
