//! A session of ours, and everything it has told.

use std::time::Duration;

use scry_client::api::Api;
use scry_client::auth::Auth;
use scry_client::connection::{StartPosition, Timings};
use scry_client::http::HttpClient;
use scry_client::secret::Secret;
use scry_client::session::{self, Session, SessionOptions};
use scry_config::client::{LinkKind, ServerAddress};
use scry_model::event::{ClientEvent, Gap, Phase, Status};

use super::wait::WAIT_TIMEOUT;

/// A session and reads what it tells.
pub struct TestClient {
    /// The session.
    pub session: Session,
    /// Everything that it has told so far.
    pub told: Vec<ClientEvent>,
}

/// Returns time limits so short that a test of them takes no time.
pub fn quick() -> Timings {
    Timings {
        connect: Duration::from_secs(2),
        request: Duration::from_secs(2),
        latency_interval: Duration::from_millis(200),
        latency_timeout: Duration::from_millis(400),
        silence: Duration::from_millis(600),
        backoff_unit: Duration::from_millis(20),
        jitter: false,
        probe: None,
        renew_ahead: Duration::from_secs(60),
        login_check: Duration::from_millis(100),
    }
}

/// Prepares a session at `url`; with an empty token as nobody.
pub fn options(url: &str, token: &str, rooms: &[(&str, StartPosition)]) -> SessionOptions {
    let server = ServerAddress::new("test", url, "--url").unwrap();
    let http = HttpClient::new(&server, Duration::from_secs(5)).unwrap();
    let auth = if token.is_empty() { Auth::anonymous() } else { Auth::with_token(Secret::new(token)) };
    let rooms = rooms.iter().map(|(room, start)| (room.parse().unwrap(), start.clone())).collect();
    let api = Api::new(http, auth);
    let link = LinkKind::default();
    SessionOptions { server, api, rooms, snapshots: true, timings: quick(), link, capacity: 1024, backpressure: false }
}

impl TestClient {
    /// Starts a session.
    pub fn start(options: SessionOptions) -> Self {
        Self { session: session::connect(options).unwrap(), told: Vec::new() }
    }

    /// Starts a session and waits until it is live.
    pub async fn live(options: SessionOptions) -> Self {
        let mut client = Self::start(options);
        client.until_phase(Phase::Live).await;
        client
    }

    /// Reads on until something is told that `wanted` accepts.
    pub async fn until(&mut self, wanted: impl Fn(&ClientEvent) -> bool) -> ClientEvent {
        let found = async {
            loop {
                let event = self.session.events.recv().await.expect("the session has ended");
                self.told.push(event.clone());
                if wanted(&event) {
                    return event;
                }
            }
        };
        match tokio::time::timeout(WAIT_TIMEOUT, found).await {
            Ok(event) => event,
            Err(_) => panic!("it was never told; what was: {:#?}", self.told),
        }
    }

    /// Reads on until the connection enters a phase.
    pub async fn until_phase(&mut self, phase: Phase) -> Status {
        let event = self.until(|event| matches!(event, ClientEvent::Status(status) if status.phase == phase)).await;
        if let ClientEvent::Status(status) = event { status } else { unreachable!() }
    }

    /// Reads on until the event with this number has been passed on.
    pub async fn until_seq(&mut self, seq: u64) {
        self.until(|event| seq_of(event) == Some(seq)).await;
    }

    /// Returns the numbers of the durable events passed on, in the order in which they were.
    pub fn seqs(&self) -> Vec<u64> {
        self.told.iter().filter_map(seq_of).collect()
    }

    /// Returns the gaps told of.
    pub fn gaps(&self) -> Vec<Gap> {
        let gap = |event: &ClientEvent| if let ClientEvent::Gap(gap) = event { Some(gap.clone()) } else { None };
        self.told.iter().filter_map(gap).collect()
    }

    /// Returns the notices.
    pub fn notices(&self) -> Vec<String> {
        let text = |event: &ClientEvent| if let ClientEvent::Notice(text) = event { Some(text.clone()) } else { None };
        self.told.iter().filter_map(text).collect()
    }
}

fn seq_of(event: &ClientEvent) -> Option<u64> {
    if let ClientEvent::Delivered(delivery) = event { delivery.event.as_ref()?.metadata.seq } else { None }
}
