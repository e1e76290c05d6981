//! Delivers ephemeral events of catalogues, as they come from here or from another node.

use scry_protocol::Room;
use serde_json::value::RawValue;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use super::Gateway;
use crate::event_bus::EphemeralBroadcast;

/// Delivers ephemeral events until `stop`.
pub(super) async fn run(gateway: &Gateway, stop: &CancellationToken) {
    let mut broadcast = gateway.state.bus.subscribe_ephemeral();
    loop {
        let next = tokio::select! {
            () = stop.cancelled() => return,
            next = broadcast.recv() => next,
        };
        match next {
            Ok(broadcast) => deliver(gateway, &broadcast).await,
            Err(RecvError::Lagged(lost)) => {
                tracing::warn!(lost, "ephemeral events arrived too fast; some were dropped")
            }
            Err(RecvError::Closed) => return,
        }
    }
}

async fn deliver(gateway: &Gateway, broadcast: &EphemeralBroadcast) {
    let body: &RawValue = match serde_json::from_str(&broadcast.body) {
        Ok(body) => body,
        Err(error) => {
            return tracing::error!(%error, event = broadcast.event, "an ephemeral event is not JSON");
        }
    };
    let mut got = gateway.relay.broadcast(&broadcast.rooms, &broadcast.event, body).await;
    for room in broadcast.rooms.iter().filter(|room| matches!(room, Room::User(_))) {
        for connection in gateway.connections_of_user(room) {
            if got.insert(connection.id()) {
                connection.send(&broadcast.event, body);
            }
        }
    }
}
