//! The subscribers of one campaign's stream, and from where on each is complete (pure).

use std::collections::{HashMap, HashSet};

use scry_protocol::{Id, Position, Room};
use socketioxide::socket::Sid;

/// The subscribers of one campaign, and how far its events have been sent to them.
///
/// For every subscriber and room it knows the `seq` from which on the room is complete for that socket:
/// everything after it, up to the head, has been sent. That is what lets a socket join a second
/// room without getting again what the first one brought.
#[derive(Debug)]
pub struct Channel {
    head: Position,
    subscribers: HashMap<Sid, Subscriber>,
    rooms: HashMap<Room, HashSet<Sid>>,
}

#[derive(Debug)]
struct Subscriber {
    user: Id,
    coverage: Coverage,
}

/// Maps the rooms of one socket to the `seq` after which each is complete.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage(HashMap<Room, u64>);

impl Coverage {
    /// Returns whether an event of `rooms` has been sent already, given that it is not past the head.
    #[must_use]
    pub fn includes(&self, rooms: &[Room], seq: u64) -> bool {
        rooms.iter().any(|room| self.0.get(room).is_some_and(|from| seq > *from))
    }
}

impl Channel {
    /// Opens a channel whose subscribers will get what comes after `head`.
    #[must_use]
    pub fn new(head: Position) -> Self {
        Self { head, subscribers: HashMap::new(), rooms: HashMap::new() }
    }

    /// Returns the position up to which every listener has been served.
    #[must_use]
    pub const fn head(&self) -> &Position {
        &self.head
    }

    /// Moves the head to an event that is about to be sent.
    pub fn advance(&mut self, epoch: &str, seq: u64) {
        if self.head.epoch == epoch {
            self.head.seq = seq;
        } else {
            self.head = Position::new(epoch, seq);
        }
    }

    /// Returns the sockets in any of `rooms`, each once.
    #[must_use]
    pub fn recipients(&self, rooms: &[Room]) -> Vec<Sid> {
        let mut taken = rooms.iter().filter_map(|room| self.rooms.get(room));
        let Some(first) = taken.next() else { return Vec::new() };
        let mut recipients: Vec<Sid> = first.iter().copied().collect();
        let mut seen: Option<HashSet<Sid>> = None;
        for room in taken {
            let seen = seen.get_or_insert_with(|| first.clone());
            recipients.extend(room.iter().copied().filter(|sid| seen.insert(*sid)));
        }
        recipients
    }

    /// Adds a socket to a room that is complete for it after `from`.
    pub fn join(&mut self, sid: Sid, user: &Id, room: &Room, from: u64) {
        let subscriber = self
            .subscribers
            .entry(sid)
            .or_insert_with(|| Subscriber { user: user.clone(), coverage: Coverage::default() });
        // A repaired room stays complete from where it was: what is sent twice is not sent less.
        let complete = subscriber.coverage.0.entry(room.clone()).or_insert(from);
        *complete = from.min(*complete);
        self.rooms.entry(room.clone()).or_default().insert(sid);
    }

    /// Returns what a socket about to join `room` has got already.
    ///
    /// A socket that is in the room asks for a repair, so it is taken to have got nothing.
    #[must_use]
    pub fn coverage(&self, sid: Sid, room: &Room) -> Coverage {
        match self.subscribers.get(&sid) {
            Some(subscriber) if !subscriber.coverage.0.contains_key(room) => subscriber.coverage.clone(),
            Some(_) | None => Coverage::default(),
        }
    }

    /// Takes a socket out of a room.
    pub fn leave(&mut self, sid: Sid, room: &Room) {
        self.remove_from_room(sid, room);
        if let Some(subscriber) = self.subscribers.get_mut(&sid) {
            subscriber.coverage.0.remove(room);
            if subscriber.coverage.0.is_empty() {
                self.subscribers.remove(&sid);
            }
        }
    }

    /// Takes a socket out of every room.
    pub fn leave_all(&mut self, sid: Sid) {
        if let Some(subscriber) = self.subscribers.remove(&sid) {
            for room in subscriber.coverage.0.keys() {
                self.remove_from_room(sid, room);
            }
        }
    }

    /// Takes every socket of the users chosen out of every room; returns who left which rooms.
    pub fn evict(&mut self, chosen: impl Fn(&Id) -> bool) -> Vec<(Sid, Vec<Room>)> {
        let leaving: Vec<Sid> =
            self.subscribers.iter().filter(|(_, subscriber)| chosen(&subscriber.user)).map(|(sid, _)| *sid).collect();
        leaving
            .into_iter()
            .filter_map(|sid| {
                let mut rooms: Vec<Room> = self.subscribers.get(&sid)?.coverage.0.keys().cloned().collect();
                rooms.sort();
                self.leave_all(sid);
                Some((sid, rooms))
            })
            .collect()
    }

    /// Takes every socket of a user out of some rooms; returns who left which.
    pub fn evict_from(&mut self, user: &Id, rooms: &[Room]) -> Vec<(Sid, Vec<Room>)> {
        let theirs = self.subscribers.iter().filter(|(_, subscriber)| subscriber.user == *user);
        let leaving = theirs.map(|(sid, subscriber)| {
            let left = rooms.iter().filter(|room| subscriber.coverage.0.contains_key(*room));
            (*sid, left.cloned().collect::<Vec<_>>())
        });
        let leaving: Vec<_> = leaving.filter(|(_, left)| !left.is_empty()).collect();
        for (sid, left) in &leaving {
            left.iter().for_each(|room| self.leave(*sid, room));
        }
        leaving
    }

    /// Returns the rooms that somebody is in, with how many sockets.
    #[must_use]
    pub fn rooms(&self) -> Vec<(Room, usize)> {
        let mut rooms: Vec<_> = self.rooms.iter().map(|(room, sockets)| (room.clone(), sockets.len())).collect();
        rooms.sort();
        rooms
    }

    /// Returns how many sockets listen.
    #[must_use]
    pub fn subscriber_count(&self) -> usize {
        self.subscribers.len()
    }

    /// Returns whether nobody listens any more.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.subscribers.is_empty()
    }

    fn remove_from_room(&mut self, sid: Sid, room: &Room) {
        if let Some(sockets) = self.rooms.get_mut(room) {
            sockets.remove(&sid);
            if sockets.is_empty() {
                self.rooms.remove(room);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> Id {
        Id::parse(text).unwrap()
    }

    fn rooms() -> [Room; 3] {
        [Room::Campaign(id("c")), Room::Settlement(id("s")), Room::Structure(id("t"))]
    }

    fn channel() -> Channel {
        Channel::new(Position::new("x", 10))
    }

    #[test]
    fn socket_in_several_rooms_is_one_recipient() {
        let (mut channel, [campaign, settlement, structure]) = (channel(), rooms());
        let (wide, narrow) = (Sid::new(), Sid::new());
        for room in [&campaign, &settlement, &structure] {
            channel.join(wide, &id("u"), room, 10);
        }
        channel.join(narrow, &id("u"), &structure, 10);
        let mut recipients = channel.recipients(&rooms());
        recipients.sort_by_key(|sid| *sid != wide);
        assert_eq!(recipients, [wide, narrow]);
        assert_eq!(channel.recipients(&[campaign]), [wide]);
        assert_eq!(channel.recipients(&[Room::Settlement(id("other"))]), []);
    }

    #[test]
    fn coverage_includes_only_events_of_joined_rooms() {
        let (mut channel, [campaign, settlement, structure]) = (channel(), rooms());
        let sid = Sid::new();
        channel.join(sid, &id("u"), &settlement, 4);
        let coverage = channel.coverage(sid, &campaign);
        assert!(coverage.includes(&[campaign.clone(), settlement.clone()], 5));
        assert!(!coverage.includes(&[campaign.clone(), settlement.clone()], 4), "before the settlement was complete");
        assert!(!coverage.includes(&[campaign.clone(), structure], 9), "another room's event");
        assert_eq!(channel.coverage(sid, &settlement), Coverage::default(), "a repair gets everything again");
        assert_eq!(channel.coverage(Sid::new(), &campaign), Coverage::default());
    }

    #[test]
    fn evicted_user_leaves_no_subscriptions() {
        let (mut channel, [campaign, settlement, _]) = (channel(), rooms());
        let (first, second) = (Sid::new(), Sid::new());
        channel.join(first, &id("u"), &campaign, 1);
        channel.join(first, &id("u"), &settlement, 1);
        channel.join(second, &id("v"), &campaign, 1);
        channel.leave(second, &campaign);
        channel.leave(second, &settlement);
        assert_eq!(channel.evict(|user| *user == id("u")), [(first, vec![campaign.clone(), settlement])]);
        assert_eq!(channel.evict(|user| *user == id("u")), []);
        assert!(channel.is_empty());
        assert!(channel.rooms.is_empty());
    }

    #[test]
    fn leaving_one_room_keeps_the_others() {
        let (mut channel, [campaign, settlement, structure]) = (channel(), rooms());
        let (first, second) = (Sid::new(), Sid::new());
        channel.join(first, &id("u"), &campaign, 1);
        channel.join(first, &id("u"), &settlement, 1);
        channel.join(second, &id("v"), &campaign, 1);
        assert_eq!(channel.evict_from(&id("u"), &[campaign.clone(), structure]), [(first, vec![campaign.clone()])]);
        assert_eq!(channel.recipients(&[campaign, settlement]), [second, first]);
    }

    #[test]
    fn repair_keeps_earlier_coverage() {
        let (mut channel, [campaign, ..]) = (channel(), rooms());
        let sid = Sid::new();
        channel.join(sid, &id("u"), &campaign, 3);
        channel.join(sid, &id("u"), &campaign, 8);
        assert!(channel.coverage(sid, &Room::Settlement(id("s"))).includes(&[campaign], 4));
    }
}
