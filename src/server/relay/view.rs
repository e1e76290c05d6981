//! What operators may see of the relay: who listens where, and how far the journal has been sent.

use std::sync::{PoisonError, Weak};

use super::{Halls, Relay, SharedHall};
use crate::protocol::{Id, Position, Room};

/// Looks at a relay without keeping it alive.
#[derive(Clone)]
pub struct RelayView(Weak<super::HallsInner>);

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
        RelayView(std::sync::Arc::downgrade(&self.halls))
    }
}

impl RelayView {
    /// Describes every campaign that somebody listens to; nothing once the relay has gone.
    pub async fn halls(&self) -> Vec<HallView> {
        let Some(halls) = self.0.upgrade() else { return Vec::new() };
        let mut views = Vec::new();
        for (campaign, hall) in open(&halls) {
            let hall = hall.lock().await;
            views.push(HallView { campaign, head: hall.head().clone(), rooms: hall.rooms() });
        }
        views
    }
}

fn open(halls: &Halls) -> Vec<(Id, SharedHall)> {
    let halls = halls.lock().unwrap_or_else(PoisonError::into_inner);
    halls.iter().map(|(campaign, hall)| (campaign.clone(), hall.clone())).collect()
}
