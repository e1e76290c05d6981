//! The task behind one connection: answers its requests one after the other, and watches its token.

mod presence;
mod user_queue;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::Timestamp;
use scry_protocol::ack::{AuthenticateAck, LatencyAck};
use scry_protocol::{ErrorAck, ErrorCode, Position, Room};
use serde_json::json;
use socketioxide::extract::AckSender;
use tokio::sync::mpsc;

use super::connection::Connection;
use super::request::{AccessToken, SocketRequest};
use crate::auth::{AdmissionError, Claims, TokenError};
use crate::clock::{format_time, now};
use crate::limits::LimitKind;
use crate::presence::PresenceHandle;
use crate::relay::{Relay, SubscribeError, SubscribeGuard};
use crate::state::AppState;

pub(super) use user_queue::UserQueue;

/// How long before its end a token is announced to be running out.
const EXPIRY_NOTICE: Duration = Duration::from_secs(60);

/// One request that waits for its turn.
pub(super) struct QueuedRequest {
    pub request: SocketRequest,
    pub ack: AckSender,
}

/// What a connection's task works with.
pub(super) struct SocketSession {
    pub state: AppState,
    pub relay: Relay,
    pub presence: PresenceHandle,
    pub connection: Arc<Connection>,
    /// In boxes: the queue makes room for several at once, in every connection.
    pub requests: mpsc::Receiver<Box<QueuedRequest>>,
    /// Whether the client knows that its present token is running out.
    pub is_expiry_announced: bool,
    pub messages: UserQueue,
}

impl SocketSession {
    /// Serves the connection until it has gone or its token has expired, then takes it out of its rooms.
    pub(super) async fn run(mut self) {
        self.state.connected.fetch_add(1, Ordering::Relaxed);
        let closed = self.connection.closed().clone();
        self.presence.moved.add(self.connection.id());
        closed.run_until_cancelled(self.serve()).await;
        Box::pin(self.end()).await;
        self.state.connected.fetch_sub(1, Ordering::Relaxed);
    }

    /// Takes the connection out of its rooms, and requeues what it has not read.
    async fn end(&mut self) {
        self.relay.leave(&self.connection).await;
        self.nack_unread().await;
    }

    /// Answers requests and passes messages on.
    ///
    /// What that needs is in boxes: it is many times what a connection needs that waits, and most of them wait.
    async fn serve(&mut self) {
        Box::pin(self.deliver_messages()).await;
        let connection = self.connection.clone();
        loop {
            tokio::select! {
                biased;
                () = tokio::time::sleep(self.until_next_notice()) => {
                    if time_until(self.connection.claims().exp).is_zero() {
                        return self.connection.end_session();
                    }
                    self.announce_expiry();
                }
                () = connection.message_notify().notified() => Box::pin(self.deliver_messages()).await,
                queued = self.requests.recv() => match queued {
                    Some(queued) => Box::pin(self.handle(*queued)).await,
                    None => return,
                },
            }
        }
    }

    /// Returns how long the token needs no attention.
    fn until_next_notice(&self) -> Duration {
        let notice = if self.is_expiry_announced { Duration::ZERO } else { EXPIRY_NOTICE };
        time_until(self.connection.claims().exp).saturating_sub(notice)
    }

    fn announce_expiry(&mut self) {
        self.is_expiry_announced = true;
        self.connection.send("token:expiring", &json!({"expiresAt": format_second(self.connection.claims().exp)}));
    }

    async fn handle(&mut self, QueuedRequest { request, ack }: QueuedRequest) {
        if !matches!(request, SocketRequest::Authenticate(_)) && time_until(self.connection.claims().exp).is_zero() {
            return self.connection.answer(ack, &token_error_ack(TokenError::Expired));
        }
        if !matches!(request, SocketRequest::Authenticate(_) | SocketRequest::Latency | SocketRequest::Presence(_)) {
            self.presence.active.add(self.connection.id());
        }
        match request {
            SocketRequest::Subscribe { room, since } => self.subscribe(room, since, ack).await,
            SocketRequest::Unsubscribe(room) => {
                self.relay.unsubscribe(&self.connection, &room).await;
                self.presence.moved.add(self.connection.id());
                self.connection.answer(ack, &json!({"success": true, "room": room}));
            }
            SocketRequest::Presence(update) => self.update_presence(update, ack).await,
            SocketRequest::Typing(field, typing) => self.typing(field, typing, ack).await,
            SocketRequest::Authenticate(token) => self.authenticate(&token, ack).await,
            SocketRequest::Latency => {
                self.connection.answer(ack, &LatencyAck { success: true, server_time: format_time(now()) });
            }
        }
    }

    async fn subscribe(&self, room: Room, since: Option<Position>, ack: AckSender) {
        if self.has_too_many_rooms(&room) {
            self.connection.report_limit(LimitKind::Rooms);
            let limit = self.state.config.socket.max_rooms;
            let sentence = format!("a connection may be in {limit} rooms; leave one first");
            return self.connection.answer(ack, &ErrorAck::new(ErrorCode::TooManyRooms, sentence));
        }
        match self.relay.subscribe(&self.connection, &room, since.as_ref()).await {
            Ok(SubscribeGuard { ack: granted, hold }) => {
                self.connection.answer(ack, &granted);
                drop(hold);
                self.announce_joined(room).await;
            }
            Err(error) => self.reject(ack, &error, "could not join a room"),
        }
    }

    fn acknowledge(&self, ack: AckSender) {
        self.connection.answer(ack, &json!({"success": true}));
    }

    /// Answers a refused request; `what` is for the log, where it is the server's own fault.
    fn reject(&self, ack: AckSender, error: &SubscribeError, what: &'static str) {
        match error {
            SubscribeError::Gone => {}
            SubscribeError::Unauthorized => {
                self.connection.answer(ack, &ErrorAck::new(ErrorCode::Unauthorized, error.to_string()));
            }
            SubscribeError::Database(error) => {
                tracing::error!(%error, "{what}");
                self.connection.answer(ack, &ErrorAck::new(ErrorCode::Internal, "the server failed; try again"));
            }
        }
    }

    fn has_too_many_rooms(&self, room: &Room) -> bool {
        let rooms = self.connection.rooms();
        rooms.len() >= self.state.config.socket.max_rooms && !rooms.contains_key(room)
    }

    /// Renews the token; one of another user is refused, so that rooms never change hands.
    async fn authenticate(&mut self, token: &AccessToken, ack: AckSender) {
        let claims = match self.verify_token(token).await {
            Ok(claims) => claims,
            Err(error) => {
                if let Some(kind) = error.limit_kind() {
                    self.connection.report_limit(kind);
                }
                return self.connection.answer(ack, &admission_error_ack(&error));
            }
        };
        let expires_at = format_second(claims.exp);
        self.connection.set_claims(claims.clone());
        self.is_expiry_announced = false;
        self.leave_unauthorized_rooms().await;
        self.connection.answer(ack, &AuthenticateAck { success: true, expires_at });
        // The session may have ended after it was looked up and before it became this connection's.
        if self.state.is_session_over(&claims).await.unwrap_or(false) {
            self.connection.end_session();
        }
    }

    /// Leaves the rooms that only a claim of the token before opened.
    async fn leave_unauthorized_rooms(&self) {
        match self.relay.readmit(&self.connection).await {
            Ok(rooms) => {
                for room in rooms {
                    self.connection.send("access:revoked", &json!({"room": room}));
                }
            }
            // Who may no longer be in a room must not stay in it because nobody could look.
            Err(error) => {
                tracing::error!(%error, "could not look up the rights of a new token");
                self.connection.end_session();
            }
        }
    }

    async fn verify_token(&self, token: &AccessToken) -> Result<Claims, AdmissionError> {
        let claims = self.state.admit(&token.0).await?;
        if claims.sub == self.connection.claims().sub { Ok(claims) } else { Err(TokenError::Invalid.into()) }
    }
}

fn admission_error_ack(error: &AdmissionError) -> ErrorAck {
    match error {
        AdmissionError::Token(error) => token_error_ack(*error),
        AdmissionError::Database(error) => {
            tracing::error!(%error, "could not look up the session of a token");
            ErrorAck::new(ErrorCode::Internal, "the server failed; try again")
        }
    }
}

fn token_error_ack(error: TokenError) -> ErrorAck {
    // A missing token is one that cannot be verified: only handshakes tell the two apart.
    let code = if error == TokenError::Missing { ErrorCode::TokenInvalid } else { error.code() };
    ErrorAck::new(code, error.to_string())
}

/// Returns how long it is until a time in Unix seconds; zero if it has passed.
fn time_until(second: i64) -> Duration {
    let left = i128::from(second) * 1_000_000_000 - now().as_nanosecond();
    u64::try_from(left).map_or(Duration::ZERO, Duration::from_nanos)
}

fn format_second(second: i64) -> String {
    Timestamp::from_second(second).map(format_time).unwrap_or_default()
}
