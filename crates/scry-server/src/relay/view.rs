//! What operators may see of the gateway: who listens where, how far the journal has been sent, and who is present.

use std::sync::{PoisonError, Weak};

use scry_protocol::presence::PresenceState;
use scry_protocol::{Id, Position, Room};

use super::{Halls, Relay, SharedHall};
use crate::presence::People;

/// Looks at a relay without keeping it alive.
#[derive(Clone)]
pub struct RelayView {
    halls: Weak<super::HallsInner>,
    people: People,
}

/// Describes one campaign that somebody on this node listens to.
#[derive(Debug, Clone)]
pub struct HallView {
    pub campaign: Id,
    /// Up to here every listener has been served.
    pub head: Position,
    pub rooms: Vec<(Room, usize)>,
}

impl Relay {
    /// Returns a view of this relay.
    #[must_use]
    pub fn view(&self) -> RelayView {
        RelayView { halls: std::sync::Arc::downgrade(&self.halls), people: self.people.clone() }
    }
}

impl RelayView {
    /// Describes every campaign that somebody listens to; nothing once the relay has gone.
    pub async fn halls(&self) -> Vec<HallView> {
        let Some(halls) = self.halls.upgrade() else { return Vec::new() };
        let mut views = Vec::new();
        for (campaign, hall) in open(&halls) {
            let hall = hall.lock().await;
            views.push(HallView { campaign, head: hall.head().clone(), rooms: hall.rooms() });
        }
        views
    }

    /// Returns who is present in which campaign, on whatever node; waits for ever once the server has ended.
    pub async fn everybody(&self) -> Vec<PresenceState> {
        self.people.everybody().await
    }
}

fn open(halls: &Halls) -> Vec<(Id, SharedHall)> {
    let halls = halls.lock().unwrap_or_else(PoisonError::into_inner);
    halls.iter().map(|(campaign, hall)| (campaign.clone(), hall.clone())).collect()
}
