//! Those who read whole snapshots, from whatever node answers.

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::asking::Asker;
use super::cluster::millis;
use super::history::Request;

/// Reads until stopped.
pub async fn read_snapshots(mut asker: Asker, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let op = asker.recorder.number();
        asker.ask(op, &Request::Snapshot).await;
        sleep(millis(&mut asker.rng, 200..800)).await;
    }
}
