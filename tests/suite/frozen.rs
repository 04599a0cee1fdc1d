//! A database that is there and does nothing: its processes are stopped under load, so that the kernel
//! goes on taking what is sent to them.

use crate::support::{
    database::Database,
    eventually,
    http::{self, PATIENCE},
    postgres::Cluster,
    service::{Service, serve},
};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

/// The processes of a cluster, which go on when the value goes: what stands still cannot be ended.
struct Frozen(Vec<Pid>);

impl Frozen {
    fn new(cluster: &Cluster) -> Self {
        let frozen = Self(vec![cluster.postmaster()]);
        // The parent first, so that no child is made meanwhile.
        frozen.send(Signal::STOP);
        let all = Self(frozen.0.iter().copied().chain(cluster.children()).collect());
        all.send(Signal::STOP);
        std::mem::forget(frozen);
        all
    }

    fn send(&self, signal: Signal) {
        for pid in &self.0 {
            // A backend may have ended before.
            let _ = kill_process(*pid, signal);
        }
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        self.send(Signal::CONT);
    }
}

/// The endpoint's lane has a deadline of a second.
fn ask(service: &Service) -> u16 {
    let reply = http::send(service.http, "GET", "/quick", &[], b"").expect("an answer");
    if reply.status != 200 {
        reply.problem();
    }
    reply.status
}

#[test]
fn a_database_that_stands_still_costs_a_deadline_and_is_used_again_when_it_goes_on() {
    let cluster = Cluster::start();
    let database = Database::create(&cluster);
    database.psql("CREATE TABLE notes (text text NOT NULL)");
    let service =
        serve("tests/suite/pooler/service").database(&database).arg("--threads=1").start();
    eventually("ready", PATIENCE, || service.get_admin("/ready").status == 200);
    let stop = AtomicBool::new(false);
    let refused: [AtomicUsize; 8] = Default::default();
    std::thread::scope(|scope| {
        for told in &refused {
            let (service, stop) = (&service, &stop);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    match ask(service) {
                        200 => {}
                        503 | 504 => drop(told.fetch_add(1, Ordering::Relaxed)),
                        other => panic!("{other}"),
                    }
                }
            });
        }
        let frozen = Frozen::new(&cluster);
        // As long as it stands still nobody can be told anything but that; so none of them hangs.
        let all = |count: usize| refused.iter().all(|it| it.load(Ordering::Relaxed) >= count);
        let told = Instant::now();
        while !all(2) && told.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(10));
        }
        let told = all(2);
        drop(frozen);
        stop.store(true, Ordering::Relaxed);
        assert!(told, "somebody was not told within {PATIENCE:?}: {refused:?}");
    });
    eventually("it answers again", PATIENCE, || ask(&service) == 200);
}
