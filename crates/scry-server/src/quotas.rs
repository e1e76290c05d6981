//! What one user may do per minute on this node, over the API as over sockets.

use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

use scry_protocol::Id;

use super::rate::RateLimiter;
use crate::config::QuotaConfig;

/// Counts what users do against the rates of the configuration.
#[derive(Debug)]
pub struct Quotas {
    users: RateLimiter<Id>,
    addresses: RateLimiter<IpAddr>,
    inviters: RateLimiter<Id>,
    senders: RateLimiter<Id>,
    pairs: RateLimiter<(Id, Id)>,
}

impl Quotas {
    /// Builds the counts, all of them at rest.
    #[must_use]
    pub fn new(config: &QuotaConfig) -> Self {
        let now = Instant::now();
        Self {
            users: RateLimiter::new(config.api_requests_per_minute, now),
            addresses: RateLimiter::new(config.auth_requests_per_minute, now),
            inviters: RateLimiter::new(config.invitations_per_minute, now),
            senders: RateLimiter::new(config.notifications_per_minute, now),
            pairs: RateLimiter::new(config.notifications_per_pair, now),
        }
    }

    /// Counts a user's request to the API.
    ///
    /// # Errors
    /// How long to wait, when there were too many.
    pub fn request(&self, user: &Id) -> Result<(), Duration> {
        self.users.take(user, Instant::now())
    }

    /// Counts a request that needs no login, by the address that it comes from.
    ///
    /// # Errors
    /// How long to wait, when there were too many.
    pub fn anonymous_request(&self, address: IpAddr) -> Result<(), Duration> {
        self.addresses.take(&network(address), Instant::now())
    }

    /// Counts an invitation that a user makes.
    ///
    /// # Errors
    /// How long to wait, when there were too many.
    pub fn invitation(&self, inviter: &Id) -> Result<(), Duration> {
        self.inviters.take(inviter, Instant::now())
    }

    /// Counts a notification from one user to another.
    ///
    /// # Errors
    /// How long to wait, when the sender has sent too many, to this recipient or to all.
    pub fn notification(&self, sender: &Id, recipient: &Id) -> Result<(), Duration> {
        let now = Instant::now();
        self.pairs.take(&(sender.clone(), recipient.clone()), now)?;
        self.senders.take(sender, now)
    }
}

/// Returns what one customer of a provider is given: an IPv4 address, or the first half of an IPv6 address.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_addresses_of_one_ipv6_network_share_a_rate() {
        let quotas = Quotas::new(&QuotaConfig { auth_requests_per_minute: 2, ..QuotaConfig::default() });
        let ask = |address: &str| quotas.anonymous_request(address.parse().unwrap());
        assert_eq!((ask("2001:db8::1"), ask("2001:db8::2:3")), (Ok(()), Ok(())));
        assert!(ask("2001:db8::4").is_err());
        assert_eq!(ask("2001:db8:0:1::4"), Ok(()), "another network");
        assert_eq!((ask("192.0.2.1"), ask("::ffff:192.0.2.1")), (Ok(()), Ok(())));
        assert!(ask("192.0.2.1").is_err(), "both spellings are one address");
        assert_eq!(ask("192.0.2.2"), Ok(()));
    }
}
