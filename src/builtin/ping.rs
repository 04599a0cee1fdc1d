//! `ping`: one ICMP echo to an address literal, sent by this process itself.
//!
//! Owns what may be asked (`judge`), the messages (`echo`), the socket (`socket`) and the summary.
//! No shell, no child process, no name that would have to be resolved. Does not own the allow-list,
//! which the route states.

mod echo;
mod judge;
mod socket;

#[cfg(test)]
mod tests;

use crate::{
    definition::route::Network,
    problem::{ArgumentError, Code, Location, Problem},
};
use echo::{Echo, PAYLOAD_BYTES};
use socket::Socket;
use std::{
    io::{self, ErrorKind},
    net::IpAddr,
    time::{Duration, Instant},
};

/// How long an answer is waited for, unless the route says otherwise.
pub const TIMEOUT: Duration = Duration::from_secs(1);
/// The parameter that the address stands in.
pub const PARAMETER: &str = "ip";
/// Much more than an answer to our echo has, IPv4 header with all its options included.
const BUFFER_BYTES: usize = 512;

/// Whether pinging needs no capability here. As another user it may be otherwise.
pub fn needs_no_capability() -> bool {
    socket::is_unprivileged()
}

/// Why there is no summary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What the caller is told.
    pub problem: Problem,
    /// What the operator should read in the log, when it is for them to mend.
    pub log: Option<String>,
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self { problem, log: None }
    }
}

/// What sends an echo and hears messages: a socket, or a test.
trait Wire {
    /// Sends a message to the address that is asked.
    async fn send(&self, message: &[u8]) -> io::Result<()>;
    /// The length of the next message, and who sent it.
    async fn receive(&self, buffer: &mut [u8]) -> io::Result<(usize, Option<IpAddr>)>;
}

/// Asks the IPv4 or IPv6 literal `address` once and gives a summary like that of `ping`, when it
/// answers within `timeout` and lies in one of the networks of `allow`. Link-local, multicast,
/// broadcast, unspecified and cloud metadata addresses are never asked, whatever `allow` says.
///
/// # Errors
/// [`Code::InvalidArguments`] when it is no literal, [`Code::Forbidden`] when it may not be asked,
/// [`Code::NoAnswer`] when nothing answered in time or there is no way to it, and
/// [`Code::Internal`], with a line for the log, when this process may not send ICMP.
pub async fn ping(address: &str, allow: &[Network], timeout: Duration) -> Result<String, Failure> {
    let address: IpAddr = address.parse().map_err(|_| {
        Problem::arguments(vec![ArgumentError {
            location: Location::Query,
            parameter: PARAMETER.into(),
            detail: "is not an IPv4 or IPv6 address".into(),
        }])
    })?;
    let address = judge::target(address, allow).ok_or_else(|| {
        Problem::new(Code::Forbidden).detail("This address is not one that the service asks.")
    })?;
    let (socket, identity) = Socket::open(address).map_err(|error| no_socket(&error))?;
    let echo = Echo::new(address, identity).map_err(|error| no_socket(&error))?;
    exchange(&socket, &echo, timeout).await
}

/// Whether this process may send ICMP to an address of this kind, to be asked once at start.
///
/// # Errors
/// The line for the log, when it may not.
pub fn permitted(address: IpAddr) -> Result<(), String> {
    socket::open_any(address).map(drop).map_err(|error| explain(&error))
}

async fn exchange(wire: &impl Wire, echo: &Echo, timeout: Duration) -> Result<String, Failure> {
    let begun = Instant::now();
    let answer = tokio::time::timeout(timeout, answered(wire, echo)).await;
    let duration = begun.elapsed();
    match answer {
        Ok(Ok(())) => Ok(summary(echo.address(), duration)),
        Err(_) => {
            Err(Problem::new(Code::NoAnswer).detail("The address did not answer in time.").into())
        }
        Ok(Err(error)) => Err(match error.kind() {
            ErrorKind::HostUnreachable
            | ErrorKind::NetworkUnreachable
            | ErrorKind::ConnectionRefused
            | ErrorKind::NetworkDown
            | ErrorKind::AddrNotAvailable => {
                Problem::new(Code::NoAnswer).detail("There is no way to the address.").into()
            }
            // A broadcast address of one of the machine's networks, or a rule of its firewall.
            ErrorKind::PermissionDenied => Problem::new(Code::Forbidden)
                .detail("The system does not let this address be asked.")
                .into(),
            _ => Failure {
                problem: Problem::new(Code::Internal),
                log: Some(format!("ping: the ICMP socket failed: {error}")),
            },
        }),
    }
}

/// Sends the echo and hears messages until its answer is among them.
async fn answered(wire: &impl Wire, echo: &Echo) -> io::Result<()> {
    wire.send(echo.request()).await?;
    let mut buffer = [0; BUFFER_BYTES];
    loop {
        let (length, source) = wire.receive(&mut buffer).await?;
        if source == Some(echo.address()) && echo.is_answer(buffer.get(..length).unwrap_or(&buffer))
        {
            return Ok(());
        }
    }
}

fn summary(address: IpAddr, duration: Duration) -> String {
    let bytes = echo::HEADER_BYTES + PAYLOAD_BYTES;
    let duration_ms = duration.as_secs_f64() * 1000.0;
    format!(
        "PING {address}: {PAYLOAD_BYTES} data bytes\n\
         {bytes} bytes from {address}: icmp_seq={} time={duration_ms:.3} ms\n\
         \n\
         --- {address} ping statistics ---\n\
         1 packets transmitted, 1 received, 0% packet loss\n",
        echo::SEQUENCE
    )
}

fn no_socket(error: &io::Error) -> Failure {
    Failure { problem: Problem::new(Code::Internal), log: Some(explain(error)) }
}

fn explain(error: &io::Error) -> String {
    format!(
        "ping: no ICMP socket: {error}; let the process's group send ICMP with \
         net.ipv4.ping_group_range (it counts for IPv6 too), or grant CAP_NET_RAW"
    )
}
