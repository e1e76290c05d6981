//! Whether this machine has another way to the world than before.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use url::{Host, Url};

/// The addresses this machine would send from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LocalRoutes(Vec<IpAddr>);

/// Notices when the routes change.
#[derive(Debug, Default)]
pub(super) struct NetworkWatcher {
    known: Option<LocalRoutes>,
}

impl LocalRoutes {
    /// Asks the system which way it would take to a server; nothing is sent.
    pub(super) fn to(url: &Url) -> Self {
        let port = url.port_or_known_default().unwrap_or(443);
        let targets = match url.host() {
            Some(Host::Ipv4(ip)) => vec![IpAddr::V4(ip)],
            Some(Host::Ipv6(ip)) => vec![IpAddr::V6(ip)],
            // Addresses set aside for examples stand for the rest of the world: no name has to be resolved.
            Some(Host::Domain(_)) | None => vec![
                IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
                IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
            ],
        };
        Self(targets.into_iter().filter_map(|target| source(SocketAddr::new(target, port))).collect())
    }
}

impl NetworkWatcher {
    /// Takes what the routes are now; true when there is a way that was not there before.
    pub(super) fn has_changed(&mut self, now: LocalRoutes) -> bool {
        let before = self.known.replace(now.clone());
        before.is_some_and(|before| now.0.iter().any(|address| !before.0.contains(address)))
    }

    /// Forgets what was known: what is seen next is no change.
    pub(super) fn forget(&mut self) {
        self.known = None;
    }
}

/// Returns the address that the system would send from; `None` where there is no way.
fn source(target: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr = if target.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(target).ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(addresses: &[&str]) -> LocalRoutes {
        LocalRoutes(addresses.iter().map(|address| address.parse().unwrap()).collect())
    }

    #[test]
    fn a_new_way_is_a_change_and_a_lost_one_is_none() {
        let mut network = NetworkWatcher::default();
        assert!(!network.has_changed(routes(&["192.168.1.7"])), "the first look compares with nothing");
        assert!(!network.has_changed(routes(&["192.168.1.7"])));
        assert!(!network.has_changed(routes(&[])), "nothing to try");
        assert!(network.has_changed(routes(&["192.168.1.7"])));
        assert!(network.has_changed(routes(&["10.0.0.3"])), "another network");
        assert!(network.has_changed(routes(&["10.0.0.3", "2001:db8::5"])));
        network.forget();
        assert!(!network.has_changed(routes(&["172.16.0.1"])));
    }

    #[test]
    fn this_machine_is_always_on_the_way_to_itself() {
        let loopback = LocalRoutes::to(&Url::parse("http://127.0.0.1:4600/").unwrap());
        assert_eq!(loopback, routes(&["127.0.0.1"]));
    }
}
