//! A history, sorted by what belongs together.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{ConsistencyRule, Findings, RunSummary};
use crate::consistency::history::{HistoryAnswer, HistoryLine, HistoryRecord, HistoryRequest, MonthlyEffect};

/// Everything that was asked by one request, and what was answered.
#[derive(Debug)]
pub struct RecordedRequest<'a> {
    pub request: &'a HistoryRequest,
    /// The line of each attempt, by its number.
    pub sends: Vec<(u64, usize)>,
    pub replies: Vec<RecordedReply<'a>>,
}

/// One answer.
#[derive(Debug, Clone, Copy)]
pub struct RecordedReply<'a> {
    pub attempt: u64,
    pub line: usize,
    pub answer: &'a HistoryAnswer,
}

/// One event of the journal.
#[derive(Debug)]
pub struct JournaledEvent<'a> {
    pub line: usize,
    pub seq: u64,
    pub epoch: &'a str,
    pub event: &'a Value,
}

/// One subscription: from the request of a socket to its last event.
#[derive(Debug)]
pub struct SubscriptionStream<'a> {
    pub line: usize,
    pub subscriber: &'a str,
    pub room: &'a str,
    pub since: Option<u64>,
    pub joined: Option<AcceptedJoin<'a>>,
    /// The line, number and digest of each event.
    pub delivered: Vec<(usize, u64, &'a str)>,
    pub revoked: Option<usize>,
}

/// How a subscription was accepted.
#[derive(Debug, Clone, Copy)]
pub struct AcceptedJoin<'a> {
    pub line: usize,
    pub epoch: &'a str,
    pub position: u64,
    pub recovered: bool,
}

/// A history, sorted.
#[derive(Debug)]
pub struct HistoryIndex<'a> {
    pub history: &'a [HistoryLine],
    pub start: &'a Value,
    pub effects: &'a [MonthlyEffect],
    pub ops: BTreeMap<u64, RecordedRequest<'a>>,
    pub journal: Vec<JournaledEvent<'a>>,
    pub streams: BTreeMap<u64, SubscriptionStream<'a>>,
}

const NO_START: &Value = &Value::Null;

impl<'a> HistoryIndex<'a> {
    /// Sorts a history; finds out where it is not whole.
    pub fn new(history: &'a [HistoryLine], findings: &mut Findings) -> Self {
        let mut index = Self {
            history,
            start: NO_START,
            effects: &[],
            ops: BTreeMap::new(),
            journal: Vec::new(),
            streams: BTreeMap::new(),
        };
        for (number, line) in history.iter().enumerate() {
            if index.take(number, &line.record).is_none() {
                findings.add(ConsistencyRule::HistoryIsWhole, &[number], "belongs to nothing that was recorded before");
            }
        }
        let (first, last) = (history.first().map(|line| &line.record), history.last().map(|line| &line.record));
        let whole = matches!((first, last), (Some(HistoryRecord::Start { .. }), Some(HistoryRecord::End)));
        findings.demand(whole, ConsistencyRule::HistoryIsWhole, &[], || {
            "it does not begin with a start or end with an end".into()
        });
        index
    }

    /// Sorts a line in; `None` where it belongs to nothing.
    fn take(&mut self, number: usize, record: &'a HistoryRecord) -> Option<()> {
        match record {
            HistoryRecord::Start { snapshot, effects, .. } => (self.start, self.effects) = (snapshot, effects),
            HistoryRecord::Send { op, attempt, request, .. } => {
                let new = || RecordedRequest { request, sends: Vec::new(), replies: Vec::new() };
                self.ops.entry(*op).or_insert_with(new).sends.push((*attempt, number));
            }
            HistoryRecord::Reply { op, attempt, answer } => {
                self.ops.get_mut(op)?.replies.push(RecordedReply { attempt: *attempt, line: number, answer });
            }
            HistoryRecord::Subscribe { stream, subscriber, room, since } => {
                let (joined, delivered, revoked) = (None, Vec::new(), None);
                let begun =
                    SubscriptionStream { line: number, subscriber, room, since: *since, joined, delivered, revoked };
                self.streams.insert(*stream, begun);
            }
            HistoryRecord::Joined { stream, epoch, position, recovered } => {
                let joined = AcceptedJoin { line: number, epoch, position: *position, recovered: *recovered };
                self.streams.get_mut(stream)?.joined = Some(joined);
            }
            HistoryRecord::Delivered { stream, seq, digest } => {
                self.streams.get_mut(stream)?.delivered.push((number, *seq, digest));
            }
            HistoryRecord::Revoked { stream } => self.streams.get_mut(stream)?.revoked = Some(number),
            HistoryRecord::Journal { seq, epoch, event } => {
                self.journal.push(JournaledEvent { line: number, seq: *seq, epoch, event });
            }
            HistoryRecord::Refused { .. }
            | HistoryRecord::Message { .. }
            | HistoryRecord::Listed { .. }
            | HistoryRecord::Fault { .. }
            | HistoryRecord::End => {}
        }
        Some(())
    }

    /// Returns the time of a line in microseconds.
    pub fn at(&self, line: usize) -> u64 {
        self.history[line].at
    }

    /// Counts what happened.
    pub fn summary(&self) -> RunSummary {
        let mut summary = RunSummary { journal: self.journal.len(), ..RunSummary::default() };
        summary.effects = self.journal.iter().filter(|entry| entry.source() == "scheduler").count();
        summary.subscriptions = self.streams.values().filter(|stream| stream.joined.is_some()).count();
        let resumed = |stream: &&SubscriptionStream| stream.joined.is_some_and(|joined| joined.recovered);
        summary.resumed = self.streams.values().filter(resumed).count();
        for line in self.history {
            match &line.record {
                HistoryRecord::Delivered { .. } => summary.deliveries += 1,
                HistoryRecord::Message { .. } => summary.delivered_notifications += 1,
                HistoryRecord::Fault { what, part } => *summary.faults.entry((*what, part.clone())).or_default() += 1,
                _ => {}
            }
        }
        for op in self.ops.values() {
            summary.count(op);
        }
        summary
    }
}

impl RunSummary {
    fn count(&mut self, op: &RecordedRequest) {
        let acknowledged = usize::from(op.acknowledged().next().is_some());
        match op.request {
            HistoryRequest::Snapshot => self.snapshots += acknowledged,
            HistoryRequest::Admit { .. } | HistoryRequest::Remove { .. } => self.memberships += acknowledged,
            HistoryRequest::Notify { .. } => self.notifications += acknowledged,
            HistoryRequest::Login { .. } => {}
            HistoryRequest::Refresh { .. } => self.refreshes += acknowledged,
            HistoryRequest::Edit { .. }
            | HistoryRequest::Create { .. }
            | HistoryRequest::Delete { .. }
            | HistoryRequest::Advance { .. } => {
                self.changes += 1;
                self.acknowledged += acknowledged;
                self.overlapping += usize::from(op.overlaps());
            }
        }
    }
}

impl<'a> RecordedRequest<'a> {
    /// Returns the answers that say yes.
    pub fn acknowledged(&self) -> impl Iterator<Item = RecordedReply<'a>> + '_ {
        let no =
            |answer: &HistoryAnswer| matches!(answer, HistoryAnswer::Refused { .. } | HistoryAnswer::Unknown { .. });
        self.replies.iter().copied().filter(move |reply| !no(reply.answer))
    }

    /// Returns the answers that say no.
    pub fn refused(&self) -> impl Iterator<Item = (RecordedReply<'a>, &'a str)> + '_ {
        self.replies.iter().filter_map(|reply| match reply.answer {
            HistoryAnswer::Refused { code } => Some((*reply, code.as_str())),
            _ => None,
        })
    }

    /// Returns the line of the first attempt.
    pub fn first_send(&self) -> usize {
        self.sends.first().map_or(0, |(_, line)| *line)
    }

    /// Returns the line of an attempt.
    pub fn send_of(&self, attempt: u64) -> usize {
        self.sends.iter().find(|(number, _)| *number == attempt).map_or(0, |(_, line)| *line)
    }

    /// Returns the line of the first yes.
    pub fn first_yes(&self) -> Option<usize> {
        self.acknowledged().map(|reply| reply.line).next()
    }

    /// Returns whether a second attempt was sent before any answer came.
    fn overlaps(&self) -> bool {
        let first = self.replies.iter().map(|reply| reply.line).min().unwrap_or(usize::MAX);
        self.sends.iter().filter(|(_, line)| *line < first).count() > 1
    }

    /// Returns all lines.
    pub fn lines(&self) -> Vec<usize> {
        let sends = self.sends.iter().map(|(_, line)| *line);
        let mut lines: Vec<usize> = sends.chain(self.replies.iter().map(|reply| reply.line)).collect();
        lines.sort_unstable();
        lines
    }
}

impl JournaledEvent<'_> {
    pub fn metadata(&self, field: &str) -> &Value {
        &self.event["metadata"][field]
    }

    pub fn payload(&self, field: &str) -> &Value {
        &self.event["payload"][field]
    }

    pub fn name(&self) -> &str {
        self.event["type"].as_str().unwrap_or_default()
    }

    pub fn source(&self) -> &str {
        self.metadata("source").as_str().unwrap_or_default()
    }

    /// Returns the key of the request that led to it.
    pub fn correlation(&self) -> &str {
        self.metadata("correlationId").as_str().unwrap_or_default()
    }

    pub fn operation(&self) -> &str {
        self.payload("operation").as_str().unwrap_or_default()
    }

    /// Returns the entity that it changes; none for what only says that computed values are no longer true.
    pub fn entity(&self) -> Option<&str> {
        let field = match self.name() {
            "settlement_updated" => "settlementId",
            "structure_updated" => "structureId",
            "entity_updated" => "entityId",
            "world_time_changed" => "campaignId",
            _ => return None,
        };
        self.payload(field).as_str()
    }

    pub fn version(&self) -> Option<i64> {
        self.metadata("version").as_i64()
    }

    /// Returns the new value of a field that it changes.
    pub fn changed(&self, field: &str) -> Option<&Value> {
        let changes = self.metadata("changes").as_array()?;
        changes.iter().find(|change| change["field"] == field).map(|change| &change["to"])
    }

    /// Returns whether it goes to a room.
    pub fn is_in(&self, room: &str) -> bool {
        match room.split_once(':') {
            Some(("campaign", _)) => true,
            Some(("settlement", id)) => {
                matches!(self.name(), "settlement_updated" | "structure_updated") && self.payload("settlementId") == id
            }
            Some(("structure", id)) => self.name() == "structure_updated" && self.payload("structureId") == id,
            _ => false,
        }
    }
}
