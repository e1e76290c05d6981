//! Presence and typing, as one connection asks for them: who may, and about what.

use scry_protocol::presence::{Activity, PresenceUpdate, TypingRequest};
use scry_protocol::{EntityType, Id, Role, Room};
use socketioxide::extract::AckSender;

use super::SocketSession;
use crate::access::{self, EntityLocation};
use crate::domain::{EntityKind, typing};
use crate::presence::{PresenceRequest, TypingTarget};
use crate::relay::SubscribeError;
use crate::rules::authorization::{CampaignAction, Decision, allow};

impl SocketSession {
    /// Notes what the connection is at; the campaign and the resource must be for this user's eyes, and for their hands
    /// if they say that they edit.
    pub(super) async fn update_presence(&self, update: PresenceUpdate, ack: AckSender) {
        let allowed = async {
            let role = self.role_in(&update.campaign_id).await?;
            if update.state == Activity::Editing {
                require_editor(role)?;
            }
            if let Some(resource) = &update.resource {
                self.find(&update.campaign_id, &resource.entity_type, &resource.id).await?;
            }
            Ok(())
        };
        match allowed.await {
            Ok(()) => {
                self.presence.send(PresenceRequest::Update(self.connection.id(), update)).await;
                self.acknowledge(ack);
            }
            Err(error) => self.reject(ack, &error, "could not update presence"),
        }
    }

    /// Announces that somebody types in a field that they may change, or has stopped.
    pub(super) async fn typing(&self, field: TypingRequest, is_typing: bool, ack: AckSender) {
        let found = async {
            let role = self.role_in(&field.campaign_id).await?;
            let place = self.find(&field.campaign_id, &field.entity_type, &field.entity_id).await?;
            // What was never announced ends without a word: only a beginning is shown to others.
            if is_typing {
                require_editor(role)?;
                self.require_field(&field).await?;
            }
            Ok(place)
        };
        match found.await {
            Ok(place) => {
                let claims = self.connection.claims();
                let is_structure = field.entity_type == EntityType::Structure;
                let settlement = place.parent.filter(|_| is_structure);
                let target = TypingTarget { user_id: claims.sub.clone(), name: claims.name.clone(), field, settlement };
                self.presence.send(PresenceRequest::Typing(self.connection.id(), target, is_typing)).await;
                self.acknowledge(ack);
            }
            Err(error) => self.reject(ack, &error, "could not update typing"),
        }
    }

    /// Tells the presence task that the connection has joined a room.
    pub(super) async fn announce_joined(&self, room: Room) {
        self.presence.send(PresenceRequest::Joined(self.connection.id(), room)).await;
    }

    async fn role_in(&self, campaign: &Id) -> Result<Role, SubscribeError> {
        let user = self.connection.claims().sub.clone();
        access::role_in_campaign(&self.state.db, &user, campaign).await?.ok_or(SubscribeError::Unauthorized)
    }

    /// Refuses the name of a field that the entity does not have: others are shown it.
    async fn require_field(&self, request: &TypingRequest) -> Result<(), SubscribeError> {
        let kind = EntityKind::parse(request.entity_type.as_str()).ok_or(SubscribeError::Unauthorized)?;
        let has_field = typing::has_field(&self.state.db, kind, &request.entity_id, &request.field).await?;
        if has_field { Ok(()) } else { Err(SubscribeError::Unauthorized) }
    }

    async fn find(&self, campaign: &Id, entity_type: &EntityType, id: &Id) -> Result<EntityLocation, SubscribeError> {
        let place = access::entity_location(&self.state.db, id).await?;
        let fits = |place: &EntityLocation| place.campaign == *campaign && place.entity_type == *entity_type;
        place.filter(fits).ok_or(SubscribeError::Unauthorized)
    }
}

fn require_editor(role: Role) -> Result<(), SubscribeError> {
    match allow(Some(role), CampaignAction::Edit) {
        Decision::Allow => Ok(()),
        Decision::Deny | Decision::Hide => Err(SubscribeError::Unauthorized),
    }
}
