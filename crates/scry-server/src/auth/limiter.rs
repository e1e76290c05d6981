//! A limit on login attempts (pure: the time is an argument).
//!
//! Attempts are refused per address and name, and per address. Per name, wherever they come from, they are only slowed
//! down: otherwise a stranger could lock somebody out by trying wrong passwords.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

/// How long attempts are counted together.
pub(super) const ATTEMPT_WINDOW: Duration = Duration::from_secs(60);
/// Past this many keys the stale ones are dropped, so that a sweep over names cannot fill the memory.
const SWEEP_THRESHOLD: usize = 4_096;
/// How long the first attempt beyond the limit of a name waits, and how long any waits at most.
const FIRST_DELAY: Duration = Duration::from_millis(250);
const MAX_DELAY: Duration = Duration::from_secs(4);
/// How many attempts for one name may wait at the same time on one node.
const MAX_WAITING_ATTEMPTS: u32 = 8;
/// How long a network from which somebody has logged in is theirs, and how many of these are remembered.
const KNOWN_NETWORK_TTL: Duration = Duration::from_secs(30 * 24 * 3600);
const MAX_KNOWN_NETWORKS: usize = 65_536;

/// How many login attempts a minute are taken.
#[derive(Debug, Clone, Copy)]
pub struct LoginLimits {
    /// From one address for one name.
    pub per_name_and_address: u32,
    /// From one address.
    pub per_address: u32,
    /// For one name from anywhere; more of them are slowed down.
    pub per_name: u32,
}

/// How many attempts were made within the last minute, this one among them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AttemptCounts {
    /// Attempts at this name from this address.
    pub name_and_address: u32,
    /// Attempts from this address.
    pub address: u32,
    /// Attempts at this name.
    pub name: u32,
}

/// What becomes of an attempt for a name that is tried too often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptDecision {
    /// The password is looked at now.
    Now,
    /// It is looked at later; [`LoginLimiter::stop_waiting`] is to be called then.
    After(Duration),
    /// Too many wait already.
    Refused(Duration),
}

/// Counts attempts on this node; a successful login takes its own back.
#[derive(Debug)]
pub struct LoginLimiter {
    limits: LoginLimits,
    names_and_addresses: HashMap<(IpAddr, String), Attempts>,
    addresses: HashMap<IpAddr, Attempts>,
    names: HashMap<String, Attempts>,
    waiting: HashMap<String, u32>,
    /// Where users have logged in from.
    known: HashMap<(IpAddr, String), Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Attempts {
    since: Instant,
    count: u32,
}

/// Returns what counts as one address: a whole /64 of IPv6, which one household or machine has to itself.
#[must_use]
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
    }
}

impl LoginLimits {
    /// Refuses an attempt that is one too many from its address.
    ///
    /// # Errors
    /// The time until the counts begin anew, `left` of the present ones.
    pub fn check(&self, counts: AttemptCounts, left: Duration) -> Result<(), Duration> {
        let is_over = counts.name_and_address > self.per_name_and_address || counts.address > self.per_address;
        if is_over { Err(left) } else { Ok(()) }
    }

    /// Returns how long an attempt waits for a name that was tried so often; it doubles with every tenth attempt.
    fn delay(&self, attempts: u32) -> Option<Duration> {
        let excess = attempts.checked_sub(self.per_name).filter(|excess| *excess > 0)?;
        let doublings = ((excess - 1) / 10).min(8);
        Some(FIRST_DELAY.saturating_mul(1 << doublings).min(MAX_DELAY))
    }
}

impl LoginLimiter {
    /// Builds a limiter.
    #[must_use]
    pub fn new(limits: LoginLimits) -> Self {
        Self {
            limits,
            names_and_addresses: HashMap::new(),
            addresses: HashMap::new(),
            names: HashMap::new(),
            waiting: HashMap::new(),
            known: HashMap::new(),
        }
    }

    /// Counts an attempt; a refused one does not count for the name.
    ///
    /// # Errors
    /// The time to wait, when there were too many from this address.
    pub fn attempt(&mut self, address: IpAddr, name: &str, now: Instant) -> Result<AttemptCounts, Duration> {
        self.sweep(now);
        let address = network(address);
        let fresh = Attempts { since: now, count: 0 };
        // One password tried on many names counts as well.
        let by_address = self.addresses.entry(address).or_insert(fresh).add(self.limits.per_address, now)?;
        let pair = self.names_and_addresses.entry((address, name.to_owned())).or_insert(fresh);
        let by_pair = pair.add(self.limits.per_name_and_address, now)?;
        let by_name = self.names.entry(name.to_owned()).or_insert(fresh).add(u32::MAX, now)?;
        Ok(AttemptCounts { name_and_address: by_pair, address: by_address, name: by_name })
    }

    /// Returns when the password of an attempt is to be looked at, by how often the name was tried within the last
    /// minute.
    pub fn decide(&mut self, address: IpAddr, name: &str, attempts: u32, now: Instant) -> AttemptDecision {
        let Some(delay) = self.limits.delay(attempts) else { return AttemptDecision::Now };
        let known = self.known.get(&(network(address), name.to_owned()));
        if known.is_some_and(|since| now.saturating_duration_since(*since) < KNOWN_NETWORK_TTL) {
            return AttemptDecision::Now;
        }
        let waiting = self.waiting.entry(name.to_owned()).or_insert(0);
        if *waiting >= MAX_WAITING_ATTEMPTS {
            return AttemptDecision::Refused(delay);
        }
        *waiting += 1;
        AttemptDecision::After(delay)
    }

    /// Notes that an attempt that had to wait does not any more.
    pub fn stop_waiting(&mut self, name: &str) {
        if let Some(waiting) = self.waiting.get_mut(name) {
            *waiting = waiting.saturating_sub(1);
            if *waiting == 0 {
                self.waiting.remove(name);
            }
        }
    }

    /// Takes the attempts of one who got in back, and remembers where they are.
    pub fn succeed(&mut self, address: IpAddr, name: &str, now: Instant) {
        let address = network(address);
        self.names_and_addresses.remove(&(address, name.to_owned()));
        for attempts in [self.addresses.get_mut(&address), self.names.get_mut(name)].into_iter().flatten() {
            attempts.count = attempts.count.saturating_sub(1);
        }
        if self.known.len() >= MAX_KNOWN_NETWORKS {
            self.known.retain(|_, since| now.saturating_duration_since(*since) < KNOWN_NETWORK_TTL);
        }
        if self.known.len() < MAX_KNOWN_NETWORKS {
            self.known.insert((address, name.to_owned()), now);
        }
    }

    fn sweep(&mut self, now: Instant) {
        let is_fresh = |attempts: &Attempts| now.duration_since(attempts.since) < ATTEMPT_WINDOW;
        if self.names_and_addresses.len() >= SWEEP_THRESHOLD {
            self.names_and_addresses.retain(|_, attempts| is_fresh(attempts));
        }
        if self.addresses.len() >= SWEEP_THRESHOLD {
            self.addresses.retain(|_, attempts| is_fresh(attempts));
        }
        if self.names.len() >= SWEEP_THRESHOLD {
            self.names.retain(|_, attempts| is_fresh(attempts));
        }
    }
}

impl Attempts {
    /// Counts one more; returns how many that makes.
    fn add(&mut self, limit: u32, now: Instant) -> Result<u32, Duration> {
        if now.duration_since(self.since) >= ATTEMPT_WINDOW {
            *self = Self { since: now, count: 0 };
        }
        if self.count >= limit {
            return Err(ATTEMPT_WINDOW.saturating_sub(now.duration_since(self.since)));
        }
        self.count = self.count.saturating_add(1);
        Ok(self.count)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const REMOTE: IpAddr = IpAddr::V4(Ipv4Addr::BROADCAST);

    fn limiter(per_name_and_address: u32, per_address: u32, per_name: u32) -> LoginLimiter {
        LoginLimiter::new(LoginLimits { per_name_and_address, per_address, per_name })
    }

    fn address(number: u32) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from_bits(number))
    }

    #[test]
    fn the_eleventh_attempt_in_a_minute_waits_for_the_next() {
        let mut limiter = limiter(10, 100, 100);
        let start = Instant::now();
        for _ in 0..10 {
            assert!(limiter.attempt(LOCAL, "gm", start).is_ok());
        }
        let later = start + Duration::from_secs(20);
        assert_eq!(limiter.attempt(LOCAL, "gm", later), Err(Duration::from_secs(40)));
        assert!(limiter.attempt(LOCAL, "player", later).is_ok(), "another name is not affected");
        assert!(limiter.attempt(LOCAL, "gm", start + ATTEMPT_WINDOW).is_ok());
    }

    #[test]
    fn success_clears_the_count() {
        let mut limiter = limiter(1, 100, 100);
        let now = Instant::now();
        limiter.attempt(LOCAL, "gm", now).unwrap();
        limiter.succeed(LOCAL, "gm", now);
        assert!(limiter.attempt(LOCAL, "gm", now).is_ok());
    }

    #[test]
    fn one_password_tried_on_many_names_waits_as_well() {
        let mut limiter = limiter(10, 3, 100);
        let start = Instant::now();
        for name in ["gm", "player", "viewer"] {
            assert!(limiter.attempt(LOCAL, name, start).is_ok());
        }
        assert_eq!(limiter.attempt(LOCAL, "bot", start), Err(ATTEMPT_WINDOW));
        assert!(limiter.attempt(REMOTE, "bot", start).is_ok(), "from elsewhere");
        assert!(limiter.attempt(LOCAL, "bot", start + ATTEMPT_WINDOW).is_ok());
    }

    #[test]
    fn addresses_of_one_ipv6_network_count_together() {
        let mut limiter = limiter(2, 100, 100);
        let start = Instant::now();
        let parse = |text: &str| text.parse::<IpAddr>().unwrap();
        limiter.attempt(parse("2001:db8:0:1::1"), "gm", start).unwrap();
        limiter.attempt(parse("2001:db8:0:1:ffff:ffff:ffff:ffff"), "gm", start).unwrap();
        assert!(limiter.attempt(parse("2001:db8:0:1:1234::5"), "gm", start).is_err());
        assert!(limiter.attempt(parse("2001:db8:0:2::1"), "gm", start).is_ok(), "the next network");
        assert_eq!(network(parse("::ffff:192.0.2.7")), parse("192.0.2.7"));
        assert_ne!(network(parse("192.0.2.7")), network(parse("192.0.2.8")));
    }

    #[test]
    fn name_tried_from_many_addresses_is_slowed_down_and_never_locked() {
        let mut limiter = limiter(10, 100, 30);
        let start = Instant::now();
        let mut paces = Vec::new();
        for number in 0..200 {
            let counts = limiter.attempt(address(number), "gm", start).unwrap();
            paces.push(limiter.decide(address(number), "gm", counts.name, start));
            limiter.stop_waiting("gm");
        }
        assert!(paces[..30].iter().all(|pace| *pace == AttemptDecision::Now));
        assert_eq!(paces[30], AttemptDecision::After(FIRST_DELAY));
        assert_eq!(paces[40], AttemptDecision::After(FIRST_DELAY * 2));
        assert!(paces[80..].iter().all(|pace| *pace == AttemptDecision::After(MAX_DELAY)), "the wait is bounded");
        let counts = limiter.attempt(address(7), "player", start).unwrap();
        assert_eq!(
            limiter.decide(address(7), "player", counts.name, start),
            AttemptDecision::Now,
            "another name is not affected"
        );
        let counts = limiter.attempt(address(7), "gm", start + ATTEMPT_WINDOW).unwrap();
        assert_eq!(
            limiter.decide(address(7), "gm", counts.name, start + ATTEMPT_WINDOW),
            AttemptDecision::Now,
            "a minute later"
        );
    }

    #[test]
    fn network_from_which_a_user_has_logged_in_is_not_slowed_down() {
        let mut limiter = limiter(10, 100, 3);
        let start = Instant::now();
        limiter.succeed(LOCAL, "gm", start);
        assert_eq!(limiter.decide(LOCAL, "gm", 1_000, start), AttemptDecision::Now);
        assert_eq!(limiter.decide(REMOTE, "gm", 1_000, start), AttemptDecision::After(MAX_DELAY));
        assert_eq!(
            limiter.decide(LOCAL, "player", 1_000, start),
            AttemptDecision::After(MAX_DELAY),
            "for the same name only"
        );
        assert_eq!(
            limiter.decide(LOCAL, "gm", 1_000, start + KNOWN_NETWORK_TTL),
            AttemptDecision::After(MAX_DELAY),
            "for a while"
        );
    }

    #[test]
    fn only_a_few_attempts_for_a_name_wait_at_the_same_time() {
        let mut limiter = limiter(10, 100, 3);
        let now = Instant::now();
        for number in 0..MAX_WAITING_ATTEMPTS {
            assert_eq!(limiter.decide(address(number), "gm", 1_000, now), AttemptDecision::After(MAX_DELAY));
        }
        assert_eq!(limiter.decide(REMOTE, "gm", 1_000, now), AttemptDecision::Refused(MAX_DELAY));
        limiter.stop_waiting("gm");
        assert_eq!(limiter.decide(REMOTE, "gm", 1_000, now), AttemptDecision::After(MAX_DELAY));
    }
}
