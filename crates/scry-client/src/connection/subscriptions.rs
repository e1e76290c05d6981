//! The rooms that are held: each asked for once, again after a reconnect, never twice at a time.

use std::collections::{BTreeMap, VecDeque};

use scry_model::event::{Delivery, Gap};
use scry_protocol::{Position, Room, SubscribeAck};

use super::gap_detector::GapDetector;

/// The point from which a room's events are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StartPosition {
    /// With the campaign's whole state, then every event after it.
    Snapshot,
    /// With the next event.
    Now,
    /// With the first event after this place.
    Since(Position),
}

impl StartPosition {
    /// Returns what suits a room when nobody says otherwise.
    #[must_use]
    pub(crate) const fn default_for(room: &Room) -> Self {
        match room {
            Room::Campaign(_) => Self::Snapshot,
            Room::Settlement(_) | Room::Structure(_) | Room::User(_) | Room::Custom(..) => Self::Now,
        }
    }
}

/// Every room that is wanted, and how far each has come on this connection.
#[derive(Debug, Default)]
pub(super) struct SubscriptionSet {
    // Ordered: a campaign is caught up before the narrower rooms, whose events it then already has.
    rooms: BTreeMap<Room, Subscription>,
    leaving: VecDeque<Room>,
}

#[derive(Debug)]
pub(super) struct Subscription {
    pub gap_detector: GapDetector,
    pub stage: RoomStage,
    wants_snapshot: bool,
    joined_before: bool,
    /// The gateway could not replay what was missed.
    lost: bool,
    gap: Option<(u64, u64)>,
    replay: ReplayProgress,
    /// The gateway cannot replay: what is missing is told and done without.
    cannot_replay: bool,
    /// What has arrived although something before it is missing, in the order in which it came.
    out_of_order: Vec<Delivery>,
    /// How often in a row joining again has brought nothing, and from where.
    failed_rejoins: (u8, u64),
}

/// Watches one answer to `since`: every event that was replayed has to arrive.
#[derive(Debug, Default)]
struct ReplayProgress {
    /// How many have, each counted once, and the last of them.
    seen: u64,
    last: u64,
    hole: bool,
    /// The number of retries without progress; a gateway that miscounts must not be asked without end.
    again: u8,
}

/// The progress of a room on this connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RoomStage {
    /// The campaign's state has to be fetched first.
    NeedsSnapshot,
    Fetching,
    /// It can be asked for.
    Ready,
    Asked,
    Joined,
    Refused,
}

/// The meaning of a granted subscription.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum JoinOutcome {
    Joined {
        position: Option<Position>,
        recovered: bool,
        replayed: u64,
        recovered_gap: Option<Gap>,
    },
    /// The gateway cannot replay; the room has to be asked for again from a new place.
    Lost(Option<Gap>),
    /// The room was given up meanwhile.
    Unwanted,
}

/// Bounds how often a room is asked for again without getting on.
const MAX_JOIN_TRIES: u8 = 10;
/// Bounds what waits for something before it; more comes again with the replay, or is part of the gap.
const MAX_OUT_OF_ORDER: usize = 1024;

impl SubscriptionSet {
    /// Adds a room; one that is held already stays as it is.
    pub(super) fn add(&mut self, room: Room, start: StartPosition, snapshots: bool) {
        self.leaving.retain(|leaving| *leaving != room);
        self.rooms.entry(room).or_insert_with(|| Subscription::new(start, snapshots));
    }

    /// Gives a room up.
    pub(super) fn remove(&mut self, room: &Room) {
        if let Some(subscription) = self.rooms.remove(room)
            && subscription.stage == RoomStage::Joined
        {
            self.leaving.push_back(room.clone());
        }
    }

    pub(super) fn get_mut(&mut self, room: &Room) -> Option<&mut Subscription> {
        self.rooms.get_mut(room)
    }

    pub(super) fn holds(&self, room: &Room) -> bool {
        self.rooms.contains_key(room)
    }

    /// Prepares every room for a new connection; `snapshots` says that the API offers them.
    pub(super) fn restart(&mut self, snapshots: bool) {
        self.leaving.clear();
        for subscription in self.rooms.values_mut() {
            subscription.restart(snapshots);
        }
    }

    /// Returns whether every room is joined, or refused for good.
    pub(super) fn is_settled(&self) -> bool {
        self.rooms.values().all(|subscription| matches!(subscription.stage, RoomStage::Joined | RoomStage::Refused))
    }

    /// Lists the rooms whose state has to be fetched, and marks them as being fetched.
    pub(super) fn take_fetches(&mut self) -> Vec<Room> {
        let mut due = Vec::new();
        for (room, subscription) in &mut self.rooms {
            if subscription.stage == RoomStage::NeedsSnapshot {
                subscription.stage = RoomStage::Fetching;
                due.push(room.clone());
            }
        }
        due
    }

    /// Returns a room to leave.
    pub(super) fn take_leave(&mut self) -> Option<Room> {
        self.leaving.pop_front()
    }

    /// Returns the next room to ask for and the place to resume from, and marks it as asked for.
    pub(super) fn take_join(&mut self) -> Option<(Room, Option<Position>)> {
        let (room, subscription) = self.rooms.iter_mut().find(|(_, held)| held.stage == RoomStage::Ready)?;
        subscription.stage = RoomStage::Asked;
        subscription.replay = ReplayProgress { again: subscription.replay.again, ..ReplayProgress::default() };
        Some((room.clone(), subscription.gap_detector.position().cloned()))
    }

    /// Records that the gateway granted a room that was asked for with `since`.
    pub(super) fn grant(
        &mut self,
        room: &Room,
        since: Option<&Position>,
        ack: SubscribeAck,
        snapshots: bool,
    ) -> JoinOutcome {
        let Some(held) = self.rooms.get_mut(room) else {
            self.leaving.push_back(room.clone());
            return JoinOutcome::Unwanted;
        };
        if held.stage != RoomStage::Asked {
            // Given up and wanted again meanwhile: it is asked for anew, from its own place.
            return JoinOutcome::Unwanted;
        }
        if held.is_incomplete(&ack) {
            let gap = held.open_gap(room, held.reached(), ack.position.as_ref().map_or(0, |position| position.seq));
            if held.retry_replay(since) {
                return JoinOutcome::Lost(gap);
            }
            held.lost = true;
        }
        if let (Some(since), false, Some(position), false) = (since, ack.recovered, &ack.position, held.lost) {
            let gap = held.open_gap(room, since.seq, position.seq);
            held.lost = true;
            if held.wants_snapshot && snapshots {
                held.stage = RoomStage::NeedsSnapshot;
            } else {
                // Asked for once more from where it stands: right whether or not the refusal to replay joined it.
                held.gap_detector.reset(ack.position);
                held.stage = RoomStage::Ready;
            }
            return JoinOutcome::Lost(gap);
        }
        // Who numbers events but says nothing of a replay vouches for nothing.
        held.cannot_replay = since.is_some() && !ack.recovered && ack.position.is_none();
        let unproven = held.joined_before && since.is_none() || held.cannot_replay;
        let recovered = !held.lost && !unproven;
        if let Some(position) = ack.position {
            held.gap_detector.advance(position);
        }
        // Without a replay, or a snapshot in its place, what was lost stays lost.
        let replaced = held.lost && held.wants_snapshot && snapshots;
        let reached = held.reached();
        let recovered_gap = held.gap.take().filter(|(_, to)| recovered || replaced || reached >= *to && !held.lost);
        held.stage = RoomStage::Joined;
        held.joined_before = true;
        held.lost = false;
        held.replay = ReplayProgress::default();
        JoinOutcome::Joined {
            position: held.gap_detector.position().cloned(),
            recovered,
            replayed: ack.replayed,
            recovered_gap: recovered_gap.map(|(from, to)| Gap { room: room.clone(), from, to, recovered: true }),
        }
    }
}

impl Subscription {
    fn new(start: StartPosition, snapshots: bool) -> Self {
        let wants_snapshot = start == StartPosition::Snapshot;
        let mut gap_detector = GapDetector::default();
        if let StartPosition::Since(position) = start {
            gap_detector.reset(Some(position));
        }
        let mut new = Self {
            gap_detector,
            stage: RoomStage::Ready,
            wants_snapshot,
            joined_before: false,
            lost: false,
            gap: None,
            replay: ReplayProgress::default(),
            cannot_replay: false,
            out_of_order: Vec::new(),
            failed_rejoins: (0, 0),
        };
        new.restart(snapshots);
        new
    }

    fn restart(&mut self, snapshots: bool) {
        let from_nothing = self.gap_detector.position().is_none();
        self.lost = false;
        self.replay = ReplayProgress::default();
        self.stage = match self.stage {
            RoomStage::Refused => RoomStage::Refused,
            RoomStage::NeedsSnapshot
            | RoomStage::Fetching
            | RoomStage::Ready
            | RoomStage::Asked
            | RoomStage::Joined => {
                if self.wants_snapshot && snapshots && from_nothing {
                    RoomStage::NeedsSnapshot
                } else {
                    RoomStage::Ready
                }
            }
        };
    }

    /// Records that a replayed event has arrived, and whether one before it has not.
    pub(super) fn replayed(&mut self, seq: u64, hole: bool) {
        if seq > self.replay.last {
            self.replay.seen += 1;
            self.replay.last = seq;
        }
        self.replay.hole |= hole;
    }

    /// Returns whether less has arrived than was replayed.
    const fn is_incomplete(&self, ack: &SubscribeAck) -> bool {
        ack.recovered && (self.replay.hole || self.replay.seen < ack.replayed)
    }

    /// Makes ready for another try, unless several have got no further than `since`.
    fn retry_replay(&mut self, since: Option<&Position>) -> bool {
        let further = since.is_some_and(|since| self.reached() > since.seq);
        self.replay.again = if further { 0 } else { self.replay.again + 1 };
        let worthwhile = self.replay.again < MAX_JOIN_TRIES;
        if worthwhile {
            self.stage = RoomStage::Ready;
        }
        worthwhile
    }

    fn reached(&self) -> u64 {
        self.gap_detector.position().map_or(0, |at| at.seq)
    }

    /// Keeps an event until what is missing before it has come.
    pub(super) fn buffer(&mut self, delivery: Delivery) {
        if self.out_of_order.len() < MAX_OUT_OF_ORDER {
            self.out_of_order.push(delivery);
        }
    }

    /// Hands out what was kept.
    pub(super) fn take_buffered(&mut self) -> Vec<Delivery> {
        std::mem::take(&mut self.out_of_order)
    }

    /// Moves on to an event although something before it is missing, where asking again is of no use.
    ///
    /// What is missing stays missing: its gap is never told to be healed.
    pub(super) fn skip_missing(&mut self, position: &Position) -> bool {
        let at = self.reached();
        self.failed_rejoins = if self.failed_rejoins.1 == at { (self.failed_rejoins.0 + 1, at) } else { (1, at) };
        let goes_on = self.cannot_replay || self.failed_rejoins.0 > MAX_JOIN_TRIES;
        if goes_on {
            self.gap = None;
            self.gap_detector.reset(Some(position.clone()));
        }
        goes_on
    }

    /// Records that something is missing; returns the gap unless one is open already.
    pub(super) fn open_gap(&mut self, room: &Room, from: u64, to: u64) -> Option<Gap> {
        if self.gap.is_some() {
            return None;
        }
        self.gap = Some((from, to));
        Some(Gap { room: room.clone(), from, to, recovered: false })
    }
}

#[cfg(test)]
mod tests {
    use scry_protocol::Id;

    use super::*;

    fn room(text: &str) -> Room {
        text.parse().unwrap()
    }

    fn ack(seq: u64, recovered: bool) -> SubscribeAck {
        SubscribeAck { success: true, room: None, position: Some(Position::new("x", seq)), recovered, replayed: 0 }
    }

    #[test]
    fn room_is_subscribed_once_per_connection() {
        let mut set = SubscriptionSet::default();
        set.add(room("structure:t"), StartPosition::Now, true);
        set.add(room("structure:t"), StartPosition::Now, true);
        assert_eq!(set.take_join(), Some((room("structure:t"), None)));
        assert_eq!(set.take_join(), None);
        set.grant(&room("structure:t"), None, ack(7, false), true);
        assert!(set.is_settled());
        set.restart(true);
        assert_eq!(set.take_join(), Some((room("structure:t"), Some(Position::new("x", 7)))));
    }

    #[test]
    fn a_campaign_comes_first_and_with_its_state() {
        let mut set = SubscriptionSet::default();
        let campaign = Room::Campaign(Id::parse("c").unwrap());
        set.add(room("settlement:s"), StartPosition::Now, true);
        set.add(campaign.clone(), StartPosition::Snapshot, true);
        assert_eq!(set.take_fetches(), std::slice::from_ref(&campaign));
        set.get_mut(&campaign).unwrap().stage = RoomStage::Ready;
        assert_eq!(set.take_join().unwrap().0, campaign);
    }

    #[test]
    fn failed_replay_opens_a_gap_that_a_snapshot_closes() {
        let mut set = SubscriptionSet::default();
        let campaign = room("campaign:c");
        set.add(campaign.clone(), StartPosition::Snapshot, true);
        set.take_fetches();
        let held = set.get_mut(&campaign).unwrap();
        held.gap_detector.reset(Some(Position::new("x", 3)));
        held.stage = RoomStage::Ready;
        set.take_join();
        let since = Position::new("x", 3);
        let gap = Gap { room: campaign.clone(), from: 3, to: 9, recovered: false };
        assert_eq!(set.grant(&campaign, Some(&since), ack(9, false), true), JoinOutcome::Lost(Some(gap.clone())));
        assert_eq!(set.take_fetches(), std::slice::from_ref(&campaign));
        set.get_mut(&campaign).unwrap().stage = RoomStage::Ready;
        set.take_join();
        let joined = set.grant(&campaign, Some(&Position::new("x", 9)), ack(9, true), true);
        let recovered_gap = Some(Gap { recovered: true, ..gap });
        let position = Some(Position::new("x", 9));
        assert_eq!(joined, JoinOutcome::Joined { position, recovered: false, replayed: 0, recovered_gap });
    }

    #[test]
    fn narrow_room_continues_after_a_failed_replay_and_reports_the_gap() {
        let mut set = SubscriptionSet::default();
        let narrow = room("settlement:s");
        set.add(narrow.clone(), StartPosition::Since(Position::new("old", 3)), true);
        let (_, since) = set.take_join().unwrap();
        assert!(matches!(set.grant(&narrow, since.as_ref(), ack(9, false), true), JoinOutcome::Lost(Some(_))));
        let (_, since) = set.take_join().unwrap();
        assert_eq!(since, Some(Position::new("x", 9)));
        let joined = set.grant(&narrow, since.as_ref(), ack(9, false), true);
        assert!(matches!(joined, JoinOutcome::Joined { recovered: false, recovered_gap: None, .. }), "{joined:?}");
    }

    #[test]
    fn room_removed_while_joining_is_left_again() {
        let mut set = SubscriptionSet::default();
        set.add(room("structure:t"), StartPosition::Now, true);
        set.take_join();
        set.remove(&room("structure:t"));
        assert_eq!(set.grant(&room("structure:t"), None, ack(1, false), true), JoinOutcome::Unwanted);
        assert_eq!(set.take_leave(), Some(room("structure:t")));
    }
}
