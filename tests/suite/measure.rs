//! Figures of the binary, for `make measure`. They are shown, not judged: a busy machine is slow.

use crate::{
    contract::SEEDED,
    support::{http, ports, service},
};
use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

const RUNS: usize = 20;
const REQUESTS: usize = 5_000;
const RATES: &str =
    "/rates?date_from=2021-01-01&date_to=2021-01-31&orig_code=CNGGZ&dest_code=EETLL";

/// A line of `/proc/PID/status`, in KiB.
fn memory_kib(pid: u32, field: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    line.split_whitespace().find_map(|word| word.parse().ok()).unwrap()
}

fn median_ms(mut times: Vec<Duration>) -> String {
    times.sort();
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    let (least, median, most) = (times[0], times[times.len() / 2], times[times.len() - 1]);
    format!("{:.1} ms (from {:.1} to {:.1})", ms(median), ms(least), ms(most))
}

/// The time from the start of the process to its first right answer to `path`.
fn first_answer(path: &str) -> Duration {
    let address = SocketAddr::from(([127, 0, 0, 1], ports::free()));
    let start = Instant::now();
    let _service = service::serve("services/rates")
        .database(&SEEDED)
        .env("HOWDAH_LISTEN_HTTP", address.to_string())
        .start();
    loop {
        if http::send(address, "GET", path, &[], b"").is_ok_and(|reply| reply.status == 200) {
            return start.elapsed();
        }
    }
}

#[test]
#[ignore = "for `make measure`"]
fn measure() {
    println!("binary: {}", service::binary().display());
    let size = std::fs::metadata(service::binary()).unwrap().len();
    println!("size of the binary: {} KiB", size / 1024);
    drop(SEEDED.psql("SELECT 1"));
    let hello = (0..RUNS).map(|_| first_answer("/")).collect();
    println!("start to first answer, no SQL: {}", median_ms(hello));
    let rates = (0..RUNS).map(|_| first_answer(RATES)).collect();
    println!("start to first answer, /rates: {}", median_ms(rates));

    let service = service::serve("services/rates").database(&SEEDED).start();
    assert_eq!(service.get(RATES).status, 200);
    std::thread::sleep(Duration::from_secs(2));
    println!("memory when idle: {} KiB", memory_kib(service.pid(), "VmRSS:"));
    println!("  of it not shared with files: {} KiB", memory_kib(service.pid(), "RssAnon:"));
    for _ in 0..REQUESTS {
        assert_eq!(service.get(RATES).status, 200);
    }
    std::thread::sleep(Duration::from_secs(2));
    println!("memory after {REQUESTS} requests: {} KiB", memory_kib(service.pid(), "VmRSS:"));
}
