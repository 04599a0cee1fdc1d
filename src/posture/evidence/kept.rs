//! The keeper, as the service sees it: what of it can be opened, and what it answers.

use crate::config::{Address, Audit, Keeper};
use std::{fs::File, path::PathBuf, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpStream, UnixStream},
    time::timeout,
};

/// How long the keeper may take to answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// As much of an answer as is read, in bytes.
const LIMIT: u64 = 64 * 1024;

/// The keeper of the same manifest.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// The settings whose files this process can open, which are the keeper's alone.
    pub readable: Vec<&'static str>,
    /// The status of a request for `/credentials` without a token; none where nothing answers.
    pub answers: Option<u16>,
    /// What of its confinement it says is not in force; none where it does not say.
    pub unconfined: Option<Vec<&'static str>>,
}

impl Kept {
    pub(super) async fn look(keeper: &Keeper, audit: &Audit) -> Self {
        let files: [(&str, Option<&PathBuf>); 3] = [
            ("keeper.credential", Some(&keeper.credential)),
            ("keeper.key_file", Some(&keeper.key_file)),
            ("audit.key_file", audit.key_file.as_ref()),
        ];
        let opens = |path: Option<&PathBuf>| path.is_some_and(|it| File::open(it).is_ok());
        let readable = files.into_iter().filter(|(_, it)| opens(*it)).map(|(key, _)| key).collect();
        let ask = async |path| timeout(PATIENCE, ask(&keeper.listen, path)).await.ok().flatten();
        let answers = ask("/credentials").await.and_then(|answer| status(&answer));
        let unconfined = ask("/live").await.and_then(|answer| unconfined(&answer));
        Self { readable, answers, unconfined }
    }
}

async fn ask(address: &Address, path: &str) -> Option<String> {
    match address {
        Address::Tcp(host, port) => {
            exchange(TcpStream::connect((host.as_str(), *port)).await.ok()?, path).await
        }
        Address::Unix(socket) => exchange(UnixStream::connect(socket).await.ok()?, path).await,
    }
}

/// The beginning of an answer, its head with it.
async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, path: &str) -> Option<String> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = Vec::new();
    stream.take(LIMIT).read_to_end(&mut answer).await.ok()?;
    String::from_utf8(answer).ok()
}

fn status(answer: &str) -> Option<u16> {
    answer.get(..12)?.strip_prefix("HTTP/1.1 ")?.parse().ok()
}

/// What the page `/live` says is not in force.
fn unconfined(answer: &str) -> Option<Vec<&'static str>> {
    let body = answer.split_once("\r\n\r\n")?.1;
    let told: serde_json::Value = serde_json::from_str(body).ok()?;
    let confined = told.get("confined")?;
    let measures = [("files", "its files (Landlock)"), ("system_calls", "its calls (seccomp)")];
    let lacks = measures.into_iter().filter(|(key, _)| confined[*key] != true);
    Some(lacks.map(|(_, measure)| measure).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keeper_says_what_confines_it() {
        let says = |body: &str| unconfined(&format!("HTTP/1.1 200 OK\r\na: b\r\n\r\n{body}"));
        let whole = r#"{"live":true,"confined":{"files":true,"system_calls":true}}"#;
        assert_eq!(says(whole), Some(Vec::new()));
        assert_eq!(says(r#"{"confined":{"files":true}}"#).map(|it| it.len()), Some(1));
        assert_eq!(says(r#"{"live":true}"#), None, "one of an earlier version");
        assert_eq!(says("<html>"), None);
    }
}
