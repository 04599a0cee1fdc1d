//! An HTTP witness as C2SP `tlog-witness` describes it, and a trail that it sees.

use super::{NOW_S, fill, signer, trail};
use base64::{Engine, engine::general_purpose::STANDARD};
use howdah::{
    audit::{
        checkpoint::Checkpoint,
        note::{Kind, Note, Signer, Verifier},
        place::Witness,
        sequencer::Sequencer,
        tree::{Frontier, Hash, is_consistent},
    },
    outbound::Endpoint,
};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};
use tokio_postgres::Client;

/// What the witness has seen of the trail.
struct State {
    size: u64,
    root: Hash,
}

struct Server {
    port: u16,
    key: Signer,
    state: Arc<Mutex<State>>,
}

fn serve(log: Verifier) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let key = Signer::generate("example.org/witness", Kind::Witness).unwrap();
    let state = Arc::new(Mutex::new(State { size: 0, root: Frontier::new().root() }));
    let (own, seen) = (key.clone(), Arc::clone(&state));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let body = request(&stream);
            let (status, answer) = add_checkpoint(&body, &log, &own, &mut seen.lock().unwrap());
            let head = format!(
                "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                answer.len()
            );
            stream.write_all((head + &answer).as_bytes()).unwrap();
        }
    });
    Server { port, key, state }
}

fn request(stream: &TcpStream) -> String {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    let mut first = String::new();
    reader.read_line(&mut first).unwrap();
    assert!(first.starts_with("POST /w/add-checkpoint "), "{first}");
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    String::from_utf8(body).unwrap()
}

fn add_checkpoint(body: &str, log: &Verifier, own: &Signer, seen: &mut State) -> (u16, String) {
    let (head, note) = body.split_once("\n\n").unwrap();
    let mut lines = head.lines();
    let old: u64 = lines.next().unwrap().strip_prefix("old ").unwrap().parse().unwrap();
    let proof: Vec<Hash> =
        lines.map(|line| STANDARD.decode(line).unwrap().try_into().unwrap()).collect();
    let Ok(checkpoint) = Checkpoint::open(note, log) else { return (403, String::new()) };
    if old > checkpoint.size {
        return (400, String::new());
    }
    if old != seen.size {
        return (409, format!("{}\n", seen.size));
    }
    if !is_consistent(old, &seen.root, checkpoint.size, &checkpoint.root, &proof) {
        return (422, String::new());
    }
    *seen = State { size: checkpoint.size, root: checkpoint.root };
    (200, own.line(Note::parse(note).unwrap().text, Some(NOW_S + 1)))
}

impl Server {
    async fn watch(&self, client: &Client, log: &Signer) -> Sequencer {
        let endpoint = Endpoint::parse(&format!("http://127.0.0.1:{}/w", self.port)).unwrap();
        let witness = Witness::new(&endpoint, self.key.verifier()).unwrap();
        Sequencer::take_over(client, log.clone(), Vec::new(), Some(witness)).await.unwrap()
    }
}

#[tokio::test]
async fn a_witness_cosigns_a_trail_that_only_grows() {
    let (_database, client) = trail().await;
    let log = signer();
    let server = serve(log.verifier());
    let mut sequencer = server.watch(&client, &log).await;
    for more in [0, 1, 6, 20, 1, 0, 13] {
        fill(&client, more).await;
        sequencer.sequence(&client).await.unwrap();
        let published = sequencer.checkpoint(&client, NOW_S).await.unwrap();
        assert_eq!(published.failures, [], "at {}", published.size);
        let note = Note::parse(&published.note).unwrap();
        assert_eq!(note.verify(&server.key.verifier()), Ok(Some(NOW_S + 1)));
        assert_eq!(note.verify(&log.verifier()), Ok(None));
        assert_eq!(server.state.lock().unwrap().size, published.size);
    }
    // One that begins anew does not know what the witness has seen, and asks.
    let mut next = server.watch(&client, &log).await;
    fill(&client, 9).await;
    next.sequence(&client).await.unwrap();
    let published = next.checkpoint(&client, NOW_S).await.unwrap();
    assert_eq!(published.failures, []);
    assert_eq!(server.state.lock().unwrap().size, 50);
}

#[tokio::test]
async fn a_witness_refuses_another_history() {
    let (database, client) = trail().await;
    let log = signer();
    let server = serve(log.verifier());
    let mut sequencer = server.watch(&client, &log).await;
    fill(&client, 9).await;
    sequencer.sequence(&client).await.unwrap();
    sequencer.checkpoint(&client, NOW_S).await.unwrap();
    let failure = async |client: &Client| {
        let mut forger = server.watch(client, &log).await;
        fill(client, 2).await;
        forger.sequence(client).await.unwrap();
        let published = forger.checkpoint(client, NOW_S).await.unwrap();
        assert!(!published.note.contains("example.org/witness"), "{}", published.note);
        published.failures[0].1.clone()
    };
    // The witness is the only place outside; the superuser removes the rest.
    database.psql_as_superuser(
        "UPDATE howdah.audit_leaf SET body = replace(body, 'ann', 'bob') WHERE leaf = 3; \
         DELETE FROM howdah.audit_checkpoint",
    );
    assert_eq!(failure(&client).await, "it has seen another history of this trail");
    database.psql_as_superuser(
        "DELETE FROM howdah.audit_leaf WHERE leaf > 2; DELETE FROM howdah.audit_checkpoint; \
         UPDATE howdah.audit_sequencer SET size = 3",
    );
    assert_eq!(failure(&client).await, "it has seen 9 leaves, more than there are");
}

#[tokio::test]
async fn what_a_witness_says_is_not_believed_without_its_signature() {
    let (_database, client) = trail().await;
    let log = signer();
    let mut server = serve(log.verifier());
    // Another key is expected than the one that signs.
    server.key = Signer::generate("example.org/witness", Kind::Witness).unwrap();
    let mut sequencer = server.watch(&client, &log).await;
    let published = sequencer.checkpoint(&client, NOW_S).await.unwrap();
    assert_eq!(published.failures[0].1, "its signature is missing or wrong");
    let stranger = serve(Signer::generate("example.org/other", Kind::Log).unwrap().verifier());
    let mut sequencer = stranger.watch(&client, &log).await;
    let published = sequencer.checkpoint(&client, NOW_S).await.unwrap();
    assert_eq!(published.failures[0].1, "it does not know this trail or its key (403)");
}
