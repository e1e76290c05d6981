//! Those who read whole snapshots, from whatever node answers.

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::api_client::RecordingClient;
use super::cluster::millis;
use super::history::HistoryRequest;

/// Reads until stopped.
pub async fn read_snapshots(mut client: RecordingClient, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let op = client.recorder.number();
        client.ask(op, &HistoryRequest::Snapshot).await;
        sleep(millis(&mut client.rng, 200..800)).await;
    }
}
