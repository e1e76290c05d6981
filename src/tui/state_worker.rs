//! The disk cache's own thread: states are read and written in order, and nobody waits for a disk.

use std::sync::mpsc as line;

use scry_client::disk::DiskCache;
use scry_dashboard::app::Msg;
use scry_model::event::SavedState;
use scry_protocol::Id;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Hands work to the thread; dropping it lets the thread finish what it has.
#[derive(Debug)]
pub(super) struct StateWorker {
    orders: line::Sender<StateJob>,
    thread: JoinHandle<()>,
}

/// Asks the thread for something.
#[derive(Debug)]
pub(super) enum StateJob {
    Load(Id),
    Save(Box<SavedState>),
    Forget(Id),
}

impl StateWorker {
    /// Starts the thread; what it finds out goes to `answer`.
    pub(super) fn start(disk: DiskCache, answer: mpsc::Sender<Msg>) -> Self {
        let (orders, taken) = line::channel();
        let thread = tokio::task::spawn_blocking(move || {
            while let Ok(order) = taken.recv() {
                if let Some(msg) = execute(&disk, order) {
                    // The dashboard may have been closed meanwhile.
                    let _ = answer.blocking_send(msg);
                }
            }
        });
        Self { orders, thread }
    }

    /// Gives an order.
    pub(super) fn submit(&self, order: StateJob) {
        if self.orders.send(order).is_err() {
            tracing::error!("the disk cache's thread has ended");
        }
    }

    /// Waits until everything ordered is done.
    pub(super) async fn close(self) {
        drop(self.orders);
        if let Err(error) = self.thread.await {
            tracing::error!(%error, "the disk cache's thread has failed");
        }
    }
}

fn execute(disk: &DiskCache, order: StateJob) -> Option<Msg> {
    match order {
        StateJob::Load(campaign) => Some(Msg::State(disk.load(&campaign).map_err(|error| error.to_string()))),
        StateJob::Save(saved) => {
            let result = disk.save(&saved.snapshot, saved.at);
            result.err().map(|error| Msg::NotSaved(error.to_string()))
        }
        StateJob::Forget(campaign) => {
            let result = disk.forget(&campaign);
            result.err().map(|error| Msg::NotSaved(error.to_string()))
        }
    }
}
