//! One thing after another: the connection, the clock, and a person who has had enough.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use scry_client::error::ApiError;
use scry_client::session::{self, Session, SessionOptions};
use scry_model::event::{ClientEvent, Delivery};
use scry_protocol::EventKind;
use tokio::time::Instant;

use super::entities::Entities;
use super::event_context::EventContext;
use super::signals::interrupted;

/// How many events are taken at once, so that one question can be asked for all of them.
const BATCH_EVENTS: usize = 128;

/// How many events may wait here; beyond it the gateway has to wait.
const EVENT_CAPACITY: usize = 192;

/// Follows a session for a command.
pub struct SessionStream {
    session: Session,
    entities: Entities,
    interrupted: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// Events that have come and were not handed on yet, and what came after them.
    pending: Vec<Delivery>,
    held: Option<ClientEvent>,
    /// The run whose events are `correlated`.
    run: Option<Arc<str>>,
    include: Vec<EventKind>,
}

/// The next thing to handle.
#[derive(Debug)]
pub(crate) enum StreamItem {
    /// Events, in order.
    Events(Vec<EventContext>),
    /// News of the connection.
    News(ClientEvent),
    TimeIsUp,
    Interrupted,
    /// The connection's task has died; a defect.
    Ended,
}

impl SessionStream {
    /// Connects; `look_up` tells whether expressions look at entities.
    ///
    /// A campaign begins with its whole state then; where a room begins in the past, that is worked out first.
    ///
    /// # Errors
    /// [`ApiError`] when the profile's file of authorities cannot be used.
    pub async fn open(mut options: SessionOptions, look_up: bool) -> Result<Self, ApiError> {
        options.snapshots = look_up;
        options.backpressure = true;
        options.capacity = EVENT_CAPACITY;
        let mut entities = Entities::new(look_up.then(|| options.api.clone()));
        entities.begin(&mut options.rooms).await;
        let run = options.api.correlation().map(Arc::from);
        let session = session::connect(options)?;
        Ok(Self {
            session,
            entities,
            interrupted: Box::pin(interrupted()),
            pending: Vec::new(),
            held: None,
            run,
            include: Vec::new(),
        })
    }

    /// Hands on events of these kinds too, beside those of the world.
    #[must_use]
    pub fn including(mut self, kinds: &[EventKind]) -> Self {
        self.include = kinds.to_vec();
        self
    }

    /// Waits for the next thing, until `deadline` at the latest.
    ///
    /// Giving up on this future loses nothing; the next one goes on where it was.
    pub(crate) async fn next(&mut self, deadline: Option<Instant>) -> StreamItem {
        if !self.pending.is_empty() {
            return self.batch().await;
        }
        let event = match self.held.take() {
            Some(event) => event,
            None => match self.receive(deadline).await {
                Ok(event) => event,
                Err(heard) => return heard,
            },
        };
        match event {
            ClientEvent::Delivered(delivery) => {
                self.pending.push(delivery);
                self.batch().await
            }
            ClientEvent::Snapshot(snapshot) => {
                self.entities.learn(&snapshot);
                StreamItem::News(ClientEvent::Snapshot(snapshot))
            }
            news @ (ClientEvent::Status(_)
            | ClientEvent::Gap(_)
            | ClientEvent::Joined { .. }
            | ClientEvent::Confirmed(_)
            | ClientEvent::Refused { .. }
            | ClientEvent::Notice(_)) => StreamItem::News(news),
        }
    }

    /// Returns what is known of the entities.
    #[must_use]
    pub(crate) const fn entities(&self) -> &Entities {
        &self.entities
    }

    /// Returns the id of the run whose events are `correlated`.
    #[must_use]
    pub(crate) fn run(&self) -> Option<&str> {
        self.run.as_deref()
    }

    /// Returns why entities could not be looked up, once.
    pub(crate) fn take_lookup_failure(&mut self) -> Option<String> {
        self.entities.take_lookup_failure()
    }

    /// Returns sentences about what is not known of single events, each once.
    pub(crate) fn take_notices(&mut self) -> Vec<String> {
        self.entities.take_notices()
    }

    /// Asks for a [`ClientEvent::Confirmed`], behind everything that has been sent so far.
    pub(crate) fn confirm(&self) {
        self.session.handle.confirm();
    }

    /// Ends the session.
    pub async fn close(self) {
        // The reader goes first: an actor that waits for room in the channel would not hear of the end.
        drop(self.session.events);
        self.session.handle.close().await;
    }

    async fn receive(&mut self, deadline: Option<Instant>) -> Result<ClientEvent, StreamItem> {
        let time_is_up = async {
            match deadline {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        let world = async {
            loop {
                let event = self.session.events.recv().await;
                if !event.as_ref().is_some_and(|event| is_left_out(event, &self.include)) {
                    return event.ok_or(StreamItem::Ended);
                }
            }
        };
        tokio::select! {
            // What has arrived by the deadline still counts; a person comes before everything.
            biased;
            () = &mut self.interrupted => Err(StreamItem::Interrupted),
            event = world => event,
            () = time_is_up => Err(StreamItem::TimeIsUp),
        }
    }

    async fn batch(&mut self) -> StreamItem {
        while self.pending.len() < BATCH_EVENTS && self.held.is_none() {
            match self.session.events.try_recv() {
                Ok(event) if is_left_out(&event, &self.include) => {}
                Ok(ClientEvent::Delivered(delivery)) => self.pending.push(delivery),
                Ok(other) => self.held = Some(other),
                Err(_) => break,
            }
        }
        let mut event_contexts = self.entities.with_entities(&self.pending).await;
        self.pending.clear();
        for event_context in &mut event_contexts {
            event_context.run.clone_from(&self.run);
        }
        StreamItem::Events(event_contexts)
    }
}

/// Returns whether an event is no news for a script that waits for the world: who is around, and how the session is.
fn is_left_out(event: &ClientEvent, include: &[EventKind]) -> bool {
    let ClientEvent::Delivered(delivery) = event else { return false };
    let kind = delivery.kind();
    kind != EventKind::World && !include.contains(&kind)
}
