//! What the keeper tells a receiver: signed, at least once, in order, and never in anybody's way.

mod hanging;
pub(crate) mod receiver;
mod trouble;

use crate::support::{
    database::Database,
    eventually,
    keeper::{Home, Keeper},
    planted,
    postgres::cluster,
    service,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use receiver::{Answer, Receiver};
use serde_json::Value;
use std::time::Duration;

pub(crate) const SOON: Duration = Duration::from_mins(1);

/// A folder whose keeper tells `receiver`.
fn home(receiver: &Receiver, more: &str) -> (Home, Vec<u8>) {
    let home = Home::new(Database::create(cluster()), "");
    home.leads();
    let path = home.folder.path().display().to_string();
    let mut key = service::howdah(["audit", "key", "--name", "example.org/kept"]);
    assert!(key.arg(home.folder.path().join("audit.key")).output().unwrap().status.success());
    let secret: Vec<u8> = (0..32).map(|_| fastrand::u8(..)).collect();
    let text = format!("whsec_{}", STANDARD.encode(&secret));
    planted::plant(&text);
    home.folder.write("webhook.secret", text);
    home.write_manifest(&format!(
        "[audit]\nkey_file = \"{path}/audit.key\"\nevery = \"200ms\"\n\n\
         [webhook]\nurl = \"{}\"\nsecret_file = \"{path}/webhook.secret\"\n\
         events = [\"test.*\"]\n{more}\n",
        receiver.url()
    ));
    (home, secret)
}

/// A folder that rotates, with a receiver at `url`; `[webhook]` says `more`.
pub(crate) fn rotating(database: Database, url: &str, more: &str) -> Home {
    let home = Home::rotating(database, "");
    let path = home.folder.path().display().to_string();
    let mut key = service::howdah(["audit", "key", "--name", "example.org/kept"]);
    assert!(key.arg(home.folder.path().join("audit.key")).output().unwrap().status.success());
    home.folder.write("webhook.secret", format!("whsec_{}", STANDARD.encode([7; 32])));
    home.rotates(
        &home.database.user,
        &format!(
            "\n[audit]\nkey_file = \"{path}/audit.key\"\nfiles = [\"{path}/checkpoints\"]\nevery = \"200ms\"\n\n\
             [webhook]\nurl = \"{url}\"\nsecret_file = \"{path}/webhook.secret\"\n{more}"
        ),
    );
    home
}

fn rotates(home: &Home, keeper: &Keeper, word: &str) {
    let output = home.credentials(word, keeper);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{word}: {said}\n{}", keeper.log());
}

/// Changes the keeper's own login, to the end.
fn rotates_own(home: &Home, keeper: &Keeper) {
    let mut command = home.howdah(&["credentials", "rotate", "--own"]);
    command.args(["--set", &format!("keeper.listen={}", keeper.address)]);
    let output = command.arg("--token-file").arg(&keeper.token).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}\n{}", keeper.log());
}

/// Writes an entry as an operation does; its subject is its number.
fn happen(home: &Home, action: &str, numbers: std::ops::Range<usize>) {
    for number in numbers {
        home.database.psql_as_superuser(&format!(
            "SELECT howdah.audit_write('test', '{{\"action\":\"{action}\",\"actor\":\"ann\",\
             \"subject\":\"{number}\",\"outcome\":\"done\",\"detail\":{{}}}}')"
        ));
    }
}

fn started(home: &Home) -> Keeper {
    let keeper = home.keeper();
    eventually("it leads", SOON, || keeper.leads());
    keeper
}

/// The room begins where the trail ends when it leads first; waits until it has begun.
fn begun(home: &Home) {
    eventually("it has begun", SOON, || {
        let rows = home.database.psql_as_superuser("SELECT next_leaf FROM howdah.webhook");
        !rows.is_empty()
    });
}

/// The subjects of what was taken, of these events.
fn taken(receiver: &Receiver) -> Vec<String> {
    let bodies = receiver.taken().into_iter().map(|it| it.body);
    let messages = bodies.map(|body| serde_json::from_str::<Value>(&body).unwrap());
    let tests = messages.filter(|it| it["type"] == "test.made");
    tests.map(|it| it["data"]["subject"].as_str().unwrap().to_owned()).collect()
}

fn numbers(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|it| it.to_string()).collect()
}

#[test]
fn a_message_is_signed_and_told_once_when_it_is_taken() {
    let receiver = Receiver::start();
    let (home, secret) = home(&receiver, "");
    let keeper = started(&home);
    begun(&home);
    happen(&home, "other.made", 0..2);
    happen(&home, "test.made", 0..3);
    eventually("all are told", SOON, || taken(&receiver).len() == 3);
    assert_eq!(taken(&receiver), numbers(0..3));
    for message in receiver.taken() {
        let header = |name: &str| message.headers[name].clone();
        let content =
            format!("{}.{}.{}", header("webhook-id"), header("webhook-timestamp"), message.body);
        let signature = header("webhook-signature");
        let signature = STANDARD.decode(signature.strip_prefix("v1,").unwrap()).unwrap();
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &secret);
        ring::hmac::verify(&key, content.as_bytes(), &signature).unwrap();
        let other = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"another");
        assert!(ring::hmac::verify(&other, content.as_bytes(), &signature).is_err());
        assert_eq!(header("content-type"), "application/json");
    }
    let mut ids: Vec<_> =
        receiver.taken().iter().map(|it| it.headers["webhook-id"].clone()).collect();
    let all = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), all);
    assert!(keeper.leads());
}

#[test]
fn a_receiver_that_fails_is_tried_again_and_holds_up_nobody() {
    let receiver = Receiver::start();
    let (home, _) = home(&receiver, "");
    let elsewhere = Receiver::start();
    let keeper = started(&home);
    begun(&home);
    receiver.answers(&[
        Answer::Status(500),
        Answer::Redirect(elsewhere.url()),
        Answer::Cut,
        Answer::Status(404),
    ]);
    happen(&home, "test.made", 0..2);
    // Meanwhile the keeper answers and the trail goes on.
    eventually("it was refused once", SOON, || !receiver.refused().is_empty());
    assert!(keeper.leads());
    eventually("both are told", SOON, || taken(&receiver).len() == 2);
    assert_eq!(taken(&receiver), numbers(0..2));
    assert!(elsewhere.taken().is_empty(), "a redirection is not followed");
    // Each attempt has the same id and body, and a signature of its own time.
    let refused: Vec<_> =
        receiver.refused().into_iter().filter(|it| it.body.contains("test.made")).collect();
    let first = receiver.taken().into_iter().find(|it| it.body.contains("test.made")).unwrap();
    assert!(!refused.is_empty());
    for attempt in refused {
        assert_eq!(attempt.headers["webhook-id"], first.headers["webhook-id"]);
        assert_eq!(attempt.body, first.body);
    }
    assert!(keeper.log().contains("webhook: "), "{}", keeper.log());
}

#[test]
fn what_happened_while_nobody_listened_is_told_after_a_restart() {
    let receiver = Receiver::start();
    let (home, _) = home(&receiver, "");
    let keeper = started(&home);
    begun(&home);
    receiver.always(Answer::Status(503));
    happen(&home, "test.made", 0..5);
    eventually("it was refused", SOON, || {
        receiver.refused().iter().any(|it| it.body.contains("test.made"))
    });
    // Killed, not stopped.
    drop(keeper);
    happen(&home, "test.made", 5..8);
    receiver.always(Answer::Status(204));
    let _keeper = started(&home);
    eventually("all are told", SOON, || taken(&receiver).len() >= 8);
    let mut told = taken(&receiver);
    told.dedup();
    assert_eq!(told, numbers(0..8), "in order, each at least once");
}

#[test]
fn what_is_never_taken_is_given_up_and_the_next_is_told() {
    let receiver = Receiver::start();
    let (home, _) = home(&receiver, "give_up = \"2s\"");
    let _keeper = started(&home);
    begun(&home);
    receiver.refuses_bodies_with("\"subject\":\"0\"");
    happen(&home, "test.made", 0..2);
    eventually("the second is told", SOON, || taken(&receiver) == ["1"]);
    let given_up = "SELECT count(*) FROM (SELECT body FROM howdah.audit_inbox UNION ALL \
                    SELECT body FROM howdah.audit_leaf) AS it WHERE body LIKE '%webhook.given-up%'";
    let count = || home.database.psql_as_superuser(given_up)[0][0].clone().unwrap();
    assert_eq!(count(), "1");
}

#[test]
fn a_receiver_or_a_secret_that_is_none_is_told_at_the_start() {
    let receiver = Receiver::start();
    let (home, _) = home(&receiver, "");
    let said = |url: &str, secret: &str, key: &str| {
        let path = home.folder.path().display().to_string();
        home.folder.write("webhook.secret", secret);
        home.write_manifest(&format!(
            "[audit]\nkey_file = \"{key}\"\n\n[webhook]\nurl = \"{url}\"\n\
             secret_file = \"{path}/webhook.secret\"\n"
        ));
        let output = home.howdah(&["keeper"]).output().unwrap();
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let key = home.folder.path().join("audit.key").display().to_string();
    let good = format!("whsec_{}", STANDARD.encode([7; 32]));
    for (url, secret, key, expected) in [
        ("http://10.0.0.1/hook", good.as_str(), key.as_str(), "plain http is for loopback"),
        ("https://u:p@example.org", &good, &key, "carries a user or a password"),
        ("https://example.org", "hunter2", &key, "a secret is `whsec_`"),
        ("https://example.org", &good, "", "needs `audit.key_file`"),
    ] {
        let said = said(url, secret, key);
        assert!(said.contains(expected), "{expected}: {said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}
