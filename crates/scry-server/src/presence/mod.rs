//! Who is here and what they are at: a pure registry, and one task that tells everybody concerned.
//!
//! Nothing about a connection's coming, seats or going is sent to the task; it is only told *that* something has
//! moved, and looks. So no message can be lost that would leave a ghost.

mod office;
mod registry;
mod typing;
mod view;

use std::sync::Arc;

use scry_protocol::Room;
use scry_protocol::presence::{PresenceState, PresenceUpdate};
use socketioxide::socket::Sid;
use tokio::sync::{Mutex, mpsc, oneshot};

use super::wakes::Wakes;

pub use typing::Spot;
pub use view::UserView;

/// How many requests may wait for the task.
const BACKLOG: usize = 1024;

/// Tells the task what connections do; clones share it.
#[derive(Clone)]
pub struct People {
    /// Connections that have come, gone, or changed their rooms.
    pub moved: Wakes<Sid>,
    /// Connections over which somebody did something.
    pub acted: Wakes<Sid>,
    requests: mpsc::Sender<Request>,
    waiting: Arc<Mutex<mpsc::Receiver<Request>>>,
}

/// Holds what one connection asks for; it is allowed already.
#[derive(Debug)]
pub enum Request {
    /// It has joined a room, and wants to know who is there if it is a campaign's.
    Joined(Sid, Room),
    Update(Sid, PresenceUpdate),
    Typing(Sid, Spot, bool),
    /// An operator wants to know who is where, on whatever node.
    Everybody(oneshot::Sender<Vec<PresenceState>>),
}

impl Default for People {
    fn default() -> Self {
        let (requests, waiting) = mpsc::channel(BACKLOG);
        Self { moved: Wakes::default(), acted: Wakes::default(), requests, waiting: Arc::new(Mutex::new(waiting)) }
    }
}

impl People {
    /// Passes on a request, as soon as there is room for it.
    pub async fn ask(&self, request: Request) {
        // An error only says that the server is about to end.
        let _ = self.requests.send(request).await;
    }

    /// Returns who is present in which campaign, on whatever node; waits for ever once the server has ended.
    pub async fn everybody(&self) -> Vec<PresenceState> {
        let (answer, everybody) = oneshot::channel();
        self.ask(Request::Everybody(answer)).await;
        everybody.await.unwrap_or_default()
    }
}
