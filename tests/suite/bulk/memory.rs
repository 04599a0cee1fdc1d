//! The memory of a load does not grow with its body.

use super::*;

#[test]
fn eight_times_the_rows_take_no_more_memory() {
    let database = database();
    let service = started(&database);
    let load = |rows: u32| {
        let reply =
            post(&service, "/prices", NDJSON, super::formats::prices(NDJSON, rows).as_bytes());
        assert_eq!(reply.json()["inserted"], rows, "{reply}");
        service.peak_kib()
    };
    let few = load(50_000);
    let many = load(400_000);
    // The larger body is 27 MB.
    assert!(many < few + 4 * 1024, "{few} KiB and then {many} KiB");
}
