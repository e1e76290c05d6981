//! What the people at the simulated table let others see: where they are, and when they write.

use scry_client::error::ApiError;
use scry_client::session::{self, Session, SessionHandle, SessionOptions};
use scry_protocol::presence::{Activity, PresenceUpdate, Resource, TypingRequest};
use scry_protocol::{ClientRequest, Id, Room};

use super::action::{ActionTarget, PlayerAction, PlayerRole};

/// The connections of those who are seen at the table.
#[derive(Debug)]
pub struct PresenceSimulator {
    campaign: Id,
    player: SessionHandle,
    /// Somebody who only looks on.
    onlooker: SessionHandle,
}

impl PresenceSimulator {
    /// Connects the player and an onlooker to a campaign. Needs a tokio runtime around it.
    ///
    /// # Errors
    /// [`ApiError::AuthorityFile`] when the profile's file of authorities cannot be used.
    pub fn connect(campaign: &Id, player: SessionOptions, onlooker: SessionOptions) -> Result<Self, ApiError> {
        Ok(Self { campaign: campaign.clone(), player: join(campaign, player)?, onlooker: join(campaign, onlooker)? })
    }

    /// Lets the others see that an act is being prepared; tells whether there is anything to see.
    pub(super) fn prepare(&self, action: &PlayerAction) -> bool {
        let Some(place) = action.action_kind.place().filter(|_| action.role == PlayerRole::Player) else {
            return false;
        };
        self.player.emit(self.presence(&place, Activity::Editing));
        if let Some(typing) = self.typing(&place) {
            self.player.emit(ClientRequest::TypingStart(typing));
        }
        true
    }

    /// Lets the others see that it is done; the onlooker looks at what came of it.
    pub(super) fn done(&self, action: &PlayerAction) {
        let Some(place) = action.action_kind.place() else { return };
        if action.role == PlayerRole::Player {
            if let Some(typing) = self.typing(&place) {
                self.player.emit(ClientRequest::TypingStop(typing));
            }
            self.player.emit(self.presence(&place, Activity::Viewing));
        }
        self.onlooker.emit(self.presence(&place, Activity::Viewing));
    }

    fn presence(&self, place: &ActionTarget, state: Activity) -> ClientRequest {
        let resource = Some(Resource { entity_type: place.entity_type.clone(), id: place.id.clone() });
        ClientRequest::Presence(PresenceUpdate { campaign_id: self.campaign.clone(), resource, state })
    }

    fn typing(&self, place: &ActionTarget) -> Option<TypingRequest> {
        Some(TypingRequest {
            campaign_id: self.campaign.clone(),
            entity_type: place.entity_type.clone(),
            entity_id: place.id.clone(),
            field: place.field.clone()?,
        })
    }
}

/// Joins the campaign's room; what happens there is for others to read.
fn join(campaign: &Id, options: SessionOptions) -> Result<SessionHandle, ApiError> {
    let options = SessionOptions { snapshots: false, ..options }.room(Room::Campaign(campaign.clone()));
    let Session { mut events, handle, .. } = session::connect(options)?;
    tokio::spawn(async move { while events.recv().await.is_some() {} });
    Ok(handle)
}
