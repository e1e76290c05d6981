//! Who listens to one campaign, and from where on (pure).

use std::collections::{HashMap, HashSet};

use scry_protocol::{Id, Position, Room};
use socketioxide::socket::Sid;

/// Holds the listeners of one campaign and how far its events have been sent to them.
///
/// For every seat and room it knows the `seq` from which on the room is complete for that socket:
/// everything after it, up to the head, has been sent. That is what lets a socket join a second
/// room without getting again what the first one brought.
#[derive(Debug)]
pub struct Hall {
    head: Position,
    seats: HashMap<Sid, Seat>,
    rooms: HashMap<Room, HashSet<Sid>>,
}

#[derive(Debug)]
struct Seat {
    user: Id,
    coverage: Coverage,
}

/// Maps the rooms of one socket to the `seq` after which each is complete.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage(HashMap<Room, u64>);

impl Coverage {
    /// Tells whether an event of `rooms` has been sent already, given that it is not past the head.
    #[must_use]
    pub fn includes(&self, rooms: &[Room], seq: u64) -> bool {
        rooms.iter().any(|room| self.0.get(room).is_some_and(|from| seq > *from))
    }
}

impl Hall {
    /// Opens a hall whose listeners will get what comes after `head`.
    #[must_use]
    pub fn new(head: Position) -> Self {
        Self { head, seats: HashMap::new(), rooms: HashMap::new() }
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

    /// Lists the sockets in any of `rooms`, each once.
    #[must_use]
    pub fn audience(&self, rooms: &[Room]) -> Vec<Sid> {
        let mut taken = rooms.iter().filter_map(|room| self.rooms.get(room));
        let Some(first) = taken.next() else { return Vec::new() };
        let mut audience: Vec<Sid> = first.iter().copied().collect();
        let mut seen: Option<HashSet<Sid>> = None;
        for room in taken {
            let seen = seen.get_or_insert_with(|| first.clone());
            audience.extend(room.iter().copied().filter(|sid| seen.insert(*sid)));
        }
        audience
    }

    /// Seats a socket in a room that is complete for it after `from`.
    pub fn join(&mut self, sid: Sid, user: &Id, room: &Room, from: u64) {
        let seat = self.seats.entry(sid).or_insert_with(|| Seat { user: user.clone(), coverage: Coverage::default() });
        // A repaired room stays complete from where it was: what is sent twice is not sent less.
        let complete = seat.coverage.0.entry(room.clone()).or_insert(from);
        *complete = from.min(*complete);
        self.rooms.entry(room.clone()).or_default().insert(sid);
    }

    /// Returns what a socket about to join `room` has got already.
    ///
    /// A socket that is in the room asks for a repair, so it is taken to have got nothing.
    #[must_use]
    pub fn coverage(&self, sid: Sid, room: &Room) -> Coverage {
        match self.seats.get(&sid) {
            Some(seat) if !seat.coverage.0.contains_key(room) => seat.coverage.clone(),
            Some(_) | None => Coverage::default(),
        }
    }

    /// Takes a socket out of a room.
    pub fn leave(&mut self, sid: Sid, room: &Room) {
        self.empty_chair(sid, room);
        if let Some(seat) = self.seats.get_mut(&sid) {
            seat.coverage.0.remove(room);
            if seat.coverage.0.is_empty() {
                self.seats.remove(&sid);
            }
        }
    }

    /// Takes a socket out of every room.
    pub fn leave_all(&mut self, sid: Sid) {
        if let Some(seat) = self.seats.remove(&sid) {
            for room in seat.coverage.0.keys() {
                self.empty_chair(sid, room);
            }
        }
    }

    /// Takes every socket of the users chosen out of every room; returns who left which rooms.
    pub fn evict(&mut self, chosen: impl Fn(&Id) -> bool) -> Vec<(Sid, Vec<Room>)> {
        let leaving: Vec<Sid> = self.seats.iter().filter(|(_, seat)| chosen(&seat.user)).map(|(sid, _)| *sid).collect();
        leaving
            .into_iter()
            .filter_map(|sid| {
                let mut rooms: Vec<Room> = self.seats.get(&sid)?.coverage.0.keys().cloned().collect();
                rooms.sort();
                self.leave_all(sid);
                Some((sid, rooms))
            })
            .collect()
    }

    /// Takes every socket of a user out of some rooms; returns who left which.
    pub fn evict_from(&mut self, user: &Id, rooms: &[Room]) -> Vec<(Sid, Vec<Room>)> {
        let theirs = self.seats.iter().filter(|(_, seat)| seat.user == *user);
        let leaving = theirs.map(|(sid, seat)| {
            let left = rooms.iter().filter(|room| seat.coverage.0.contains_key(*room));
            (*sid, left.cloned().collect::<Vec<_>>())
        });
        let leaving: Vec<_> = leaving.filter(|(_, left)| !left.is_empty()).collect();
        for (sid, left) in &leaving {
            left.iter().for_each(|room| self.leave(*sid, room));
        }
        leaving
    }

    /// Lists the rooms that somebody is in, with how many sockets.
    #[must_use]
    pub fn rooms(&self) -> Vec<(Room, usize)> {
        let mut rooms: Vec<_> = self.rooms.iter().map(|(room, chairs)| (room.clone(), chairs.len())).collect();
        rooms.sort();
        rooms
    }

    /// Returns how many sockets listen.
    #[must_use]
    pub fn seats(&self) -> usize {
        self.seats.len()
    }

    /// Tells whether nobody listens any more.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.seats.is_empty()
    }

    fn empty_chair(&mut self, sid: Sid, room: &Room) {
        if let Some(chairs) = self.rooms.get_mut(room) {
            chairs.remove(&sid);
            if chairs.is_empty() {
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

    fn hall() -> Hall {
        Hall::new(Position::new("x", 10))
    }

    #[test]
    fn a_socket_in_several_rooms_is_called_once() {
        let (mut hall, [campaign, settlement, structure]) = (hall(), rooms());
        let (wide, narrow) = (Sid::new(), Sid::new());
        for room in [&campaign, &settlement, &structure] {
            hall.join(wide, &id("u"), room, 10);
        }
        hall.join(narrow, &id("u"), &structure, 10);
        let mut audience = hall.audience(&rooms());
        audience.sort_by_key(|sid| *sid != wide);
        assert_eq!(audience, [wide, narrow]);
        assert_eq!(hall.audience(&[campaign]), [wide]);
        assert_eq!(hall.audience(&[Room::Settlement(id("other"))]), []);
    }

    #[test]
    fn what_another_room_brought_is_known_and_what_it_did_not_bring_is_not() {
        let (mut hall, [campaign, settlement, structure]) = (hall(), rooms());
        let sid = Sid::new();
        hall.join(sid, &id("u"), &settlement, 4);
        let coverage = hall.coverage(sid, &campaign);
        assert!(coverage.includes(&[campaign.clone(), settlement.clone()], 5));
        assert!(!coverage.includes(&[campaign.clone(), settlement.clone()], 4), "before the settlement was complete");
        assert!(!coverage.includes(&[campaign.clone(), structure], 9), "another room's event");
        assert_eq!(hall.coverage(sid, &settlement), Coverage::default(), "a repair gets everything again");
        assert_eq!(hall.coverage(Sid::new(), &campaign), Coverage::default());
    }

    #[test]
    fn nothing_is_left_of_who_has_gone() {
        let (mut hall, [campaign, settlement, _]) = (hall(), rooms());
        let (first, second) = (Sid::new(), Sid::new());
        hall.join(first, &id("u"), &campaign, 1);
        hall.join(first, &id("u"), &settlement, 1);
        hall.join(second, &id("v"), &campaign, 1);
        hall.leave(second, &campaign);
        hall.leave(second, &settlement);
        assert_eq!(hall.evict(|user| *user == id("u")), [(first, vec![campaign.clone(), settlement])]);
        assert_eq!(hall.evict(|user| *user == id("u")), []);
        assert!(hall.is_empty());
        assert!(hall.rooms.is_empty());
    }

    #[test]
    fn who_leaves_one_room_stays_in_the_others() {
        let (mut hall, [campaign, settlement, structure]) = (hall(), rooms());
        let (first, second) = (Sid::new(), Sid::new());
        hall.join(first, &id("u"), &campaign, 1);
        hall.join(first, &id("u"), &settlement, 1);
        hall.join(second, &id("v"), &campaign, 1);
        assert_eq!(hall.evict_from(&id("u"), &[campaign.clone(), structure]), [(first, vec![campaign.clone()])]);
        assert_eq!(hall.audience(&[campaign, settlement]), [second, first]);
    }

    #[test]
    fn a_repair_does_not_forget_what_was_complete() {
        let (mut hall, [campaign, ..]) = (hall(), rooms());
        let sid = Sid::new();
        hall.join(sid, &id("u"), &campaign, 3);
        hall.join(sid, &id("u"), &campaign, 8);
        assert!(hall.coverage(sid, &Room::Settlement(id("s"))).includes(&[campaign], 4));
    }
}
