//! A relay before PostgreSQL that counts round trips.
//!
//! It holds what the server answers until the server has answered everything that it was asked so far,
//! each Sync and each simple query with a `ReadyForQuery`, and gives it in one piece. So whoever must
//! hear an answer before asking on is counted, however fast or slow anybody is. What is asked in one
//! write is one round trip.

use super::middle::{SSL_REQUEST, on_a_thread};
use std::{
    io,
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// A relay on a port of 127.0.0.1. Its thread ends with the process.
#[derive(Debug)]
pub struct Relay {
    /// Where it listens.
    pub port: u16,
    trips: Arc<AtomicUsize>,
}

impl Relay {
    /// Stands before the server on `upstream`.
    pub fn before(upstream: u16) -> Self {
        let trips = Arc::<AtomicUsize>::default();
        let counted = Arc::clone(&trips);
        let port = on_a_thread(move |client| {
            let counted = Arc::clone(&counted);
            async move { relay(client, upstream, &counted).await }
        });
        Self { port, trips }
    }

    /// Round trips so far on all connections, without those that it takes to sign in. One is counted
    /// before its answer is given.
    pub fn trips(&self) -> usize {
        self.trips.load(Ordering::Acquire)
    }
}

async fn relay(mut client: TcpStream, upstream: u16, trips: &AtomicUsize) -> io::Result<()> {
    let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, upstream)).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    sign_in(&mut client, &mut server).await?;
    let (mut asked, mut answered) = (Messages::default(), Messages::default());
    let (mut owed, mut held) = (0, Vec::new());
    let (mut question, mut answer) = (vec![0; 64 << 10], vec![0; 64 << 10]);
    loop {
        tokio::select! {
            read = client.read(&mut question) => match read? {
                0 => return Ok(()),
                count => {
                    owed += asked.count(&question[..count], b"SQ");
                    server.write_all(&question[..count]).await?;
                }
            },
            read = server.read(&mut answer) => match read? {
                0 => return client.write_all(&held).await,
                count => {
                    let ended = answered.count(&answer[..count], b"Z");
                    owed -= ended;
                    held.extend_from_slice(&answer[..count]);
                    if ended > 0 && owed == 0 {
                        trips.fetch_add(1, Ordering::AcqRel);
                        client.write_all(&held).await?;
                        held.clear();
                    }
                }
            },
        }
    }
}

/// Passes everything on until the server is ready for the first time.
async fn sign_in(client: &mut TcpStream, server: &mut TcpStream) -> io::Result<()> {
    loop {
        let mut head = [0; 8];
        client.read_exact(&mut head).await?;
        let code = u32::from_be_bytes([head[4], head[5], head[6], head[7]]);
        if code != SSL_REQUEST {
            server.write_all(&head).await?;
            break;
        }
        client.write_all(b"N").await?;
    }
    let mut answered = Messages::default();
    let (mut question, mut answer) = (vec![0; 4096], vec![0; 4096]);
    loop {
        tokio::select! {
            read = client.read(&mut question) => match read? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => server.write_all(&question[..count]).await?,
            },
            read = server.read(&mut answer) => match read? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => {
                    client.write_all(&answer[..count]).await?;
                    if answered.count(&answer[..count], b"Z") > 0 {
                        return Ok(());
                    }
                }
            },
        }
    }
}

/// Messages with a tag and a length, as they come, in pieces.
#[derive(Default)]
struct Messages(Vec<u8>);

impl Messages {
    /// How many messages end with these bytes whose tag is one of `tags`.
    fn count(&mut self, bytes: &[u8], tags: &[u8]) -> usize {
        self.0.extend_from_slice(bytes);
        let mut count = 0;
        while let Some([tag, length @ ..]) = self.0.first_chunk::<5>().copied() {
            let size = 1 + usize::try_from(u32::from_be_bytes(length)).unwrap();
            if self.0.len() < size {
                break;
            }
            count += usize::from(tags.contains(&tag));
            self.0.drain(..size);
        }
        count
    }
}
