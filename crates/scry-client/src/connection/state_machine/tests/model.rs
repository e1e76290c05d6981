//! A gateway that keeps its journal and a network that does not keep its word: whatever happens
//! between them, what the connection state passes on is the journal, each event once and in order.

use proptest::prelude::*;
use scry_model::event::Snapshot;
use scry_protocol::Position;
use serde_json::{Value, json};

use super::super::*;
use crate::connection::{GatewayRequest, RequestBody};

/// Disturbs a session, or lets it get on.
#[derive(Debug, Clone)]
enum SessionStep {
    /// Commits an event: of this structure, or of none.
    Commit(Option<u8>),
    /// Delivers this many frames.
    Deliver(u8),
    /// Loses the next frame.
    Lose,
    /// Delivers the next frame and keeps it for another time.
    Double,
    /// Swaps the next two frames.
    Swap,
    /// Loses the next answer; the line is dead from then on, and nobody says so.
    LoseAnswer,
    /// The token runs out: the next request is refused.
    Expire,
    /// Ends the connection, with all that was under way.
    Cut,
    /// Lets time pass, in milliseconds.
    Wait(u16),
    /// The journal is lost and begins anew.
    Forget,
}

/// Plays the gateway of one campaign, the line, and the owner.
struct GatewayModel {
    machine: ConnectionState,
    now: ClockReading,
    journal: Vec<Option<u8>>,
    epoch: u32,
    joined: Vec<String>,
    /// What is on its way to the client.
    line: std::collections::VecDeque<LinkEvent>,
    up: bool,
    passed: Vec<(u32, u64)>,
    /// What a snapshot, or a gap that stays open, has put in the place of events.
    excused: Vec<(u32, u64)>,
    in_flight: Option<&'static str>,
    expired: bool,
    dead: bool,
}

const MODEL_ROOMS: [&str; 2] = ["campaign:c", "structure:1"];

impl GatewayModel {
    fn new(rooms: &[&str]) -> Self {
        let rooms =
            rooms.iter().map(|room| (room.parse().unwrap(), StartPosition::default_for(&room.parse().unwrap())));
        let timings = Timings { jitter: false, ..Timings::default() };
        let now = ClockReading { at: Instant::now(), wall: Timestamp::UNIX_EPOCH, jitter: 0.5 };
        let mut world = Self {
            machine: ConnectionState::new(timings, rooms, true),
            now,
            journal: Vec::new(),
            epoch: 1,
            joined: Vec::new(),
            line: std::collections::VecDeque::new(),
            up: false,
            passed: Vec::new(),
            excused: Vec::new(),
            in_flight: None,
            expired: false,
            dead: false,
        };
        world.feed(ConnectionInput::Start);
        world
    }

    fn feed(&mut self, input: ConnectionInput) {
        for effect in self.machine.handle(input, self.now) {
            self.carry_out(effect);
        }
    }

    fn carry_out(&mut self, effect: ConnectionEffect) {
        match effect {
            ConnectionEffect::GetToken { generation, fresh } => {
                self.expired &= !fresh;
                self.feed(ConnectionInput::Token(generation, Ok(None)));
            }
            ConnectionEffect::Connect(_) => {
                self.up = true;
                self.line.push_back(LinkEvent::Connected { transport: Transport::WebSocket, ping_interval: None });
            }
            ConnectionEffect::Disconnect => self.hang_up(),
            ConnectionEffect::Send(request) => {
                // Only a first measurement may be given up, on a gateway that may not know it.
                let before = self.in_flight.replace(request.name);
                let waits = self.machine.capabilities.acks != Some(false);
                assert!(!waits || matches!(before, None | Some("latency")), "one request at a time: {before:?}");
                self.serve(&request);
            }
            ConnectionEffect::GetSnapshot(generation, campaign) => {
                let seq = self.journal.len() as u64;
                self.excused.push((self.epoch, seq));
                let position = Some(Position::new(self.epoch.to_string(), seq));
                let snapshot = Snapshot { campaign_id: campaign.clone(), position, nodes: Vec::new() };
                self.feed(ConnectionInput::Snapshot(generation, campaign, Ok(Box::new(snapshot))));
            }
            ConnectionEffect::ProbeHealth(generation) => {
                self.feed(ConnectionInput::HealthProbed(generation, Ok(())));
            }
            // Two tokens in a row ran out before the connection was live; the person logs in again.
            ConnectionEffect::FindLogin => {
                self.expired = false;
                self.feed(ConnectionInput::LoginFound);
            }
            ConnectionEffect::Report(ClientEvent::Delivered(delivery)) => {
                let metadata = &delivery.event.as_ref().unwrap().metadata;
                let epoch = metadata.epoch.as_ref().unwrap().parse().unwrap();
                self.passed.push((epoch, metadata.seq.unwrap()));
            }
            ConnectionEffect::Report(_) => {}
        }
    }

    fn hang_up(&mut self) {
        self.up = false;
        self.line.clear();
        self.joined.clear();
        self.in_flight = None;
        self.dead = false;
    }

    fn serve(&mut self, request: &GatewayRequest) {
        let id = request.id;
        let RequestBody::Json(body) = &request.body else { panic!("no token is ever renewed here") };
        if self.expired {
            let body = json!({"success": false, "error": "Unauthorized", "code": "TOKEN_EXPIRED"});
            return self.line.push_back(LinkEvent::Answer { id, body });
        }
        let answer = match request.name {
            "latency" => json!({"success": true, "serverTime": ""}),
            "subscribe_campaign" => self.subscribe("campaign:c", body),
            "subscribe_structure" => self.subscribe("structure:1", body),
            other => panic!("{other}"),
        };
        self.line.push_back(LinkEvent::Answer { id, body: answer });
    }

    fn subscribe(&mut self, room: &str, body: &Value) -> Value {
        let here = json!({"epoch": self.epoch.to_string(), "seq": self.journal.len()});
        let since = body.get("since");
        let reaches = since.is_some_and(|since| {
            since["epoch"] == here["epoch"] && since["seq"].as_u64().unwrap() <= self.journal.len() as u64
        });
        let mut replayed = 0;
        if since.is_none() || reaches {
            let from = since.map_or(self.journal.len() as u64, |since| since["seq"].as_u64().unwrap());
            for seq in from + 1..=self.journal.len() as u64 {
                if self.rooms_of(seq).contains(&room) {
                    self.line.push_back(self.event(seq, true));
                    replayed += 1;
                }
            }
            if !self.joined.iter().any(|joined| joined == room) {
                self.joined.push(room.to_owned());
            }
        }
        json!({"success": true, "position": here, "recovered": reaches, "replayed": replayed})
    }

    fn rooms_of(&self, seq: u64) -> Vec<&'static str> {
        let structure = self.journal[usize::try_from(seq).unwrap() - 1];
        if structure == Some(1) { MODEL_ROOMS.to_vec() } else { vec!["campaign:c"] }
    }

    fn event(&self, seq: u64, replayed: bool) -> LinkEvent {
        let structure = self.journal[usize::try_from(seq).unwrap() - 1];
        let earlier = (1..seq).rev().find(|earlier| self.journal[usize::try_from(*earlier).unwrap() - 1] == structure);
        let metadata = json!({"epoch": self.epoch.to_string(), "seq": seq, "prev": {"structure": earlier.unwrap_or(0)}, "replayed": replayed});
        let (name, payload) = match structure {
            Some(number) => (
                "structure_updated",
                json!({"structureId": number.to_string(), "settlementId": "s", "operation": "update", "campaignId": "c"}),
            ),
            None => (
                "world_time_changed",
                json!({"campaignId": "c", "previousTime": "", "newTime": "", "elapsedSeconds": 1}),
            ),
        };
        let body = json!({"type": name, "payload": payload, "metadata": metadata});
        LinkEvent::Message { name: name.to_owned(), body }
    }

    fn commit(&mut self, structure: Option<u8>) {
        self.journal.push(structure);
        let seq = self.journal.len() as u64;
        if self.rooms_of(seq).iter().any(|room| self.joined.iter().any(|joined| joined == room)) {
            self.line.push_back(self.event(seq, false));
        }
    }

    fn deliver(&mut self, event: LinkEvent) {
        if matches!(event, LinkEvent::Answer { .. }) {
            self.in_flight = None;
        }
        let generation = self.machine.generation;
        self.feed(ConnectionInput::Link(generation, event));
    }

    /// Only events are harmed: a line that loses answers is dead, which [`SessionStep::Cut`] is for.
    fn harmable(&self) -> bool {
        matches!(self.line.front(), Some(LinkEvent::Message { .. }))
    }

    fn wait(&mut self, span: Duration) {
        let end = self.now.at + span;
        while let Some(deadline) = self.machine.next_deadline().filter(|deadline| *deadline <= end) {
            self.now.at = self.now.at.max(deadline);
            self.feed(ConnectionInput::Deadline);
            assert_ne!(self.machine.next_deadline(), Some(deadline), "a deadline that stays is a busy loop");
        }
        self.now.at = end;
    }

    fn step(&mut self, step: &SessionStep) {
        match step {
            SessionStep::Commit(structure) => self.commit(*structure),
            SessionStep::Deliver(count) => {
                for _ in 0..*count {
                    if self.dead {
                        return;
                    }
                    if let Some(event) = self.line.pop_front() {
                        self.deliver(event);
                    }
                }
            }
            SessionStep::Lose if self.harmable() => {
                self.line.pop_front();
            }
            SessionStep::Double if self.harmable() => self.line.push_front(self.line[0].clone()),
            SessionStep::Swap if self.harmable() && matches!(self.line.get(1), Some(LinkEvent::Message { .. })) => {
                self.line.swap(0, 1);
            }
            SessionStep::Lose | SessionStep::Double | SessionStep::Swap => {}
            SessionStep::LoseAnswer => self.dead |= matches!(self.line.front(), Some(LinkEvent::Answer { .. })),
            SessionStep::Expire => self.expired = true,
            SessionStep::Cut => {
                if self.up {
                    self.hang_up();
                    self.deliver(LinkEvent::Ended { reason: "cut".to_owned(), certificate: false });
                }
            }
            SessionStep::Wait(millis) => self.wait(Duration::from_millis(u64::from(*millis))),
            SessionStep::Forget => {
                self.step(&SessionStep::Cut);
                self.epoch += 1;
                self.journal.clear();
            }
        }
    }

    /// Lets everything come to rest on a network that works, after one last event.
    fn settle(&mut self) {
        for _ in 0..200 {
            self.machine_tries_again();
            if self.dead {
                // What the state cannot notice, the library does: no pings come any more.
                self.wait(Duration::from_secs(32));
                self.step(&SessionStep::Cut);
                continue;
            }
            while let Some(event) = self.line.pop_front() {
                self.deliver(event);
            }
            if self.machine.phase() == Phase::Live {
                break;
            }
        }
        assert_eq!(self.machine.phase(), Phase::Live);
        self.commit(Some(1));
        while let Some(event) = self.line.pop_front() {
            self.deliver(event);
        }
    }

    fn machine_tries_again(&mut self) {
        if !self.up {
            self.wait(Duration::from_secs(32));
            self.feed(ConnectionInput::Retry);
        }
    }
}

fn steps() -> impl Strategy<Value = Vec<SessionStep>> {
    let step = prop_oneof![
        6 => prop::option::of(1_u8..3).prop_map(SessionStep::Commit),
        6 => (1_u8..6).prop_map(SessionStep::Deliver),
        1 => Just(SessionStep::Lose),
        1 => Just(SessionStep::Double),
        1 => Just(SessionStep::Swap),
        1 => Just(SessionStep::LoseAnswer),
        1 => Just(SessionStep::Expire),
        1 => Just(SessionStep::Cut),
        2 => (1_u16..12_000).prop_map(SessionStep::Wait),
    ];
    prop::collection::vec(step, 1..120)
}

/// Returns how many sequences are tried: a thousand, or more where somebody asks for more.
fn cases() -> u32 {
    ProptestConfig::default().cases.max(1_000)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    #[test]
    fn a_campaign_is_told_once_and_in_order(steps in steps()) {
        let mut world = GatewayModel::new(&MODEL_ROOMS);
        for step in &steps {
            world.step(step);
        }
        world.settle();
        let start = world.excused[0].1;
        let expected: Vec<_> = (start + 1..=world.journal.len() as u64).map(|seq| (1, seq)).collect();
        prop_assert_eq!(world.passed, expected);
        prop_assert_eq!(world.excused.len(), 1, "one snapshot, at the start");
    }

    #[test]
    fn a_narrow_room_is_told_once_and_in_order(steps in steps()) {
        let mut world = GatewayModel::new(&["structure:1"]);
        for step in &steps {
            world.step(step);
        }
        world.settle();
        let own = |seq: &u64| world.journal[usize::try_from(*seq).unwrap() - 1] == Some(1);
        let told: Vec<_> = world.passed.iter().map(|(_, seq)| *seq).collect();
        prop_assert!(told.windows(2).all(|pair| pair[0] < pair[1]), "{:?}", told);
        if let Some(first) = told.first() {
            let expected: Vec<_> = (*first..=world.journal.len() as u64).filter(own).collect();
            prop_assert_eq!(told.clone(), expected);
        }
        prop_assert!(told.contains(&(world.journal.len() as u64)));
    }

    #[test]
    fn a_lost_journal_is_started_over_and_never_mixed(
        before in steps(), after in steps(),
    ) {
        let mut world = GatewayModel::new(&MODEL_ROOMS);
        for step in before.iter().chain([&SessionStep::Forget]).chain(&after) {
            world.step(step);
        }
        world.settle();
        prop_assert!(world.passed.windows(2).all(|pair| pair[0] < pair[1]), "{:?}", world.passed);
        prop_assert_eq!(world.passed.last(), Some(&(2, world.journal.len() as u64)));
    }
}
