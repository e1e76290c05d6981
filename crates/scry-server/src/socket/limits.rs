//! How many connections may come from one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts connections per address; clones share the count.
#[derive(Debug, Clone, Default)]
pub(super) struct Addresses(Arc<Mutex<HashMap<IpAddr, u32>>>);

/// Holds one connection's place in the count and gives it back when dropped.
#[derive(Debug)]
pub struct Place {
    addresses: Addresses,
    address: IpAddr,
}

impl Addresses {
    /// Takes a place for a connection from `address`; `None` if `limit` are taken.
    #[must_use]
    pub(super) fn enter(&self, address: IpAddr, limit: u32) -> Option<Place> {
        let address = address.to_canonical();
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(address).or_insert(0);
        if *count >= limit {
            return None;
        }
        *count += 1;
        Some(Place { addresses: self.clone(), address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.addresses.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_given_back() {
        let addresses = Addresses::default();
        let v4: IpAddr = "192.0.2.1".parse().unwrap();
        let mapped: IpAddr = "::ffff:192.0.2.1".parse().unwrap();
        let first = addresses.enter(v4, 1).unwrap();
        assert!(addresses.enter(mapped, 1).is_none(), "the same host in its other spelling");
        assert!(addresses.enter("192.0.2.2".parse().unwrap(), 1).is_some());
        drop(first);
        assert!(addresses.enter(mapped, 1).is_some());
        assert!(addresses.0.lock().unwrap().is_empty());
    }
}
