//! Whom a request comes from, where proxies stand before the server (pure).

use std::net::IpAddr;

use ipnet::IpNet;

/// Returns the address that a request comes from: the peer's, or the one that a trusted proxy names.
///
/// `forwarded` are the values of `X-Forwarded-For` in their order. Each proxy adds whom it was asked by, so the last
/// one that no trusted proxy has counts; what stands before it may be invented.
#[must_use]
pub(super) fn client<'a>(
    peer: IpAddr,
    forwarded: impl DoubleEndedIterator<Item = &'a str>,
    trusted: &[IpNet],
) -> IpAddr {
    let mut client = peer.to_canonical();
    for named in forwarded.rev().flat_map(|value| value.rsplit(',')) {
        if !is_trusted(client, trusted) {
            break;
        }
        match named.trim().parse::<IpAddr>() {
            Ok(address) => client = address.to_canonical(),
            Err(_) => break,
        }
    }
    client
}

/// Returns whether an address is a trusted proxy's.
#[must_use]
pub(super) fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|network| network.contains(&address.to_canonical()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(peer: &str, forwarded: &[&str]) -> String {
        let trusted = ["10.0.0.0/8", "127.0.0.1/32", "fd00::/8"].map(|network| network.parse().unwrap());
        client(peer.parse().unwrap(), forwarded.iter().copied(), &trusted).to_string()
    }

    #[test]
    fn only_a_trusted_proxy_may_forward_an_address() {
        assert_eq!(from("192.0.2.9", &["198.51.100.7"]), "192.0.2.9", "a client that claims to be a proxy");
        assert_eq!(from("10.1.2.3", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(from("::ffff:10.1.2.3", &["::ffff:198.51.100.7"]), "198.51.100.7");
        assert_eq!(from("fd00::1", &["2001:db8::5"]), "2001:db8::5");
        assert_eq!(from("10.1.2.3", &[]), "10.1.2.3");
    }

    #[test]
    fn addresses_before_the_last_untrusted_hop_are_ignored() {
        assert_eq!(from("10.1.2.3", &["203.0.113.1, 198.51.100.7"]), "198.51.100.7");
        assert_eq!(from("10.1.2.3", &["203.0.113.1", "198.51.100.7, 10.9.9.9"]), "198.51.100.7", "by two proxies");
        assert_eq!(from("10.1.2.3", &["203.0.113.1, nonsense, 10.9.9.9"]), "10.9.9.9");
        assert_eq!(from("10.1.2.3", &["", " "]), "10.1.2.3");
    }
}
