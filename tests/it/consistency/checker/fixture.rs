//! Histories made by hand: one that keeps every promise, and what it takes to break it.

use serde_json::{Value, json};

use super::{ConsistencyRule, check};
use crate::consistency::history::{
    HistoryAnswer, HistoryLine, HistoryRecord, HistoryRequest, MonthlyEffect, event_digest,
};

/// A history that may be changed.
pub struct HistoryFixture {
    lines: Vec<HistoryLine>,
    next: u64,
}

/// Returns the rules that a history breaks, each once.
pub fn broken(fixture: &HistoryFixture) -> Vec<ConsistencyRule> {
    let mut rules: Vec<ConsistencyRule> =
        check(&fixture.lines).violations.iter().map(|violation| violation.rule).collect();
    rules.dedup();
    rules
}

/// Returns the answer to a refresh.
pub fn token(name: &str) -> HistoryAnswer {
    HistoryAnswer::Token { token: name.to_owned() }
}

impl HistoryFixture {
    /// A history that keeps every promise: a guest comes and goes, edits, a move of the clock with its effect, a
    /// structure that is built and razed, a subscriber, a notification, a login.
    pub fn good() -> Self {
        let mut fixture = Self { lines: Vec::new(), next: 1 };
        let effects = vec![MonthlyEffect { name: "tithe".to_owned(), day: 4, target: "Town".to_owned() }];
        fixture.add(HistoryRecord::Start { database: "none".to_owned(), seed: 0, snapshot: snapshot(0), effects });
        let admit = HistoryRequest::Admit { user: "guest".to_owned(), invitation: "i".to_owned() };
        fixture.ask(admit, &[HistoryAnswer::Done]);
        fixture.edit("first", "town", 10, None, &[written("town", 2, 10), written("town", 2, 10)]);
        fixture.edit("second", "town", 11, Some(2), &[written("town", 3, 11)]);
        let (previous, new) = ("1200-01-01T00:00:00.000Z".to_owned(), "1200-01-04T00:00:00.000Z".to_owned());
        let moved = HistoryAnswer::Moved { previous, new, elapsed: 259_200 };
        fixture.ask(HistoryRequest::Advance { key: "move".to_owned(), seconds: 259_200 }, &[moved]);
        let (settlement, name) = ("town".to_owned(), "hut".to_owned());
        let build = HistoryRequest::Create { key: "build".to_owned(), settlement, name, mark: 5 };
        fixture.ask(build, &[written("hut", 1, 5)]);
        let raze = HistoryRequest::Delete { key: "raze".to_owned(), entity: "hut".to_owned() };
        fixture.ask(raze, &[HistoryAnswer::Done]);
        let remove = fixture.ask(HistoryRequest::Remove { user: "guest".to_owned() }, &[HistoryAnswer::Done]);
        fixture.edit("third", "town", 12, None, &[written("town", 5, 12)]);
        fixture.ask(HistoryRequest::Snapshot, &[HistoryAnswer::Viewed { snapshot: snapshot(9) }]);
        let (user, title) = ("resident".to_owned(), "hello".to_owned());
        fixture.ask(
            HistoryRequest::Notify { key: "note".to_owned(), user: user.clone(), title: title.clone() },
            &[HistoryAnswer::Done],
        );
        fixture.add(HistoryRecord::Message { user: user.clone(), title: title.clone() });
        fixture.add(HistoryRecord::Listed { user, titles: vec![title] });
        fixture.ask(HistoryRequest::Login { family: 1 }, &[token("A")]);
        fixture.refresh("A", 0, token("B"));
        fixture.subscribe("watcher", None, 0, 1..=9, &events(remove));
        fixture.subscribe("guest", None, 1, 2..=7, &events(remove));
        for (seq, event) in (1..).zip(events(remove)) {
            fixture.add(HistoryRecord::Journal { seq, epoch: "e".to_owned(), event });
        }
        fixture.add(HistoryRecord::End);
        fixture
    }

    /// Adds a line; where the journal has begun, before it.
    pub fn add(&mut self, record: HistoryRecord) {
        let journal = self.lines.iter().position(|line| matches!(line.record, HistoryRecord::Journal { .. }));
        let end = matches!(record, HistoryRecord::Journal { .. } | HistoryRecord::End);
        let place = journal.filter(|_| !end).unwrap_or(self.lines.len());
        let at = self.lines.last().map_or(0, |line| line.at + 1);
        self.lines.insert(place, HistoryLine { at, record });
    }

    /// Asks for something, once for each answer; returns the number of the request.
    pub fn ask(&mut self, request: HistoryRequest, answers: &[HistoryAnswer]) -> u64 {
        let op = self.next;
        for answer in answers {
            let attempt = self.next;
            self.next += 1;
            self.add(HistoryRecord::Send { op, attempt, node: 0, request: request.clone() });
            self.add(HistoryRecord::Reply { op, attempt, answer: answer.clone() });
        }
        op
    }

    /// Asks for an edit of a settlement.
    pub fn edit(&mut self, key: &str, entity: &str, mark: i64, expected: Option<i64>, answers: &[HistoryAnswer]) {
        let (key, entity) = (key.to_owned(), entity.to_owned());
        self.ask(HistoryRequest::Edit { key, entity, structure: false, mark, expected }, answers);
    }

    /// Uses a refresh token, some microseconds after everything else.
    pub fn refresh(&mut self, name: &str, after: u64, answer: HistoryAnswer) {
        let from = self.lines.len();
        self.ask(HistoryRequest::Refresh { family: 1, token: name.to_owned() }, &[answer]);
        let added = |line: &&mut HistoryLine| {
            let HistoryRecord::Send { request, .. } = &line.record else { return true };
            matches!(request, HistoryRequest::Refresh { .. })
        };
        // The two lines just added stand before the journal, or at the end.
        let journal = self.lines.iter().position(|line| matches!(line.record, HistoryRecord::Journal { .. }));
        let end = journal.unwrap_or(from + 2);
        self.lines[end - 2..end].iter_mut().filter(added).for_each(|line| line.at += after);
    }

    fn subscribe(
        &mut self,
        subscriber: &str,
        since: Option<u64>,
        position: u64,
        seqs: std::ops::RangeInclusive<u64>,
        events: &[Value],
    ) {
        let stream = self.next;
        self.next += 1;
        let (subscriber, room) = (subscriber.to_owned(), "campaign:c".to_owned());
        self.add(HistoryRecord::Subscribe { stream, subscriber, room, since });
        let recovered = since.is_some();
        self.add(HistoryRecord::Joined { stream, epoch: "e".to_owned(), position, recovered });
        for seq in seqs {
            let event = &events[usize::try_from(seq).unwrap() - 1];
            self.add(HistoryRecord::Delivered { stream, seq, digest: event_digest(event) });
        }
    }

    fn event(&mut self, seq: u64) -> usize {
        let is_it = |line: &HistoryLine| matches!(line.record, HistoryRecord::Journal { seq: it, .. } if it == seq);
        self.lines.iter().position(is_it).unwrap()
    }

    /// Changes an event in the journal and as it was delivered.
    pub fn change_event(&mut self, seq: u64, change: impl FnOnce(&mut Value)) {
        let place = self.event(seq);
        let HistoryRecord::Journal { event, .. } = &mut self.lines[place].record else { unreachable!() };
        change(event);
        let changed = event_digest(event);
        for line in &mut self.lines {
            match &mut line.record {
                HistoryRecord::Delivered { seq: it, digest, .. } if *it == seq => digest.clone_from(&changed),
                _ => {}
            }
        }
    }

    /// Takes an event out of the journal.
    pub fn drop_event(&mut self, seq: u64) {
        let place = self.event(seq);
        self.lines.remove(place);
    }

    /// Writes an event into the journal twice.
    pub fn repeat_event(&mut self, seq: u64) {
        let place = self.event(seq);
        self.lines.insert(place, self.lines[place].clone());
    }

    /// Makes the change of an event once more, as the last event.
    pub fn repeat_change(&mut self, seq: u64) {
        let place = self.event(seq);
        let HistoryRecord::Journal { mut event, .. } = self.lines[place].record.clone() else { unreachable!() };
        event["metadata"]["seq"] = json!(10);
        event["metadata"]["eventId"] = json!("event-10");
        let end = self.lines.pop().unwrap();
        self.add(HistoryRecord::Journal { seq: 10, epoch: "e".to_owned(), event });
        self.lines.push(end);
    }

    fn ops_of(&self, key: &str) -> Vec<u64> {
        let with_key = |line: &HistoryLine| match &line.record {
            HistoryRecord::Send { op, request, .. } if request.key() == Some(key) => Some(*op),
            _ => None,
        };
        self.lines.iter().filter_map(with_key).collect()
    }

    /// Changes each answer to a request.
    pub fn change_answer(&mut self, key: &str, change: impl Fn(&mut HistoryAnswer)) {
        let ops = self.ops_of(key);
        for line in &mut self.lines {
            match &mut line.record {
                HistoryRecord::Reply { op, answer, .. } if ops.contains(op) => change(answer),
                _ => {}
            }
        }
    }

    /// Changes a request.
    pub fn change_request(&mut self, key: &str, change: impl Fn(&mut HistoryRequest)) {
        for line in &mut self.lines {
            match &mut line.record {
                HistoryRecord::Send { request, .. } if request.key() == Some(key) => change(request),
                _ => {}
            }
        }
    }

    /// Asks for the same once more.
    pub fn also_answer(&mut self, key: &str, answer: HistoryAnswer) {
        let op = self.ops_of(key)[0];
        let with_key = |line: &HistoryLine| match &line.record {
            HistoryRecord::Send { request, .. } if request.key() == Some(key) => Some(request.clone()),
            _ => None,
        };
        let request = self.lines.iter().find_map(with_key).unwrap();
        let attempt = self.next;
        self.next += 1;
        self.add(HistoryRecord::Send { op, attempt, node: 0, request });
        self.add(HistoryRecord::Reply { op, attempt, answer });
    }

    /// Sends a request a second time before it is answered.
    pub fn send_twice(&mut self, key: &str) {
        let is_it = |line: &HistoryLine| matches!(&line.record, HistoryRecord::Send { request, .. } if request.key() == Some(key));
        let place = self.lines.iter().position(is_it).unwrap();
        self.lines.insert(place, self.lines[place].clone());
    }

    /// Cuts the history short.
    pub fn drop_end(&mut self) {
        self.lines.pop();
    }

    /// Writes the history as it is written during a run.
    pub fn text(&self) -> String {
        self.lines.iter().map(|line| serde_json::to_string(line).unwrap() + "\n").collect()
    }

    /// Lets two requests change places.
    pub fn exchange_requests(&mut self, one: &str, other: &str) {
        let found = |key: &str| {
            let with_key = |line: &HistoryLine| match &line.record {
                HistoryRecord::Send { request, .. } if request.key() == Some(key) => Some(request.clone()),
                _ => None,
            };
            self.lines.iter().find_map(with_key).unwrap()
        };
        let (first, second) = (found(one), found(other));
        for line in &mut self.lines {
            match &mut line.record {
                HistoryRecord::Send { request, .. } if *request == first => *request = second.clone(),
                HistoryRecord::Send { request, .. } if *request == second => *request = first.clone(),
                _ => {}
            }
        }
    }

    fn streams_of(&self, name: &str) -> Vec<u64> {
        let of = |line: &HistoryLine| match &line.record {
            HistoryRecord::Subscribe { stream, subscriber, .. } if subscriber == name => Some(*stream),
            _ => None,
        };
        self.lines.iter().filter_map(of).collect()
    }

    fn delivery(&self, name: &str, wanted: u64) -> usize {
        let streams = self.streams_of(name);
        let is_it = |line: &HistoryLine| matches!(&line.record, HistoryRecord::Delivered { stream, seq, .. } if streams.contains(stream) && *seq == wanted);
        self.lines.iter().position(is_it).unwrap()
    }

    /// Takes a delivery away.
    pub fn drop_delivery(&mut self, name: &str, seq: u64) {
        let place = self.delivery(name, seq);
        self.lines.remove(place);
    }

    /// Takes the last delivery away.
    pub fn drop_last_delivery(&mut self, name: &str) {
        self.drop_delivery(name, 9);
    }

    /// Lets a delivery come twice.
    pub fn repeat_delivery(&mut self, name: &str, seq: u64) {
        let place = self.delivery(name, seq);
        self.lines.insert(place, self.lines[place].clone());
    }

    /// Lets two deliveries change places.
    pub fn exchange_deliveries(&mut self, name: &str, one: u64, other: u64) {
        let (one, other) = (self.delivery(name, one), self.delivery(name, other));
        self.lines.swap(one, other);
    }

    /// Changes what was delivered.
    pub fn change_delivery(&mut self, name: &str, seq: u64, change: impl FnOnce(&mut String)) {
        let place = self.delivery(name, seq);
        let HistoryRecord::Delivered { digest, .. } = &mut self.lines[place].record else { unreachable!() };
        change(digest);
    }

    /// Lets a subscriber come back after everything, with the position of the last event.
    pub fn resume(&mut self, name: &str, recovered: bool) {
        let stream = self.next;
        self.next += 1;
        let (subscriber, room) = (name.to_owned(), "campaign:c".to_owned());
        self.add(HistoryRecord::Subscribe { stream, subscriber, room, since: Some(9) });
        self.add(HistoryRecord::Joined { stream, epoch: "e".to_owned(), position: 9, recovered });
    }

    /// Lets somebody into the room after everything.
    pub fn join(&mut self, name: &str, position: u64) {
        self.subscribe(name, None, position, std::ops::RangeInclusive::new(1, 0), &[]);
    }

    /// Delivers one more event over the subscription that somebody has.
    pub fn deliver(&mut self, name: &str, seq: u64) {
        let stream = self.streams_of(name)[0];
        let place = self.event(seq);
        let HistoryRecord::Journal { event, .. } = &self.lines[place].record else { unreachable!() };
        let digest = event_digest(event);
        self.add(HistoryRecord::Delivered { stream, seq, digest });
    }

    /// Tells somebody that their room is closed.
    pub fn revoke(&mut self, name: &str) {
        let stream = self.streams_of(name)[0];
        self.add(HistoryRecord::Revoked { stream });
    }

    /// Says that a subscriber was in another room.
    pub fn change_room(&mut self, name: &str, other: &str) {
        for line in &mut self.lines {
            match &mut line.record {
                HistoryRecord::Subscribe { subscriber, room, .. } if subscriber == name => other.clone_into(room),
                _ => {}
            }
        }
    }

    /// Changes the snapshot that was seen.
    pub fn change_snapshot(&mut self, change: impl Fn(&mut Value)) {
        for line in &mut self.lines {
            if let HistoryRecord::Reply { answer: HistoryAnswer::Viewed { snapshot }, .. } = &mut line.record {
                change(snapshot);
            }
        }
    }

    /// Lets somebody see the first state after the last one.
    pub fn view_start_again(&mut self) {
        self.ask(HistoryRequest::Snapshot, &[HistoryAnswer::Viewed { snapshot: snapshot(0) }]);
    }
}

fn written(entity: &str, version: i64, mark: i64) -> HistoryAnswer {
    HistoryAnswer::Written { entity: entity.to_owned(), version, mark: json!(mark), note: json!(format!("n{mark}")) }
}

/// The campaign at position 0 or 9.
fn snapshot(seq: u64) -> Value {
    let at_first = seq == 0;
    let (version, mark, tithe) = if at_first { (1, 0, 0) } else { (5, 12, 1) };
    let time = if at_first { "1200-01-01T00:00:00.000Z" } else { "1200-01-04T00:00:00.000Z" };
    json!({
        "position": {"epoch": "e", "seq": seq},
        "campaign": {"id": "c", "name": "Campaign", "version": if at_first { 1 } else { 2 }, "worldTime": time},
        "kingdoms": [], "structures": [],
        "settlements": [{"id": "town", "name": "Town", "version": version,
            "variables": {"mark": mark, "note": format!("n{mark}"), "tithe": tithe},
            "computed": {"weight": {"value": mark * 2 + tithe}}}],
        "members": [{"id": "m1", "name": "watcher", "version": 1}],
    })
}

/// The events of the good history.
fn events(remove: u64) -> Vec<Value> {
    let metadata = |seq: u64, key: &str, version: i64, changes: Value, prev: Value| {
        json!({"epoch": "e", "seq": seq, "eventId": format!("event-{seq}"), "source": "api", "correlationId": key,
            "version": version, "changes": changes, "prev": prev})
    };
    let marked = |from: i64, to: i64| {
        json!([{"field": "variables.mark", "from": from, "to": to},
            {"field": "variables.note", "from": format!("n{from}"), "to": format!("n{to}")}])
    };
    let town = |operation: &str, metadata: Value| {
        json!({"type": "settlement_updated", "metadata": metadata,
            "payload": {"settlementId": "town", "campaignId": "c", "operation": operation}})
    };
    let hut = |operation: &str, metadata: Value| {
        json!({"type": "structure_updated", "metadata": metadata,
            "payload": {"structureId": "hut", "settlementId": "town", "campaignId": "c", "operation": operation}})
    };
    let member = |operation: &str, metadata: Value| {
        json!({"type": "entity_updated", "metadata": metadata,
            "payload": {"entityType": "member", "entityId": "m2", "campaignId": "c", "operation": operation}})
    };
    let after = |seq: u64| json!({"settlement": seq});
    let mut effect = metadata(5, "move", 4, json!([{"field": "variables.tithe", "from": 0, "to": 1}]), after(3));
    effect["source"] = json!("scheduler");
    effect["causedBy"] = json!("event-4");
    effect["effect"] = json!({"name": "tithe", "at": "1200-01-04T00:00:00.000Z"});
    let guest = json!([{"field": "name", "from": null, "to": "guest"}]);
    let (from, to) = ("1200-01-01T00:00:00.000Z", "1200-01-04T00:00:00.000Z");
    let moved = json!({"type": "world_time_changed",
        "payload": {"campaignId": "c", "previousTime": from, "newTime": to, "elapsedSeconds": 259_200},
        "metadata": metadata(4, "move", 2, json!([{"field": "worldTime", "from": from, "to": to}]), json!({}))});
    let mut built = marked(0, 5);
    built.as_array_mut().unwrap().push(json!({"field": "name", "from": null, "to": "hut"}));
    vec![
        member("create", metadata(1, "op-1", 1, guest, json!({}))),
        town("update", metadata(2, "first", 2, marked(0, 10), after(0))),
        town("update", metadata(3, "second", 3, marked(10, 11), after(2))),
        moved,
        town("update", effect),
        hut("create", metadata(6, "build", 1, built, json!({"settlement": 5, "structure": 0}))),
        hut("delete", metadata(7, "raze", 2, json!([]), json!({"settlement": 6, "structure": 6}))),
        member("delete", metadata(8, &format!("op-{remove}"), 2, json!([]), json!({}))),
        town("update", metadata(9, "third", 5, marked(11, 12), after(7))),
    ]
}
