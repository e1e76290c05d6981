//! The loop of a watch: from the connection to stdout, until a decision, the clock or a person ends it.

use std::io;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;

use super::output::{Output, Written};
use super::watch::Watch;
use crate::client::event::ClientEvent;
use crate::exit::Exit;

/// Prints what happens until the watch is over.
///
/// `say` takes the sentences meant for people. The caller closes the connection afterwards.
///
/// # Errors
/// The I/O error of writing to `output`, other than that its reader has gone.
pub async fn run<W: io::Write>(
    mut watch: Watch,
    events: &mut mpsc::Receiver<ClientEvent>,
    output: &mut Output<W>,
    time: Option<Duration>,
    say: impl Fn(&str),
) -> io::Result<Exit> {
    let time_is_up = async {
        match time {
            Some(time) => tokio::time::sleep(time).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(time_is_up);
    let interrupted = interrupted();
    tokio::pin!(interrupted);
    loop {
        tokio::select! {
            // A flood of events must hold back neither a person nor the clock.
            biased;
            () = &mut interrupted => return Ok(Exit::Interrupted),
            () = &mut time_is_up => break,
            event = events.recv() => {
                let Some(event) = event else { return Ok(Exit::Internal) };
                if let Some(exit) = tell(&mut watch, &event, output, &say)? {
                    return Ok(exit);
                }
            }
        }
    }
    // What had arrived by then still counts.
    for _ in 0..events.len() {
        let Ok(event) = events.try_recv() else { break };
        if let Some(exit) = tell(&mut watch, &event, output, &say)? {
            return Ok(exit);
        }
    }
    Ok(watch.time_is_up())
}

fn tell<W: io::Write>(
    watch: &mut Watch,
    event: &ClientEvent,
    output: &mut Output<W>,
    say: &impl Fn(&str),
) -> io::Result<Option<Exit>> {
    let step = watch.handle(event, Timestamp::now());
    if let Some(sentence) = &step.say {
        say(sentence);
    }
    if let Some(line) = &step.print
        && output.line(line)? == Written::PipeClosed
    {
        return Ok(Some(Exit::Met));
    }
    Ok(step.stop)
}

/// Waits for SIGINT or SIGTERM.
async fn interrupted() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut terminate) = signal(SignalKind::terminate()) else { return std::future::pending().await };
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
    }
    #[cfg(not(unix))]
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::client::event::Delivery;
    use crate::headless::watch::Wanted;

    fn delivered() -> ClientEvent {
        let at = Timestamp::UNIX_EPOCH;
        let raw = Arc::new(json!({"hello": 1}));
        ClientEvent::Delivered(Delivery { received_at: at, room: None, name: "x".into(), raw, event: None })
    }

    #[tokio::test(start_paused = true)]
    async fn it_prints_what_has_arrived_before_its_time_ends_it() {
        let (sender, mut events) = mpsc::channel(8);
        for _ in 0..3 {
            sender.send(delivered()).await.unwrap();
        }
        let mut lines = Vec::new();
        let watch = Watch::new(Wanted { count: Some(5), status: false });
        let time = Some(Duration::from_secs(1));
        let exit = run(watch, &mut events, &mut Output::new(&mut lines), time, |_| {}).await.unwrap();
        assert_eq!(exit, Exit::Timeout);
        assert_eq!(String::from_utf8(lines).unwrap().lines().count(), 3);
    }

    #[tokio::test]
    async fn a_connection_task_that_dies_is_a_defect_not_silence() {
        let (sender, mut events) = mpsc::channel(1);
        drop(sender);
        let exit =
            run(Watch::new(Wanted::default()), &mut events, &mut Output::new(Vec::new()), None, |_| {}).await.unwrap();
        assert_eq!(exit, Exit::Internal);
    }
}
