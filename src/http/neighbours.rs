//! How many connections one address may have open.

use super::listener::Accepted;
use crate::{access::address, config::Config, definition::route::Network};
use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

/// What an address is allowed.
pub(super) struct Crowd {
    most: Option<usize>,
    proxies: Vec<Network>,
}

impl Crowd {
    pub(super) fn of(config: &Config) -> Self {
        let most = config.limits.connections_per_address;
        Self { most, proxies: config.proxies.networks.clone() }
    }
}

type Counts = Arc<Mutex<HashMap<IpAddr, usize>>>;

/// The open connections of each address; nothing is counted when nothing is limited.
#[derive(Default)]
pub(super) struct Neighbours(Counts);

/// A connection of an address. It counts until it is dropped.
pub(super) struct Neighbour(Counts, IpAddr);

/// An address has as many connections as it may.
pub(super) struct TooMany;

impl Neighbours {
    /// Counts `accepted`.
    pub(super) fn admit(
        &self,
        accepted: &Accepted,
        crowd: &Crowd,
    ) -> Result<Option<Neighbour>, TooMany> {
        let (Some(most), Some(peer)) = (crowd.most, accepted.peer()) else { return Ok(None) };
        if address::is_trusted(Some(peer), &crowd.proxies) {
            return Ok(None);
        }
        let peer = whole(peer);
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(peer).or_default();
        if *count >= most {
            return Err(TooMany);
        }
        *count += 1;
        Ok(Some(Neighbour(Arc::clone(&self.0), peer)))
    }
}

/// An IPv6 address stands for its /64, which one household or machine is given.
fn whole(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() & (u128::MAX << 64)).into()),
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.1);
            }
        }
    }
}
