//! Carries out what the connection state decides; the only part that reads the clock and draws random numbers.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use scry_config::client::LinkKind;
use scry_model::event::{ClientEvent, Phase, Snapshot, Status};
use scry_protocol::{ClientRequest, Id, Room};
use serde_json::json;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::link::{self, InboxSender, Link, LinkFactory, LinkInbox, LinkTarget};
use super::network::{LocalRoutes, NetworkWatcher};
use super::state_machine::{ClockReading, ConnectionEffect, ConnectionInput, ConnectionState};
use super::{GatewayRequest, Generation, RequestBody, StartPosition, Timings};
use crate::api::Api;
use crate::auth::UsableToken;
use crate::error::ApiError;
use crate::secret::Secret;

/// How often to see, while waiting, whether there is another network.
const NETWORK_POLL_INTERVAL: Duration = Duration::from_secs(2);
/// How much room a patient actor wants before it takes a batch: an event rarely tells more than itself.
const MIN_EVENT_CAPACITY: usize = link::BATCH_EVENTS + 32;

/// Asks the actor for something.
#[derive(Debug)]
pub(crate) enum ConnectionCommand {
    Subscribe(Room, StartPosition),
    Unsubscribe(Room),
    Emit(ClientRequest),
    Confirm,
    Retry,
    Close,
}

/// The configuration of an actor: its server, its login and its channels.
pub(crate) struct ActorConfig {
    pub api: Api,
    pub url: url::Url,
    pub tls: Option<native_tls::TlsConnector>,
    pub timings: Timings,
    pub link: LinkKind,
    pub rooms: Vec<(Room, StartPosition)>,
    pub snapshots: bool,
    /// Whether a slow reader is waited for instead of cutting the connection.
    pub backpressure: bool,
    pub commands: mpsc::Receiver<ConnectionCommand>,
    pub events: mpsc::Sender<ClientEvent>,
    pub status: watch::Sender<Status>,
}

/// Owns the connection: the link, the timers, and everything asked over HTTP on its behalf.
pub(crate) struct ConnectionActor {
    api: Api,
    url: url::Url,
    machine: ConnectionState,
    links: LinkFactory,
    link: Option<Link>,
    inbox: LinkInbox,
    inbox_sender: InboxSender,
    /// What came out of the inbox at once and is yet to be handled.
    arrived: VecDeque<ConnectionInput>,
    jobs: JoinSet<JobResult>,
    access: Option<UsableToken>,
    commands: mpsc::Receiver<ConnectionCommand>,
    events: mpsc::Sender<ClientEvent>,
    backpressure: bool,
    /// What the owner has not taken yet. The link is cut as soon as there is any, so it stays small.
    outbox: VecDeque<ClientEvent>,
    status: watch::Sender<Status>,
    network: NetworkWatcher,
}

/// Brings back what was asked over HTTP or of the login's store.
enum JobResult {
    Token(Generation, Result<Option<UsableToken>, ApiError>),
    Snapshot(Generation, Id, Result<Snapshot, ApiError>),
    HealthProbed(Generation, Result<(), ApiError>),
    /// Whether there is a login we did not know.
    LoginSearched(bool),
}

impl ConnectionActor {
    pub(crate) fn new(config: ActorConfig) -> Self {
        let (inbox_sender, inbox) = link::inbox();
        let connect_timeout = config.timings.connect;
        let target = LinkTarget { kind: config.link, url: config.url.clone(), tls: config.tls, connect_timeout };
        Self {
            api: config.api,
            url: config.url,
            links: LinkFactory::new(target),
            machine: ConnectionState::new(config.timings, config.rooms, config.snapshots),
            link: None,
            inbox,
            inbox_sender,
            arrived: VecDeque::new(),
            jobs: JoinSet::new(),
            access: None,
            commands: config.commands,
            backpressure: config.backpressure && config.events.max_capacity() >= MIN_EVENT_CAPACITY,
            events: config.events,
            outbox: VecDeque::new(),
            status: config.status,
            network: NetworkWatcher::default(),
        }
    }

    /// Works until it is told to close, or until nobody listens any more.
    pub(crate) async fn run(mut self) {
        self.handle(ConnectionInput::Start);
        while self.machine.status().phase != Phase::Closed {
            let input = self.next_input().await;
            self.handle(input);
        }
        if let Some(link) = self.link.take() {
            link.close().await;
        }
    }

    async fn next_input(&mut self) -> ConnectionInput {
        if let Some(input) = self.arrived.pop_front() {
            return input;
        }
        let deadline = self.machine.next_deadline();
        let away = matches!(self.machine.status().phase, Phase::Backoff | Phase::Open);
        if !away {
            self.network.forget();
        } else if self.network.has_changed(LocalRoutes::to(&self.url)) {
            return ConnectionInput::Retry;
        }
        loop {
            let waits = self.waits_for_reader();
            tokio::select! {
                biased;
                command = self.commands.recv() => return match command {
                    Some(ConnectionCommand::Subscribe(room, start)) => ConnectionInput::Subscribe(room, start),
                    Some(ConnectionCommand::Unsubscribe(room)) => ConnectionInput::Unsubscribe(room),
                    Some(ConnectionCommand::Emit(request)) => ConnectionInput::Emit(request),
                    Some(ConnectionCommand::Confirm) => ConnectionInput::Confirm,
                    Some(ConnectionCommand::Retry) => ConnectionInput::Retry,
                    Some(ConnectionCommand::Close) | None => ConnectionInput::Close,
                },
                permit = self.events.reserve(), if !self.outbox.is_empty() => match (permit, self.outbox.pop_front()) {
                    (Ok(permit), Some(event)) => {
                        permit.send(event);
                        if self.outbox.is_empty() {
                            return ConnectionInput::CaughtUp;
                        }
                    }
                    _ => return ConnectionInput::Close,
                },
                () = self.events.closed() => return ConnectionInput::Close,
                Some(job) = self.jobs.join_next(), if !self.jobs.is_empty() => match job {
                    Ok(JobResult::Token(generation, result)) => {
                        let result = result.map(|access| {
                            self.access = access;
                            self.access.as_ref().and_then(lifetime)
                        });
                        return ConnectionInput::Token(generation, result);
                    }
                    Ok(JobResult::Snapshot(generation, campaign, result)) => {
                        return ConnectionInput::Snapshot(generation, campaign, result.map(Box::new));
                    }
                    Ok(JobResult::HealthProbed(generation, result)) => return ConnectionInput::HealthProbed(generation, result),
                    Ok(JobResult::LoginSearched(true)) => {
                        // The user who has logged in now must not be taken for the one who was connected before.
                        self.links.forget_session();
                        return ConnectionInput::LoginFound;
                    }
                    Ok(JobResult::LoginSearched(false)) => {}
                    Err(error) => tracing::error!(%error, "a background request failed"),
                },
                () = tokio::time::sleep(NETWORK_POLL_INTERVAL), if away => {
                    if self.network.has_changed(LocalRoutes::to(&self.url)) {
                        tracing::info!("the network has changed; trying at once");
                        return ConnectionInput::Retry;
                    }
                }
                // An error means that nobody listens any more, which is seen above.
                _ = self.events.reserve_many(MIN_EVENT_CAPACITY), if waits => {}
                Some((generation, events)) = self.inbox.recv(), if !waits => {
                    let mut inputs = events.into_iter().map(|event| ConnectionInput::Link(generation, event));
                    let Some(first) = inputs.next() else { continue };
                    self.arrived.extend(inputs);
                    return first;
                }
                // What is late may lie in the inbox, where it waits for the reader.
                () = until(deadline), if deadline.is_some() && !waits => return ConnectionInput::Deadline,
            }
        }
    }

    /// Returns whether the socket is left unread until the reader has caught up.
    fn waits_for_reader(&self) -> bool {
        self.backpressure && self.outbox.is_empty() && self.events.capacity() < MIN_EVENT_CAPACITY
    }

    fn handle(&mut self, input: ConnectionInput) {
        for effect in self.machine.handle(input, now()) {
            self.execute(effect);
        }
        if !self.outbox.is_empty() {
            for effect in self.machine.handle(ConnectionInput::Congested, now()) {
                self.execute(effect);
            }
        }
        let status = self.machine.status();
        self.status.send_if_modified(|known| {
            let changed = *known != status;
            *known = status;
            changed
        });
    }

    fn execute(&mut self, effect: ConnectionEffect) {
        match effect {
            ConnectionEffect::GetToken { generation, fresh } => self.get_token(generation, fresh),
            ConnectionEffect::Connect(generation) => self.connect(generation),
            ConnectionEffect::Disconnect => {
                // Dropping it says goodbye on its own thread.
                self.link = None;
            }
            ConnectionEffect::Send(request) => self.send(request),
            ConnectionEffect::GetSnapshot(generation, campaign) => self.get_snapshot(generation, campaign),
            ConnectionEffect::ProbeHealth(generation) => self.probe_health(generation),
            ConnectionEffect::FindLogin => self.find_login(),
            ConnectionEffect::Report(event) => self.report(event),
        }
    }

    fn get_token(&mut self, generation: Generation, fresh: bool) {
        let auth = self.api.auth().clone();
        let refused = self.token();
        self.jobs.spawn(async move {
            let result = if fresh { auth.renew(refused.as_ref()).await.map(Some) } else { auth.access().await };
            JobResult::Token(generation, result)
        });
    }

    fn get_snapshot(&mut self, generation: Generation, campaign: Id) {
        let api = self.api.clone();
        self.jobs.spawn(async move {
            let result = api.snapshot(&campaign).await;
            JobResult::Snapshot(generation, campaign, result)
        });
    }

    fn probe_health(&mut self, generation: Generation) {
        let api = self.api.clone();
        self.jobs.spawn(async move { JobResult::HealthProbed(generation, api.ping().await) });
    }

    fn find_login(&mut self) {
        let auth = self.api.auth().clone();
        self.jobs.spawn(async move {
            JobResult::LoginSearched(auth.reload().await.unwrap_or_else(|error| {
                tracing::debug!(%error, "the login cannot be looked up");
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

    fn send(&mut self, request: GatewayRequest) {
        let body = match request.body {
            RequestBody::Json(body) => body,
            RequestBody::Token => json!({"token": self.token().as_ref().map(Secret::expose)}),
        };
        if let Some(link) = &self.link {
            link.send(request.id, request.name, body);
        }
    }

    fn token(&self) -> Option<Secret> {
        self.access.as_ref().map(|access| access.token.clone())
    }

    fn report(&mut self, event: ClientEvent) {
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
fn lifetime(access: &UsableToken) -> Option<Duration> {
    let left = access.expires_at?.duration_since(Timestamp::now());
    Some(Duration::try_from(left).unwrap_or_default())
}

fn now() -> ClockReading {
    ClockReading { at: Instant::now(), wall: Timestamp::now(), jitter: rand::random() }
}

async fn until(deadline: Option<Instant>) {
    if let Some(deadline) = deadline {
        tokio::time::sleep_until(deadline.into()).await;
    }
}
