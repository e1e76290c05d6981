//! What reaches single users outside the journal: messages to them, and the end of their sessions.

use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use super::Gateway;
use crate::protocol::Room;
use crate::server::signals::{SessionEnded, UserMessage};

/// Passes on the core's signals until `stop`.
pub async fn run(gateway: &Gateway, stop: &CancellationToken) {
    let mut messages = gateway.core.signals.messages();
    let mut ended = gateway.core.signals.ended();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            message = messages.recv() => match message {
                Ok(message) => tell(gateway, &message),
                Err(RecvError::Lagged(lost)) => tracing::warn!(lost, "messages to users were lost"),
                Err(RecvError::Closed) => return,
            },
            session = ended.recv() => match session {
                Ok(session) => end(gateway, &session),
                // The sockets live on until their tokens expire, which the log should tell.
                Err(RecvError::Lagged(lost)) => tracing::warn!(lost, "ended sessions were overlooked"),
                Err(RecvError::Closed) => return,
            },
        }
    }
}

fn tell(gateway: &Gateway, message: &UserMessage) {
    // There is no namespace any more once the gateway has drained.
    let Some(everyone) = gateway.io.of("/") else { return };
    let sockets = everyone.within(Room::User(message.user_id.clone()).to_string()).sockets();
    let sids: Vec<_> = sockets.iter().map(|socket| socket.id).collect();
    for connection in gateway.connections.get(&sids) {
        connection.send(message.body.name(), &message.body);
    }
}

fn end(gateway: &Gateway, session: &SessionEnded) {
    for connection in gateway.connections.all() {
        if connection.claims().sid == session.sid {
            connection.dismiss();
        }
    }
}
