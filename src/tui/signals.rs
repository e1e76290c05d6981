//! Signals: what ends the dashboard, what stops it for a while, and what wakes it again.

use std::io;

/// A signal that concerns the dashboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    /// Somebody wants us gone: the terminal hung up, or we were asked to terminate.
    Terminate,
    /// We were stopped and go on; the terminal has been used by others.
    Continue,
}

#[cfg(unix)]
pub(super) use unix::Signals;

#[cfg(unix)]
mod unix {
    use std::time::Duration;

    use rustix::process::{Signal as Kind, kill_current_process_group};
    use tokio::signal::unix::{Signal as Stream, SignalKind, signal};
    use tokio::time::timeout;

    use super::{Signal, io};

    /// How long to wait for the stop to happen; without a shell that knows jobs it never does.
    const STOP_TIMEOUT: Duration = Duration::from_millis(500);

    /// Hears the signals.
    #[derive(Debug)]
    pub(crate) struct Signals {
        terminate: Stream,
        hang_up: Stream,
        proceed: Stream,
    }

    impl Signals {
        /// Starts to listen.
        pub(crate) fn listen() -> io::Result<Self> {
            Ok(Self {
                terminate: signal(SignalKind::terminate())?,
                hang_up: signal(SignalKind::hangup())?,
                proceed: signal(SignalKind::from_raw(Kind::CONT.as_raw()))?,
            })
        }

        /// Waits for the next one; safe to drop at any moment.
        pub(crate) async fn next(&mut self) -> Signal {
            tokio::select! {
                _ = self.terminate.recv() => Signal::Terminate,
                _ = self.hang_up.recv() => Signal::Terminate,
                _ = self.proceed.recv() => Signal::Continue,
            }
        }

        /// Stops the process, and whatever it shares its job with, until the shell lets it go on.
        pub(crate) async fn stop_here(&mut self) {
            if kill_current_process_group(Kind::TSTP).is_ok() {
                let _ = timeout(STOP_TIMEOUT, self.proceed.recv()).await;
            }
        }
    }
}

#[cfg(not(unix))]
#[derive(Debug)]
pub struct Signals;

#[cfg(not(unix))]
impl Signals {
    /// Hears nothing where there are no signals.
    pub fn listen() -> io::Result<Self> {
        Ok(Self)
    }

    pub async fn next(&mut self) -> Signal {
        std::future::pending().await
    }

    /// Does nothing where a program cannot be stopped.
    pub async fn stop_here(&mut self) {}
}
