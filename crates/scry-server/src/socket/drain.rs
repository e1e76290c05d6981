//! The end of the gateway: clients are told to come back, and closed in batches.

use std::time::Duration;

use serde_json::json;
use tokio::time::{sleep, timeout};

use super::Gateway;

/// How many connections are closed at a time.
const DRAIN_BATCH_SIZE: usize = 256;
/// How long the batches are apart at most.
const MAX_BATCH_PAUSE: Duration = Duration::from_millis(50);
/// How long polling clients have to fetch what they are told: they may be between two requests.
const POLLING_FETCH_TIME: Duration = Duration::from_millis(500);
/// When the first clients may come back; later batches come later.
const RECONNECT_AFTER: Duration = Duration::from_secs(1);

impl Gateway {
    /// Tells every client to come back later, and hangs up on the connections in batches, all `within` a time.
    ///
    /// Cancel the token `draining` of the core before, so that nobody comes in meanwhile, and let
    /// [`Gateway::close`] end what is left.
    pub async fn drain(&self, within: Duration) {
        let connections = self.connections.all();
        let batches = u32::try_from(connections.len().div_ceil(DRAIN_BATCH_SIZE)).unwrap_or(u32::MAX).max(1);
        let pause = MAX_BATCH_PAUSE.min(within / 2 / batches);
        for (number, batch) in (0_u32..).zip(connections.chunks(DRAIN_BATCH_SIZE)) {
            let later = RECONNECT_AFTER.saturating_add(pause.saturating_mul(number));
            let later = u64::try_from(later.as_millis()).unwrap_or(u64::MAX);
            for connection in batch {
                connection.send("server:draining", &json!({"reconnectAfterMs": later}));
            }
        }
        for batch in connections.chunks(DRAIN_BATCH_SIZE) {
            sleep(pause).await;
            batch.iter().for_each(|connection| connection.close_gracefully());
        }
        if connections.iter().any(|connection| !connection.has_tcp_connection()) {
            sleep(POLLING_FETCH_TIME.min(within / 4)).await;
        }
    }

    /// Closes what is left, `within` a time: polling sockets, and peers that do not read.
    pub async fn close(&self, within: Duration) {
        if timeout(within, self.io.close()).await.is_err() {
            self.connections.all().iter().for_each(|connection| connection.close_slow_reader());
        }
        // The library forgets its namespaces first and then tells nobody that their sockets have gone.
        self.connections.all().iter().for_each(|connection| connection.closed().cancel());
    }
}
