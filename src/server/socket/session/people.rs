//! Presence and typing, as one connection asks for them: who may, and about what.

use socketioxide::extract::AckSender;

use super::Session;
use crate::protocol::presence::{PresenceUpdate, TypingRequest};
use crate::protocol::{EntityType, Id, Room};
use crate::server::access::{self, Whereabouts};
use crate::server::presence::{Request, Spot};
use crate::server::relay::Denied;

impl Session {
    /// Notes what the connection is at; the campaign and the resource must be for this user's eyes.
    pub(super) async fn present(&self, update: PresenceUpdate, ack: AckSender) {
        let allowed = async {
            self.member_of(&update.campaign_id).await?;
            if let Some(resource) = &update.resource {
                self.find(&update.campaign_id, &resource.entity_type, &resource.id).await?;
            }
            Ok(())
        };
        match allowed.await {
            Ok(()) => {
                self.people.ask(Request::Update(self.connection.id(), update)).await;
                self.granted(ack);
            }
            Err(denied) => self.denied(ack, &denied, "could not note what somebody is at"),
        }
    }

    /// Announces that somebody types, or has stopped.
    pub(super) async fn typing(&self, field: TypingRequest, typing: bool, ack: AckSender) {
        let found = async {
            self.member_of(&field.campaign_id).await?;
            self.find(&field.campaign_id, &field.entity_type, &field.entity_id).await
        };
        match found.await {
            Ok(place) => {
                let claims = self.connection.claims();
                let is_structure = field.entity_type == EntityType::Structure;
                let settlement = place.parent.filter(|_| is_structure);
                let spot = Spot { user_id: claims.sub.clone(), name: claims.name.clone(), field, settlement };
                self.people.ask(Request::Typing(self.connection.id(), spot, typing)).await;
                self.granted(ack);
            }
            Err(denied) => self.denied(ack, &denied, "could not note who types"),
        }
    }

    /// Tells the people's task that the connection has joined a room.
    pub(super) async fn joined(&self, room: Room) {
        self.people.ask(Request::Joined(self.connection.id(), room)).await;
    }

    async fn member_of(&self, campaign: &Id) -> Result<(), Denied> {
        let user = self.connection.claims().sub.clone();
        match access::role_in_campaign(&self.core.db, &user, campaign).await? {
            Some(_) => Ok(()),
            None => Err(Denied::Unauthorized),
        }
    }

    async fn find(&self, campaign: &Id, entity_type: &EntityType, id: &Id) -> Result<Whereabouts, Denied> {
        let place = access::whereabouts(&self.core.db, id).await?;
        let fits = |place: &Whereabouts| place.campaign == *campaign && place.entity_type == *entity_type;
        place.filter(fits).ok_or(Denied::Unauthorized)
    }
}
