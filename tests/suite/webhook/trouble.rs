//! What the keeper cannot mend by itself is told, also where the manifest names no events.

use super::{
    SOON, begun,
    receiver::{Answer, Receiver},
    rotates, rotating, started,
};
use crate::{
    rotation::faults::hba,
    support::{database::Database, eventually, postgres::Cluster},
};
use howdah::audit::verify::read_place;
use serde_json::{Value, json};
use std::fs;

/// What was taken: action and outcome, and the messages themselves.
fn told(receiver: &Receiver) -> (Vec<String>, Vec<Value>) {
    let read = |body: &String| serde_json::from_str::<Value>(body).unwrap();
    let all: Vec<_> = receiver.taken().iter().map(|it| read(&it.body)).collect();
    let text = |it: &Value| it.as_str().unwrap().to_owned();
    let brief = |it: &Value| format!("{} {}", text(&it["type"]), text(&it["data"]["outcome"]));
    (all.iter().map(brief).collect(), all)
}

#[test]
fn a_rotation_that_is_given_up_or_stuck_is_told_and_so_is_its_end() {
    let (cluster, receiver) = (Cluster::start(), Receiver::start());
    let home = rotating(Database::create(&cluster), &receiver.url(), "");
    let keeper = started(&home);
    home.operator();
    begun(&home);
    rotates(&home, &keeper, "adopt");
    let reject = |login: &str| {
        hba(&cluster, &home, &format!("host all {login} 127.0.0.1/32 reject"));
    };
    let reason = |at: usize| told(&receiver).1[at]["data"]["detail"]["reason"].to_string();
    // The next login is not let in.
    reject(&format!("{}_b", home.database.user));
    assert_eq!(keeper.post("/credentials/rotate", &json!({})).status, 202);
    eventually("it is told that it was given up", SOON, || {
        told(&receiver).0 == ["rotation.aborted failed"]
    });
    assert!(reason(0).contains("does not let"), "{}", reason(0));
    // The published one is not, of which there is no mending. A keeper looks when it begins to lead.
    reject(&format!("{}_a", home.database.user));
    drop(keeper);
    let keeper = started(&home);
    let stuck = ["rotation.aborted failed", "rotation.stuck failed"];
    eventually("it is told that it is stuck", SOON, || told(&receiver).0 == stuck);
    assert!(reason(1).contains("does not let"), "{}", reason(1));
    assert_eq!(told(&receiver).1[1]["data"]["subject"], "app");
    hba(&cluster, &home, "");
    drop(keeper);
    let _keeper = started(&home);
    let well = [stuck[0], stuck[1], "rotation.well done"];
    eventually("it is told that all is well", SOON, || told(&receiver).0 == well);
}

#[test]
fn a_checkpoint_that_is_not_believed_is_told() {
    let receiver = Receiver::start();
    let database = Database::create(crate::support::postgres::cluster());
    let home = rotating(database, &receiver.url(), "");
    let keeper = started(&home);
    begun(&home);
    let file = home.folder.path().join("checkpoints");
    let notes = || read_place("", &fs::read_to_string(&file).unwrap_or_default()).notes;
    eventually("there is one", SOON, || !notes().is_empty());
    drop(keeper);
    // The last one with another size, which nobody has signed.
    let all = notes();
    let last = all.last().unwrap();
    let forged = last.replacen(last.lines().nth(1).unwrap(), "4711", 1);
    fs::write(&file, format!("{}\n{forged}\n", all.join("\n"))).unwrap();
    receiver.answers(&[Answer::Status(503)]);
    let _keeper = started(&home);
    eventually("it is told", SOON, || {
        told(&receiver).0.contains(&"audit.checkpoint refused".to_owned())
    });
    let (_, all) = told(&receiver);
    let message = all.iter().find(|it| it["type"] == "audit.checkpoint").unwrap();
    assert_eq!(message["data"]["detail"]["code"], "forged");
}
