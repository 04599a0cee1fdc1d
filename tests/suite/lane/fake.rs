//! A server that signs anybody in and then says what a test wants it to.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, Shutdown, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

const CANCEL: [u8; 4] = 80_877_102_u32.to_be_bytes();

/// What it does with a connection after the first request has come.
#[derive(Clone, Debug)]
pub(super) enum Behaviour {
    /// Sends these bytes and stays.
    Say(Vec<u8>),
    /// Sends these bytes and hangs up.
    SayAndLeave(Vec<u8>),
    /// Sends these bytes right after the greeting.
    Blurt(Vec<u8>),
}

/// A fake server: its first connections behave as told, the others are passed on to a real one.
pub(super) struct Fake {
    pub(super) port: u16,
    signed_in: Arc<AtomicUsize>,
}

impl Fake {
    /// The first `times` connections show `behaviour`; the rest go to `upstream`.
    pub(super) fn start(behaviour: Behaviour, times: usize, upstream: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let signed_in = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&signed_in);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, behaviour, count) =
                    (stream.unwrap(), behaviour.clone(), Arc::clone(&count));
                std::thread::spawn(move || serve(stream, &behaviour, &count, times, upstream));
            }
        });
        Self { port, signed_in }
    }

    /// How many connections have signed in.
    pub(super) fn signed_in(&self) -> usize {
        self.signed_in.load(Ordering::Relaxed)
    }
}

/// A message with its head.
pub(super) fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap();
    [&[tag], length.to_be_bytes().as_slice(), body].concat()
}

fn serve(
    mut client: TcpStream,
    behaviour: &Behaviour,
    count: &AtomicUsize,
    times: usize,
    upstream: u16,
) -> Option<()> {
    let mut head = [0; 8];
    client.read_exact(&mut head).ok()?;
    if head[4..] == CANCEL {
        return None;
    }
    if count.fetch_add(1, Ordering::Relaxed) >= times {
        let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, upstream)).ok()?;
        server.write_all(&head).ok()?;
        let (mut from, mut to) = (server.try_clone().ok()?, client.try_clone().ok()?);
        std::thread::spawn(move || {
            std::io::copy(&mut from, &mut to).ok();
            to.shutdown(Shutdown::Both).ok();
        });
        std::io::copy(&mut client, &mut server).ok();
        server.shutdown(Shutdown::Both).ok();
        return None;
    }
    let length = u32::from_be_bytes(head[..4].try_into().ok()?);
    let mut rest = vec![0; usize::try_from(length).ok()? - 8];
    client.read_exact(&mut rest).ok()?;
    let greeting = [
        message(b'R', &[0; 4]),
        message(b'S', b"server_version\x0015\0"),
        message(b'K', &[0, 0, 0, 1, 0, 0, 0, 2]),
        message(b'Z', b"I"),
    ]
    .concat();
    client.write_all(&greeting).ok()?;
    if let Behaviour::Blurt(bytes) = behaviour {
        client.write_all(bytes).ok()?;
    }
    let mut buffer = vec![0; 65_536];
    if client.read(&mut buffer).ok()? == 0 {
        return None;
    }
    match behaviour {
        Behaviour::Say(bytes) | Behaviour::SayAndLeave(bytes) => client.write_all(bytes).ok()?,
        Behaviour::Blurt(_) => {}
    }
    if !matches!(behaviour, Behaviour::SayAndLeave(_)) {
        client.set_read_timeout(Some(Duration::from_secs(30))).ok()?;
        while client.read(&mut buffer).ok()? > 0 {}
    }
    Some(())
}
