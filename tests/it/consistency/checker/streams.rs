//! Subscribers: what arrived, against the journal.

use std::collections::{BTreeMap, HashMap};

use super::index::{HistoryIndex, JournaledEvent, SubscriptionStream};
use super::{ConsistencyRule, Findings};
use crate::consistency::history::event_digest;

/// From the event that begins a membership to the one that ends it, which is not included.
type Membership = std::ops::Range<u64>;

pub fn check(index: &HistoryIndex, findings: &mut Findings) {
    let digests: HashMap<u64, String> =
        index.journal.iter().map(|entry| (entry.seq, event_digest(entry.event))).collect();
    let mut by_subscriber: BTreeMap<&str, Vec<&SubscriptionStream>> = BTreeMap::new();
    for stream in index.streams.values() {
        by_subscriber.entry(stream.subscriber).or_default().push(stream);
        content(stream, &digests, findings);
    }
    for (subscriber, mut streams) in by_subscriber {
        streams.sort_by_key(|stream| stream.line);
        let room: Vec<u64> = room(index, streams[0].room).map(|entry| entry.seq).collect();
        let guest = memberships(index, subscriber);
        for stream in &streams {
            answer(index, stream, guest.is_some(), findings);
            sequence(stream, &room, findings);
        }
        match guest {
            Some(memberships) => streams.iter().for_each(|stream| inside(stream, &memberships, findings)),
            None => complete(subscriber, &streams, &room, findings),
        }
    }
}

/// Each event is what the journal holds.
fn content(stream: &SubscriptionStream, digests: &HashMap<u64, String>, findings: &mut Findings) {
    for (line, seq, digest) in &stream.delivered {
        let same = digests.get(seq).is_some_and(|stored| stored == digest);
        findings.demand(same, ConsistencyRule::StreamIsTrue, &[*line], || {
            format!("{} got another event {seq} than the journal holds", stream.subscriber)
        });
    }
}

/// The answer to a subscription is of the journal's epoch, and honours `since`.
fn answer(index: &HistoryIndex, stream: &SubscriptionStream, is_guest: bool, findings: &mut Findings) {
    let Some(joined) = stream.joined else { return };
    let lines = [stream.line, joined.line];
    findings.demand(
        index.start["position"]["epoch"] == joined.epoch,
        ConsistencyRule::JournalIsGapless,
        &lines,
        || format!("{} was told of another epoch", stream.subscriber),
    );
    // Who was away cannot be brought up to date: what happened meanwhile is not for them.
    let expected = stream.since.is_some();
    findings.demand(joined.recovered == expected || is_guest, ConsistencyRule::ResumeIsHonoured, &lines, || {
        format!("{} asked with {:?} and was answered recovered = {}", stream.subscriber, stream.since, joined.recovered)
    });
}

/// Each event is the next one of the room.
fn sequence(stream: &SubscriptionStream, room: &[u64], findings: &mut Findings) {
    let recovered = stream.joined.is_none_or(|joined| joined.recovered);
    let since = stream.since.filter(|_| recovered).or(stream.joined.map(|joined| joined.position));
    let first = stream.delivered.first().map(|(_, seq, _)| *seq);
    let Some(mut last) = since.or(first.map(|first| first - 1)) else { return };
    let mut before = stream.line;
    for (line, seq, _) in &stream.delivered {
        let next = room.get(room.partition_point(|seq| *seq <= last)).copied();
        findings.demand(next == Some(*seq), ConsistencyRule::StreamIsComplete, &[before, *line], || {
            let who = stream.subscriber;
            format!("{who} got event {seq} after {last}, where {next:?} was next in {}", stream.room)
        });
        (last, before) = (*seq, *line);
    }
}

/// Each subscription goes on where the one before ended, and the last one reaches the end.
fn complete(subscriber: &str, streams: &[&SubscriptionStream], room: &[u64], findings: &mut Findings) {
    let mut position = None;
    for stream in streams {
        findings.demand(stream.since == position, ConsistencyRule::HistoryIsWhole, &[stream.line], || {
            format!("{subscriber} asked with {:?} and had come to {position:?}", stream.since)
        });
        let joined = stream.joined.filter(|joined| !joined.recovered).map(|joined| joined.position);
        let seen = stream.delivered.last().map(|(_, seq, _)| *seq);
        position = seen.max(joined).or(position);
    }
    let lines: Vec<usize> = streams.last().map(|stream| stream.line).into_iter().collect();
    let reached = room.last().is_none_or(|last| position.is_some_and(|position| position >= *last));
    findings.demand(reached, ConsistencyRule::StreamIsComplete, &lines, || {
        format!("{subscriber} came to {position:?} and not to the end of the room, {:?}", room.last())
    });
}

/// Nobody gets, or is let in for, what they are not a member of.
fn inside(stream: &SubscriptionStream, memberships: &[Membership], findings: &mut Findings) {
    let is_member = |seq: &u64| memberships.iter().any(|membership| membership.contains(seq));
    if let Some(joined) = stream.joined {
        findings.demand(
            is_member(&joined.position),
            ConsistencyRule::RevokedGetNothing,
            &[stream.line, joined.line],
            || format!("{} was let in at {} and was not a member", stream.subscriber, joined.position),
        );
    }
    for (line, seq, _) in &stream.delivered {
        let late = stream.revoked.filter(|revoked| revoked < line);
        findings.demand(late.is_none(), ConsistencyRule::RevokedGetNothing, &[late.unwrap_or(*line), *line], || {
            format!("{} got event {seq} after being told that the room was closed", stream.subscriber)
        });
        findings.demand(is_member(seq), ConsistencyRule::RevokedGetNothing, &[stream.line, *line], || {
            format!("{} got event {seq} and was not a member", stream.subscriber)
        });
    }
}

/// Returns when a user was a member; `None` for those who are it all the time.
fn memberships(index: &HistoryIndex, user: &str) -> Option<Vec<Membership>> {
    let at_first = index.start["members"].as_array().into_iter().flatten();
    let name = user.split('-').next().unwrap_or(user);
    if at_first.clone().any(|member| member["name"] == name) {
        return None;
    }
    let mut memberships: Vec<Membership> = Vec::new();
    let mut ids: Vec<&str> = Vec::new();
    for entry in index.journal.iter().filter(|entry| *entry.payload("entityType") == "member") {
        let Some(id) = entry.entity() else { continue };
        match entry.operation() {
            "create" if entry.changed("name").is_some_and(|told| told == name) => {
                ids.push(id);
                memberships.push(entry.seq..u64::MAX);
            }
            "delete" => {
                let ended = ids.iter().position(|known| *known == id).and_then(|place| memberships.get_mut(place));
                if let Some(membership) = ended {
                    membership.end = entry.seq;
                }
            }
            _ => {}
        }
    }
    Some(memberships)
}

fn room<'a, 'b>(index: &'b HistoryIndex<'a>, room: &'b str) -> impl Iterator<Item = &'b JournaledEvent<'a>> {
    index.journal.iter().filter(move |entry| entry.is_in(room))
}

#[cfg(test)]
mod tests {
    use super::ConsistencyRule;
    use crate::consistency::checker::fixture::{HistoryFixture, broken};

    #[test]
    fn an_event_that_a_subscriber_misses_is_found() {
        let mut fixture = HistoryFixture::good();
        fixture.drop_delivery("watcher", 3);
        assert_eq!(broken(&fixture), [ConsistencyRule::StreamIsComplete]);
    }

    #[test]
    fn the_last_event_that_a_subscriber_misses_is_found() {
        let mut fixture = HistoryFixture::good();
        fixture.drop_last_delivery("watcher");
        assert_eq!(broken(&fixture), [ConsistencyRule::StreamIsComplete]);
    }

    #[test]
    fn an_event_that_comes_twice_is_found() {
        let mut fixture = HistoryFixture::good();
        fixture.repeat_delivery("watcher", 3);
        assert_eq!(broken(&fixture), [ConsistencyRule::StreamIsComplete]);
    }

    #[test]
    fn events_out_of_order_are_found() {
        let mut fixture = HistoryFixture::good();
        fixture.exchange_deliveries("watcher", 2, 3);
        assert!(broken(&fixture).contains(&ConsistencyRule::StreamIsComplete));
    }

    #[test]
    fn an_event_that_the_journal_does_not_hold_is_found() {
        let mut fixture = HistoryFixture::good();
        fixture.change_delivery("watcher", 3, |digest| *digest = "another".to_owned());
        assert_eq!(broken(&fixture), [ConsistencyRule::StreamIsTrue]);
    }

    #[test]
    fn a_resume_that_is_not_honoured_is_found() {
        let mut fixture = HistoryFixture::good();
        fixture.resume("watcher", false);
        assert_eq!(broken(&fixture), [ConsistencyRule::ResumeIsHonoured]);
        let mut fixture = HistoryFixture::good();
        fixture.resume("watcher", true);
        assert_eq!(broken(&fixture), []);
    }

    #[test]
    fn an_event_of_another_room_is_found() {
        let mut fixture = HistoryFixture::good();
        fixture.change_room("watcher", "settlement:town");
        assert!(broken(&fixture).contains(&ConsistencyRule::StreamIsComplete));
    }

    #[test]
    fn an_event_after_the_end_of_a_membership_is_found() {
        let mut fixture = HistoryFixture::good();
        fixture.deliver("guest", 9);
        assert!(broken(&fixture).contains(&ConsistencyRule::RevokedGetNothing));
    }

    #[test]
    fn an_event_after_the_word_that_a_room_is_closed_is_found() {
        let mut fixture = HistoryFixture::good();
        fixture.revoke("guest");
        assert_eq!(broken(&fixture), []);
        fixture.deliver("guest", 7);
        assert!(broken(&fixture).contains(&ConsistencyRule::RevokedGetNothing));
    }

    #[test]
    fn a_room_that_opens_for_a_stranger_is_found() {
        let mut fixture = HistoryFixture::good();
        fixture.join("guest", 9);
        assert_eq!(broken(&fixture), [ConsistencyRule::RevokedGetNothing]);
    }
}
