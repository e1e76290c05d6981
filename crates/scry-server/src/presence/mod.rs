//! Who is here and what they are at: a pure registry, and one task that tells everybody concerned.
//!
//! Connections never push state. They mark themselves dirty; the task then reads their
//! current state. So no message can be lost that would leave a ghost.

mod registry;
mod task;
mod typing;
mod view;

use std::sync::Arc;

use scry_protocol::Room;
use scry_protocol::presence::{PresenceState, PresenceUpdate};
use socketioxide::socket::Sid;
use tokio::sync::{Mutex, mpsc, oneshot};

use super::notify_set::NotifySet;

pub use typing::TypingTarget;
pub use view::UserView;

/// How many requests may wait for the task.
const REQUEST_CAPACITY: usize = 1024;

/// A handle to the presence task; clones share it.
#[derive(Clone)]
pub struct PresenceHandle {
    /// Connections that have come, gone, or changed their rooms.
    pub moved: NotifySet<Sid>,
    /// Connections over which somebody did something.
    pub active: NotifySet<Sid>,
    requests: mpsc::Sender<PresenceRequest>,
    waiting: Arc<Mutex<mpsc::Receiver<PresenceRequest>>>,
}

/// What one connection asks for; it is allowed already.
#[derive(Debug)]
pub enum PresenceRequest {
    /// It has joined a room, and wants to know who is there if it is a campaign's.
    Joined(Sid, Room),
    /// A connection says what it is at.
    Update(Sid, PresenceUpdate),
    /// A user begins or stops typing in a field.
    Typing(Sid, TypingTarget, bool),
    /// An operator wants to know who is where, on whatever node.
    PresentByCampaign(oneshot::Sender<Vec<PresenceState>>),
}

impl Default for PresenceHandle {
    fn default() -> Self {
        let (requests, waiting) = mpsc::channel(REQUEST_CAPACITY);
        Self {
            moved: NotifySet::default(),
            active: NotifySet::default(),
            requests,
            waiting: Arc::new(Mutex::new(waiting)),
        }
    }
}

impl PresenceHandle {
    /// Sends a request, as soon as there is room for it.
    pub async fn send(&self, request: PresenceRequest) {
        // An error only says that the server is about to end.
        let _ = self.requests.send(request).await;
    }

    /// Returns who is present in which campaign, on whatever node; waits for ever once the server has ended.
    pub async fn present_by_campaign(&self) -> Vec<PresenceState> {
        let (answer, users) = oneshot::channel();
        self.send(PresenceRequest::PresentByCampaign(answer)).await;
        users.await.unwrap_or_default()
    }
}
