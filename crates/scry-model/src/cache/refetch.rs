//! The refetch plan: which evicted entities to ask for, when, and which answers may be believed.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use scry_protocol::Id;

/// Gathers evictions for this long, so that a burst of events leads to one query.
pub(crate) const BATCH_WINDOW: Duration = Duration::from_millis(30);
/// Bounds one query; the rest of a large eviction follows in the next.
pub(crate) const MAX_IDS_PER_QUERY: usize = 200;
/// Waits this long after a failed query.
const RETRY_DELAY: Duration = Duration::from_secs(2);

/// The number of a query under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestId(u64);

/// Asks for the current state of some entities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refetch {
    /// The number that the answer must carry.
    pub request_id: RequestId,
    /// The entities to request.
    pub ids: Vec<Id>,
}

/// Numbers the events that touched the cache, so that "before" and "after" are plain comparisons.
pub(super) type Version = u64;

/// The entities that wait to be requested, and the one query under way.
///
/// One query at a time means at most one flight per entity, and bounds the rate: however many
/// events arrive, a new query starts only after the last was answered and a window has passed.
#[derive(Debug, Default)]
pub(super) struct RefetchQueue {
    waiting: BTreeSet<Id>,
    due: Option<Instant>,
    in_flight: Option<InFlightRefetch>,
    issued: u64,
    /// The server has said that it cannot be asked; nothing is wanted any more.
    impossible: bool,
}

#[derive(Debug)]
struct InFlightRefetch {
    request_id: RequestId,
    /// The tick at which the query left; what happened later is not in its answer.
    left: Version,
    ids: BTreeSet<Id>,
}

impl RefetchQueue {
    /// Returns an empty plan whose tickets go on from this one's.
    pub(super) fn successor(&self) -> Self {
        Self { issued: self.issued, impossible: self.impossible, ..Self::default() }
    }

    /// Wants an entity; it joins the batch that is being gathered.
    pub(super) fn request(&mut self, id: Id, now: Instant) {
        if self.impossible {
            return;
        }
        self.waiting.insert(id);
        self.due.get_or_insert(now + BATCH_WINDOW);
    }

    /// Forgets an entity, also in the query under way: a deleted one must not come back.
    pub(super) fn forget(&mut self, id: &Id) {
        self.waiting.remove(id);
        if let Some(in_flight) = &mut self.in_flight {
            in_flight.ids.remove(id);
        }
        if self.waiting.is_empty() {
            self.due = None;
        }
    }

    /// Forgets everything: a snapshot has just told it all.
    pub(super) fn clear(&mut self) {
        let issued = self.issued;
        *self = Self { issued, ..Self::default() };
    }

    /// Returns when the next query is due; `None` while one is under way or nothing is wanted.
    pub(super) fn deadline(&self) -> Option<Instant> {
        if self.in_flight.is_some() { None } else { self.due }
    }

    /// Takes the next batch, if it is due.
    pub(super) fn take(&mut self, now: Instant, clock: Version) -> Option<Refetch> {
        if self.deadline()? > now {
            return None;
        }
        let ids: Vec<Id> = self.waiting.iter().take(MAX_IDS_PER_QUERY).cloned().collect();
        for id in &ids {
            self.waiting.remove(id);
        }
        self.due = (!self.waiting.is_empty()).then_some(now + BATCH_WINDOW);
        self.issued += 1;
        let request_id = RequestId(self.issued);
        self.in_flight = Some(InFlightRefetch { request_id, left: clock, ids: ids.iter().cloned().collect() });
        Some(Refetch { request_id, ids })
    }

    /// Ends the query under way and returns when it left and which entities it still speaks for.
    ///
    /// `None` when the ticket is not of that query: the answer was overtaken and says nothing.
    pub(super) fn complete(&mut self, request_id: RequestId) -> Option<(Version, Vec<Id>)> {
        self.in_flight.as_ref().filter(|in_flight| in_flight.request_id == request_id)?;
        self.in_flight.take().map(|in_flight| (in_flight.left, in_flight.ids.into_iter().collect()))
    }

    /// Puts the entities of a failed query back, to be asked for after a pause.
    pub(super) fn fail(&mut self, request_id: RequestId, now: Instant) {
        if let Some((_, ids)) = self.complete(request_id) {
            self.waiting.extend(ids);
            self.due = (!self.waiting.is_empty()).then_some(now + RETRY_DELAY);
        }
    }

    /// Gives up asking, until everything is told anew; tells whether that is news.
    pub(super) fn disable(&mut self) -> bool {
        let known = self.impossible;
        self.clear();
        self.impossible = true;
        !known
    }

    /// Counts the queries issued since the start.
    pub(super) const fn issued(&self) -> u64 {
        self.issued
    }
}
