//! Asking the keeper: one request, one answer, of JSON.

use crate::{
    config::Address,
    diagnostic::{Code, Diagnostic, Diagnostics},
    sealed,
    secret::Secret,
};
use clap::Args;
use serde_json::Value;
use std::{
    io::{self, Read, Write},
    net::{TcpStream, ToSocketAddrs},
    os::unix::net::UnixStream,
    path::PathBuf,
    time::Duration,
};
use zeroize::Zeroizing;

/// The longest answer that is read, in bytes.
const MAX_ANSWER: u64 = 4 << 20;
/// The largest token file, in bytes.
const MAX_TOKEN: usize = 16 * 1024;

/// Who asks the keeper.
#[derive(Debug, Args)]
pub(super) struct TokenFile {
    /// The file that holds your token
    #[arg(long, env = "HOWDAH_TOKEN_FILE", value_name = "FILE")]
    token_file: PathBuf,
}

impl TokenFile {
    /// The token, without the space around it.
    ///
    /// # Errors
    /// When the file cannot be read, or holds no token.
    pub(super) fn read(&self) -> Result<Secret, Diagnostics> {
        let bytes = sealed::read_file(&self.token_file, MAX_TOKEN)?;
        let token = std::str::from_utf8(bytes.expose()).unwrap_or_default().trim();
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            let message = format!("{} holds no token", self.token_file.display());
            return Err(Diagnostic::error(Code::InvalidValue, message)
                .help("`howdah access token NAME --groups …` makes one")
                .into());
        }
        Ok(Secret::new(token.to_owned()))
    }
}

/// Sends a request to the keeper at `address`; gives the status and the body.
///
/// # Errors
/// When there is no keeper, or what answers is none.
pub(super) fn keeper(
    address: &Address,
    method: &str,
    path: &str,
    token: &Secret,
    body: Option<&Value>,
    patience: Duration,
) -> io::Result<(u16, Value)> {
    let body = body.map(ToString::to_string).unwrap_or_default();
    let request = Zeroizing::new(format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Authorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        token.expose(),
        body.len()
    ));
    let mut answer = Vec::new();
    match address {
        Address::Tcp(host, port) => {
            let mut addresses = (host.as_str(), *port).to_socket_addrs()?;
            let first = addresses.next();
            let first = first.ok_or_else(|| io::Error::other("the name has no address"))?;
            let stream = TcpStream::connect_timeout(&first, patience)?;
            stream.set_read_timeout(Some(patience))?;
            exchange(stream, &request, &mut answer)?;
        }
        Address::Unix(path) => {
            let stream = UnixStream::connect(path)?;
            stream.set_read_timeout(Some(patience))?;
            exchange(stream, &request, &mut answer)?;
        }
    }
    read(&answer).ok_or_else(|| io::Error::other("what answers is no keeper"))
}

fn exchange(
    mut stream: impl Read + Write,
    request: &str,
    answer: &mut Vec<u8>,
) -> io::Result<usize> {
    stream.write_all(request.as_bytes())?;
    stream.take(MAX_ANSWER).read_to_end(answer)
}

fn read(answer: &[u8]) -> Option<(u16, Value)> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..end]).ok()?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, serde_json::from_slice(&answer[end + 4..]).ok()?))
}
