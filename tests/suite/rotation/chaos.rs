//! Rotations while keepers are killed and callers never stop. A few in the suite; as many as
//! `HOWDAH_CHAOS_…` says in `scripts/chaos-access`, which reads the lines that begin with `figure`.

use super::{Load, done, home, leading, may_sign_in, own, serve, signs_in};
use crate::support::{
    eventually,
    keeper::{Home, Keeper},
};
use serde_json::json;
use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// Longer than a loaded machine takes.
const PATIENCE: Duration = Duration::from_mins(1);
const PHASES: [&str; 7] =
    ["applied", "verified", "published", "adopted", "overlap", "retired", "idle"];

fn times(variable: &str, usual: u32) -> u32 {
    let given = std::env::var(variable).ok();
    given.map_or(usual, |it| it.parse().unwrap_or_else(|_| panic!("{variable} is a number")))
}

/// What was to be reached, and what was, for the script.
fn figure(name: &str, target: &str, reached: &str, is_met: bool) {
    println!("figure\t{name}\t{target}\t{reached}\t{}", if is_met { "met" } else { "missed" });
}

fn rank(phase: &str) -> usize {
    PHASES.iter().position(|it| *it == phase).unwrap()
}

/// The application's credential, and the keeper's own, as the keeper's listener names them.
const APPLICATION: &str = "/credentials";
const OWN: &str = "/credentials/keeper";

/// Begins one of `whose`, kills the keeper when `when` says so, and gives the next and how long it took
/// to be whole again: nothing under way, one login, and the published credential signs in.
fn survive(
    home: &Home,
    keeper: Keeper,
    whose: &str,
    when: impl Fn(&Keeper, u64),
) -> (Keeper, Duration) {
    let begun = keeper.post(&format!("{whose}/rotate"), &json!({}));
    assert_eq!(begun.status, 202, "{begun}");
    when(&keeper, begun.json()["generation"].as_u64().unwrap());
    drop(keeper);
    assert!(signs_in(home), "no lockout");
    let start = Instant::now();
    let keeper = leading(home);
    eventually("it is whole again", PATIENCE, || {
        let status = keeper.get(whose);
        status.status == 200 && status.json()["phase"] == "idle"
    });
    let elapsed = start.elapsed();
    assert!(signs_in(home), "no lockout");
    let owner = &home.database.user;
    let enabled = |it: &str| u8::from(may_sign_in(home, &format!("{owner}{it}")));
    assert_eq!(enabled("") + enabled("_a") + enabled("_b"), 1);
    let own = own::credential(home);
    assert_eq!(own::enabled(home), [own["user"].as_str().unwrap()], "no keeper is locked out");
    (keeper, elapsed)
}

/// Waits until the rotation of `whose` has reached `phase`, or is over.
fn reaches(keeper: &Keeper, whose: &str, phase: &str, generation: u64) {
    eventually(phase, PATIENCE, || {
        let status = keeper.get(whose).json();
        let now = status["phase"].as_str().unwrap_or("applied").to_owned();
        let is_done = now == "idle" && status["current"]["generation"] == generation;
        is_done || now != "idle" && rank(&now) >= rank(phase)
    });
}

/// Kills keepers in each phase of a rotation of `whose`, `each` times; gives the last keeper and the longest
/// that it took to be whole again.
fn survive_each_phase(
    home: &Home,
    mut keeper: Keeper,
    whose: &str,
    each: u32,
) -> (Keeper, Duration) {
    let mut slowest = Duration::ZERO;
    for phase in PHASES.iter().flat_map(|phase| (0..each).map(move |_| phase)) {
        let (next, elapsed) = survive(home, keeper, whose, |keeper, generation| {
            reaches(keeper, whose, phase, generation);
        });
        (keeper, slowest) = (next, slowest.max(elapsed));
    }
    (keeper, slowest)
}

/// Says how long the slowest took and what became of the load's requests, of which none may have failed.
fn judge(load: Load, slowest: Duration, [whole, failed]: [&str; 2]) {
    let (answered, failures) = load.end();
    let reached = format!("{:.1} s", slowest.as_secs_f64());
    figure(whole, "5 s", &reached, slowest <= Duration::from_secs(5));
    let reached = format!("{} of {answered}", failures.len());
    figure(failed, "0", &reached, failures.is_empty());
    assert!(failures.is_empty(), "{} of {answered}: {}", failures.len(), failures[0]);
}

#[test]
fn a_kill_in_each_phase_and_at_random_locks_nobody_out() {
    let home = home("");
    let service = serve(&home);
    let keeper = leading(&home);
    done(&home, &keeper, "adopt");
    let load = Load::on(&service);
    let each = times("HOWDAH_CHAOS_KILLS", 1);
    let (mut keeper, mut slowest) = survive_each_phase(&home, keeper, APPLICATION, each);
    let random = times("HOWDAH_CHAOS_RANDOM", 2);
    for _ in 0..random {
        let pause = Duration::from_millis(fastrand::u64(0..3000));
        let (next, elapsed) = survive(&home, keeper, APPLICATION, |_, _| std::thread::sleep(pause));
        (keeper, slowest) = (next, slowest.max(elapsed));
    }
    let killed = 7 * each + random;
    figure("keepers killed without lockout", "7 × 20 + 1000", &killed.to_string(), true);
    judge(load, slowest, ["whole again after a kill", "requests failed meanwhile"]);
}

#[test]
fn a_kill_in_each_phase_of_the_keepers_own_login_locks_no_keeper_out() {
    let home = home("");
    let service = serve(&home);
    let keeper = leading(&home);
    done(&home, &keeper, "adopt");
    let load = Load::on(&service);
    let each = times("HOWDAH_CHAOS_KILLS", 1);
    let (keeper, slowest) = survive_each_phase(&home, keeper, OWN, each);
    own::rotate(&home, &keeper);
    let killed = (7 * each).to_string();
    figure("keepers killed as their own login changes", "7 × 20", &killed, true);
    judge(load, slowest, ["whole again after that", "requests failed during that"]);
}

/// Signs in for each request, with the credential that is published then; gives how often that was
/// done and why it failed.
fn connect_per_request(home: &Home, stop: &AtomicBool, count: &AtomicU64) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut failures = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let published = home.published();
        let mut config = home.database.config();
        config.user(published["user"].as_str().unwrap());
        config.password(published["password"].as_str().unwrap());
        let outcome = runtime.block_on(async {
            let (client, connection) = config.connect(tokio_postgres::NoTls).await?;
            let connection = tokio::spawn(connection);
            client.simple_query("SELECT 1").await?;
            drop(client);
            drop(connection.await);
            Ok::<_, tokio_postgres::Error>(())
        });
        match outcome {
            Ok(()) => drop(count.fetch_add(1, Ordering::Relaxed)),
            Err(error) => failures.push(format!("{error:?}")),
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    failures
}

#[test]
fn rotations_fail_neither_pooled_requests_nor_those_that_sign_in_each_time() {
    let home = home("");
    let (service, keeper) = (serve(&home), leading(&home));
    done(&home, &keeper, "adopt");
    let rotations = times("HOWDAH_CHAOS_ROTATIONS", 3);
    let load = Load::on(&service);
    let (stop, count) = (AtomicBool::new(false), AtomicU64::new(0));
    let failures = std::thread::scope(|scope| {
        let caller = scope.spawn(|| connect_per_request(&home, &stop, &count));
        for _ in 0..rotations {
            done(&home, &keeper, "rotate");
        }
        stop.store(true, Ordering::Relaxed);
        caller.join().unwrap()
    });
    let (answered, failed) = load.end();
    let total = count.into_inner();
    figure("rotations under load", "1000", &rotations.to_string(), true);
    let reached = format!("{} of {answered}", failed.len());
    figure("pooled requests failed", "0", &reached, failed.is_empty());
    let reached = format!("{} of {total}", failures.len());
    figure("sign-ins for each request failed", "0", &reached, failures.is_empty());
    assert!(failed.is_empty(), "{}", failed[0]);
    assert!(failures.is_empty(), "{}", failures[0]);
    assert!(answered > 0 && total > 0);
}
