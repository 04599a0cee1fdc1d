//! Ten times as many requests as the database can answer.

use crate::support::{
    database::Database,
    eventually,
    folder::Folder,
    http::PATIENCE,
    postgres,
    service::{Service, serve},
};
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

/// A statement that takes 50 ms, on four connections: 80 in a second, whatever the machine is.
fn folder(queue_delay: &str) -> Folder {
    let folder = Folder::new("overload");
    folder.write(
        "howdah.toml",
        format!(
            "[service]\nname = \"overload\"\n\
             [database]\nhost = \"${{DB_HOST}}\"\nport = \"${{DB_PORT}}\"\nname = \"${{DB_NAME}}\"\n\
             user = \"${{DB_USER}}\"\npassword = \"${{DB_PASSWORD:-}}\"\n\
             [lanes.read]\nconnections = 4\nqueue_delay = \"{queue_delay}\"\ndeadline = \"20s\"\n\
             [log]\nlevel = \"error\"\n"
        ),
    );
    folder.write(
        "endpoints/work.sql",
        "/*\nget = \"/work\"\nresult = \"value\"\n\
         [parameters]\nn = { type = \"integer\" }\n*/\n\
         SELECT 'done' FROM pg_sleep(0.05) WHERE :n::bigint IS NOT NULL\n",
    );
    folder
}

fn start(folder: &Folder, database: &Database) -> Service {
    let service = serve(folder.path()).database(database).arg("--threads=1").start();
    eventually("ready", PATIENCE, || service.get_admin("/ready").status == 200);
    service
}

/// What came of requests.
#[derive(Default)]
struct Counts {
    /// Answered in time, and how long that took together.
    good: AtomicU64,
    waited_ms: AtomicU64,
    /// Turned away, with `Retry-After`.
    shed: AtomicU64,
    /// Given up by their callers, who have other things to do.
    late: AtomicU64,
}

/// How long a caller waits for an answer.
const IN_TIME: Duration = Duration::from_secs(3);

async fn ask(at: SocketAddr, number: u64) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(at).await?;
    let request = format!("GET /work?n={number} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

/// So many callers, each of whom asks again and again for so long, after a pause when turned away.
fn load(service: &Service, callers: u64, lasts: Duration) -> Arc<Counts> {
    let (at, counts) = (service.http, Arc::new(Counts::default()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (end, mut all) = (Instant::now() + lasts, JoinSet::new());
        for caller in 0..callers {
            let counts = Arc::clone(&counts);
            all.spawn(async move {
                let mut number = caller * 1_000_000;
                while Instant::now() < end {
                    number += 1;
                    let asked = Instant::now();
                    match timeout(IN_TIME, ask(at, number)).await {
                        Err(_) => _ = counts.late.fetch_add(1, Ordering::Relaxed),
                        Ok(answer) => {
                            let answer = answer.expect("an answer, one way or the other");
                            if answer.starts_with("HTTP/1.1 200") {
                                let waited = u64::try_from(asked.elapsed().as_millis()).unwrap();
                                counts.waited_ms.fetch_add(waited, Ordering::Relaxed);
                                counts.good.fetch_add(1, Ordering::Relaxed);
                            } else {
                                assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
                                assert!(answer.contains("retry-after: "), "{answer}");
                                counts.shed.fetch_add(1, Ordering::Relaxed);
                                sleep(Duration::from_millis(150)).await;
                            }
                        }
                    }
                }
            });
        }
        all.join_all().await;
    });
    counts
}

/// Memory of the process that is resident, in bytes.
fn resident(service: &Service) -> u64 {
    let metrics = service.get_admin("/metrics").text();
    let line = metrics.lines().find_map(|it| it.strip_prefix("process_resident_memory_bytes "));
    line.expect("it is counted").parse().expect("a whole number of bytes")
}

/// Answers in time under ten times the load, as a part of those under the best one: of several rounds, for
/// a machine has other things to do at times, the middle one.
fn goodput(queue_delay: &str, rounds: usize, lasts: Duration) -> f64 {
    let (folder, database) = (folder(queue_delay), postgres::database());
    let service = start(&folder, &database);
    let mut ratios: Vec<f64> = (0..rounds).map(|_| round(&service, queue_delay, lasts)).collect();
    ratios.sort_by(f64::total_cmp);
    ratios[rounds / 2]
}

fn round(service: &Service, queue_delay: &str, lasts: Duration) -> f64 {
    let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
    let best = load(service, 8, lasts);
    assert_eq!((of(&best.shed), of(&best.late)), (0, 0), "eight callers are no overload");
    let before = resident(service);
    let over = load(service, 400, lasts);
    let grown = resident(service).saturating_sub(before);
    let (best, good) = (of(&best.good), of(&over.good));
    let (shed, late) = (of(&over.shed), of(&over.late));
    println!(
        "queue_delay {queue_delay}: best {best}; under load {good} good after {} ms in the mean, \
         {shed} shed, {late} late; {} KiB more",
        of(&over.waited_ms) / good.max(1),
        grown / 1024
    );
    assert!(grown < 64 << 20, "{grown} bytes for 400 callers");
    f64::from(u32::try_from(good).unwrap()) / f64::from(u32::try_from(best).unwrap())
}

#[test]
fn under_overload_nearly_as_much_is_answered_as_ever() {
    let ratio = goodput("300ms", 1, Duration::from_secs(6));
    assert!(ratio > 0.6, "{ratio}");
}

/// The promise itself, and that the queue alone does not keep it.
#[test]
#[ignore = "takes a minute, and wants a machine that does nothing else"]
fn under_overload_nine_tenths_are_answered_and_fewer_without_the_limit() {
    let with = goodput("300ms", 5, Duration::from_secs(6));
    let without = goodput("off", 3, Duration::from_secs(6));
    println!(
        "goodput at ten times the capacity: {with:.3} of the best; without the limit {without:.3}"
    );
    assert!(with >= 0.9, "{with}");
    assert!(without < 0.8 * with, "{without}, and {with}");
}
