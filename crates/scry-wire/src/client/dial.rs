//! A TCP connection to whichever of a host's addresses answers first (RFC 8305, "happy eyeballs").

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::sleep;

use super::error::ConnectError;

/// How long an attempt goes on alone before the next address is tried beside it, as RFC 8305 recommends.
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);
/// The most addresses of one name that are tried.
const MAX_ADDRESSES: usize = 16;

/// Resolves a name.
pub(super) async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, ConnectError> {
    let unknown = |reason: String| ConnectError::Resolve { host: host.to_owned(), reason };
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    let found = lookup_host((host, port)).await.map_err(|error| unknown(error.to_string()))?;
    let addresses = alternate(found.collect());
    if addresses.is_empty() { Err(unknown("the name server has none".to_owned())) } else { Ok(addresses) }
}

/// Puts the families in turns, beginning with the one that the system prefers.
fn alternate(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let Some(first_is_v6) = addresses.first().map(SocketAddr::is_ipv6) else { return addresses };
    let (preferred, other): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == first_is_v6);
    let (mut preferred, mut other) = (preferred.into_iter(), other.into_iter());
    let mut turns = Vec::new();
    loop {
        let pair = (preferred.next(), other.next());
        turns.extend(pair.0);
        turns.extend(pair.1);
        if pair == (None, None) || turns.len() >= MAX_ADDRESSES {
            turns.truncate(MAX_ADDRESSES);
            return turns;
        }
    }
}

/// Connects to a host by name or address.
pub(super) async fn dial(host: &str, port: u16) -> Result<TcpStream, ConnectError> {
    let addresses = resolve(host, port).await?;
    let unreachable = |error: io::Error| {
        let address = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        ConnectError::Unreachable { address, reason: error.to_string() }
    };
    let stream = race(addresses, TcpStream::connect).await.map_err(unreachable)?;
    // Small packets go out at once; a system that cannot do that still carries them.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

/// Tries the addresses in order, the next one when the last has failed or is slow, and returns the first connection.
async fn race<S, F: Future<Output = io::Result<S>>>(
    addresses: Vec<SocketAddr>,
    connect: impl Fn(SocketAddr) -> F,
) -> io::Result<S> {
    let mut waiting = addresses.into_iter();
    let mut attempts = FuturesUnordered::new();
    let mut first_error = None;
    loop {
        let exhausted = match waiting.next() {
            Some(address) => {
                attempts.push(connect(address));
                false
            }
            None => true,
        };
        let next = async { if exhausted { std::future::pending().await } else { sleep(ATTEMPT_DELAY).await } };
        tokio::pin!(next);
        loop {
            tokio::select! {
                outcome = attempts.next() => match outcome {
                    Some(Ok(stream)) => return Ok(stream),
                    Some(Err(error)) => {
                        first_error.get_or_insert(error);
                        // With the last attempt under way there is nothing to begin in its place.
                        if !exhausted {
                            break;
                        }
                    }
                    None => return Err(first_error.unwrap_or_else(|| io::ErrorKind::AddrNotAvailable.into())),
                },
                () = &mut next => break,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tokio::time::Instant;

    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    /// What each address does: answers or fails after a while, or never does either.
    fn outcome(address: SocketAddr) -> (Duration, Option<bool>) {
        match address.port() {
            1 => (Duration::ZERO, None),
            2 => (Duration::ZERO, Some(false)),
            3 => (Duration::from_millis(400), Some(true)),
            _ => (Duration::from_millis(10), Some(true)),
        }
    }

    async fn raced(list: &[&str]) -> (Option<SocketAddr>, Vec<SocketAddr>, Duration) {
        let tried = Mutex::new(Vec::new());
        let began = Instant::now();
        let winner = race(list.iter().map(|text| address(text)).collect(), |address| {
            tried.lock().unwrap().push(address);
            async move {
                let (delay, success) = outcome(address);
                sleep(delay).await;
                match success {
                    None => std::future::pending().await,
                    Some(true) => Ok(address),
                    Some(false) => Err(io::ErrorKind::ConnectionRefused.into()),
                }
            }
        })
        .await
        .ok();
        (winner, tried.into_inner().unwrap(), began.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn dead_first_address_costs_a_quarter_of_a_second() {
        let (winner, tried, took) = raced(&["[::1]:1", "127.0.0.1:9"]).await;
        assert_eq!((winner, tried.len()), (Some(address("127.0.0.1:9")), 2));
        assert_eq!(took, Duration::from_millis(260));
    }

    #[tokio::test(start_paused = true)]
    async fn refused_address_is_followed_at_once() {
        let (winner, _, took) = raced(&["[::1]:2", "127.0.0.1:9"]).await;
        assert_eq!((winner, took), (Some(address("127.0.0.1:9")), Duration::from_millis(10)));
    }

    #[tokio::test(start_paused = true)]
    async fn answering_first_address_is_tried_alone() {
        let (winner, tried, _) = raced(&["[::1]:9", "127.0.0.1:9"]).await;
        assert_eq!((winner, tried), (Some(address("[::1]:9")), vec![address("[::1]:9")]));
    }

    #[tokio::test(start_paused = true)]
    async fn slow_first_address_may_still_win() {
        let (winner, tried, _) = raced(&["[::1]:3", "127.0.0.1:1"]).await;
        assert_eq!((winner, tried.len()), (Some(address("[::1]:3")), 2));
    }

    #[tokio::test(start_paused = true)]
    async fn all_addresses_failing_is_an_error() {
        assert_eq!(raced(&["[::1]:2", "127.0.0.1:2"]).await.0, None);
        assert_eq!(raced(&[]).await.0, None);
    }

    #[test]
    fn families_take_turns() {
        let list = ["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1"].map(address).to_vec();
        let turns = alternate(list);
        assert_eq!(turns, ["[::1]:1", "1.1.1.1:1", "[::2]:1", "[::3]:1"].map(address));
    }
}
