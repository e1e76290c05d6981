//! Those who move the clock, mostly forward: with the days come the effects.

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::api_client::RecordingClient;
use super::cluster::millis;
use super::editors::ask;
use super::history::HistoryRequest;

const SECONDS_PER_HOUR: i64 = 3_600;

/// Moves the clock until stopped.
pub async fn keep_the_clock(mut client: RecordingClient, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let key = format!("clock-{}", client.recorder.number());
        let seconds = match client.rng.u32(..8) {
            // Set back, the clock comes through the same time twice; what happened then does not happen again.
            0 => -client.rng.i64(1..72) * SECONDS_PER_HOUR,
            _ => client.rng.i64(1..200) * SECONDS_PER_HOUR,
        };
        ask(&mut client, &HistoryRequest::Advance { key, seconds }).await;
        sleep(millis(&mut client.rng, 100..600)).await;
    }
}
