//! A machine on a test bench.

use super::*;

/// Drives a machine in passed-in time and collects what it wants done.
pub(super) struct MachineFixture {
    pub(super) machine: ConnectionState,
    pub(super) now: ClockReading,
    pub(super) effects: Vec<ConnectionEffect>,
}

impl MachineFixture {
    pub(super) fn new(rooms: &[(&str, StartPosition)]) -> Self {
        Self::with(Timings { jitter: false, ..Timings::default() }, rooms)
    }

    pub(super) fn with(timings: Timings, rooms: &[(&str, StartPosition)]) -> Self {
        let rooms = rooms.iter().map(|(room, start)| (room.parse().unwrap(), start.clone()));
        let now = ClockReading { at: Instant::now(), wall: Timestamp::UNIX_EPOCH, jitter: 1.0 };
        Self { machine: ConnectionState::new(timings, rooms, true), now, effects: Vec::new() }
    }

    /// A session that is live in one structure's room, at #5.
    pub(super) fn live() -> Self {
        let mut rig = Self::new(&[("structure:t", StartPosition::Now)]);
        rig.feed(ConnectionInput::Start);
        rig.welcome();
        rig.grant(5, false);
        rig.pulse();
        rig.effects.clear();
        rig
    }

    pub(super) fn feed(&mut self, input: ConnectionInput) {
        self.effects.extend(self.machine.handle(input, self.now));
    }

    pub(super) fn link(&mut self, event: LinkEvent) {
        let generation = self.machine.generation;
        self.feed(ConnectionInput::Link(generation, event));
    }

    pub(super) fn token(&mut self) {
        let generation = self.machine.generation;
        self.feed(ConnectionInput::Token(generation, Ok(None)));
    }

    pub(super) fn welcome(&mut self) {
        self.token();
        self.link(LinkEvent::Connected {
            transport: Transport::WebSocket,
            ping_interval: Some(Duration::from_secs(25)),
        });
    }

    pub(super) fn lose(&mut self) {
        self.link(LinkEvent::Ended { reason: "cut".to_owned(), certificate: false });
    }

    /// Lets time pass, stopping at every deadline on the way.
    pub(super) fn pass(&mut self, span: Duration) {
        let end = self.now.at + span;
        while let Some(deadline) = self.machine.next_deadline().filter(|deadline| *deadline <= end) {
            self.now.at = self.now.at.max(deadline);
            self.feed(ConnectionInput::Deadline);
            assert!(self.machine.next_deadline() != Some(deadline), "a deadline that stays is a busy loop");
        }
        self.now.at = end;
    }

    pub(super) fn request(&self) -> &GatewayRequest {
        let sent = self
            .effects
            .iter()
            .rev()
            .find_map(|effect| if let ConnectionEffect::Send(request) = effect { Some(request) } else { None });
        sent.expect("a request was sent")
    }

    pub(super) fn answer(&mut self, body: Value) {
        let id = self.request().id;
        self.link(LinkEvent::Answer { id, body });
    }

    pub(super) fn grant(&mut self, seq: u64, recovered: bool) {
        assert!(self.request().name.starts_with("subscribe"), "{:?}", self.request());
        self.answer(json!({"success": true, "position": {"epoch": "x", "seq": seq}, "recovered": recovered}));
    }

    pub(super) fn pulse(&mut self) {
        assert_eq!(self.request().name, "latency");
        self.answer(json!({"success": true, "serverTime": "2026-01-01T00:00:00.000Z"}));
    }

    pub(super) fn event(&mut self, seq: u64, prev: u64) {
        let body = json!({
            "type": "structure_updated",
            "payload": {"structureId": "t", "settlementId": "s", "operation": "update", "campaignId": "c", "changedFields": []},
            "metadata": {"epoch": "x", "seq": seq, "prev": {"structure": prev, "settlement": prev}},
        });
        self.link(LinkEvent::Message { name: "structure_updated".to_owned(), body });
    }

    pub(super) fn phase(&self) -> Phase {
        self.machine.status().phase
    }

    pub(super) fn delivered(&self) -> Vec<u64> {
        let seq = |event: &ClientEvent| {
            if let ClientEvent::Delivered(delivery) = event { delivery.event.as_ref()?.metadata.seq } else { None }
        };
        self.told().filter_map(seq).collect()
    }

    pub(super) fn gaps(&self) -> Vec<Gap> {
        self.told()
            .filter_map(|event| if let ClientEvent::Gap(gap) = event { Some(gap.clone()) } else { None })
            .collect()
    }

    pub(super) fn notices(&self) -> Vec<&str> {
        self.told()
            .filter_map(|event| if let ClientEvent::Notice(text) = event { Some(&**text) } else { None })
            .collect()
    }

    pub(super) fn told(&self) -> impl Iterator<Item = &ClientEvent> {
        self.effects
            .iter()
            .filter_map(|effect| if let ConnectionEffect::Report(event) = effect { Some(event) } else { None })
    }

    pub(super) fn wants_token(&self, wanted: bool) -> bool {
        self.effects.iter().any(|effect| matches!(effect, ConnectionEffect::GetToken { fresh, .. } if *fresh == wanted))
    }
}
