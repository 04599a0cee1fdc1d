//! The harness keeps its own promises.

use crate::support::{
    eventually, planted,
    postgres::{self, Cluster},
    proxy::Proxy,
};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

#[test]
fn each_test_has_a_database_of_its_own() {
    let (one, two) = (postgres::database(), postgres::database());
    one.psql("CREATE TABLE t (a int); INSERT INTO t VALUES (1), (NULL)");
    assert_eq!(one.psql("SELECT a FROM t ORDER BY a"), [[Some("1".to_owned())], [None]]);
    assert_eq!(two.psql("SELECT to_regclass('t')::text"), [[None::<String>]]);
    let owner =
        one.psql("SELECT usename FROM pg_user WHERE usename = current_user AND NOT usesuper");
    assert_eq!(owner, [[Some(one.user.clone())]]);
}

#[test]
fn a_cluster_stops_crashes_and_comes_back_with_its_data() {
    let cluster = Cluster::start();
    let database = crate::support::database::Database::create(&cluster);
    database.psql("CREATE TABLE kept (a int)");
    cluster.stop();
    assert!(TcpStream::connect(("127.0.0.1", cluster.port)).is_err());
    cluster.restart();
    database.psql("INSERT INTO kept VALUES (1)");
    cluster.crash();
    assert!(TcpStream::connect(("127.0.0.1", cluster.port)).is_err());
    cluster.restart();
    assert_eq!(database.psql("SELECT count(*) FROM pg_class WHERE relname = 'kept'").len(), 1);
    let folder = cluster.folder.clone();
    drop(cluster);
    assert!(!folder.exists());
}

#[test]
fn what_is_planted_is_found_in_any_output_even_in_two_pieces() {
    let secret = format!("planted-{:016x}", fastrand::u64(..));
    let mut watch = planted::Watch::default();
    let said = format!("{{\"password\":\"{secret}\"}}");
    assert_eq!(watch.find(said.as_bytes()), None, "nobody keeps it secret yet");
    planted::plant(&secret);
    let (one, two) = said.as_bytes().split_at(20);
    let mut watch = planted::Watch::default();
    assert_eq!(watch.find(one), None);
    assert_eq!(watch.find(two), Some(secret));
    assert_eq!(planted::Watch::default().find(b"another line\n"), None);
}

/// A server that sends back what it gets.
fn echo() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            std::thread::spawn(move || {
                std::io::copy(&mut stream.try_clone().unwrap(), &mut stream)
            });
        }
    });
    port
}

fn ask(stream: &mut TcpStream) -> std::io::Result<()> {
    stream.write_all(b"x")?;
    stream.read_exact(&mut [0])
}

#[test]
fn the_proxy_passes_delays_cuts_swallows_and_restores() {
    let proxy = Proxy::to(echo());
    let connect = || TcpStream::connect(("127.0.0.1", proxy.port));
    let mut stream = connect().unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    ask(&mut stream).unwrap();

    proxy.delay(Duration::from_millis(30));
    let start = Instant::now();
    ask(&mut stream).unwrap();
    assert!(start.elapsed() >= Duration::from_millis(60), "there and back");

    proxy.black_hole();
    assert!(ask(&mut stream).is_err(), "swallowed");
    let _swallowed = connect().expect("a swallowed connection is taken");
    eventually("it counts", Duration::from_secs(5), || proxy.accepted() == 2);
    proxy.restore();
    stream.read_exact(&mut [0]).expect("what was held arrives");
    ask(&mut stream).unwrap();

    proxy.cut();
    assert_eq!(stream.read(&mut [0]).unwrap_or(0), 0, "closed");
    assert!(connect().is_err(), "refused");
    proxy.restore();
    ask(&mut connect().unwrap()).unwrap();
    assert_eq!(proxy.accepted(), 3);
}

/// Run by the test below in a process of its own: shows its folder, then waits to be killed.
#[test]
#[ignore = "the other half of nothing_is_left_after_a_kill"]
fn hold_a_cluster() {
    println!("folder {}", postgres::cluster().folder.display());
    std::thread::sleep(Duration::from_mins(1));
}

#[test]
fn nothing_is_left_after_a_kill() {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "harness::hold_a_cluster", "--ignored", "--nocapture"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let line = lines.find_map(|line| line.split_once("folder ").map(|(_, it)| it.to_owned()));
    let folder = PathBuf::from(line.unwrap());
    let server: i32 = std::fs::read_to_string(folder.join("data/postmaster.pid"))
        .map(|text| text.lines().next().unwrap().parse().unwrap())
        .unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    eventually("the folder goes", Duration::from_secs(20), || !folder.exists());
    assert!(!Path::new(&format!("/proc/{server}")).exists());
}
