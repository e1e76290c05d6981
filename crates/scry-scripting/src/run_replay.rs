//! The loop of a replay: deliveries of a recording, when they are due.

use std::io;
use std::time::Duration;

use scry_model::event::Delivery;
use tokio::time::Instant;

use super::command_exit::CommandExit;
use super::recording::{PlaybackSchedule, PlaybackSpeed, Recording};
use super::signals::interrupted;

/// Hands on each delivery when it is due; `play` returns how the replay ends, if it does.
///
/// # Errors
/// The I/O error of `play`.
pub async fn run(
    recording: &Recording,
    speed: PlaybackSpeed,
    mut play: impl AsyncFnMut(&Delivery, Duration) -> io::Result<Option<CommandExit>>,
) -> io::Result<CommandExit> {
    let times = recording.entries.iter().map(|(at, _)| *at).collect();
    let mut schedule = PlaybackSchedule::new(times, speed);
    let started = Instant::now();
    let interrupted = interrupted();
    tokio::pin!(interrupted);
    while let Some(next) = schedule.next_at() {
        tokio::select! {
            biased;
            () = &mut interrupted => return Ok(CommandExit::interrupted()),
            () = tokio::time::sleep_until(started + next), if speed != PlaybackSpeed::Max => {}
            () = tokio::task::yield_now(), if speed == PlaybackSpeed::Max => {}
        }
        while let Some(index) = schedule.due(started.elapsed()) {
            let (at, delivery) = &recording.entries[index];
            if let Some(ended) = play(delivery, *at).await? {
                return Ok(ended);
            }
        }
    }
    Ok(CommandExit::met())
}
