//! How often an address may open a socket (pure: the time is an argument).

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::handshake;
use crate::config::SocketConfig;
use crate::rate::TokenBucket;

/// How many handshakes a minute each connection is good for that an address may have.
const HANDSHAKES_PER_CONNECTION: u32 = 12;
/// What may come at once, as a part of what may come in a minute.
const BURST_DIVISOR: u32 = 4;
/// How long an address that exceeds its rate is blocked.
const BLOCK_DURATION: Duration = Duration::from_secs(1);
/// Past this many clients those whose buckets are full are forgotten, at most once a second.
const SWEEP_THRESHOLD: usize = 4_096;
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);
/// Past this many, new ones are not limited: many strangers must not lock others out.
const MAX_TRACKED_CLIENTS: usize = 65_536;

/// Counts handshakes per address; clones share the count.
#[derive(Debug, Clone, Default)]
pub(super) struct HandshakeLimiter(Arc<Mutex<ClientBuckets>>);

#[derive(Debug, Default)]
struct ClientBuckets {
    clients: HashMap<IpAddr, ClientBucket>,
    last_sweep: Option<Instant>,
}

#[derive(Debug)]
struct ClientBucket {
    bucket: TokenBucket,
    blocked_until: Option<Instant>,
}

/// Returns how many handshakes a minute may come from `address`; `None` if it is exempt.
#[must_use]
pub(super) fn limit(address: IpAddr, config: &SocketConfig) -> Option<u32> {
    let sockets = handshake::connection_limit(address, config);
    let usual = sockets
        .map(|limit| limit.max(SocketConfig::DEFAULT_CONNECTIONS_PER_IP).saturating_mul(HANDSHAKES_PER_CONNECTION));
    config.handshakes_per_minute.or(usual)
}

impl HandshakeLimiter {
    /// Counts a handshake.
    ///
    /// # Errors
    /// How long to wait for the next one, when there were too many.
    pub(super) fn count(&self, address: IpAddr, per_minute: u32, now: Instant) -> Result<(), Duration> {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.sweep(now);
        let (address, is_full) = (address.to_canonical(), buckets.clients.len() >= MAX_TRACKED_CLIENTS);
        if is_full && !buckets.clients.contains_key(&address) {
            return Ok(());
        }
        let fresh = || TokenBucket::with_burst(per_minute, per_minute / BURST_DIVISOR, now);
        let client =
            buckets.clients.entry(address).or_insert_with(|| ClientBucket { bucket: fresh(), blocked_until: None });
        client.bucket.take(now).inspect_err(|_| client.blocked_until = Some(now + BLOCK_DURATION))
    }

    /// Returns whether connections from `address` are not worth accepting, because it has just asked for too many.
    #[must_use]
    pub(super) fn is_blocked(&self, address: IpAddr, now: Instant) -> bool {
        let buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let client = buckets.clients.get(&address.to_canonical());
        client.and_then(|client| client.blocked_until).is_some_and(|until| now < until)
    }
}

impl ClientBuckets {
    fn sweep(&mut self, now: Instant) {
        let is_due =
            self.last_sweep.is_none_or(|last_sweep| now.saturating_duration_since(last_sweep) >= SWEEP_INTERVAL);
        if self.clients.len() >= SWEEP_THRESHOLD && is_due {
            self.clients.retain(|_, client| !client.bucket.is_full(now));
            self.last_sweep = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn address(number: u32) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from_bits(number))
    }

    #[test]
    fn burst_is_allowed_and_excess_blocks_the_address_for_a_second() {
        let (handshakes, start) = (HandshakeLimiter::default(), Instant::now());
        for _ in 0..30 {
            assert_eq!(handshakes.count(address(1), 120, start), Ok(()));
        }
        assert!(!handshakes.is_blocked(address(1), start));
        assert_eq!(handshakes.count(address(1), 120, start), Err(Duration::from_millis(500)));
        let later = start + Duration::from_millis(999);
        let mapped = "::ffff:0.0.0.1".parse().unwrap();
        assert!(handshakes.is_blocked(mapped, later), "the same host in its other spelling");
        assert!(!handshakes.is_blocked(address(2), later) && handshakes.count(address(2), 120, later).is_ok());
        assert!(!handshakes.is_blocked(address(1), start + BLOCK_DURATION));
        assert_eq!(handshakes.count(address(1), 120, start + BLOCK_DURATION), Ok(()));
    }

    #[test]
    fn many_addresses_cannot_fill_the_memory() {
        let (handshakes, start) = (HandshakeLimiter::default(), Instant::now());
        let max = u32::try_from(MAX_TRACKED_CLIENTS).unwrap();
        for number in 0..max + 10 {
            assert_eq!(handshakes.count(address(number), 120, start), Ok(()));
        }
        assert_eq!(handshakes.0.lock().unwrap().clients.len(), MAX_TRACKED_CLIENTS);
        handshakes.count(address(0), 120, start + Duration::from_secs(60)).unwrap();
        assert_eq!(handshakes.0.lock().unwrap().clients.len(), 1, "who has rested is forgotten");
    }

    #[test]
    fn the_limit_follows_that_of_connections() {
        let mut config = SocketConfig::default();
        let (near, far) = (IpAddr::V4(Ipv4Addr::LOCALHOST), "192.0.2.1".parse().unwrap());
        assert_eq!((limit(near, &config), limit(far, &config)), (None, Some(120)));
        config.max_connections_per_ip = Some(1_000);
        assert_eq!(limit(near, &config), Some(12_000));
        config.max_connections_per_ip = Some(1);
        assert_eq!(limit(near, &config), Some(120), "coming back now and then is no flood");
        config.handshakes_per_minute = Some(7);
        assert_eq!(limit(far, &config), Some(7));
    }
}
