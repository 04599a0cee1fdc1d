//! Servers that say what no server may say: the connection is replaced, nobody waits for ever, and
//! nobody gets an answer that is not theirs.

use super::{
    fake::{Behaviour, Fake, message},
    *,
};
use crate::support::postgres::database;

/// The answer to a Parse of `SELECT $1` and its run, up to the row.
fn described() -> Vec<u8> {
    let column = [b"c\0".as_slice(), &[0; 6], &25_u32.to_be_bytes(), &[0; 8]].concat();
    [
        message(b'3', &[]),
        message(b'1', &[]),
        message(b't', &[0, 1, 0, 0, 0, 25]),
        message(b'T', &[&[0, 1], column.as_slice()].concat()),
    ]
    .concat()
}

fn row(text: &str) -> Vec<u8> {
    let length = u32::try_from(text.len()).unwrap().to_be_bytes();
    message(b'D', &[&[0, 1], length.as_slice(), text.as_bytes()].concat())
}

#[test]
fn what_no_server_may_say_ends_the_connection_and_the_call_is_sent_again() {
    let database = database();
    let bound = || [described(), message(b'2', &[])].concat();
    let end = || [message(b'C', b"SELECT 1\0"), message(b'Z', b"I")].concat();
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("an unknown tag", message(b'?', b"x")),
        ("a length of 0", vec![b'D', 0, 0, 0, 0]),
        ("a length of 3", vec![b'Z', 0, 0, 0, 3]),
        ("a length of 4 GiB", vec![b'D', 255, 255, 255, 255]),
        ("a length of 1 GiB of another message", vec![b'E', 63, 255, 255, 255]),
        ("an end without an answer", message(b'Z', b"I")),
        ("rows before anything", row("stolen")),
        ("rows before Bind", [described(), row("stolen"), end()].concat()),
        ("a result without Bind", [described(), end()].concat()),
        ("two Binds", [bound(), message(b'2', &[]), row("x"), end()].concat()),
        ("rows after the end", [bound(), message(b'C', b"SELECT 0\0"), row("x")].concat()),
        ("two ends of a statement", [bound(), end()[..14].to_vec(), end()].concat()),
        ("a second description", [bound(), described()].concat()),
        ("half a description", [message(b'1', &[]), message(b't', &[0])].concat()),
        ("a description that counts wrong", [message(b'1', &[]), message(b'T', &[0, 9])].concat()),
        (
            "a transaction left open",
            [bound(), message(b'C', b"SELECT 0\0"), message(b'Z', b"T")].concat(),
        ),
        (
            "an end of no bytes",
            [bound(), message(b'C', b"SELECT 0\0"), message(b'Z', b"")].concat(),
        ),
        ("an answer to nothing", [bound(), message(b'C', b"SELECT 0\0")].concat()),
        ("a suspended portal", [bound(), message(b's', &[])].concat()),
        ("a start-up message", message(b'R', &[0; 4])),
    ];
    local(async {
        let echo = statement(0, "SELECT $1", 1, &[TEXT]);
        for (name, bytes) in cases {
            let ends = name == "an answer to nothing";
            let behaviour =
                if ends { Behaviour::SayAndLeave(bytes) } else { Behaviour::Say(bytes) };
            let fake = Fake::start(behaviour, 1, database.port);
            let lane =
                lane(&database.through(fake.port), Settings { connections: 1, ..settings() }).await;
            let start = Instant::now();
            assert_eq!(ask(&lane, &echo, &["mine"]).await.unwrap(), one("mine"), "{name}");
            assert!(start.elapsed() < Duration::from_secs(2), "{name}: {:?}", start.elapsed());
            assert_eq!(fake.signed_in(), 2, "{name}");
        }
    });
}

#[test]
fn silence_in_the_middle_of_a_message_ends_with_the_deadline() {
    let database = database();
    local(async {
        let echo = statement(0, "SELECT $1", 1, &[TEXT]);
        for bytes in [Vec::new(), b"D\x00\x00".to_vec(), row("x")[..8].to_vec(), described()] {
            let fake = Fake::start(Behaviour::Say(bytes), 1, database.port);
            let lane =
                lane(&database.through(fake.port), Settings { connections: 1, ..settings() }).await;
            let late = lane.run(permit(), call(&echo, &["x"], Duration::from_millis(200))).await;
            assert_eq!(late.unwrap_err(), Failure::Deadline);
            // It does not obey cancel requests either, so the connection is replaced.
            assert_eq!(ask(&lane, &echo, &["next"]).await.unwrap(), one("next"));
            assert_eq!(fake.signed_in(), 2);
        }
    });
}

#[test]
fn bytes_behind_the_greeting_that_answer_nothing_end_the_connection() {
    let database = database();
    local(async {
        let echo = statement(0, "SELECT $1", 1, &[TEXT]);
        for bytes in [row("x"), message(b'Z', b"I"), vec![0; 64]] {
            let fake = Fake::start(Behaviour::Blurt(bytes), 2, database.port);
            let lane = open(target(&database.through(fake.port)), settings());
            assert_eq!(ask(&lane, &echo, &["mine"]).await.unwrap(), one("mine"));
        }
    });
}

#[test]
fn random_bytes_never_panic_and_never_answer() {
    let database = database();
    local(async {
        let echo = statement(0, "SELECT $1", 1, &[TEXT]);
        for seed in 0..60 {
            let mut random = fastrand::Rng::with_seed(seed);
            let mut bytes = if random.bool() { described() } else { Vec::new() };
            for _ in 0..random.usize(1..6) {
                let body: Vec<u8> = (0..random.usize(..24)).map(|_| random.u8(..)).collect();
                bytes.extend(message(*random.choice(b"123tTnDCEZIsSNAGHWK").unwrap(), &body));
            }
            let fake = Fake::start(Behaviour::SayAndLeave(bytes), 1, database.port);
            let lane =
                lane(&database.through(fake.port), Settings { connections: 1, ..settings() }).await;
            match ask(&lane, &echo, &["mine"]).await {
                Ok(rows) => assert_eq!(rows, one("mine"), "seed {seed}"),
                Err(Failure::Refused(_) | Failure::ShapeChanged) => {}
                Err(other) => panic!("seed {seed}: {other:?}"),
            }
            assert_eq!(ask(&lane, &echo, &["next"]).await.unwrap(), one("next"), "seed {seed}");
        }
    });
}
