//! A network that a test can break: a TCP proxy that passes, delays, cuts or swallows.
//!
//! Owns the faults. Knows nothing of what goes through it.

use super::ports;
use std::{
    io::{ErrorKind, Read, Write},
    net::{Ipv4Addr, Shutdown, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex, MutexGuard},
    time::Duration,
};

/// What happens to bytes on their way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Pass,
    Delay(Duration),
    Hold,
    Cut,
}

/// A proxy on a loopback port. It is the test's own; it goes when the value goes.
#[derive(Debug)]
pub struct Proxy {
    /// Where it listens, on 127.0.0.1.
    pub port: u16,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    upstream: u16,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    mode: Mode,
    streams: Vec<TcpStream>,
    accepted: u64,
}

impl Proxy {
    /// A proxy that passes everything to `upstream` on 127.0.0.1.
    pub fn to(upstream: u16) -> Self {
        let state = Mutex::new(State { mode: Mode::Cut, streams: Vec::new(), accepted: 0 });
        let shared = Arc::new(Shared { upstream, state, changed: Condvar::new() });
        let proxy = Self { port: ports::free(), shared };
        proxy.restore();
        proxy
    }

    /// Passes everything again, what was held too, and takes new connections.
    pub fn restore(&self) {
        self.enter(Mode::Pass);
    }

    /// Passes everything `delay` late, in either direction.
    pub fn delay(&self, delay: Duration) {
        self.enter(Mode::Delay(delay));
    }

    /// Swallows: connections stay open and new ones are taken, but no byte arrives until
    /// [`Proxy::restore`], as when a cable is pulled.
    pub fn black_hole(&self) {
        self.enter(Mode::Hold);
    }

    /// Closes every connection and refuses new ones, as when the server's process has died.
    pub fn cut(&self) {
        self.enter(Mode::Cut);
        // The listener polls; it must be gone before the caller goes on.
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok() {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// How many connections it has taken so far.
    pub fn accepted(&self) -> u64 {
        self.shared.lock().accepted
    }

    fn enter(&self, mode: Mode) {
        let mut state = self.shared.lock();
        let listening = state.mode != Mode::Cut;
        state.mode = mode;
        if mode == Mode::Cut {
            for stream in state.streams.drain(..) {
                drop(stream.shutdown(Shutdown::Both));
            }
        } else if !listening {
            let listener = bind(self.port);
            let shared = Arc::clone(&self.shared);
            std::thread::spawn(move || accept(&listener, &shared));
        }
        self.shared.changed.notify_all();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.enter(Mode::Cut);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Waits until bytes may go on; gives whether they may at all.
    fn gate(&self) -> bool {
        let mut state = self.lock();
        loop {
            match state.mode {
                Mode::Pass => return true,
                Mode::Cut => return false,
                Mode::Hold => {
                    state =
                        self.changed.wait(state).unwrap_or_else(std::sync::PoisonError::into_inner);
                }
                Mode::Delay(delay) => {
                    drop(state);
                    std::thread::sleep(delay);
                    return true;
                }
            }
        }
    }
}

fn bind(port: u16) -> TcpListener {
    // The listener before it may need a moment to go.
    for _ in 0..1000 {
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            listener.set_nonblocking(true).unwrap();
            return listener;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("port {port} is taken");
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    while shared.lock().mode != Mode::Cut {
        match listener.accept() {
            Ok((client, _)) => {
                let shared = Arc::clone(shared);
                std::thread::spawn(move || serve(client, &shared));
            }
            Err(why) if why.kind() == ErrorKind::WouldBlock => {
                std::thread::sleep(Duration::from_millis(1));
            }
            Err(why) => panic!("the proxy cannot accept: {why}"),
        }
    }
}

fn serve(client: TcpStream, shared: &Arc<Shared>) {
    client.set_nonblocking(false).unwrap();
    {
        let mut state = shared.lock();
        if state.mode == Mode::Cut {
            return;
        }
        state.accepted += 1;
        state.streams.push(client.try_clone().unwrap());
    }
    if !shared.gate() {
        return;
    }
    let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, shared.upstream)) else { return };
    shared.lock().streams.push(server.try_clone().unwrap());
    for stream in [&client, &server] {
        drop(stream.set_nodelay(true));
    }
    let (from, to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    let back = Arc::clone(shared);
    std::thread::spawn(move || pump(from, to, &back));
    pump(client, server, shared);
}

fn pump(mut from: TcpStream, mut to: TcpStream, shared: &Shared) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if !shared.gate() || to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    // A close is held back like any byte.
    shared.gate();
    drop(to.shutdown(Shutdown::Both));
    drop(from.shutdown(Shutdown::Both));
}
