//! Limits of a connection: how often it may ask, and how many may come from one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Grants requests at a steady rate, with a burst (pure: the time is passed in).
#[derive(Debug, Clone)]
pub struct TokenBucket {
    per_second: f64,
    capacity: f64,
    left: f64,
    filled: Instant,
}

impl TokenBucket {
    /// Builds a full bucket that refills `per_minute` tokens a minute, and holds as many.
    #[must_use]
    pub fn per_minute(per_minute: u32, now: Instant) -> Self {
        Self::with_burst(per_minute, per_minute, now)
    }

    /// Builds a full bucket that refills `per_minute` tokens a minute, and holds `burst`.
    #[must_use]
    pub fn with_burst(per_minute: u32, burst: u32, now: Instant) -> Self {
        let (per_second, capacity) = (f64::from(per_minute.max(1)) / 60.0, f64::from(burst.max(1)));
        Self { per_second, capacity, left: capacity, filled: now }
    }

    /// Takes one token.
    ///
    /// # Errors
    /// How long to wait for the next one.
    pub fn take(&mut self, now: Instant) -> Result<(), Duration> {
        self.fill(now);
        if self.left < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - self.left) / self.per_second));
        }
        self.left -= 1.0;
        Ok(())
    }

    /// Tells whether nothing was taken that has not come back.
    pub fn is_full(&mut self, now: Instant) -> bool {
        self.fill(now);
        self.left >= self.capacity
    }

    fn fill(&mut self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.filled).as_secs_f64();
        self.left = elapsed.mul_add(self.per_second, self.left).min(self.capacity);
        self.filled = now;
    }
}

/// Counts connections per address; clones share the count.
#[derive(Debug, Clone, Default)]
pub struct Addresses(Arc<Mutex<HashMap<IpAddr, u32>>>);

/// Holds one connection's place in the count and gives it back when dropped.
#[derive(Debug)]
pub struct Place {
    addresses: Addresses,
    address: IpAddr,
}

impl Addresses {
    /// Takes a place for a connection from `address`; `None` if `limit` are taken.
    #[must_use]
    pub fn enter(&self, address: IpAddr, limit: u32) -> Option<Place> {
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
    fn a_burst_is_granted_and_then_one_at_a_time() {
        let start = Instant::now();
        let mut bucket = TokenBucket::per_minute(100, start);
        for _ in 0..100 {
            bucket.take(start).unwrap();
        }
        let wait = bucket.take(start).unwrap_err();
        assert_eq!(wait, Duration::from_millis(600));
        bucket.take(start + wait + Duration::from_millis(1)).unwrap();
        assert!(bucket.take(start + wait + Duration::from_millis(1)).is_err());
    }

    #[test]
    fn a_rest_never_fills_more_than_the_burst() {
        let start = Instant::now();
        let mut bucket = TokenBucket::per_minute(2, start);
        let later = start + Duration::from_secs(3600);
        bucket.take(later).unwrap();
        bucket.take(later).unwrap();
        assert!(bucket.take(later).is_err());
    }

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
