//! The same over the keeper's listener: several people at once, each with a token, and a ledger of what
//! they were told that knows nothing of the database.

use super::{PEOPLE, STRAY, UNAPPROVED};
use crate::{
    access::keeper::House,
    support::{
        eventually,
        http::{self, Reply},
        keeper::Home,
        shares::{Work, number},
    },
};
use base64::{Engine, engine::general_purpose::STANDARD};
use ring::hmac;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

const SOON: Duration = Duration::from_secs(40);
/// How many go on at once.
const AT_ONCE: u64 = 3;

/// What was seen, over all of them.
#[derive(Default)]
struct Seen {
    steps: AtomicU64,
    refused: AtomicU64,
    granted: AtomicU64,
    approved: AtomicU64,
    codes: Mutex<BTreeSet<String>>,
}

struct World {
    house: House,
    tokens: BTreeMap<&'static str, String>,
    seen: Seen,
}

impl World {
    fn new() -> Self {
        let (house, _) = House::with(
            "approvals = 2\nrequesters = [\"dev\", \"dba\"]\nmax_for = \"4h\"\nmax_pending = 50\n\
             break_glass = \"15m\"",
        );
        let group = |name: &str| match name {
            "ann" => "dev",
            "eve" => "guest",
            _ => "dba",
        };
        let token = |name| std::fs::read_to_string(house.token(name, group(name))).unwrap();
        let tokens = PEOPLE.map(|name| (name, format!("Bearer {}", token(name).trim())));
        signs_in_lightly(&house.home);
        let world = Self { house, tokens: tokens.into(), seen: Seen::default() };
        eventually("the policies are set", SOON, || {
            let made = world.ask("ann", 60, false);
            made.status == 201
        });
        world
    }

    /// What a path answers to somebody; a refusal has its code, and nothing fails.
    fn send(&self, who: &str, method: &str, path: &str, body: &Value) -> Reply {
        let token = self.tokens.get(who).map_or("Bearer howdah_token_forged", String::as_str);
        let fields = [("authorization", token), ("content-type", "application/json")];
        let body = if method == "GET" { String::new() } else { body.to_string() };
        let at = self.house.keeper.address;
        let reply = http::send(at, method, path, &fields, body.as_bytes()).expect("an answer");
        assert!(reply.status < 500, "{method} {path}: {reply}");
        reply
    }

    fn ask(&self, who: &str, for_s: u64, break_glass: bool) -> Reply {
        let body = json!({ "policy": "read", "for": format!("{for_s}s"), "reason": "ticket 4711",
            "break_glass": break_glass });
        self.send(who, "POST", "/access/requests", &body)
    }

    fn act(&self, who: &str, id: &str, act: &str, body: &Value) -> Reply {
        let reply = self.send(who, "POST", &format!("/access/requests/{id}/{act}"), body);
        self.seen.steps.fetch_add(1, Ordering::Relaxed);
        if reply.status >= 400 {
            self.seen.refused.fetch_add(1, Ordering::Relaxed);
            self.seen.codes.lock().unwrap().insert(reply.problem());
        }
        reply
    }

    /// The life of one request.
    fn sequence(&self, random: &mut fastrand::Rng) {
        let requester = if random.bool() { "ann" } else { PEOPLE[random.usize(..PEOPLE.len())] };
        let break_glass = random.u8(..) < 12;
        let made = self.ask(requester, random.u64(60..900), break_glass);
        if made.status != 201 {
            let expected = if requester == "eve" { "not-eligible" } else { "review-due" };
            assert_eq!(made.problem(), expected, "{requester}: {made}");
            return;
        }
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let (id, mut digest) = (text(&made.json()["id"]), text(&made.json()["digest"]));
        let (mut approvers, mut is_over, mut is_granted) = (BTreeSet::new(), false, false);
        for _ in 0..random.usize(4..10) {
            // Mostly those who may, so that it gets somewhere.
            let among = if random.u8(..) < 150 { &PEOPLE[1..4] } else { &PEOPLE[..] };
            let who = among[random.usize(..among.len())];
            match random.u8(0..18) {
                0..10 => {
                    let forged = random.u8(..) < 20;
                    let sent = if forged { "5a".repeat(32) } else { digest.clone() };
                    let word = if random.u8(..) < 248 { "approve" } else { "deny" };
                    let reply = self.act(who, &id, word, &json!({ "digest": sent }));
                    if reply.status == 200 {
                        assert!(!forged && who != requester, "{who} {word}: {reply}");
                        assert!(["bob", "cyd", "dan"].contains(&who) && !is_over, "{who}: {reply}");
                        assert!(approvers.insert(who) || word == "deny", "{who} twice: {reply}");
                        is_over |= word == "deny";
                    }
                }
                10..15 => {
                    let who = if random.u8(..) < 200 { requester } else { who };
                    let reply = self.act(who, &id, "activate", &json!({}));
                    if reply.status == 200 {
                        let enough = approvers.len() >= 2 || break_glass;
                        let why = format!("{who} of {requester}, {approvers:?}: {}", reply.status);
                        assert!(enough && who == requester && !is_over && !is_granted, "{why}");
                        is_granted = true;
                        let plain = u64::from(!break_glass);
                        self.seen.granted.fetch_add(1, Ordering::Relaxed);
                        self.seen.approved.fetch_add(plain, Ordering::Relaxed);
                    }
                }
                15 => {
                    let body = json!({ "for": "20m", "reason": "changed" });
                    let reply = self.act(who, &id, "edit", &body);
                    if reply.status == 200 {
                        assert!(who == requester && !is_over && !is_granted, "{who}: {reply}");
                        approvers.clear();
                        digest = text(&reply.json()["digest"]);
                    }
                }
                16 => {
                    let reply = self.act(who, &id, "withdraw", &json!({}));
                    if reply.status == 200 {
                        assert!(who == requester && !is_over && !is_granted, "{who}: {reply}");
                        is_over = true;
                    }
                }
                _ => {
                    let id = if random.bool() { "4711" } else { &id };
                    assert_eq!(self.act("nobody", id, "activate", &json!({})).status, 401);
                }
            }
        }
        // What is left of it: its login, and the reviews that its requester is waited on for.
        if is_granted {
            assert_eq!(self.act(requester, &id, "revoke", &json!({})).status, 200);
        } else {
            self.act(requester, &id, "withdraw", &json!({}));
        }
        if break_glass {
            for who in ["bob", "cyd", "dan"] {
                self.act(who, &id, "review", &json!({}));
            }
        }
    }

    fn count(&self, sql: &str) -> u64 {
        self.house.home.database.psql_as_superuser(sql)[0][0].as_deref().unwrap().parse().unwrap()
    }
}

/// Gives the keeper's password a verifier of one iteration in place of 4096 (RFC 5802): without
/// optimisation, signing in twice for each request would be most of the work.
fn signs_in_lightly(home: &Home) {
    let text = std::fs::read_to_string(home.folder.path().join("keeper.json")).unwrap();
    let own: Value = serde_json::from_str(&text).unwrap();
    let sign = |key: &[u8], text: &[u8]| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text);
    let salted = sign(own["password"].as_str().unwrap().as_bytes(), b"salt\0\0\0\x01");
    let client = sign(salted.as_ref(), b"Client Key");
    let stored = STANDARD.encode(ring::digest::digest(&ring::digest::SHA256, client.as_ref()));
    let server = STANDARD.encode(sign(salted.as_ref(), b"Server Key"));
    let verifier = format!("SCRAM-SHA-256$1:{}${stored}:{server}", STANDARD.encode("salt"));
    home.database.psql_as_superuser(&format!("ALTER ROLE {} PASSWORD '{verifier}'", home.login));
}

#[test]
fn no_sequence_over_http_grants_what_was_not_approved() {
    let world = World::new();
    // How many requests live: some, or as many as it says.
    let (seed, total) = (fastrand::u64(..), number("HOWDAH_ACCESS_SEQUENCES", 200));
    let work = Work::new("sequences over HTTP", total);
    println!("seed {seed}");
    std::thread::scope(|scope| {
        for number in 0..AT_ONCE {
            let (world, work) = (&world, &work);
            scope.spawn(move || {
                let mut random = fastrand::Rng::with_seed(seed.wrapping_add(number));
                while work.take().is_some() {
                    world.sequence(&mut random);
                    work.done();
                }
            });
        }
    });
    let of = |it: &AtomicU64| it.load(Ordering::Relaxed);
    let Seen { steps, refused, granted, approved, codes } = &world.seen;
    let (steps, refused, granted, approved) = (of(steps), of(refused), of(granted), of(approved));
    println!(
        "figure\trandom sequences over HTTP\tnone granted without\t{total} sequences, {steps} steps, \
         {refused} refused, {approved} granted with approvals\tmet"
    );
    assert!(approved > 0 && refused > 0, "seed {seed}: the steps lead somewhere");
    assert_eq!(world.count(UNAPPROVED), 0, "seed {seed}");
    // What the people were told is what the tables have, and each refusal is in the trail.
    assert_eq!(world.count("SELECT count(*) FROM howdah.access_grant"), granted, "seed {seed}");
    let told = world.count(
        "SELECT count(*) FROM (SELECT body FROM howdah.audit_inbox UNION ALL SELECT body FROM \
         howdah.audit_leaf) AS it WHERE body::json #>> '{entry,outcome}' = 'refused'",
    );
    assert!(told >= refused, "seed {seed}: {told} of {refused} refusals");
    let codes = codes.lock().unwrap();
    for code in
        ["self-approval", "not-an-approver", "request-edited", "not-approved", "token-invalid"]
    {
        assert!(codes.contains(code), "seed {seed}: {code} in {codes:?}");
    }
    // The logins that were given back are gone.
    let stray = STRAY.replace("$1", &format!("'{}'", world.house.profile));
    eventually("no login is left", SOON, || world.count(&stray) == 0);
    let open = "SELECT count(*) FROM howdah.access_grant WHERE state <> 'closed'";
    eventually("all are closed", SOON, || world.count(open) == 0);
}
