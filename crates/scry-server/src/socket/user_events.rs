//! What reaches single users outside the journal: messages to them, and the end of their sessions.

use std::collections::HashSet;
use std::time::Duration;

use scry_protocol::{Id, Room};
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::Gateway;
use crate::auth::{lifecycle, revoked};
use crate::clock::now;
use crate::db::DbError;
use crate::event_bus::SessionEnded;
use crate::inbox;

/// How often to look for what other nodes did; messages may be lost; the state is read again.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Forwards the events of the bus until `stop`.
pub(super) async fn run(gateway: &Gateway, stop: &CancellationToken) {
    let mail = gateway.state.bus.messages.clone();
    let mut ended = gateway.state.bus.subscribe_session_ends();
    let mut polls = interval(POLL_INTERVAL);
    polls.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            users = mail.take() => notify_users(gateway, &users),
            session = ended.recv() => match session {
                Ok(session) => end_sessions(gateway, &session),
                // The next poll of the database finds them.
                Err(RecvError::Lagged(lost)) => tracing::warn!(lost, "session-ended channel lagged; polling instead"),
                Err(RecvError::Closed) => return,
            },
            _ = polls.tick() => if let Err(error) = poll_database(gateway).await {
                tracing::warn!(%error, "could not poll for changes of other nodes");
            },
        }
    }
}

/// Polls the database for messages and ended sessions that nobody announced.
async fn poll_database(gateway: &Gateway) -> Result<(), DbError> {
    let state = &gateway.state;
    // Messages come from other nodes only; an operator's command ends sessions of a node that is alone, too.
    if state.bus.cluster().is_some() {
        notify_users(gateway, &inbox::recent_recipients(&state.db, now()).await?.into_iter().collect());
    }
    for session in revoked::ended_recently(&state.db, now()).await? {
        if !state.bus.is_session_ended(&session.sid) {
            state.bus.session_ended_elsewhere(session);
        }
    }
    // Their sockets may be of sessions that only the application knows that signed the token.
    let disabled = lifecycle::disabled_recently(&state.db, now()).await?;
    let connections = if disabled.is_empty() { Vec::new() } else { gateway.connections.all() };
    connections.iter().filter(|it| disabled.contains(&it.claims().sub)).for_each(|it| it.end_session());
    Ok(())
}

fn notify_users(gateway: &Gateway, users: &HashSet<Id>) {
    for user in users {
        for connection in gateway.connections_of_user(&Room::User(user.clone())) {
            connection.message_notify().notify_one();
        }
    }
}

fn end_sessions(gateway: &Gateway, session: &SessionEnded) {
    for connection in gateway.connections.all() {
        if connection.claims().sid == session.sid {
            connection.end_session();
        }
    }
}
