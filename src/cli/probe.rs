//! `howdah probe`: a health check for an image without shell or curl.

use super::{Exit, Probe, show};
use crate::{config::Address, startup::Folder};
use std::{
    io::{ErrorKind, Read, Write},
    net::{TcpStream, ToSocketAddrs},
    os::unix::net::UnixStream,
    time::{Duration, Instant},
};

/// The longest answer that is read, in bytes.
const MAX_ANSWER: usize = 256 * 1024;

pub(super) fn run(arguments: Probe) -> Exit {
    let folder = Folder::from(arguments.folder);
    let config = match folder.manifest() {
        Ok(read) => read.value,
        Err(found) => return show::failed(&found),
    };
    let Some(address) = config.listen.admin else {
        show::complain!("the service has no admin listener to ask (`listen.admin` is off)");
        return Exit::Failure;
    };
    let path = if arguments.live { "/live" } else { "/ready" };
    let timeout = Duration::from_millis(arguments.timeout_ms.max(1));
    match ask(&address, path, timeout) {
        Ok((200, _)) => Exit::Success,
        Ok((status, body)) => {
            show::complain!("{path} answers {status}: {}", body.trim());
            Exit::Failure
        }
        Err(error) => {
            show::complain!("{address}{path}: {error}");
            Exit::Failure
        }
    }
}

/// Asks once; gives the status and the body.
pub(super) fn ask(
    address: &Address,
    path: &str,
    timeout: Duration,
) -> std::io::Result<(u16, String)> {
    let deadline = Instant::now() + timeout;
    let mut answer = Vec::new();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    match address {
        Address::Tcp(host, port) => {
            // A listener on every address is asked on loopback.
            let host = match host.as_str() {
                "0.0.0.0" => "127.0.0.1",
                "::" => "::1",
                host => host,
            };
            let target = (host, *port)
                .to_socket_addrs()?
                .next()
                .ok_or_else(|| std::io::Error::other("the name has no address"))?;
            let mut stream = TcpStream::connect_timeout(&target, timeout)?;
            stream.set_write_timeout(Some(left(deadline)?))?;
            stream.write_all(request.as_bytes())?;
            read(&mut stream, |it, left| it.set_read_timeout(Some(left)), deadline, &mut answer)?;
        }
        Address::Unix(path) => {
            let mut stream = UnixStream::connect(path)?;
            stream.set_write_timeout(Some(left(deadline)?))?;
            stream.write_all(request.as_bytes())?;
            read(&mut stream, |it, left| it.set_read_timeout(Some(left)), deadline, &mut answer)?;
        }
    }
    let text = String::from_utf8_lossy(&answer);
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| std::io::Error::other("the answer is not HTTP"))?;
    let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    Ok((status, body.to_owned()))
}

/// Reads to the end, all of it before the deadline: one that trickles is not waited for.
fn read<S: Read>(
    stream: &mut S,
    limit: impl Fn(&S, Duration) -> std::io::Result<()>,
    deadline: Instant,
    answer: &mut Vec<u8>,
) -> std::io::Result<()> {
    let mut buffer = [0; 4096];
    while answer.len() < MAX_ANSWER {
        limit(stream, left(deadline)?)?;
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => answer.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Err(late()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn late() -> std::io::Error {
    std::io::Error::new(ErrorKind::TimedOut, "it did not answer in time")
}

/// What is left of the time.
fn left(deadline: Instant) -> std::io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(late()) } else { Ok(left) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn an_answer_that_trickles_is_not_waited_for() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = Address::Tcp("127.0.0.1".to_owned(), listener.local_addr().unwrap().port());
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            // Ten seconds' worth, unless the caller goes.
            for _ in 0..100 {
                if stream.write_all(b"H").is_err() {
                    break;
                }
                std::thread::sleep(Duration::from_millis(100));
            }
        });
        let start = Instant::now();
        let error = ask(&address, "/ready", Duration::from_millis(350)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
        server.join().unwrap();
    }
}
