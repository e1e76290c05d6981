//! The gateway: a connection, a room, the round trip, and whether what was missed comes again.

use std::time::{Duration, Instant};

use scry_command::exit::Exit;
use scry_config::client::Settings;
use scry_model::event::{ClientEvent, Phase, RoundTripQuality, Status, Transport};
use scry_protocol::{Id, Position, Room};
use scry_text as text;

use super::account::refused;
use super::report::{CheckStep, DoctorReport, Finding};
use crate::api::Api;
use crate::connection::StartPosition;
use crate::error::ApiError;
use crate::session::{self, Session, SessionOptions};

/// A round trip longer than this is felt.
const SLOW_ROUND_TRIP: Duration = Duration::from_millis(300);

/// Takes the steps from the handshake to a room that can be resumed; `wanted` names a campaign by id or name.
pub(super) async fn examine(report: &mut DoctorReport, settings: &Settings, api: &Api, wanted: Option<&str>) {
    let started = Instant::now();
    let room = room(api, wanted).await;
    let choosing = started.elapsed();
    let options = SessionOptions { snapshots: false, ..SessionOptions::new(settings, api.clone()) };
    let rooms = room.iter().map(|room| (room.clone(), StartPosition::Now)).collect();
    let mut visit = match GatewayCheck::begin(SessionOptions { rooms, ..options.clone() }) {
        Ok(visit) => visit,
        Err(error) => return report.record(CheckStep::Handshake, refused(&error)),
    };
    let started = Instant::now();
    let welcomed = visit.until(welcome).await;
    let took = started.elapsed();
    match welcomed {
        Ok(transport) => {
            report.record(CheckStep::Handshake, Finding::ok("the gateway accepts the connection").within(took));
            report.record(CheckStep::Transport, on(transport));
        }
        Err(finding) => {
            report.record(CheckStep::Handshake, finding.within(took));
            return visit.end().await;
        }
    }
    let position = match room {
        Ok(room) => {
            let started = Instant::now();
            let (position, finding) = visit.join(&room).await;
            report.record(CheckStep::Subscribe, finding.within(started.elapsed()));
            Some((room, position))
        }
        Err(finding) => {
            report.record(CheckStep::Subscribe, finding.within(choosing));
            None
        }
    };
    let finding = visit.round_trip(settings.config.connection.latency_timeout).await;
    report.record(CheckStep::RoundTrip, finding);
    visit.end().await;
    if report.allows(CheckStep::Resume) {
        let started = Instant::now();
        let finding = match position {
            Some((room, Some(position))) => resume(options, room, position).await,
            Some((_, None)) => Finding::warn(
                "this gateway keeps no positions",
                "none possible here: events during an outage will be missing",
            ),
            None => Finding::skipped("no room was joined"),
        };
        report.record(CheckStep::Resume, finding.within(started.elapsed()));
    }
}

/// Chooses the campaign that was named, else the first there is.
async fn room(api: &Api, wanted: Option<&str>) -> Result<Room, Finding> {
    if let Some(id) = wanted.and_then(|text| uuid::Uuid::try_parse(text).ok()) {
        return Ok(Room::Campaign(Id::from(id)));
    }
    let campaigns = match (api.campaigns().await, wanted) {
        (Ok(campaigns), _) => campaigns,
        (Err(ApiError::NotOffered { .. }), None) => {
            let remedy = "name one by its id with --campaign to try a subscription";
            return Err(Finding::warn("there is no list of campaigns here", remedy));
        }
        (Err(error), _) => return Err(refused(&error)),
    };
    let mut fitting =
        campaigns.iter().filter(|campaign| wanted.is_none_or(|name| campaign.name.eq_ignore_ascii_case(name)));
    match (fitting.next(), wanted) {
        (Some(campaign), _) => Ok(Room::Campaign(campaign.id.clone())),
        (None, None) => {
            Err(Finding::warn("you are not a member of any campaign yet", "ask its owner to make you a member"))
        }
        (None, Some(name)) => {
            let detail = format!("there is no campaign named “{}” that you may view", text::line(name));
            Err(Finding::fail(Exit::Usage, detail, "list them with `scry get campaign`"))
        }
    }
}

/// Connects anew from a place in the journal, as after an outage.
async fn resume(options: SessionOptions, room: Room, position: Position) -> Finding {
    let rooms = vec![(room, StartPosition::Since(position))];
    let mut visit = match GatewayCheck::begin(SessionOptions { rooms, ..options }) {
        Ok(visit) => visit,
        Err(error) => return refused(&error),
    };
    let joined =
        visit.until(|event| if let ClientEvent::Joined { recovered, .. } = event { Some(*recovered) } else { None });
    let finding = match joined.await {
        Ok(true) => Finding::ok("a new connection resumes where the last one ended"),
        Ok(false) => Finding::warn(
            "the gateway could not resume where the last connection ended",
            "check how long the server keeps its journal",
        ),
        Err(finding) => finding,
    };
    visit.end().await;
    finding
}

/// The checks of one connection; the first that fails ends them.
struct GatewayCheck {
    session: Session,
}

impl GatewayCheck {
    fn begin(options: SessionOptions) -> Result<Self, ApiError> {
        Ok(Self { session: session::connect(options)? })
    }

    /// Reads on until something is told that `wanted` accepts, or the connection does not work.
    async fn until<T>(&mut self, wanted: impl Fn(&ClientEvent) -> Option<T>) -> Result<T, Finding> {
        // The connection sets a deadline to each of its steps, so this ends.
        while let Some(event) = self.session.events.recv().await {
            if let Some(found) = wanted(&event) {
                return Ok(found);
            }
            if let ClientEvent::Status(status) = &event
                && let Some(finding) = connection_problem(status)
            {
                return Err(finding);
            }
        }
        Err(Finding::fail(Exit::Internal, "the connection's task has ended", "report this as a bug in scry"))
    }

    async fn join(&mut self, room: &Room) -> (Option<Position>, Finding) {
        match self.until(answer).await {
            Ok(Ok(position)) => (position, Finding::ok(format!("{room} is joined"))),
            Ok(Err(message)) => {
                let detail = format!("{room} was refused: {}", text::line(&message));
                (None, Finding::fail(Exit::Usage, detail, "check that it exists and that you may view it"))
            }
            Err(finding) => (None, finding),
        }
    }

    async fn round_trip(&mut self, limit: Duration) -> Finding {
        let measured =
            self.session.status.wait_for(|status| status.round_trip.is_some() || connection_problem(status).is_some());
        let status = match tokio::time::timeout(limit, measured).await {
            Ok(Ok(status)) => status.clone(),
            Ok(Err(_)) | Err(_) => {
                return Finding::warn(
                    format!("this gateway does not answer latency within {} s", limit.as_secs().max(1)),
                    "none possible here: a dead connection is noticed by its pings alone, which takes longer",
                );
            }
        };
        match (status.round_trip, connection_problem(&status)) {
            (_, Some(finding)) => finding,
            (Some(trip), None) if trip > SLOW_ROUND_TRIP => {
                Finding::warn("the round trip is slow", "use a nearer network; changes will arrive late").within(trip)
            }
            (trip, None) => {
                let trip = trip.unwrap_or_default();
                Finding::ok(format!("round trip {}", RoundTripQuality::of(trip).as_str())).within(trip)
            }
        }
    }

    async fn end(self) {
        // The reader goes first: an actor that waits for room in the channel would not hear of the end.
        drop(self.session.events);
        self.session.handle.close().await;
    }
}

fn welcome(event: &ClientEvent) -> Option<Transport> {
    let ClientEvent::Status(status) = event else { return None };
    matches!(status.phase, Phase::Resyncing | Phase::Live).then_some(status.transport)
}

/// Reads the answer to a subscription: the room's position, or why it was refused.
fn answer(event: &ClientEvent) -> Option<Result<Option<Position>, String>> {
    if let ClientEvent::Joined { position, .. } = event {
        return Some(Ok(position.clone()));
    }
    if let ClientEvent::Refused { message, .. } = event { Some(Err(message.clone())) } else { None }
}

fn on(transport: Transport) -> Finding {
    match transport {
        Transport::WebSocket => Finding::ok("WebSocket"),
        Transport::Polling => Finding::warn(
            "long-polling: the WebSocket was refused",
            "allow WebSocket upgrades in the proxy in front of the gateway",
        ),
    }
}

/// Reads from a status that the connection does not work, and why.
fn connection_problem(status: &Status) -> Option<Finding> {
    let reason = status.reason.clone().unwrap_or_else(|| "no reason was given".to_owned());
    match status.phase {
        Phase::LoginRequired => Some(Finding::fail(Exit::Authentication, reason, "log in again with `scry login`")),
        Phase::Backoff | Phase::Open | Phase::Closed => {
            let remedy = "check that a Socket.IO gateway listens here, and for proxies in between";
            Some(Finding::fail(Exit::Connection, reason, remedy))
        }
        Phase::Disconnected | Phase::Connecting | Phase::Resyncing | Phase::Live => None,
    }
}
