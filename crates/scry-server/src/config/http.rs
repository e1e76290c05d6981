//! Settings of the HTTP half: what a request may cost.

use std::time::Duration;

use ipnet::IpNet;

/// The limits of requests and of the connections that carry them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpConfig {
    /// How long a request's head may take, and how long a connection may wait for the next one.
    pub header_timeout: Duration,
    /// How long a request's body may take.
    pub body_timeout: Duration,
    /// Bounds TCP connections per address; `None` means enough for its Socket.IO connections, with loopback exempt.
    pub max_tcp_connections_per_ip: Option<u32>,
    /// Whose word counts about whom a request comes from.
    pub trusted_proxies: Vec<IpNet>,
    /// Bounds how deep a query nests; an introspection needs 13.
    pub query_depth: usize,
    /// The most values that a query may ask for: the rows of each list times the fields of a row.
    pub query_complexity: usize,
    /// How long a query may take, its waiting included.
    pub query_timeout: Duration,
    /// The most queries of one user that run at once.
    pub queries_per_user: usize,
    /// The most bytes of an answer to a query.
    pub max_answer_bytes: usize,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(10),
            max_tcp_connections_per_ip: None,
            trusted_proxies: Vec::new(),
            query_depth: 15,
            query_complexity: 100_000,
            query_timeout: Duration::from_secs(10),
            queries_per_user: 32,
            // Three KiB for each of ten thousand entities, and some.
            max_answer_bytes: 32 * 1024 * 1024,
        }
    }
}
