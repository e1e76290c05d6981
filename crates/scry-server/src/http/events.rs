//! Events that services publish.

use axum::Json;
use axum::extract::{ConnectInfo, State};
use scry_protocol::event::StateInvalidated;
use scry_protocol::{EntityType, Id};
use serde::Deserialize;
use serde_json::{Value, json};

use super::HttpContext;
use super::body::JsonBody;
use super::caller::Authenticated;
use super::error::HttpError;
use crate::domain::DomainError;
use crate::socket::tcp::Peer;

const STATE_INVALIDATED: &str = "state_invalidated";

/// The body of `POST /events`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Publication {
    #[serde(rename = "type")]
    event_type: String,
    payload: Value,
    #[serde(default)]
    caused_by: Option<Id>,
}

/// Answers `POST /events` with the event's id, and its position if it has one.
pub(super) async fn publish(
    State(context): State<HttpContext>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Authenticated(caller): Authenticated,
    JsonBody(publication): JsonBody<Publication>,
) -> Result<Json<Value>, HttpError> {
    let refuse = |error: DomainError| {
        if let Some(limit) = error.limit() {
            context.state.limit_metrics.report(limit, Some(peer.address.ip()));
        }
        HttpError::from(error)
    };
    if publication.event_type != STATE_INVALIDATED {
        let Publication { event_type, payload, caused_by } = publication;
        let stamp = context.domain.publish(&caller, &event_type, payload, caused_by).await.map_err(refuse)?;
        return Ok(Json(json!({"eventId": stamp.event_id, "position": stamp.position(), "rooms": stamp.rooms})));
    }
    let payload: StateInvalidated =
        serde_json::from_value(publication.payload).map_err(|error| HttpError::payload(format!("payload: {error}")))?;
    if matches!(payload.entity_type, Some(EntityType::Other(_))) {
        return Err(HttpError::payload("payload.entityType: is not a type of this server"));
    }
    let event = context.domain.invalidate(&caller, payload, publication.caused_by).await.map_err(refuse)?;
    Ok(Json(json!({"eventId": event.metadata.event_id, "position": event.position()})))
}
