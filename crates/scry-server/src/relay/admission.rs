//! Who may join which room.

use scry_protocol::{Id, Room};

use super::Relay;
use super::resume::SubscribeError;
use crate::access;
use crate::db::DbError;
use crate::socket::Connection;

impl Relay {
    /// Returns the campaign or the catalogue's journal that a room's events are in; `None` if there is no such room.
    pub(super) async fn history_of(&self, room: &Room) -> Result<Option<Id>, DbError> {
        match room {
            Room::Custom(kind, _) => {
                let declared = self.state.config.catalogues.rooms(kind);
                Ok(declared.map(|(catalogue, _)| catalogue.journal.clone()))
            }
            Room::Campaign(_) | Room::Settlement(_) | Room::Structure(_) | Room::User(_) => {
                access::campaign_of(&self.state.db, room).await
            }
        }
    }

    /// Lets pass who may be in a room of this campaign or catalogue.
    pub(super) async fn admit(&self, connection: &Connection, room: &Room, history: &Id) -> Result<(), SubscribeError> {
        let may = match room {
            Room::Custom(..) => self.may_join(connection, room).await?,
            Room::Campaign(_) | Room::Settlement(_) | Room::Structure(_) | Room::User(_) => {
                let user = connection.claims().sub.clone();
                access::role_in_campaign(&self.state.db, &user, history).await?.is_some()
            }
        };
        if may { Ok(()) } else { Err(SubscribeError::Unauthorized) }
    }

    /// Takes a connection out of the rooms that its present token does not open any more, and lists them.
    ///
    /// # Errors
    /// [`DbError`] when the database does not answer; it is then still in those not looked at.
    pub async fn readmit(&self, connection: &Connection) -> Result<Vec<Room>, DbError> {
        let declared = |room: &&Room| matches!(room, Room::Custom(..));
        let rooms: Vec<Room> = connection.rooms().keys().filter(declared).cloned().collect();
        let mut left = Vec::new();
        for room in rooms {
            if !self.may_join(connection, &room).await? && self.unsubscribe(connection, &room).await {
                left.push(room);
            }
        }
        Ok(left)
    }

    /// Returns whether a claim of the token or a membership row opens a room that a catalogue declares.
    async fn may_join(&self, connection: &Connection, room: &Room) -> Result<bool, DbError> {
        let Room::Custom(kind, id) = room else { return Ok(false) };
        let Some((_, declared)) = self.state.config.catalogues.rooms(kind) else { return Ok(false) };
        let claims = connection.claims();
        if declared.claim.as_ref().is_some_and(|claim| claims.has_claim(claim, id.as_str())) {
            return Ok(true);
        }
        Ok(declared.members && access::is_room_member(&self.state.db, room, &claims.sub).await?)
    }
}
