//! The task behind one connection: answers its requests one after the other, and watches its token.

mod mail;
mod people;

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
use super::request::{Request, Token};
use crate::auth::{Claims, NotAdmitted, TokenError};
use crate::clock::{now, stamp};
use crate::core::Core;
use crate::limits::LimitKind;
use crate::presence::People;
use crate::relay::{Denied, Relay, Seated};

pub(super) use mail::Mailbag;

/// How long before its end a token is announced to be running out.
const NOTICE: Duration = Duration::from_secs(60);

/// Holds one request that waits for its turn.
pub(super) struct Incoming {
    pub request: Request,
    pub ack: AckSender,
}

/// Holds what a connection's task works with.
pub(super) struct Session {
    pub core: Core,
    pub relay: Relay,
    pub people: People,
    pub connection: Arc<Connection>,
    /// In boxes: the queue makes room for several at once, in every connection.
    pub inbox: mpsc::Receiver<Box<Incoming>>,
    /// Whether the client knows that its present token is running out.
    pub warned: bool,
    pub mail: Mailbag,
}

impl Session {
    /// Serves the connection until it has gone or its token has expired, then takes it out of its rooms.
    pub(super) async fn run(mut self) {
        self.core.connected.fetch_add(1, Ordering::Relaxed);
        let closed = self.connection.closed().clone();
        self.people.moved.add(self.connection.id());
        closed.run_until_cancelled(self.serve()).await;
        Box::pin(self.end()).await;
        self.core.connected.fetch_sub(1, Ordering::Relaxed);
    }

    /// Takes the connection out of its rooms, and takes back what it has not read.
    async fn end(&mut self) {
        self.relay.leave(&self.connection).await;
        self.return_letters().await;
    }

    /// Answers requests and passes messages on.
    ///
    /// What that needs is in boxes: it is many times what a connection needs that waits, and most of them wait.
    async fn serve(&mut self) {
        Box::pin(self.deliver()).await;
        let connection = self.connection.clone();
        loop {
            tokio::select! {
                biased;
                () = tokio::time::sleep(self.until_next_notice()) => {
                    if until(self.connection.claims().exp).is_zero() {
                        return self.connection.dismiss();
                    }
                    self.announce_expiry();
                }
                () = connection.mail().notified() => Box::pin(self.deliver()).await,
                incoming = self.inbox.recv() => match incoming {
                    Some(incoming) => Box::pin(self.handle(*incoming)).await,
                    None => return,
                },
            }
        }
    }

    /// Returns how long the token needs no attention.
    fn until_next_notice(&self) -> Duration {
        let notice = if self.warned { Duration::ZERO } else { NOTICE };
        until(self.connection.claims().exp).saturating_sub(notice)
    }

    fn announce_expiry(&mut self) {
        self.warned = true;
        self.connection.send("token:expiring", &json!({"expiresAt": written(self.connection.claims().exp)}));
    }

    async fn handle(&mut self, Incoming { request, ack }: Incoming) {
        if !matches!(request, Request::Authenticate(_)) && until(self.connection.claims().exp).is_zero() {
            return self.connection.answer(ack, &refused(TokenError::Expired));
        }
        if !matches!(request, Request::Authenticate(_) | Request::Latency | Request::Presence(_)) {
            self.people.acted.add(self.connection.id());
        }
        match request {
            Request::Subscribe { room, since } => self.subscribe(room, since, ack).await,
            Request::Unsubscribe(room) => {
                self.relay.unsubscribe(&self.connection, &room).await;
                self.people.moved.add(self.connection.id());
                self.connection.answer(ack, &json!({"success": true, "room": room}));
            }
            Request::Presence(update) => self.present(update, ack).await,
            Request::Typing(field, typing) => self.typing(field, typing, ack).await,
            Request::Authenticate(token) => self.authenticate(&token, ack).await,
            Request::Latency => {
                self.connection.answer(ack, &LatencyAck { success: true, server_time: stamp(now()) });
            }
        }
    }

    async fn subscribe(&self, room: Room, since: Option<Position>, ack: AckSender) {
        if self.has_too_many_rooms(&room) {
            self.connection.report_limit(LimitKind::Rooms);
            let limit = self.core.config.socket.max_rooms;
            let sentence = format!("a connection may be in {limit} rooms; leave one first");
            return self.connection.answer(ack, &ErrorAck::new(ErrorCode::TooManyRooms, sentence));
        }
        match self.relay.subscribe(&self.connection, &room, since.as_ref()).await {
            Ok(Seated { ack: granted, hold }) => {
                self.connection.answer(ack, &granted);
                drop(hold);
                self.joined(room).await;
            }
            Err(denied) => self.denied(ack, &denied, "could not join a room"),
        }
    }

    fn granted(&self, ack: AckSender) {
        self.connection.answer(ack, &json!({"success": true}));
    }

    /// Answers a refused request; `what` is for the log, where it is the server's own fault.
    fn denied(&self, ack: AckSender, denied: &Denied, what: &'static str) {
        match denied {
            Denied::Gone => {}
            Denied::Unauthorized => {
                self.connection.answer(ack, &ErrorAck::new(ErrorCode::Unauthorized, denied.to_string()));
            }
            Denied::Database(error) => {
                tracing::error!(%error, "{what}");
                self.connection.answer(ack, &ErrorAck::new(ErrorCode::Internal, "the server failed; try again"));
            }
        }
    }

    fn has_too_many_rooms(&self, room: &Room) -> bool {
        let rooms = self.connection.rooms();
        rooms.len() >= self.core.config.socket.max_rooms && !rooms.contains_key(room)
    }

    /// Renews the token; one of another user is refused, so that rooms never change hands.
    async fn authenticate(&mut self, token: &Token, ack: AckSender) {
        let claims = match self.examine(token).await {
            Ok(claims) => claims,
            Err(error) => {
                if let Some(kind) = error.limit_kind() {
                    self.connection.report_limit(kind);
                }
                return self.connection.answer(ack, &not_admitted(&error));
            }
        };
        let expires_at = written(claims.exp);
        self.connection.renew(claims.clone());
        self.warned = false;
        self.leave_closed_rooms().await;
        self.connection.answer(ack, &AuthenticateAck { success: true, expires_at });
        // The session may have ended after it was looked up and before it became this connection's.
        if self.core.is_over(&claims).await.unwrap_or(false) {
            self.connection.dismiss();
        }
    }

    /// Leaves the rooms that only a claim of the token before opened.
    async fn leave_closed_rooms(&self) {
        match self.relay.readmit(&self.connection).await {
            Ok(rooms) => {
                for room in rooms {
                    self.connection.send("access:revoked", &json!({"room": room}));
                }
            }
            // Who may no longer be in a room must not stay in it because nobody could look.
            Err(error) => {
                tracing::error!(%error, "could not look up what a new token opens");
                self.connection.dismiss();
            }
        }
    }

    async fn examine(&self, token: &Token) -> Result<Claims, NotAdmitted> {
        let claims = self.core.admit(&token.0).await?;
        if claims.sub == self.connection.claims().sub { Ok(claims) } else { Err(TokenError::Invalid.into()) }
    }
}

fn not_admitted(error: &NotAdmitted) -> ErrorAck {
    match error {
        NotAdmitted::Token(error) => refused(*error),
        NotAdmitted::Database(error) => {
            tracing::error!(%error, "could not look up the session of a token");
            ErrorAck::new(ErrorCode::Internal, "the server failed; try again")
        }
    }
}

fn refused(error: TokenError) -> ErrorAck {
    // A missing token is one that cannot be verified: only handshakes tell the two apart.
    let code = if error == TokenError::Missing { ErrorCode::TokenInvalid } else { error.code() };
    ErrorAck::new(code, error.to_string())
}

/// Returns how long it is until a time in Unix seconds; zero if it has passed.
fn until(second: i64) -> Duration {
    let left = i128::from(second) * 1_000_000_000 - now().as_nanosecond();
    u64::try_from(left).map_or(Duration::ZERO, Duration::from_nanos)
}

fn written(second: i64) -> String {
    Timestamp::from_second(second).map(stamp).unwrap_or_default()
}
