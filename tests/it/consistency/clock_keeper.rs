//! Those who move the clock, mostly forward: with the days come the effects.

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::asking::Asker;
use super::cluster::millis;
use super::editors::ask;
use super::history::Request;

const HOUR: i64 = 3_600;

/// Moves the clock until stopped.
pub async fn keep_the_clock(mut asker: Asker, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let key = format!("clock-{}", asker.recorder.number());
        let seconds = match asker.rng.u32(..8) {
            // Set back, the clock comes through the same time twice; what happened then does not happen again.
            0 => -asker.rng.i64(1..72) * HOUR,
            _ => asker.rng.i64(1..200) * HOUR,
        };
        ask(&mut asker, &Request::Advance { key, seconds }).await;
        sleep(millis(&mut asker.rng, 100..600)).await;
    }
}
