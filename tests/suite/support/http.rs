//! A small HTTP client: well-formed requests through a library, any bytes at all through a socket.

use serde_json::Value;
use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    time::Duration,
};

/// Longer than any deadline of the service.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// An answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// The header fields in order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Reply {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|why| panic!("{why} in {self}"))
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("a body of UTF-8")
    }

    /// The first header field of that name, given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The problem's code, when the answer is a problem (RFC 9457) that agrees with its status.
    pub fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self}");
        let problem = self.json();
        assert_eq!(problem["status"], self.status, "{self}");
        problem["code"].as_str().unwrap_or_else(|| panic!("no code in {self}")).to_owned()
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers = lines.filter_map(|line| line.split_once(':'));
        let headers = headers.map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()));
        Some(Self { status, headers: headers.collect(), body: bytes[end + 4..].to_vec() })
    }
}

impl std::fmt::Display for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}", self.status)?;
        for (name, value) in &self.headers {
            writeln!(f, "{name}: {value}")?;
        }
        write!(f, "\n{}", String::from_utf8_lossy(&self.body))
    }
}

/// Sends a request and waits for the whole answer; a connection that breaks is an error.
pub fn send(
    at: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<Reply, ureq::Error> {
    // One connection a request: a test must not meet the connection of another.
    let agent = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0);
    let agent = agent.max_idle_connections(0).timeout_global(Some(PATIENCE)).proxy(None);
    let agent: ureq::Agent = agent.allow_non_standard_methods(true).build().into();
    let mut request =
        ureq::http::Request::builder().method(method).uri(format!("http://{at}{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response =
        if body.is_empty() { agent.run(request.body(())?) } else { agent.run(request.body(body)?) };
    let (parts, body) = response?.into_parts();
    let headers = parts.headers.iter().map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    let headers = headers.collect();
    let body = body.into_with_config().limit(u64::MAX).read_to_vec()?;
    Ok(Reply { status: parts.status.as_u16(), headers, body })
}

/// Writes `bytes` to a fresh connection, closes this side of it, and gives all that comes back.
pub fn raw(at: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(at).expect("the service listens");
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // The service may answer and close before it has read everything: that is an answer too.
    drop(stream.write_all(bytes));
    drop(stream.shutdown(Shutdown::Write));
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer));
    answer
}

/// As [`raw`], read as an answer; none when the connection was closed without one.
pub fn raw_reply(at: SocketAddr, bytes: &[u8]) -> Option<Reply> {
    Reply::parse(&raw(at, bytes))
}

/// As [`raw`], with this side left open: the service closes, or [`PATIENCE`] ends.
pub fn exchange(at: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(at).expect("the service listens");
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    drop(stream.write_all(bytes));
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("the service closes, and does not reset");
    answer
}

/// As [`exchange`], read as the one answer before the close.
pub fn exchange_reply(at: SocketAddr, bytes: &[u8]) -> Option<Reply> {
    Reply::parse(&exchange(at, bytes))
}
