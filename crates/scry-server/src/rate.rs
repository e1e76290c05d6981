//! Rates of what users do, whatever connection they do it over (pure: the time is an argument).

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Bounds the keys that are remembered; past it, those that are not known share one bucket.
const MAX_KEYS: usize = 16_384;

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

    /// Returns whether nothing was taken that has not come back.
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

/// Grants each key as much per minute, all at once if need be.
#[derive(Debug)]
pub struct RateLimiter<K> {
    per_minute: u32,
    buckets: Mutex<Buckets<K>>,
}

#[derive(Debug)]
struct Buckets<K> {
    known: HashMap<K, TokenBucket>,
    /// The bucket of all keys that found no room.
    shared: TokenBucket,
}

impl<K: Eq + Hash + Clone> RateLimiter<K> {
    /// Builds a limiter whose buckets are full.
    #[must_use]
    pub fn new(per_minute: u32, now: Instant) -> Self {
        let shared = TokenBucket::per_minute(per_minute, now);
        Self { per_minute, buckets: Mutex::new(Buckets { known: HashMap::new(), shared }) }
    }

    /// Takes one of a key's tokens.
    ///
    /// # Errors
    /// How long to wait for the next one.
    pub fn take(&self, key: &K, now: Instant) -> Result<(), Duration> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.of(key, self.per_minute, now).take(now)
    }
}

impl<K: Eq + Hash + Clone> Buckets<K> {
    /// Returns a key's bucket, or the shared one where there is no room for another.
    fn of(&mut self, key: &K, per_minute: u32, now: Instant) -> &mut TokenBucket {
        if !self.known.contains_key(key) && self.known.len() >= MAX_KEYS {
            self.known.retain(|_, bucket| !bucket.is_full(now));
            if self.known.len() >= MAX_KEYS {
                return &mut self.shared;
            }
        }
        self.known.entry(key.clone()).or_insert_with(|| TokenBucket::per_minute(per_minute, now))
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
    fn each_key_has_a_rate_of_its_own() {
        let start = Instant::now();
        let limiter = RateLimiter::new(60, start);
        for _ in 0..60 {
            limiter.take(&"mallory", start).unwrap();
        }
        assert_eq!(limiter.take(&"mallory", start), Err(Duration::from_secs(1)));
        assert_eq!(limiter.take(&"gm", start), Ok(()));
        assert_eq!(limiter.take(&"mallory", start + Duration::from_secs(2)), Ok(()));
    }

    #[test]
    fn many_keys_cannot_fill_the_memory_and_share_one_rate() {
        let start = Instant::now();
        let limiter = RateLimiter::new(1, start);
        for key in 0..MAX_KEYS {
            limiter.take(&key, start).unwrap();
        }
        limiter.take(&MAX_KEYS, start).unwrap();
        assert!(limiter.take(&(MAX_KEYS + 1), start).is_err(), "the shared bucket is empty");
        assert_eq!(limiter.buckets.lock().unwrap().known.len(), MAX_KEYS);
        let later = start + Duration::from_secs(61);
        assert_eq!(limiter.take(&(MAX_KEYS + 1), later), Ok(()));
        assert_eq!(limiter.buckets.lock().unwrap().known.len(), 1, "full buckets are forgotten");
    }
}
