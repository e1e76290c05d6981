//! How many connections may come from one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts connections per address; clones share the count.
#[derive(Debug, Clone, Default)]
pub(super) struct ConnectionLimiter(Arc<Mutex<HashMap<IpAddr, u32>>>);

/// The right to hold one connection, released when dropped.
#[derive(Debug)]
pub struct ConnectionPermit {
    limiter: ConnectionLimiter,
    address: IpAddr,
}

impl ConnectionLimiter {
    /// Acquires a permit for a connection from `address`; `None` if `limit` are taken.
    #[must_use]
    pub(super) fn try_acquire(&self, address: IpAddr, limit: u32) -> Option<ConnectionPermit> {
        let address = address.to_canonical();
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(address).or_insert(0);
        if *count >= limit {
            return None;
        }
        *count += 1;
        Some(ConnectionPermit { limiter: self.clone(), address })
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut counts = self.limiter.0.lock().unwrap_or_else(PoisonError::into_inner);
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
    fn dropped_permit_is_released() {
        let limiter = ConnectionLimiter::default();
        let v4: IpAddr = "192.0.2.1".parse().unwrap();
        let mapped: IpAddr = "::ffff:192.0.2.1".parse().unwrap();
        let first = limiter.try_acquire(v4, 1).unwrap();
        assert!(limiter.try_acquire(mapped, 1).is_none(), "the same host in its other spelling");
        assert!(limiter.try_acquire("192.0.2.2".parse().unwrap(), 1).is_some());
        drop(first);
        assert!(limiter.try_acquire(mapped, 1).is_some());
        assert!(limiter.0.lock().unwrap().is_empty());
    }
}
