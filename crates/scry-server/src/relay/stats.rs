//! What operators may see of the gateway: who listens where, how far the journal has been sent, and who is present.

use std::sync::{PoisonError, Weak};

use scry_protocol::presence::PresenceState;
use scry_protocol::{Id, Position, Room};

use super::{Relay, SharedChannel, SharedChannels};
use crate::presence::PresenceHandle;

/// Looks at a relay without keeping it alive.
#[derive(Clone)]
pub struct RelayStats {
    channels: Weak<super::ChannelMap>,
    presence: PresenceHandle,
}

/// One campaign that somebody on this node listens to.
#[derive(Debug, Clone)]
pub struct ChannelStats {
    /// The campaign.
    pub campaign: Id,
    /// Up to here every listener has been served.
    pub head: Position,
    /// Its rooms with the number of their sockets.
    pub rooms: Vec<(Room, usize)>,
}

impl Relay {
    /// Returns a view of this relay.
    #[must_use]
    pub fn view(&self) -> RelayStats {
        RelayStats { channels: std::sync::Arc::downgrade(&self.channels), presence: self.presence.clone() }
    }
}

impl RelayStats {
    /// Describes every campaign that somebody listens to; nothing once the relay has gone.
    pub async fn channels(&self) -> Vec<ChannelStats> {
        let Some(channels) = self.channels.upgrade() else { return Vec::new() };
        let mut views = Vec::new();
        for (campaign, channel) in open(&channels) {
            let channel = channel.lock().await;
            views.push(ChannelStats { campaign, head: channel.head().clone(), rooms: channel.rooms() });
        }
        views
    }

    /// Returns who is present in which campaign, on whatever node; waits for ever once the server has ended.
    pub async fn present_by_campaign(&self) -> Vec<PresenceState> {
        self.presence.present_by_campaign().await
    }
}

fn open(channels: &SharedChannels) -> Vec<(Id, SharedChannel)> {
    let channels = channels.lock().unwrap_or_else(PoisonError::into_inner);
    channels.iter().map(|(campaign, channel)| (campaign.clone(), channel.clone())).collect()
}
