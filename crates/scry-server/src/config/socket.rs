//! Settings of the gateway.

use std::time::Duration;

/// The gateway's timings and limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocketConfig {
    /// The time between two pings.
    pub ping_interval: Duration,
    /// How long the answer to a ping may take.
    pub ping_timeout: Duration,
    /// How long a connection may take to authenticate.
    pub connect_timeout: Duration,
    /// Bounds connections per address; `None` means 10, with loopback exempt.
    pub max_connections_per_ip: Option<u32>,
    /// Lists the `Origin`s that browsers may come from.
    pub allowed_origins: Vec<String>,
    /// Bounds one message, in bytes.
    pub max_payload: usize,
    /// Bounds the rooms of one connection.
    pub max_rooms: usize,
    /// Bounds the messages that wait for one connection; a connection that fills it is closed.
    pub buffer: usize,
    /// Bounds the requests of one connection per minute; also the burst it may spend at once.
    pub requests_per_minute: u32,
    /// How long a connection may not read before it is closed.
    pub slow_reader_timeout: Duration,
    /// Bounds what one WebSocket may send in the long run; twice as much may come at once.
    pub bytes_per_second: u32,
    /// Bounds its frames in the same way, however short they are.
    pub frames_per_second: u32,
    /// Bounds the parts that a message may come in.
    pub max_fragments: u32,
    /// Bounds the violations of one connection per minute, or at once, before it is disconnected.
    pub violations_per_minute: u32,
    /// Bounds handshakes per address and minute; `None` means enough for its connections, with loopback exempt.
    pub handshakes_per_minute: Option<u32>,
}

impl SocketConfig {
    /// Bounds connections per address where nothing is set.
    pub const DEFAULT_CONNECTIONS_PER_IP: u32 = 10;

    /// Returns what a frame counts besides its bytes, so that both limits are one.
    #[must_use]
    pub fn bytes_per_frame(&self) -> usize {
        let bytes = self.bytes_per_second.div_ceil(self.frames_per_second.max(1));
        usize::try_from(bytes).unwrap_or(usize::MAX)
    }
}

impl Default for SocketConfig {
    fn default() -> Self {
        Self {
            ping_interval: Duration::from_millis(25_000),
            ping_timeout: Duration::from_millis(5_000),
            connect_timeout: Duration::from_secs(5),
            max_connections_per_ip: None,
            allowed_origins: Vec::new(),
            max_payload: 64 * 1024,
            max_rooms: 200,
            buffer: 1024,
            requests_per_minute: 100,
            slow_reader_timeout: Duration::from_secs(20),
            // A hundred full messages a minute, and some.
            bytes_per_second: 128 * 1024,
            frames_per_second: 128,
            max_fragments: 256,
            // Ten times as much as may be asked.
            violations_per_minute: 1_000,
            handshakes_per_minute: None,
        }
    }
}
