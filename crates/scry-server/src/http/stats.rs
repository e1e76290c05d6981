//! What operators look at when a number is not enough.

use std::sync::atomic::Ordering;

use axum::Json;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode};
use scry_protocol::ErrorCode;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::HttpContext;
use super::error::HttpError;
use super::metrics::{channels, heads, present_by_campaign};
use crate::limits::LimitKind;
use crate::socket::tcp::Peer;

/// Answers `GET /socket-stats`: rooms, events and journals of this node and who is present on any, to who has the
/// admin token.
///
/// # Errors
/// [`HttpError`] without the admin token, also where none is set.
pub(super) async fn socket_stats(
    State(context): State<HttpContext>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    headers: HeaderMap,
) -> Result<Json<Value>, HttpError> {
    authorize(&context, &peer, &headers)?;
    let state = &context.state;
    let channels = channels(state).await;
    let heads = heads(state).await.unwrap_or_default();
    let rooms = channels.iter().flat_map(|channel| &channel.rooms);
    let rooms: Map<String, Value> = rooms.map(|(room, sockets)| (room.to_string(), json!(sockets))).collect();
    let journals = heads.iter().map(|(campaign, head)| {
        let sent = channels.iter().find(|channel| channel.campaign == *campaign).map(|channel| channel.head.seq);
        (campaign.to_string(), json!({"head": head, "sent": sent}))
    });
    let presence =
        present_by_campaign(state).await.into_iter().map(|state| (state.campaign_id.to_string(), json!(state.users)));
    let events: Map<String, Value> =
        state.metrics.events().into_iter().map(|(event, count)| (event.to_owned(), json!(count))).collect();
    Ok(Json(json!({
        "node": state.node.as_ref(),
        "connections": state.connected.load(Ordering::Relaxed),
        "rooms": rooms,
        "events": events,
        "journals": journals.collect::<Map<_, _>>(),
        "presence": presence.collect::<Map<_, _>>(),
    })))
}

fn authorize(context: &HttpContext, peer: &Peer, headers: &HeaderMap) -> Result<(), HttpError> {
    let refused = |text: &str| HttpError::new(StatusCode::UNAUTHORIZED, ErrorCode::Unauthorized, text);
    let Some(wanted) = &context.state.config.auth.admin_token else {
        return Err(refused("no admin token is set; set SCRY_SERVER_ADMIN_TOKEN"));
    };
    let given = headers.get("authorization").and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    // Digests are compared: how long that takes says nothing about the token.
    let digest = |text: &str| Sha256::digest(text.as_bytes());
    if given.is_some_and(|given| digest(given) == digest(wanted.expose())) {
        return Ok(());
    }
    context.state.limit_metrics.report(LimitKind::AdminToken, Some(peer.address.ip()));
    Err(refused("this needs the admin token as a bearer token"))
}
