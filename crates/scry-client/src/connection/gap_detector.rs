//! What a room has seen of its history: drops what is old, notices what is missing.

use std::collections::{BTreeMap, HashSet, VecDeque};

use scry_model::event::Delivery;
use scry_protocol::catalogue::CustomEventMetadata;
use scry_protocol::{Event, Id, Position, Room};

/// The place of an event: its position in its journal, and the event before it in each of its rooms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EventCursor {
    /// The campaign, or the catalogue.
    pub history: Id,
    /// Its rooms, the widest first, each with the `seq` of the event before it there, where that is told.
    pub rooms: Vec<(Room, Option<u64>)>,
    /// `None` where the gateway keeps no positions, or for what it does not keep.
    pub position: Option<Position>,
    pub replayed: bool,
}

impl EventCursor {
    /// Reads the mark of what was delivered; `None` where nobody says which rooms it went to.
    #[must_use]
    pub(super) fn from_delivery(delivery: &Delivery) -> Option<Self> {
        match &delivery.event {
            Some(event) => Some(event.as_ref().into()),
            None => Self::from_metadata(CustomEventMetadata::from_payload(&delivery.raw)?),
        }
    }

    fn from_metadata(mut stamp: CustomEventMetadata) -> Option<Self> {
        let rooms = std::mem::take(&mut stamp.rooms);
        let rooms = rooms.into_iter().map(|room| {
            let previous = stamp.prev.get(&room).copied();
            (room, previous)
        });
        let history = Id::parse(&stamp.catalogue).ok()?;
        Some(Self { history, rooms: rooms.collect(), position: stamp.position(), replayed: stamp.replayed })
    }
}

impl From<&Event> for EventCursor {
    fn from(event: &Event) -> Self {
        let rooms = event.payload.rooms().into_iter().map(|room| {
            let previous = previous(&room, event);
            (room, previous)
        });
        Self {
            history: event.payload.campaign_id().clone(),
            rooms: rooms.collect(),
            position: event.position(),
            replayed: event.metadata.replayed,
        }
    }
}

/// Returns the `seq` of the event before this one in the same room; `None` when it is not told.
fn previous(room: &Room, event: &Event) -> Option<u64> {
    let prev = event.metadata.prev.unwrap_or_default();
    match room {
        Room::Campaign(_) => event.metadata.seq.map(|seq| seq.saturating_sub(1)),
        Room::Settlement(_) => prev.settlement,
        Room::Structure(_) => prev.structure,
        Room::User(_) | Room::Custom(..) => None,
    }
}

/// Remembers how far one room has come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct GapDetector {
    at: Option<Position>,
    /// Events further on that came through another room: behind which `seq` of this room each one stands.
    ahead: BTreeMap<u64, u64>,
}

/// Bounds how many events further on one room remembers; what is forgotten is asked for again.
const MAX_EVENTS_AHEAD: usize = 4_096;

/// Judges one event for one room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Continuity {
    /// It follows what was seen; the room has moved on to it.
    Fresh,
    /// It was seen before.
    Duplicate,
    /// Something between these two is missing; the room stays where it was.
    Missing { from: u64, to: u64 },
    /// The gateway keeps no positions, so nothing can be told.
    Unnumbered,
}

impl GapDetector {
    /// Returns the place of the last event seen, or of the state everything began with.
    #[must_use]
    pub(super) const fn position(&self) -> Option<&Position> {
        self.at.as_ref()
    }

    /// Starts again from a place.
    pub(super) fn reset(&mut self, to: Option<Position>) {
        self.at = to;
        self.ahead.clear();
    }

    /// Moves on to a place the gateway vouches for; never back within one history.
    pub(super) fn advance(&mut self, to: Position) {
        let behind = self.at.as_ref().is_some_and(|at| at.is_comparable_with(&to) && at.seq >= to.seq);
        if !behind {
            self.go_to(to);
        }
    }

    /// Records an event of this room that another room has passed on, although an earlier one is missing here.
    pub(super) fn note_passed_on(&mut self, position: &Position, previous: Option<u64>) {
        let is_ours = self.at.as_ref().is_some_and(|at| at.is_comparable_with(position));
        if let Some(previous) = previous.filter(|_| is_ours && self.ahead.len() < MAX_EVENTS_AHEAD) {
            self.ahead.insert(previous, position.seq);
        }
    }

    /// Moves to a place, and on over what has come from behind it.
    fn go_to(&mut self, mut to: Position) {
        if self.at.as_ref().is_some_and(|at| !at.is_comparable_with(&to)) {
            self.ahead.clear();
        }
        while let Some(next) = self.ahead.remove(&to.seq) {
            to.seq = to.seq.max(next);
        }
        self.ahead = self.ahead.split_off(&to.seq);
        self.at = Some(to);
    }

    /// Judges an event of this room by its place and by that of the event before it in the room, where these are told;
    /// moves on to it if it is the next one.
    pub(super) fn check_next(&mut self, position: Option<&Position>, previous: Option<u64>) -> Continuity {
        let Some(position) = position else { return Continuity::Unnumbered };
        let seq = position.seq;
        if let Some(at) = &self.at {
            if at.epoch != position.epoch {
                return Continuity::Missing { from: at.seq, to: seq };
            }
            if seq <= at.seq {
                return Continuity::Duplicate;
            }
            if previous.is_some_and(|previous| previous > at.seq) {
                return Continuity::Missing { from: at.seq, to: seq };
            }
        }
        self.go_to(position.clone());
        Continuity::Fresh
    }
}

/// Remembers the latest events that were passed on, so that two rooms that replay the same one do
/// not pass it on twice.
///
/// Bounded: only rooms of one campaign that are caught up at different times overlap at all, and a
/// campaign's own room needs no memory because its numbers have no holes. Only numbers are kept, each history's by
/// themselves: of a flood, texts would be most of what this program holds.
#[derive(Debug, Default)]
pub(super) struct DedupWindow {
    /// The one that was heard of last comes last.
    histories: Vec<SeenHistory>,
}

#[derive(Debug)]
struct SeenHistory {
    campaign: Id,
    epoch: String,
    known: HashSet<u64>,
    order: VecDeque<u64>,
}

impl DedupWindow {
    /// Bounds the memory of one history, in events.
    pub(super) const MAX_EVENTS_PER_HISTORY: usize = 16_384;
    /// Bounds how many histories are remembered.
    const MAX_HISTORIES: usize = 32;

    /// Remembers an event; false when it is known already.
    pub(super) fn insert(&mut self, campaign: &Id, position: &Position) -> bool {
        let known = self.histories.iter().rposition(|one| one.campaign == *campaign && one.epoch == position.epoch);
        match known {
            Some(last) if last + 1 == self.histories.len() => {}
            Some(place) => self.histories[place..].rotate_left(1),
            None => {
                if self.histories.len() == Self::MAX_HISTORIES {
                    self.histories.remove(0);
                }
                self.histories.push(SeenHistory::new(campaign.clone(), position.epoch.clone()));
            }
        }
        self.histories.last_mut().is_some_and(|history| history.insert(position.seq))
    }
}

impl SeenHistory {
    fn new(campaign: Id, epoch: String) -> Self {
        Self { campaign, epoch, known: HashSet::new(), order: VecDeque::new() }
    }

    fn insert(&mut self, seq: u64) -> bool {
        if !self.known.insert(seq) {
            return false;
        }
        if self.order.len() == DedupWindow::MAX_EVENTS_PER_HISTORY
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        self.order.push_back(seq);
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn at(seq: u64) -> GapDetector {
        let mut room = GapDetector::default();
        room.reset(Some(Position::new("x", seq)));
        room
    }

    /// Offers the event of a campaign, whose numbers have no holes.
    fn wide(room: &mut GapDetector, epoch: &str, seq: u64) -> Continuity {
        room.check_next(Some(&Position::new(epoch, seq)), Some(seq - 1))
    }

    /// Offers the event of a narrower room, which names the one before it.
    fn narrow(room: &mut GapDetector, seq: u64, previous: Option<u64>) -> Continuity {
        room.check_next(Some(&Position::new("x", seq)), previous)
    }

    #[test]
    fn campaign_room_expects_consecutive_numbers() {
        let mut room = at(5);
        assert_eq!(wide(&mut room, "x", 5), Continuity::Duplicate);
        assert_eq!(wide(&mut room, "x", 6), Continuity::Fresh);
        assert_eq!(wide(&mut room, "x", 8), Continuity::Missing { from: 6, to: 8 });
        assert_eq!(wide(&mut room, "x", 7), Continuity::Fresh);
        assert_eq!(wide(&mut room, "y", 8), Continuity::Missing { from: 7, to: 8 });
    }

    #[test]
    fn narrow_room_is_checked_by_its_previous_event() {
        let mut room = at(5);
        assert_eq!(narrow(&mut room, 9, Some(3)), Continuity::Fresh);
        assert_eq!(narrow(&mut room, 20, Some(9)), Continuity::Fresh);
        assert_eq!(narrow(&mut room, 30, Some(25)), Continuity::Missing { from: 20, to: 30 });
        assert_eq!(narrow(&mut room, 31, None), Continuity::Fresh, "nothing is told, nothing is known");
    }

    #[test]
    fn event_passed_on_by_another_room_is_not_a_gap() {
        let mut room = at(12);
        for (previous, seq) in [(16, 19), (20, 23)] {
            assert!(matches!(narrow(&mut room, seq, Some(previous)), Continuity::Missing { .. }));
            room.note_passed_on(&Position::new("x", seq), Some(previous));
        }
        assert_eq!(narrow(&mut room, 16, Some(12)), Continuity::Fresh);
        assert_eq!(room.position(), Some(&Position::new("x", 19)), "it has gone on over what had come");
        assert_eq!(narrow(&mut room, 20, Some(19)), Continuity::Fresh);
        assert_eq!(narrow(&mut room, 24, Some(23)), Continuity::Fresh);
        assert!(room.ahead.is_empty());
        // Of another history nothing is kept.
        room.note_passed_on(&Position::new("y", 40), Some(30));
        assert!(room.ahead.is_empty());
    }

    #[test]
    fn event_without_position_is_unnumbered() {
        let mut room = GapDetector::default();
        assert_eq!(room.check_next(None, None), Continuity::Unnumbered);
        assert_eq!(room.position(), None);
    }

    #[test]
    fn custom_event_is_checked_by_the_positions_in_its_metadata() {
        let stamp = json!({"v": 1, "catalogue": "erp", "eventId": "e", "timestamp": "", "epoch": "x", "seq": 9,
            "rooms": ["company:acme", "project:p"], "prev": {"company:acme": 7}, "replayed": true});
        let delivery = |raw: Value| Delivery {
            received_at: jiff::Timestamp::UNIX_EPOCH,
            room: None,
            name: "invoice:paid".into(),
            raw: raw.into(),
            event: None,
        };
        let mark = EventCursor::from_delivery(&delivery(json!({"number": 1, "metadata": stamp}))).unwrap();
        let rooms = [("company:acme".parse().unwrap(), Some(7)), ("project:p".parse().unwrap(), None)];
        assert_eq!((mark.rooms.as_slice(), mark.history.as_str()), (rooms.as_slice(), "erp"));
        assert_eq!((mark.position, mark.replayed), (Some(Position::new("x", 9)), true));
        assert_eq!(EventCursor::from_delivery(&delivery(json!({"number": 1}))), None);
    }

    #[test]
    fn dedup_window_is_bounded() {
        let mut recent = DedupWindow::default();
        let id = Id::parse("c").unwrap();
        for seq in 0..=DedupWindow::MAX_EVENTS_PER_HISTORY as u64 {
            assert!(recent.insert(&id, &Position::new("x", seq)));
        }
        assert_eq!(recent.histories[0].known.len(), DedupWindow::MAX_EVENTS_PER_HISTORY);
        assert!(!recent.insert(&id, &Position::new("x", 5)));
        assert!(recent.insert(&id, &Position::new("x", 0)), "the oldest was forgotten");
    }

    #[test]
    fn dedup_window_evicts_the_least_recently_used_history() {
        let mut recent = DedupWindow::default();
        let id = Id::parse("c").unwrap();
        assert!(recent.insert(&id, &Position::new("x", 1)));
        assert!(
            recent.insert(&id, &Position::new("y", 1))
                && recent.insert(&Id::parse("d").unwrap(), &Position::new("x", 1))
        );
        assert!(!recent.insert(&id, &Position::new("x", 1)), "it is heard of again");
        for epoch in 0..DedupWindow::MAX_HISTORIES - 1 {
            assert!(recent.insert(&id, &Position::new(epoch.to_string(), 1)));
        }
        assert!(!recent.insert(&id, &Position::new("x", 1)));
        assert!(recent.insert(&id, &Position::new("y", 1)), "it was forgotten");
    }

    proptest! {
        /// However a stream is cut, doubled and repeated from where the room stands, what is passed
        /// on is the history itself, and nothing is skipped without being noticed.
        #[test]
        fn delivered_events_equal_the_history(
            disturbances in prop::collection::vec((0_u64..6, 0_u64..4), 1..60),
        ) {
            let mut room = at(0);
            let mut passed = Vec::new();
            let mut sent = 0_u64;
            for (back, skip) in disturbances {
                let from = sent.saturating_sub(back) + skip;
                for seq in from.max(1)..from + 8 {
                    sent = sent.max(seq);
                    match wide(&mut room, "x", seq) {
                        Continuity::Fresh => passed.push(seq),
                        Continuity::Missing { from, .. } => {
                            prop_assert_eq!(from, *passed.last().unwrap_or(&0));
                            for healed in from + 1..=seq {
                                prop_assert_eq!(wide(&mut room, "x", healed), Continuity::Fresh);
                                passed.push(healed);
                            }
                        }
                        Continuity::Duplicate => prop_assert!(passed.contains(&seq)),
                        Continuity::Unnumbered => prop_assert!(false),
                    }
                }
            }
            let expected: Vec<_> = (1..=passed.len() as u64).collect();
            prop_assert_eq!(passed, expected);
        }
    }
}
