//! A limit on login attempts (pure: the time is an argument).

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

const WINDOW: Duration = Duration::from_secs(60);
/// Past this many keys the stale ones are dropped, so that a sweep over names cannot fill the memory.
const SWEEP: usize = 4_096;

/// Counts attempts per address and name, and per address; a successful login clears the former.
#[derive(Debug)]
pub struct LoginLimiter {
    per_minute: u32,
    per_address: u32,
    attempts: HashMap<(IpAddr, String), Attempts>,
    addresses: HashMap<IpAddr, Attempts>,
}

#[derive(Debug, Clone, Copy)]
struct Attempts {
    since: Instant,
    count: u32,
}

impl LoginLimiter {
    /// Builds a limiter.
    #[must_use]
    pub fn new(per_minute: u32, per_address: u32) -> Self {
        Self { per_minute, per_address, attempts: HashMap::new(), addresses: HashMap::new() }
    }

    /// Counts an attempt.
    ///
    /// # Errors
    /// The time to wait, when there were too many.
    pub fn attempt(&mut self, address: IpAddr, name: &str, now: Instant) -> Result<(), Duration> {
        if self.attempts.len() >= SWEEP {
            self.attempts.retain(|_, attempts| now.duration_since(attempts.since) < WINDOW);
        }
        if self.addresses.len() >= SWEEP {
            self.addresses.retain(|_, attempts| now.duration_since(attempts.since) < WINDOW);
        }
        let fresh = Attempts { since: now, count: 0 };
        // One password tried on many names counts as well.
        self.addresses.entry(address).or_insert(fresh).add(self.per_address, now)?;
        self.attempts.entry((address, name.to_owned())).or_insert(fresh).add(self.per_minute, now)
    }

    /// Forgets the attempts of one who got in.
    pub fn clear(&mut self, address: IpAddr, name: &str) {
        self.attempts.remove(&(address, name.to_owned()));
        if let Some(attempts) = self.addresses.get_mut(&address) {
            attempts.count = attempts.count.saturating_sub(1);
        }
    }
}

impl Attempts {
    fn add(&mut self, limit: u32, now: Instant) -> Result<(), Duration> {
        if now.duration_since(self.since) >= WINDOW {
            *self = Self { since: now, count: 0 };
        }
        if self.count >= limit {
            return Err(WINDOW.saturating_sub(now.duration_since(self.since)));
        }
        self.count += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    #[test]
    fn the_eleventh_attempt_in_a_minute_waits_for_the_next() {
        let mut limiter = LoginLimiter::new(10, 100);
        let start = Instant::now();
        for _ in 0..10 {
            assert_eq!(limiter.attempt(HERE, "gm", start), Ok(()));
        }
        let later = start + Duration::from_secs(20);
        assert_eq!(limiter.attempt(HERE, "gm", later), Err(Duration::from_secs(40)));
        assert_eq!(limiter.attempt(HERE, "player", later), Ok(()), "another name is not affected");
        assert_eq!(limiter.attempt(HERE, "gm", start + WINDOW), Ok(()));
    }

    #[test]
    fn success_clears_the_count() {
        let mut limiter = LoginLimiter::new(1, 100);
        let now = Instant::now();
        limiter.attempt(HERE, "gm", now).unwrap();
        limiter.clear(HERE, "gm");
        assert_eq!(limiter.attempt(HERE, "gm", now), Ok(()));
    }

    #[test]
    fn one_password_tried_on_many_names_waits_as_well() {
        let mut limiter = LoginLimiter::new(10, 3);
        let start = Instant::now();
        for name in ["gm", "player", "viewer"] {
            assert_eq!(limiter.attempt(HERE, name, start), Ok(()));
        }
        assert_eq!(limiter.attempt(HERE, "bot", start), Err(WINDOW));
        assert_eq!(limiter.attempt(IpAddr::V4(Ipv4Addr::BROADCAST), "bot", start), Ok(()), "from elsewhere");
        assert_eq!(limiter.attempt(HERE, "bot", start + WINDOW), Ok(()));
    }
}
