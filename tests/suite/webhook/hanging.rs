//! A receiver that hangs: it takes every connection and answers none. Nobody waits for it.

use super::{
    SOON, happen,
    receiver::{Answer, Receiver},
    rotates, rotates_own, rotating, started, taken,
};
use crate::support::{
    database::Database,
    eventually, http,
    keeper::{Home, Keeper},
    postgres::cluster,
};
use serde_json::{Value, json};
use std::net::TcpListener;

/// A folder that rotates, with a receiver at `url`.
fn home(url: &str, give_up: &str) -> Home {
    let more = format!("events = [\"test.*\", \"rotation.*\"]\ngive_up = \"{give_up}\"");
    rotating(Database::create(cluster()), url, &more)
}

/// The first leaf that was not told, and how many there are.
fn stands(home: &Home) -> (u64, u64) {
    let rows = home.database.psql_as_superuser(
        "SELECT next_leaf, (SELECT size FROM howdah.audit_sequencer) FROM howdah.webhook",
    );
    let number = |at: usize| rows[0][at].as_deref().unwrap().parse().unwrap();
    (number(0), number(1))
}

/// The keeper leads, answers, rotates, and its trail goes on, while the receiver has what it hangs with.
fn works(home: &Home, keeper: &Keeper) {
    let epoch = || keeper.get("/ready").json()["epoch"].clone();
    let (before, (next, size)) = (epoch(), stands(home));
    rotates(home, keeper, "adopt");
    for _ in 0..2 {
        rotates(home, keeper, "rotate");
    }
    // The keeper's own login as well, whose rotation waits for every session of the one before.
    rotates_own(home, keeper);
    happen(home, "test.made", 1..200);
    eventually("the trail goes on", SOON, || stands(home).1 >= size + 3 * 7 + 199);
    let reply = http::send(keeper.address, "GET", "/ready", &[], b"").unwrap();
    assert_eq!((reply.status, epoch()), (200, before), "{}", keeper.log());
    assert_eq!(keeper.post("/credentials/adopt", &json!({})).problem(), "conflict");
    // What waits is in the trail, and what is in the air is one message.
    assert_eq!(stands(home).0, next);
}

fn first_try(home: &Home) -> Keeper {
    let keeper = started(home);
    home.operator();
    super::begun(home);
    happen(home, "test.made", 0..1);
    keeper
}

#[test]
fn one_that_never_answers_holds_up_nobody() {
    let receiver = Receiver::start();
    receiver.always(Answer::Never);
    let home = home(&receiver.url(), "1h");
    let keeper = first_try(&home);
    eventually("it is tried", SOON, || !receiver.refused().is_empty());
    works(&home, &keeper);
    assert_eq!(receiver.most_open(), 1, "one message at a time");
    let told: Vec<Value> =
        receiver.refused().iter().map(|it| serde_json::from_str(&it.body).unwrap()).collect();
    assert!(told.iter().all(|it| it["data"]["subject"] == "0"), "the first one alone: {told:?}");
    // Another keeper takes over from one that waits for an answer.
    drop(keeper);
    let keeper = started(&home);
    assert!(keeper.leads());
    // It comes to itself: all is told, in order.
    receiver.always(Answer::Status(204));
    eventually("all are told", SOON, || taken(&receiver).len() >= 200);
    let mut all = taken(&receiver);
    all.dedup();
    assert_eq!(all, super::numbers(0..200));
}

#[test]
fn one_whose_answer_has_no_end_is_given_up() {
    let receiver = Receiver::start();
    receiver.always(Answer::Trickle);
    let home = home(&receiver.url(), "1s");
    let keeper = first_try(&home);
    let given_up = || {
        let sql = "SELECT count(*) FROM (SELECT body FROM howdah.audit_inbox UNION ALL \
                   SELECT body FROM howdah.audit_leaf) AS it WHERE body LIKE '%webhook.given-up%'";
        home.database.psql_as_superuser(sql)[0][0].as_deref() == Some("1")
    };
    eventually("it is given up", SOON, given_up);
    assert!(keeper.log().contains("no answer in time"), "{}", keeper.log());
    assert_eq!(receiver.most_open(), 1);
    receiver.always(Answer::Status(200));
    happen(&home, "test.made", 1..2);
    eventually("the next is told", SOON, || taken(&receiver) == ["1"]);
    assert!(keeper.leads());
}

#[test]
fn one_that_takes_no_connection_holds_up_nobody() {
    // The kernel takes it, and nobody reads.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let home = home(&format!("http://{}/hook", listener.local_addr().unwrap()), "1h");
    let keeper = first_try(&home);
    eventually("it was tried", SOON, || keeper.log().contains("webhook: no answer in time"));
    works(&home, &keeper);
}
