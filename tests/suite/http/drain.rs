//! The end of the process: nothing that was accepted is dropped.

use super::{FOLDER, database, get, on_threads, surface, wait_until_ready};
use crate::support::{
    eventually,
    folder::Folder,
    http::{self, PATIENCE},
    service::howdah,
};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    os::unix::net::UnixStream,
    process::{Child, Stdio},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

fn connect(at: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(at).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Reads one answer of a connection that stays open; gives its head and body.
fn one_answer(stream: &mut BufReader<TcpStream>) -> std::io::Result<(String, Vec<u8>)> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.unwrap().parse().unwrap()];
    stream.read_exact(&mut body)?;
    Ok((head, body))
}

#[test]
fn under_load_every_request_that_was_accepted_is_answered() {
    let service = on_threads(&database(), 2).env("DRAIN", "20s");
    let service = service.start();
    wait_until_ready(&service);
    let at = service.http;
    let (stop, answered, told) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    let (answered, told, stop) = (&answered, &told, &stop);
    let status = std::thread::scope(|scope| {
        // Callers that keep their connection until they are told to close it.
        for _ in 0..6 {
            scope.spawn(move || {
                let mut stream = BufReader::new(connect(at));
                while !stop.load(Ordering::Relaxed) {
                    stream
                        .get_mut()
                        .write_all(b"GET /echo?text=kept HTTP/1.1\r\nHost: x\r\n\r\n")
                        .unwrap();
                    let (head, body) =
                        one_answer(&mut stream).expect("an answer on a kept connection");
                    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
                    assert_eq!(body, br#""kept""#);
                    answered.fetch_add(1, Ordering::Relaxed);
                    if head.contains("connection: close") {
                        told.fetch_add(1, Ordering::Relaxed);
                        return;
                    }
                }
            });
        }
        // Callers that open a connection for each request, until nobody listens.
        for _ in 0..4 {
            scope.spawn(move || {
                while let Ok(mut stream) = TcpStream::connect(at) {
                    stream.write_all(&get(b"/echo?text=new")).unwrap();
                    let mut answer = String::new();
                    stream.read_to_string(&mut answer).expect("an answer on a new connection");
                    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        // And slow ones that are in flight.
        for _ in 0..3 {
            scope.spawn(move || {
                let answer = http::exchange(at, &get(b"/slow?seconds=1.5"));
                assert!(answer.ends_with(b"\"slept\""), "{}", String::from_utf8_lossy(&answer));
            });
        }
        eventually("many are answered", PATIENCE, || answered.load(Ordering::Relaxed) > 100);
        let (status, output) = service.stop();
        stop.store(true, Ordering::Relaxed);
        assert!(output.contains(r#""message":"stopped","unfinished":0"#), "{output}");
        status
    });
    assert_eq!(status.code(), Some(0));
    assert_eq!(told.load(Ordering::Relaxed), 6, "each was told to close");
}

#[test]
fn idle_connections_do_not_hold_the_end_up_and_ready_says_no() {
    let service = surface(&database()).env("DRAIN", "30s").start();
    wait_until_ready(&service);
    let idle = connect(service.http);
    let mut kept = BufReader::new(connect(service.http));
    kept.get_mut().write_all(b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    one_answer(&mut kept).unwrap();
    let (at, admin) = (service.http, service.admin);
    let slow = std::thread::spawn(move || http::exchange(at, &get(b"/slow?seconds=6")));
    std::thread::sleep(Duration::from_millis(300));
    let start = Instant::now();
    service.terminate();
    let mut nothing = Vec::new();
    kept.read_to_end(&mut nothing).unwrap();
    (&idle).read_to_end(&mut nothing).unwrap();
    assert!(nothing.is_empty());
    assert!(start.elapsed() < Duration::from_secs(4), "closed after {:?}", start.elapsed());

    let ready = http::send(admin, "GET", "/ready", &[], b"").unwrap();
    assert_eq!((ready.status, &ready.json()["ready"]), (503, &false.into()));
    assert_eq!(http::send(admin, "GET", "/live", &[], b"").unwrap().status, 200);
    assert!(TcpStream::connect(at).is_err(), "nobody listens");
    let answer = slow.join().unwrap();
    assert!(answer.ends_with(b"\"slept\""), "{}", String::from_utf8_lossy(&answer));
    assert_eq!(service.stop().0.code(), Some(0));
}

#[test]
fn the_deadline_cuts_off_what_is_left() {
    let service = surface(&database()).env("DRAIN", "300ms").start();
    wait_until_ready(&service);
    let mut slow = connect(service.http);
    slow.write_all(&get(b"/slow?seconds=9")).unwrap();
    std::thread::sleep(Duration::from_millis(200));
    let start = Instant::now();
    let (status, output) = service.stop();
    assert!(start.elapsed() < Duration::from_secs(7), "{:?}", start.elapsed());
    assert!(status.success());
    assert!(output.contains(r#""message":"stopped","unfinished":1"#), "{output}");
    let mut answer = Vec::new();
    let _ = slow.read_to_end(&mut answer);
    assert!(answer.is_empty(), "{}", String::from_utf8_lossy(&answer));
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let service = surface(&database()).env("DRAIN", "60s").start();
    wait_until_ready(&service);
    let mut slow = connect(service.http);
    slow.write_all(&get(b"/slow?seconds=9")).unwrap();
    std::thread::sleep(Duration::from_millis(200));
    service.terminate();
    std::thread::sleep(Duration::from_millis(300));
    let start = Instant::now();
    service.stop();
    assert!(start.elapsed() < Duration::from_secs(7), "{:?}", start.elapsed());
}

/// A child that is killed with its value.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn unix_sockets_serve_and_are_probed_and_go() {
    let folder = Folder::new("unix");
    let (http, admin) = (folder.path().join("h"), folder.path().join("a"));
    // Left over from a process that was killed: nobody listens on it.
    drop(std::os::unix::net::UnixListener::bind(&http).unwrap());
    let listen = [("http", &http), ("admin", &admin)]
        .map(|(name, path)| format!("listen.{name}=unix:{}", path.display()));
    let project = crate::support::service::project(FOLDER);
    let command = |name: &str| {
        let mut command = howdah([name]);
        command.arg(&project).args(["--set", &listen[0], "--set", &listen[1]]);
        command.envs(database().environment()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    };
    let probe = |more: &[&str]| command("probe").args(more).output().unwrap();
    assert_eq!(probe(&[]).status.code(), Some(1), "nobody is there");

    let ready = folder.path().join("ready");
    let mut child = Killed(command("serve").arg("--ready-file").arg(&ready).spawn().unwrap());
    eventually("ready", PATIENCE, || probe(&[]).status.code() == Some(0));
    assert_eq!(probe(&["--live"]).status.code(), Some(0));
    let said: serde_json::Value = serde_json::from_slice(&std::fs::read(&ready).unwrap()).unwrap();
    assert_eq!(said["http"], format!("unix:{}", http.display()));
    assert_eq!(said["pid"], child.0.id());

    let mut stream = UnixStream::connect(&http).unwrap();
    stream.write_all(&get(b"/echo?text=unix")).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with("\"unix\""), "{answer}");

    let taken = command("serve").output().unwrap();
    assert_eq!(taken.status.code(), Some(1), "another one listens there: {taken:?}");
    let pid = child.0.id().to_string();
    std::process::Command::new("kill").arg(&pid).status().unwrap();
    assert!(child.0.wait().unwrap().success());
    assert!(!http.exists() && !admin.exists(), "the sockets go with it");
}
