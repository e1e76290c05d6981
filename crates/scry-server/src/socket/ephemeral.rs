//! Delivers ephemeral events of catalogues, as they come from here or from another node.

use scry_protocol::Room;
use serde_json::value::RawValue;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use super::Gateway;
use crate::signals::Passing;

/// Delivers ephemeral events until `stop`.
pub(super) async fn run(gateway: &Gateway, stop: &CancellationToken) {
    let mut passing = gateway.core.signals.passing();
    loop {
        let next = tokio::select! {
            () = stop.cancelled() => return,
            next = passing.recv() => next,
        };
        match next {
            Ok(passing) => deliver(gateway, &passing).await,
            Err(RecvError::Lagged(lost)) => tracing::warn!(lost, "more events than could be passed on; some are lost"),
            Err(RecvError::Closed) => return,
        }
    }
}

async fn deliver(gateway: &Gateway, passing: &Passing) {
    let body: &RawValue = match serde_json::from_str(&passing.body) {
        Ok(body) => body,
        Err(error) => return tracing::error!(%error, event = passing.event, "an event that was passed on is not JSON"),
    };
    let mut got = gateway.relay.pass(&passing.rooms, &passing.event, body).await;
    for room in passing.rooms.iter().filter(|room| matches!(room, Room::User(_))) {
        for connection in gateway.connections_of_user(room) {
            if got.insert(connection.id()) {
                connection.send(&passing.event, body);
            }
        }
    }
}
