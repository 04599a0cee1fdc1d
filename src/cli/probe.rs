//! `howdah probe`: a health check for an image without shell or curl.

use super::{Exit, Probe, show};
use crate::{config::Address, startup::Folder};
use std::{
    io::{Read, Write},
    net::{TcpStream, ToSocketAddrs},
    os::unix::net::UnixStream,
    time::{Duration, Instant},
};

/// The longest answer that is read, in bytes.
const MAX_ANSWER: u64 = 256 * 1024;

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
            stream.set_read_timeout(Some(left(deadline)))?;
            stream.write_all(request.as_bytes())?;
            stream.take(MAX_ANSWER).read_to_end(&mut answer)?;
        }
        Address::Unix(path) => {
            let mut stream = UnixStream::connect(path)?;
            stream.set_read_timeout(Some(left(deadline)))?;
            stream.write_all(request.as_bytes())?;
            stream.take(MAX_ANSWER).read_to_end(&mut answer)?;
        }
    }
    let text = String::from_utf8_lossy(&answer);
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| std::io::Error::other("the answer is not HTTP"))?;
    let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    Ok((status, body.to_owned()))
}

fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1))
}
