//! Two instances behind one port, one of which takes over from the other.

use super::{database, get, on_threads, wait_until_ready};
use crate::support::{database::Database, eventually, http::PATIENCE, service::Service};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};

/// Between two requests of a caller: the machine has the instances to start, too.
const PAUSE: Duration = Duration::from_millis(3);

/// An instance at `at`, which others may have too.
fn instance(database: &Database, at: &str, delay: &str) -> Service {
    let service = on_threads(database, 2).env("HOWDAH_LISTEN_HTTP", at);
    let service = service.env("HOWDAH_LISTEN_REUSE_PORT", "on").env("DRAIN", "20s");
    let service = service.env("HOWDAH_LIMITS_DRAIN_DELAY", delay).start();
    wait_until_ready(&service);
    service
}

fn connect(at: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(at).expect("somebody listens");
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// A request on a connection of its own.
fn once(at: SocketAddr) {
    let mut stream = connect(at);
    stream.write_all(&get(b"/echo?text=new")).expect("it is read");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer on a new connection");
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("\"new\""), "{answer}");
}

/// Requests on one connection until it is to be closed, or `stop`; gives how many.
fn many(at: SocketAddr, stop: &AtomicBool) -> usize {
    let mut stream = BufReader::new(connect(at));
    let mut count = 0;
    while !stop.load(Ordering::Relaxed) {
        let request = b"GET /echo?text=kept HTTP/1.1\r\nHost: x\r\n\r\n";
        stream.get_mut().write_all(request).expect("it is read");
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(stream.read_line(&mut head).expect("an answer"), 0, "closed: {head}");
        }
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        stream.read_exact(&mut [0; 6]).expect("a body");
        count += 1;
        std::thread::sleep(PAUSE);
        if head.contains("connection: close") {
            break;
        }
    }
    count
}

/// Rolls instances behind one port under load; gives how many requests were answered.
fn roll(times: usize, delay: &str) -> usize {
    let database = database();
    let mut current = instance(&database, "127.0.0.1:0", delay);
    let at = current.http;
    let (stop, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    let (stop, answered) = (&stop, &answered);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    once(at);
                    std::thread::sleep(PAUSE);
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for _ in 0..3 {
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    answered.fetch_add(many(at, stop), Ordering::Relaxed);
                }
            });
        }
        for _ in 0..times {
            let next = instance(&database, &at.to_string(), delay);
            assert_eq!(next.http, at);
            let (status, output) = current.stop();
            assert!(status.success(), "{status}");
            assert!(output.contains(r#""message":"stopped","unfinished":0"#), "{output}");
            let before = answered.load(Ordering::Relaxed);
            eventually("it goes on", PATIENCE, || answered.load(Ordering::Relaxed) > before + 50);
            current = next;
        }
        stop.store(true, Ordering::Relaxed);
    });
    answered.load(Ordering::Relaxed)
}

#[test]
fn no_request_fails_while_one_instance_takes_over_from_another() {
    assert!(roll(3, "0s") > 150);
}

#[test]
fn nor_with_a_delay() {
    assert!(roll(2, "300ms") > 100);
}

/// Many times, and under whatever load the machine has besides: `make chaos`.
#[test]
#[ignore = "takes minutes"]
fn nor_when_it_is_done_many_times() {
    println!("{} requests over 40 changes of instance, none failed", roll(40, "100ms"));
}

#[test]
fn during_the_delay_it_serves_on_and_sends_callers_away() {
    let database = database();
    let service = instance(&database, "127.0.0.1:0", "60s");
    let at = service.http;
    let mut kept = BufReader::new(connect(at));
    service.terminate();
    eventually("/ready says no", PATIENCE, || service.get_admin("/ready").status == 503);
    assert_eq!(service.get_admin("/live").status, 200);
    once(at);
    kept.get_mut().write_all(b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut answer = String::new();
    kept.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("connection: close"), "{answer}");
    // A second signal does not wait.
    assert!(service.stop().0.success());
}

#[test]
fn an_address_is_shared_only_when_both_say_so() {
    let database = database();
    let service = instance(&database, "127.0.0.1:0", "0s");
    let alone = on_threads(&database, 1).env("HOWDAH_LISTEN_HTTP", service.http.to_string());
    let output = alone.refused();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && told.contains("another process listens there"), "{told}");
}

#[test]
fn connections_that_wait_in_the_kernel_are_answered_before_the_listener_closes() {
    let database = database();
    let service = instance(&database, "127.0.0.1:0", "0s");
    let other = instance(&database, &service.http.to_string(), "0s");
    // Stopped by the kernel, it accepts nothing, and connections wait for it and the other.
    service.signal(rustix::process::Signal::STOP);
    let mut waiting: Vec<TcpStream> = (0..40).map(|_| connect(service.http)).collect();
    for stream in &mut waiting {
        stream.write_all(&get(b"/echo?text=waited")).unwrap();
    }
    std::thread::sleep(Duration::from_millis(300));
    service.terminate();
    service.signal(rustix::process::Signal::CONT);
    for mut stream in waiting {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it is not reset");
        assert!(answer.ends_with("\"waited\""), "{answer}");
    }
    assert!(service.stop().0.success());
    assert!(other.stop().0.success());
}
