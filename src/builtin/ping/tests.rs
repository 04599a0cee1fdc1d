//! Tests of the ping: refusals, a wire that lies or stays silent, and this machine's own loopback.

use super::*;
use rustix::net::SocketType;
use std::{cell::RefCell, collections::VecDeque};

const LONG: Duration = Duration::from_secs(5);
const SHORT: Duration = Duration::from_millis(30);

fn allow() -> Vec<Network> {
    vec![
        Network { address: "127.0.0.0".parse().unwrap(), prefix: 8 },
        Network { address: "::1".parse().unwrap(), prefix: 128 },
    ]
}

type Heard = io::Result<(Vec<u8>, Option<IpAddr>)>;

/// A wire whose messages the test wrote; when they are used up it stays silent.
struct Script(RefCell<VecDeque<Heard>>);

impl Wire for Script {
    async fn send(&self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    async fn receive(&self, buffer: &mut [u8]) -> io::Result<(usize, Option<IpAddr>)> {
        let next = self.0.borrow_mut().pop_front();
        let (message, source) = match next {
            Some(next) => next?,
            None => std::future::pending().await,
        };
        let length = message.len().min(buffer.len());
        buffer[..length].copy_from_slice(&message[..length]);
        Ok((length, source))
    }
}

fn echo() -> Echo {
    Echo::with_payload("127.0.0.1".parse().unwrap(), 1, [7; PAYLOAD_BYTES])
}

fn answer() -> Vec<u8> {
    let mut message = echo().request().to_vec();
    message[0] = 0;
    message
}

async fn hear(messages: Vec<Heard>, timeout: Duration) -> Result<String, Failure> {
    exchange(&Script(RefCell::new(messages.into())), &echo(), timeout).await
}

#[tokio::test]
async fn what_is_no_literal_is_refused() {
    for address in [
        "",
        " 127.0.0.1",
        "localhost",
        "127.1",
        "2130706433",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "127.0.0.01",
        "127.0.0.1.",
        "127.0.0.256",
        "127.0.0.1/8",
        "127.0.0.1:80",
        "[::1]",
        "::1%lo",
        "fe80::1%eth0",
        "fe80::1%25eth0",
        "127.0.0.1;id",
        "127.0.0.1\n",
        "127.0.0.1\0",
        "$(id)",
        "::ffff:127.1",
        "１２７.0.0.1",
        "-c1",
        "a::b::c",
    ] {
        let failure = ping(address, &allow(), LONG).await.expect_err(address);
        assert_eq!(failure.problem.code(), Code::InvalidArguments, "{address}");
        let errors = failure.problem.to_json("")["errors"].clone();
        assert_eq!(errors[0]["parameter"], "ip");
        assert_eq!(failure.log, None);
    }
}

#[tokio::test]
async fn what_is_not_listed_is_refused() {
    for address in ["192.0.2.1", "10.0.0.1", "169.254.169.254", "::", "fe80::1", "2002:7f00:1::"] {
        let failure = ping(address, &allow(), LONG).await.expect_err(address);
        assert_eq!(failure.problem.code(), Code::Forbidden, "{address}");
    }
    assert_eq!(
        ping("127.0.0.1", &[], LONG).await.expect_err("an empty list").problem.status(),
        403
    );
}

#[tokio::test]
async fn silence_is_no_answer() {
    let begun = Instant::now();
    let failure = hear(Vec::new(), SHORT).await.expect_err("silence");
    assert_eq!((failure.problem.code(), failure.problem.status()), (Code::NoAnswer, 504));
    assert!(begun.elapsed() >= SHORT);
}

#[tokio::test]
async fn the_answers_of_others_are_not_ours() {
    let asked: IpAddr = "127.0.0.1".parse().unwrap();
    let stranger: IpAddr = "127.0.0.2".parse().unwrap();
    let mut other = answer();
    other[10] ^= 1;
    let not_ours = || {
        vec![
            Ok((answer(), Some(stranger))),
            Ok((answer(), None)),
            Ok((other.clone(), Some(asked))),
            Ok((echo().request().to_vec(), Some(asked))),
            Ok((Vec::new(), Some(asked))),
            Ok((vec![0; 4000], Some(asked))),
        ]
    };
    let failure = hear(not_ours(), SHORT).await.expect_err("nothing of ours");
    assert_eq!(failure.problem.code(), Code::NoAnswer);
    let mut messages = not_ours();
    messages.push(Ok((answer(), Some(asked))));
    assert!(hear(messages, LONG).await.is_ok());
}

#[tokio::test]
async fn an_error_of_the_socket_finds_its_problem() {
    for (kind, code, logged) in [
        (ErrorKind::HostUnreachable, Code::NoAnswer, false),
        (ErrorKind::NetworkUnreachable, Code::NoAnswer, false),
        (ErrorKind::PermissionDenied, Code::Forbidden, false),
        (ErrorKind::OutOfMemory, Code::Internal, true),
    ] {
        let failure = hear(vec![Err(kind.into())], LONG).await.expect_err("an error");
        assert_eq!((failure.problem.code(), failure.log.is_some()), (code, logged), "{kind}");
    }
}

#[test]
fn the_log_says_how_to_permit_it() {
    let failure = no_socket(&ErrorKind::PermissionDenied.into());
    assert_eq!(failure.problem.code(), Code::Internal);
    assert_eq!(failure.problem.to_json("").get("detail"), None);
    assert!(failure.log.is_some_and(|line| line.contains("net.ipv4.ping_group_range")));
}

#[test]
fn the_summary_looks_like_that_of_ping() {
    assert_eq!(
        summary("::1".parse().unwrap(), Duration::from_micros(45)),
        "PING ::1: 56 data bytes\n64 bytes from ::1: icmp_seq=1 time=0.045 ms\n\n\
         --- ::1 ping statistics ---\n1 packets transmitted, 1 received, 0% packet loss\n"
    );
}

#[tokio::test]
async fn this_machine_answers_on_its_loopback() {
    for (address, shown) in
        [("127.0.0.1", "127.0.0.1"), ("::ffff:127.0.0.1", "127.0.0.1"), ("::1", "::1")]
    {
        if let Err(why) = permitted(shown.parse().unwrap()) {
            eprintln!("skipped: {address}: {why}");
            continue;
        }
        match ping(address, &allow(), LONG).await {
            Ok(summary) => {
                assert!(summary.contains(&format!("64 bytes from {shown}: ")), "{summary}");
            }
            // A machine, or a container, without IPv6.
            Err(failure) if address == "::1" && failure.problem.code() == Code::NoAnswer => {
                eprintln!("skipped: {address}: no IPv6 here");
            }
            Err(failure) => panic!("{address}: {failure:?}"),
        }
    }
}

#[tokio::test]
async fn each_kind_of_socket_hears_the_answer() {
    for kind in [SocketType::DGRAM, SocketType::RAW] {
        for address in ["127.0.0.1", "::1"] {
            let address = address.parse().unwrap();
            match socket::open(address, kind) {
                Err(error) => eprintln!("skipped: {kind:?} to {address}: {error}"),
                Ok((descriptor, identifier)) => {
                    let socket = Socket::listen(descriptor, address).unwrap();
                    let echo = Echo::new(address, identifier).unwrap();
                    let result = exchange(&socket, &echo, LONG).await;
                    println!("{kind:?} {address}: {result:?}");
                    if address.is_ipv4() {
                        assert!(result.is_ok());
                    }
                }
            }
        }
    }
}
