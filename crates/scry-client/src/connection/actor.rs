//! Carries out what the machine decides; the only one here who reads the clock and throws dice.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use scry_config::client::LinkKind;
use scry_model::event::{ClientEvent, Phase, Snapshot, Status};
use scry_protocol::{ClientRequest, Id, Room};
use serde_json::json;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::link::{self, Inbox, InboxSender, Link, Links, Target};
use super::machine::{Effect, Input, Machine, Moment};
use super::network::{Network, Routes};
use super::{Body, Generation, Request, Start, Timings};
use crate::api::Api;
use crate::auth::Access;
use crate::error::ApiError;
use crate::secret::Secret;

/// How often to see, while waiting, whether there is another network.
const LOOK_AROUND: Duration = Duration::from_secs(2);
/// How much room a patient actor wants before it takes a batch: an event rarely tells more than itself.
const ROOM: usize = link::BATCH + 32;

/// Asks the actor for something.
#[derive(Debug)]
pub(crate) enum Command {
    Subscribe(Room, Start),
    Unsubscribe(Room),
    Tell(ClientRequest),
    Confirm,
    Retry,
    Close,
}

/// Holds what an actor is connected to.
pub(crate) struct Wiring {
    pub api: Api,
    pub url: url::Url,
    pub tls: Option<native_tls::TlsConnector>,
    pub timings: Timings,
    pub link: LinkKind,
    pub rooms: Vec<(Room, Start)>,
    pub snapshots: bool,
    /// Whether a slow reader is waited for instead of cutting the connection.
    pub patient: bool,
    pub commands: mpsc::Receiver<Command>,
    pub events: mpsc::Sender<ClientEvent>,
    pub status: watch::Sender<Status>,
}

/// Owns the connection: the link, the timers, and everything asked over HTTP on its behalf.
pub(crate) struct Actor {
    api: Api,
    url: url::Url,
    machine: Machine,
    links: Links,
    link: Option<Link>,
    inbox: Inbox,
    inbox_sender: InboxSender,
    /// What came out of the inbox at once and is yet to be handled.
    arrived: VecDeque<Input>,
    jobs: JoinSet<Done>,
    access: Option<Access>,
    commands: mpsc::Receiver<Command>,
    events: mpsc::Sender<ClientEvent>,
    patient: bool,
    /// What the owner has not taken yet. The link is cut as soon as there is any, so it stays small.
    outbox: VecDeque<ClientEvent>,
    status: watch::Sender<Status>,
    network: Network,
}

/// Brings back what was asked over HTTP or of the login's store.
enum Done {
    Token(Generation, Result<Option<Access>, ApiError>),
    Snapshot(Generation, Id, Result<Snapshot, ApiError>),
    Knocked(Generation, Result<(), ApiError>),
    /// Whether there is a login we did not know.
    Search(bool),
}

impl Actor {
    pub(crate) fn new(wiring: Wiring) -> Self {
        let (inbox_sender, inbox) = link::inbox();
        let connect_timeout = wiring.timings.connect;
        let target = Target { kind: wiring.link, url: wiring.url.clone(), tls: wiring.tls, connect_timeout };
        Self {
            api: wiring.api,
            url: wiring.url,
            links: Links::new(target),
            machine: Machine::new(wiring.timings, wiring.rooms, wiring.snapshots),
            link: None,
            inbox,
            inbox_sender,
            arrived: VecDeque::new(),
            jobs: JoinSet::new(),
            access: None,
            commands: wiring.commands,
            patient: wiring.patient && wiring.events.max_capacity() >= ROOM,
            events: wiring.events,
            outbox: VecDeque::new(),
            status: wiring.status,
            network: Network::default(),
        }
    }

    /// Works until it is told to close, or until nobody listens any more.
    pub(crate) async fn run(mut self) {
        self.handle(Input::Start);
        while self.machine.status().phase != Phase::Closed {
            let input = self.next_input().await;
            self.handle(input);
        }
        if let Some(link) = self.link.take() {
            link.close().await;
        }
    }

    async fn next_input(&mut self) -> Input {
        if let Some(input) = self.arrived.pop_front() {
            return input;
        }
        let deadline = self.machine.next_deadline();
        let away = matches!(self.machine.status().phase, Phase::Backoff | Phase::Open);
        if !away {
            self.network.forget();
        } else if self.network.has_changed(Routes::to(&self.url)) {
            return Input::Retry;
        }
        loop {
            let waits = self.waits_for_reader();
            tokio::select! {
                biased;
                command = self.commands.recv() => return match command {
                    Some(Command::Subscribe(room, start)) => Input::Subscribe(room, start),
                    Some(Command::Unsubscribe(room)) => Input::Unsubscribe(room),
                    Some(Command::Tell(request)) => Input::Tell(request),
                    Some(Command::Confirm) => Input::Confirm,
                    Some(Command::Retry) => Input::Retry,
                    Some(Command::Close) | None => Input::Close,
                },
                permit = self.events.reserve(), if !self.outbox.is_empty() => match (permit, self.outbox.pop_front()) {
                    (Ok(permit), Some(event)) => {
                        permit.send(event);
                        if self.outbox.is_empty() {
                            return Input::Relieved;
                        }
                    }
                    _ => return Input::Close,
                },
                () = self.events.closed() => return Input::Close,
                Some(job) = self.jobs.join_next(), if !self.jobs.is_empty() => match job {
                    Ok(Done::Token(generation, result)) => {
                        let result = result.map(|access| {
                            self.access = access;
                            self.access.as_ref().and_then(lifetime)
                        });
                        return Input::Token(generation, result);
                    }
                    Ok(Done::Snapshot(generation, campaign, result)) => {
                        return Input::Snapshot(generation, campaign, result.map(Box::new));
                    }
                    Ok(Done::Knocked(generation, result)) => return Input::Knocked(generation, result),
                    Ok(Done::Search(true)) => {
                        // Whoever has logged in now is not to be taken for whoever was connected before.
                        self.links.forget_session();
                        return Input::LoginFound;
                    }
                    Ok(Done::Search(false)) => {}
                    Err(error) => tracing::error!(%error, "a background request failed"),
                },
                () = tokio::time::sleep(LOOK_AROUND), if away => {
                    if self.network.has_changed(Routes::to(&self.url)) {
                        tracing::info!("the network has changed; trying at once");
                        return Input::Retry;
                    }
                }
                // An error means that nobody listens any more, which is seen above.
                _ = self.events.reserve_many(ROOM), if waits => {}
                Some((generation, events)) = self.inbox.recv(), if !waits => {
                    let mut inputs = events.into_iter().map(|event| Input::Link(generation, event));
                    let Some(first) = inputs.next() else { continue };
                    self.arrived.extend(inputs);
                    return first;
                }
                // What is late may lie in the inbox, where it waits for the reader.
                () = until(deadline), if deadline.is_some() && !waits => return Input::Deadline,
            }
        }
    }

    /// Tells whether the socket is left unread until whoever listens has caught up.
    fn waits_for_reader(&self) -> bool {
        self.patient && self.outbox.is_empty() && self.events.capacity() < ROOM
    }

    fn handle(&mut self, input: Input) {
        for effect in self.machine.handle(input, now()) {
            self.carry_out(effect);
        }
        if !self.outbox.is_empty() {
            for effect in self.machine.handle(Input::Congested, now()) {
                self.carry_out(effect);
            }
        }
        let status = self.machine.status();
        self.status.send_if_modified(|known| {
            let changed = *known != status;
            *known = status;
            changed
        });
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::GetToken { generation, fresh } => self.get_token(generation, fresh),
            Effect::Connect(generation) => self.connect(generation),
            Effect::Disconnect => {
                // Dropping it says goodbye on its own thread.
                self.link = None;
            }
            Effect::Send(request) => self.send(request),
            Effect::GetSnapshot(generation, campaign) => self.get_snapshot(generation, campaign),
            Effect::Knock(generation) => self.knock(generation),
            Effect::FindLogin => self.find_login(),
            Effect::Tell(event) => self.tell(event),
        }
    }

    fn get_token(&mut self, generation: Generation, fresh: bool) {
        let auth = self.api.auth().clone();
        let refused = self.token();
        self.jobs.spawn(async move {
            let result = if fresh { auth.renew(refused.as_ref()).await.map(Some) } else { auth.access().await };
            Done::Token(generation, result)
        });
    }

    fn get_snapshot(&mut self, generation: Generation, campaign: Id) {
        let api = self.api.clone();
        self.jobs.spawn(async move {
            let result = api.snapshot(&campaign).await;
            Done::Snapshot(generation, campaign, result)
        });
    }

    fn knock(&mut self, generation: Generation) {
        let api = self.api.clone();
        self.jobs.spawn(async move { Done::Knocked(generation, api.reach().await) });
    }

    fn find_login(&mut self) {
        let auth = self.api.auth().clone();
        self.jobs.spawn(async move {
            Done::Search(auth.pick_up().await.unwrap_or_else(|error| {
                tracing::debug!(%error, "the login cannot be looked for");
                false
            }))
        });
    }

    fn connect(&mut self, generation: Generation) {
        match self.links.open(self.token(), generation, self.inbox_sender.clone()) {
            Ok(link) => self.link = Some(link),
            // The attempt runs into its time limit, as one does that is never answered.
            Err(error) => tracing::error!(%error, "the system has no thread for a connection"),
        }
    }

    fn send(&mut self, request: Request) {
        let body = match request.body {
            Body::Json(body) => body,
            Body::Token => json!({"token": self.token().as_ref().map(Secret::expose)}),
        };
        if let Some(link) = &self.link {
            link.send(request.id, request.name, body);
        }
    }

    fn token(&self) -> Option<Secret> {
        self.access.as_ref().map(|access| access.token.clone())
    }

    fn tell(&mut self, event: ClientEvent) {
        if !self.outbox.is_empty() {
            // Of several states that were not read, only the last is of interest.
            if matches!(event, ClientEvent::Status(_)) {
                self.outbox.retain(|waiting| !matches!(waiting, ClientEvent::Status(_)));
            }
            self.outbox.push_back(event);
        } else if let Err(mpsc::error::TrySendError::Full(event)) = self.events.try_send(event) {
            self.outbox.push_back(event);
        }
    }
}

/// Returns how much longer a token is good, as far as is known.
fn lifetime(access: &Access) -> Option<Duration> {
    let left = access.expires_at?.duration_since(Timestamp::now());
    Some(Duration::try_from(left).unwrap_or_default())
}

fn now() -> Moment {
    Moment { at: Instant::now(), wall: Timestamp::now(), dice: rand::random() }
}

async fn until(deadline: Option<Instant>) {
    if let Some(deadline) = deadline {
        tokio::time::sleep_until(deadline.into()).await;
    }
}
