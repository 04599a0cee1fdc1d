//! The memory of a load does not grow with its body.

use super::*;

/// The most memory that the process has had, in KiB.
fn peak_kib(service: &Service) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", service.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn eight_times_the_rows_take_no_more_memory() {
    let database = database();
    let service = started(&database);
    let load = |rows: u32| {
        let reply =
            post(&service, "/prices", NDJSON, super::formats::prices(NDJSON, rows).as_bytes());
        assert_eq!(reply.json()["inserted"], rows, "{reply}");
        peak_kib(&service)
    };
    let few = load(50_000);
    let many = load(400_000);
    // The larger body is 27 MB.
    assert!(many < few + 4 * 1024, "{few} KiB and then {many} KiB");
}
