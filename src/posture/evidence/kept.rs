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

/// The keeper of the same manifest.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// The settings whose files this process can open, which are the keeper's alone.
    pub readable: Vec<&'static str>,
    /// The status of a request for `/credentials` without a token; none where nothing answers.
    pub answers: Option<u16>,
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
        let answers = timeout(PATIENCE, ask(&keeper.listen)).await.ok().flatten();
        Self { readable, answers }
    }
}

async fn ask(address: &Address) -> Option<u16> {
    match address {
        Address::Tcp(host, port) => {
            exchange(TcpStream::connect((host.as_str(), *port)).await.ok()?).await
        }
        Address::Unix(path) => exchange(UnixStream::connect(path).await.ok()?).await,
    }
}

async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> Option<u16> {
    let request = b"GET /credentials HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(request).await.ok()?;
    let mut head = [0; 12];
    stream.read_exact(&mut head).await.ok()?;
    std::str::from_utf8(&head).ok()?.strip_prefix("HTTP/1.1 ")?.parse().ok()
}
