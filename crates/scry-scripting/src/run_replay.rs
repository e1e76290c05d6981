//! The loop of a replay: deliveries of a recording, when they are due.

use std::io;
use std::time::Duration;

use scry_model::event::Delivery;
use tokio::time::Instant;

use super::ended::Ended;
use super::recording::{Recording, Schedule, Speed};
use super::signals::interrupted;

/// Hands on each delivery when it is due; `play` returns how the replay ends, if it does.
///
/// # Errors
/// The I/O error of `play`.
pub async fn run(
    recording: &Recording,
    speed: Speed,
    mut play: impl AsyncFnMut(&Delivery, Duration) -> io::Result<Option<Ended>>,
) -> io::Result<Ended> {
    let times = recording.entries.iter().map(|(at, _)| *at).collect();
    let mut schedule = Schedule::new(times, speed);
    let started = Instant::now();
    let interrupted = interrupted();
    tokio::pin!(interrupted);
    while let Some(next) = schedule.next_at() {
        tokio::select! {
            biased;
            () = &mut interrupted => return Ok(Ended::interrupted()),
            () = tokio::time::sleep_until(started + next), if speed != Speed::Max => {}
            () = tokio::task::yield_now(), if speed == Speed::Max => {}
        }
        while let Some(index) = schedule.due(started.elapsed()) {
            let (at, delivery) = &recording.entries[index];
            if let Some(ended) = play(delivery, *at).await? {
                return Ok(ended);
            }
        }
    }
    Ok(Ended::met())
}
