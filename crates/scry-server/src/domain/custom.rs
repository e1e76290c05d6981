//! Events of other applications, as a catalogue declares them and a service publishes them.

use scry_catalogue::{Catalogue, Durability, EventDefinition};
use scry_protocol::catalogue::{CustomEventMetadata, EventDisplay, METADATA_KEY};
use scry_protocol::{EphemeralEvent, Id, Room, Source};
use serde_json::{Map, Value};

use super::unit_of_work::UnitOfWork;
use super::{Caller, Domain, DomainError, notification};
use crate::clock;
use crate::event_bus::EphemeralBroadcast;
use crate::journal::CustomEvent;
use crate::limits::LimitKind;
use crate::rules::variables::VariableError;

impl Domain {
    /// Publishes an event that a catalogue declares; returns what the gateway added to its payload.
    ///
    /// # Errors
    /// [`DomainError`]; the caller must be a service account that the catalogue lets publish, and the payload as the
    /// event's schema says.
    pub async fn publish(
        &self,
        caller: &Caller,
        event: &str,
        payload: Value,
        caused_by: Option<Id>,
    ) -> Result<CustomEventMetadata, DomainError> {
        self.require_service(caller).await?;
        let catalogues = self.state.config.catalogues.clone();
        let Some((catalogue, kind)) = catalogues.event(event) else {
            let remedy =
                catalogues.nearest_event(event).map_or_else(String::new, |near| format!("; did you mean “{near}”?"));
            let problem = format!("is neither state_invalidated nor an event of a catalogue of this server{remedy}");
            return Err(DomainError::invalid("type", problem));
        };
        if !catalogue.is_publisher(&caller.name) {
            return Err(DomainError::Forbidden("the catalogue names the accounts that publish its events"));
        }
        let most = self.state.config.socket.max_payload;
        if payload.to_string().len() > most {
            let problem = format!("has more than {most} bytes; publish a reference to what is so large");
            return Err(DomainError::out_of_bounds(LimitKind::EventSize, "payload", problem));
        }
        let rooms = kind.admit(&payload).map_err(|fault| DomainError::invalid(fault.path, fault.problem))?;
        let Value::Object(payload) = payload else { return Err(DomainError::invalid("payload", "must be an object")) };
        let metadata = CustomEventMetadata {
            user_id: Some(caller.user_id.clone()),
            correlation_id: Some(caller.correlation_id.clone()),
            caused_by,
            ..CustomEventMetadata::new(
                Id::from(uuid::Uuid::now_v7()),
                &catalogue.name,
                rooms,
                clock::format_time(clock::now()),
            )
        };
        let metadata = match kind.durability {
            Durability::Journaled => self.journal(caller, catalogue, kind, payload, metadata).await?,
            Durability::Queued => self.queue(caller, kind, payload, metadata).await?,
            Durability::Ephemeral => {
                let body = with_metadata(payload, &metadata)?;
                self.state.bus.broadcast(EphemeralBroadcast {
                    event: kind.name.to_string(),
                    body,
                    rooms: metadata.rooms.clone(),
                });
                metadata
            }
        };
        self.state.metrics.custom_published(&catalogue.name, &kind.name);
        Ok(metadata)
    }

    /// Returns how clients show the events that catalogues declare.
    #[must_use]
    pub fn displays(&self) -> Vec<EventDisplay> {
        self.state.config.catalogues.displays()
    }

    async fn journal(
        &self,
        caller: &Caller,
        catalogue: &Catalogue,
        kind: &EventDefinition,
        payload: Map<String, Value>,
        metadata: CustomEventMetadata,
    ) -> Result<CustomEventMetadata, DomainError> {
        let caused_by = metadata.caused_by.clone();
        self.change_as(caller, Source::Api, caused_by, async |unit: &mut UnitOfWork| {
            let (journal, event, now) = (catalogue.journal.clone(), kind.name.to_string(), unit.now);
            unit.record_custom(CustomEvent { journal, event, payload, metadata, now }).await
        })
        .await
    }

    async fn queue(
        &self,
        caller: &Caller,
        kind: &EventDefinition,
        payload: Map<String, Value>,
        metadata: CustomEventMetadata,
    ) -> Result<CustomEventMetadata, DomainError> {
        // In one order, whoever publishes: two that write to the same users never wait for each other.
        let mut rooms = metadata.rooms.clone();
        rooms.sort();
        self.change_as(caller, Source::Api, metadata.caused_by.clone(), async |unit: &mut UnitOfWork| {
            for room in &rooms {
                let told = CustomEventMetadata { rooms: vec![room.clone()], ..metadata.clone() };
                queue_for_user(unit, room, kind, payload.clone(), &told).await?;
            }
            Ok(())
        })
        .await?;
        Ok(metadata)
    }
}

/// Queues an event for one user; a notification is added to their list too.
async fn queue_for_user(
    unit: &mut UnitOfWork,
    room: &Room,
    kind: &EventDefinition,
    payload: Map<String, Value>,
    metadata: &CustomEventMetadata,
) -> Result<(), DomainError> {
    let user = room.id();
    let payload = Value::Object(payload);
    let known = sqlx::query("SELECT 1 FROM users WHERE id = $1 AND deleted_ms IS NULL").bind(user.as_str());
    if known.fetch_optional(unit.db()).await?.is_none() {
        return Err(DomainError::invalid(kind.naming(room, &payload), "is not the id of a user of this server"));
    }
    if let Some(EphemeralEvent::NotificationNew(new)) = EphemeralEvent::from_parts(&kind.name, &payload) {
        let new = notification::store_external(unit, user, new).await?;
        if !unit.is_wanted(user, &EphemeralEvent::NotificationNew(new)).await? {
            return Ok(());
        }
    }
    let Value::Object(payload) = payload else { return Ok(()) };
    unit.notify_raw(user, &kind.name, with_metadata(payload, metadata)?).await
}

fn with_metadata(mut payload: Map<String, Value>, metadata: &CustomEventMetadata) -> Result<String, DomainError> {
    let unwritable = |error: serde_json::Error| DomainError::Invalid(VariableError::new("payload", error.to_string()));
    payload.insert(METADATA_KEY.to_owned(), serde_json::to_value(metadata).map_err(unwritable)?);
    serde_json::to_string(&payload).map_err(unwritable)
}
