//! What a proxy says of a connection before the first request: the PROXY protocol.

use crate::{
    access::{PROXY_BYTES, Preamble, address, preamble},
    service::Serving,
};
use std::{cell::RefCell, net::IpAddr, rc::Rc, time::Duration};
use tokio::{net::TcpStream, time::timeout};

/// How long to wait before looking again when only some of it has come.
const PAUSE: Duration = Duration::from_millis(5);

/// The address that the connection is from: `peer`, or who spoke to the trusted proxy at the other
/// end; nothing (the outer) when a trusted proxy says nothing that can be read, in time.
pub(super) async fn peer(
    stream: &TcpStream,
    peer: Option<IpAddr>,
    serving: &RefCell<Rc<Serving>>,
) -> Option<Option<IpAddr>> {
    let limit = {
        let serving = serving.borrow();
        let config = &serving.service.config;
        let speaks = config.proxies.protocol && address::is_trusted(peer, &config.proxies.networks);
        speaks.then_some(config.limits.header_timeout)
    };
    let Some(limit) = limit else { return Some(peer) };
    timeout(limit, read(stream, peer)).await.ok().flatten()
}

async fn read(stream: &TcpStream, peer: Option<IpAddr>) -> Option<Option<IpAddr>> {
    let mut bytes = vec![0; PROXY_BYTES];
    let mut known = 0;
    loop {
        // Nothing is taken before it is known to be the proxy's.
        let count = stream.peek(&mut bytes).await.ok()?;
        match preamble(bytes.get(..count)?) {
            Preamble::Complete { length, source } => {
                take(stream, length).await?;
                return Some(source.map(|source| source.ip().to_canonical()).or(peer));
            }
            Preamble::Malformed => return None,
            Preamble::Incomplete if count == 0 => return None,
            // What is peeked at is ready for ever, so more of it cannot be waited for.
            Preamble::Incomplete => {
                if count == known {
                    tokio::time::sleep(PAUSE).await;
                }
                known = count;
            }
        }
    }
}

async fn take(stream: &TcpStream, length: usize) -> Option<()> {
    let mut rest = length;
    let mut bytes = [0; 256];
    while rest > 0 {
        stream.readable().await.ok()?;
        let most = rest.min(bytes.len());
        match stream.try_read(bytes.get_mut(..most)?) {
            Ok(0) => return None,
            Ok(count) => rest -= count,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return None,
        }
    }
    Some(())
}
