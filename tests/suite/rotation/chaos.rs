//! Rotations while keepers are killed and callers never stop. A few in the suite; as many as
//! `HOWDAH_CHAOS_…` says in `scripts/chaos-access`, in shares that go on at the same time. It reads the lines that
//! begin with `figure` or `progress`.

use super::{Load, done, leading, own, serve, signs_in};
use crate::support::{
    database::connect,
    eventually,
    keeper::{Home, Keeper},
    shares::{Place, Work, at_once, number},
};
use serde_json::json;
use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// Longer than a loaded machine takes.
const PATIENCE: Duration = Duration::from_mins(1);
/// What is to be reached.
const WHOLE_AGAIN: Duration = Duration::from_secs(5);
const PHASES: [&str; 7] =
    ["applied", "verified", "published", "adopted", "overlap", "retired", "idle"];

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

/// Looks into the database by one connection. To ask the keeper, which signs in for each answer, every few
/// milliseconds would be most of the work, and what is timed would wait for it.
struct Eye {
    runtime: tokio::runtime::Runtime,
    client: tokio_postgres::Client,
}

impl Eye {
    fn on(home: &Home) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let client = runtime.block_on(connect(&home.database.superuser()));
        Self { runtime, client }
    }

    /// The phase that the rotation of `whose` is in, and its generation.
    fn phase(&self, whose: &str) -> (String, u64) {
        let name = if whose == OWN { "keeper" } else { "app" };
        let sql = "SELECT phase, generation FROM howdah.rotation WHERE name = $1";
        let row = self.runtime.block_on(self.client.query_one(sql, &[&name])).unwrap();
        (row.get(0), row.get::<_, i64>(1).unsigned_abs())
    }

    /// Which of these roles may sign in.
    fn enabled(&self, roles: &[String]) -> Vec<String> {
        let sql = "SELECT rolname::text FROM pg_roles WHERE rolcanlogin AND rolname = ANY ($1)";
        let rows = self.runtime.block_on(self.client.query(sql, &[&roles])).unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }
}

/// Begins one of `whose`, kills the keeper when `when` says so, and gives the next and how long it took
/// to be whole again: nothing under way, one login, and the published credential signs in.
fn survive(
    (home, eye): (&Home, &Eye),
    keeper: Keeper,
    whose: &str,
    when: impl Fn(u64),
) -> (Keeper, Duration) {
    let begun = keeper.post(&format!("{whose}/rotate"), &json!({}));
    assert_eq!(begun.status, 202, "{begun}");
    when(begun.json()["generation"].as_u64().unwrap());
    drop(keeper);
    assert!(signs_in(home), "no lockout");
    let start = Instant::now();
    let keeper = leading(home);
    eventually("it is whole again", PATIENCE, || {
        eye.phase(whose).0 == "idle" && {
            let status = keeper.get(whose);
            status.status == 200 && status.json()["phase"] == "idle"
        }
    });
    let elapsed = start.elapsed();
    assert!(signs_in(home), "no lockout");
    let logins =
        |role: &str| [String::new(), "_a".into(), "_b".into()].map(|it| format!("{role}{it}"));
    assert_eq!(eye.enabled(&logins(&home.database.user)).len(), 1);
    let own = own::credential(home);
    let user = own["user"].as_str().unwrap();
    assert_eq!(eye.enabled(&logins(&home.role)), [user], "no keeper is locked out");
    if elapsed > WHOLE_AGAIN {
        println!("progress\twhole again after {:.1} s\n{}", elapsed.as_secs_f64(), keeper.log());
    }
    (keeper, elapsed)
}

/// Waits until the rotation of `whose` has reached `phase`, or is over.
fn reaches(eye: &Eye, whose: &str, phase: &str, generation: u64) {
    eventually(phase, PATIENCE, || {
        let (now, of) = eye.phase(whose);
        let is_done = now == "idle" && of == generation;
        is_done || now != "idle" && rank(&now) >= rank(phase)
    });
}

/// How long a caller waits after each answer: longer where several shares go on, so that all callers together
/// ask as often as those of one, and what is timed is the keeper and not a processor that is full.
fn pause(alone_ms: u64) -> Duration {
    Duration::from_millis(alone_ms * at_once())
}

/// When a keeper is killed.
#[derive(Clone, Copy)]
enum Moment {
    /// As soon as the rotation has come so far.
    Phase(&'static str),
    /// At random.
    Any,
}

/// Each phase, so many times.
fn each_phase(times: u64) -> impl Iterator<Item = Moment> {
    PHASES.iter().flat_map(move |phase| (0..times).map(move |_| Moment::Phase(phase)))
}

/// What several shares saw, added up.
#[derive(Default)]
struct Seen {
    slowest: Duration,
    answered: u64,
    failures: Vec<String>,
}

impl Seen {
    fn add(&mut self, other: Self) {
        self.slowest = self.slowest.max(other.slowest);
        self.answered += other.answered;
        self.failures.extend(other.failures);
    }

    fn of(all: Vec<Self>) -> Self {
        all.into_iter().fold(Self::default(), |mut whole, one| {
            whole.add(one);
            whole
        })
    }

    /// Says what was reached: no request may have failed.
    fn judge(&self, [whole, failed]: [&str; 2]) {
        let reached = format!("{:.1} s", self.slowest.as_secs_f64());
        figure(whole, "5 s", &reached, self.slowest <= WHOLE_AGAIN);
        self.judge_requests(failed);
    }

    fn judge_requests(&self, failed: &str) {
        let Self { answered, failures, .. } = self;
        let reached = format!("{} of {answered}", failures.len());
        figure(failed, "0", &reached, failures.is_empty());
    }

    fn holds(&self) {
        let Self { answered, failures, .. } = self;
        assert!(failures.is_empty(), "{} of {answered}: {}", failures.len(), failures[0]);
        assert!(*answered > 0);
    }
}

/// Kills keepers at each of the moments, in shares; gives what they saw.
fn survive_all(what: &str, whose: &str, moments: &[Moment]) -> Seen {
    let work = Work::new(what, moments.len() as u64);
    let shares = work.share(|work| {
        let place = Place::new();
        let home = Home::rotating(place.database(), "");
        let service = serve(&home);
        let mut keeper = leading(&home);
        done(&home, &keeper, "adopt");
        let eye = Eye::on(&home);
        let load = Load::pausing(&service, pause(2));
        let mut slowest = Duration::ZERO;
        while let Some(piece) = work.take() {
            let moment = moments[usize::try_from(piece).unwrap()];
            let (next, elapsed) =
                survive((&home, &eye), keeper, whose, |generation| match moment {
                    Moment::Phase(phase) => reaches(&eye, whose, phase, generation),
                    Moment::Any => {
                        std::thread::sleep(Duration::from_millis(fastrand::u64(0..3000)));
                    }
                });
            (keeper, slowest) = (next, slowest.max(elapsed));
            work.done();
        }
        own::rotate(&home, &keeper);
        let (answered, failures) = load.end();
        Seen { slowest, answered, failures }
    });
    Seen::of(shares)
}

#[test]
fn a_kill_in_each_phase_and_at_random_locks_nobody_out() {
    let random = usize::try_from(number("HOWDAH_CHAOS_RANDOM", 2)).unwrap();
    let each = each_phase(number("HOWDAH_CHAOS_KILLS", 1));
    let moments: Vec<_> = each.chain(std::iter::repeat_n(Moment::Any, random)).collect();
    let seen = survive_all("keepers killed", APPLICATION, &moments);
    let killed = moments.len().to_string();
    figure("keepers killed without lockout", "7 × 20 + 1000", &killed, true);
    seen.judge(["whole again after a kill", "requests failed meanwhile"]);
    seen.holds();
}

#[test]
fn a_kill_in_each_phase_of_the_keepers_own_login_locks_no_keeper_out() {
    let moments: Vec<_> = each_phase(number("HOWDAH_CHAOS_KILLS", 1)).collect();
    let seen = survive_all("keepers killed as their own login changes", OWN, &moments);
    let killed = moments.len().to_string();
    figure("keepers killed as their own login changes", "7 × 20", &killed, true);
    seen.judge(["whole again after that", "requests failed during that"]);
    seen.holds();
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
        std::thread::sleep(pause(5));
    }
    failures
}

#[test]
fn rotations_fail_neither_pooled_requests_nor_those_that_sign_in_each_time() {
    let rotations = number("HOWDAH_CHAOS_ROTATIONS", 3);
    let work = Work::new("rotations", rotations);
    let shares = work.share(|work| {
        let place = Place::new();
        let home = Home::rotating(place.database(), "");
        let (service, keeper) = (serve(&home), leading(&home));
        done(&home, &keeper, "adopt");
        let load = Load::pausing(&service, pause(2));
        let (stop, count) = (AtomicBool::new(false), AtomicU64::new(0));
        let failures = std::thread::scope(|scope| {
            let caller = scope.spawn(|| connect_per_request(&home, &stop, &count));
            let ended = Ended(&stop);
            while work.take().is_some() {
                done(&home, &keeper, "rotate");
                work.done();
            }
            drop(ended);
            caller.join().unwrap()
        });
        let (answered, failed) = load.end();
        let pooled = Seen { answered, failures: failed, ..Seen::default() };
        (pooled, Seen { answered: count.into_inner(), failures, ..Seen::default() })
    });
    let (pooled, signed_in): (Vec<_>, Vec<_>) = shares.into_iter().unzip();
    let (pooled, signed_in) = (Seen::of(pooled), Seen::of(signed_in));
    figure("rotations under load", "1000", &rotations.to_string(), true);
    pooled.judge_requests("pooled requests failed");
    signed_in.judge_requests("sign-ins for each request failed");
    pooled.holds();
    signed_in.holds();
}

/// Ends a caller also when a rotation fails.
struct Ended<'a>(&'a AtomicBool);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
