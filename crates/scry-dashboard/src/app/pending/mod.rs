//! What the person has changed and the server has not told back yet: shown at once, above what it says.
//!
//! An edit's values stay on screen until the cache holds what the server made of them, or its refusal
//! comes. Between the answer and the refetch nothing falls back to the old value, so nothing flickers.

mod overlay;
#[cfg(test)]
mod tests;
pub(crate) mod words;

use std::collections::VecDeque;

use scry_model::cache::{Cache, Entity};
use scry_model::outbox::{Edit, EditChange, EditOutcome, EditRefusal};
use scry_protocol::{EntityRef, Event, Id, Operation, Payload, Source};

pub(crate) use overlay::{PendingMark, patch};

/// How many settled edits are remembered, so that late news about them revives nothing.
const MAX_SETTLED_EDITS: usize = 256;

/// The edits that are not over, in the order they were made.
#[derive(Debug, Default)]
pub struct PendingEdits {
    held: Vec<PendingEdit>,
    settled: VecDeque<String>,
}

/// An edit with its progress.
#[derive(Debug, Clone, PartialEq)]
pub struct PendingEdit {
    pub(crate) edit: Edit,
    pub(crate) state: PendingState,
    /// The values below the edit when it was made, by field: what taking it back would restore.
    pub(crate) base: Vec<(String, serde_json::Value)>,
    /// The row that a create shows until its entity is here.
    row: Option<Box<Entity>>,
    /// What the server made of a create.
    pub(crate) made: Option<EntityRef>,
    /// Fields that a later edit has set on the server already, before this one's answer was told.
    overtaken: Vec<String>,
    /// It was on disk already: made before the dashboard was opened, or by another program.
    pub(crate) was_found: bool,
}

/// The progress of an edit.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum PendingState {
    /// On its way to the disk.
    Submitted,
    /// On disk, until there is a connection and its turn.
    Waiting,
    Sending,
    /// Applied; shown until the cache holds it. `version` is the entity's, where it was told.
    Applied {
        version: Option<i64>,
    },
    /// Rolled back, and kept for another try.
    Refused(EditRefusal),
    /// Rolled back because it could not be kept; one sentence says why.
    Lost(String),
}

impl PendingState {
    /// Returns whether the edit has no answer yet.
    #[must_use]
    pub(crate) const fn is_open(&self) -> bool {
        matches!(self, Self::Submitted | Self::Waiting | Self::Sending)
    }

    /// Returns whether the edit was rolled back and waits for the user.
    #[must_use]
    pub(crate) const fn is_refused(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::Lost(_))
    }
}

/// The consequence of an outcome or an event.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum PendingChange {
    /// This edit is applied.
    Applied(Box<PendingEdit>),
    /// This edit was rolled back.
    Refused(Box<PendingEdit>),
    /// Something a person should know.
    Notice(String),
}

impl PendingEdits {
    /// Shows an edit from now on. `base` holds what its fields showed before.
    pub(crate) fn submit(&mut self, edit: Edit, base: Vec<(String, serde_json::Value)>) {
        self.hold(edit, PendingState::Submitted, base, false);
    }

    fn hold(&mut self, edit: Edit, state: PendingState, base: Vec<(String, serde_json::Value)>, was_found: bool) {
        let row = overlay::row(&edit).map(Box::new);
        self.held.push(PendingEdit { edit, state, base, row, made: None, overtaken: Vec::new(), was_found });
    }

    /// Takes in what became of an edit.
    pub(crate) fn outcome(&mut self, outcome: EditOutcome) -> Option<PendingChange> {
        match outcome {
            EditOutcome::Stored(edit) => {
                self.stored(edit);
                None
            }
            EditOutcome::Waiting { key } => {
                self.advance(&key, PendingState::Waiting);
                None
            }
            EditOutcome::Sending { key } => {
                self.advance(&key, PendingState::Sending);
                None
            }
            EditOutcome::Applied { key, version } => self.applied(&key, version),
            EditOutcome::Refused { key, refusal } => self.refuse(&key, PendingState::Refused(refusal)),
            EditOutcome::NotStored { key, reason } => self.refuse(&key, PendingState::Lost(reason)),
            EditOutcome::Discarded { key } | EditOutcome::Gone { key } => {
                self.held.retain(|held| held.edit.key != key);
                None
            }
            EditOutcome::Notice(sentence) => Some(PendingChange::Notice(sentence)),
        }
    }

    /// Takes in what lies on disk; how far a known edit has come is told apart from what it builds on.
    fn stored(&mut self, edit: Edit) {
        match self.held.iter_mut().find(|held| held.edit.key == edit.key) {
            Some(held) => {
                if held.state == PendingState::Submitted {
                    held.state = PendingState::Waiting;
                }
                held.edit = edit;
            }
            None if self.settled.contains(&edit.key) => {}
            None => self.hold(edit, PendingState::Waiting, Vec::new(), true),
        }
    }

    /// Takes in an event, before the cache does: the person's own names the edit that made it.
    pub(crate) fn event(&mut self, event: &Event, me: Option<&Id>) -> Option<PendingChange> {
        let key = self.author_of(event, me)?;
        let news = self.applied(&key, event.metadata.version);
        let held = self.find_mut(&key)?;
        if event.payload.operation() == Operation::Create {
            held.made = Some(event.payload.subject());
        }
        // The clock is told by its event in full; whatever comes after it builds on that.
        if held.is_of_clock() {
            self.settled_now(&key);
        }
        news
    }

    /// Takes in that the server has told its whole state: what it had applied is in there.
    pub(crate) fn told_whole(&mut self) {
        let over = |held: &PendingEdit| matches!(held.state, PendingState::Applied { version: None });
        let keys: Vec<_> = self.held.iter().filter(|held| over(held)).map(|held| held.edit.key.clone()).collect();
        keys.iter().for_each(|key| self.settled_now(key));
    }

    /// Finds the edit that an event tells of: by its key, or, for a clock that says no key, by what it does.
    fn author_of(&self, event: &Event, me: Option<&Id>) -> Option<String> {
        let told = event.metadata.correlation_id.as_deref();
        // What rules and effects make of an edit carries its key too.
        let by_person = matches!(event.metadata.source, None | Some(Source::Api));
        let by_key = self.held.iter().find(|held| by_person && Some(held.edit.key.as_str()) == told);
        let mine = || me.is_some() && event.metadata.user_id.as_ref() == me;
        let found = by_key.or_else(|| {
            let Payload::WorldTimeChanged(moved) = &event.payload else { return None };
            let same = |held: &&PendingEdit| match &held.edit.change {
                EditChange::AdvanceTime { seconds } => *seconds == moved.elapsed_seconds,
                EditChange::SetTime { time, .. } => *time == moved.new_time,
                EditChange::Update { .. } | EditChange::Create { .. } | EditChange::Delete { .. } => false,
            };
            self.held.iter().filter(|held| mine() && !held.state.is_refused()).find(same)
        });
        found.map(|held| held.edit.key.clone())
    }

    fn applied(&mut self, key: &str, version: Option<i64>) -> Option<PendingChange> {
        let held = self.find_mut(key)?;
        let is_news = !matches!(held.state, PendingState::Applied { .. });
        let known = if let PendingState::Applied { version } = held.state { version } else { None };
        held.state = PendingState::Applied { version: known.or(version) };
        let news = is_news.then(|| PendingChange::Applied(Box::new(held.clone())));
        if is_news {
            self.overtake(key);
        }
        news
    }

    /// Edits are answered in order: what an applied one sets, earlier ones set no longer.
    fn overtake(&mut self, key: &str) {
        let Some(index) = self.held.iter().position(|held| held.edit.key == key) else { return };
        let (earlier, rest) = self.held.split_at_mut(index);
        let Some(change) = rest.first().map(|held| &held.edit.change) else { return };
        for held in earlier.iter_mut().filter(|held| held.edit.change.entity() == change.entity()) {
            held.overtaken.extend(change.fields());
        }
    }

    fn refuse(&mut self, key: &str, state: PendingState) -> Option<PendingChange> {
        let held = self.find_mut(key)?;
        held.state = state;
        Some(PendingChange::Refused(Box::new(held.clone())))
    }

    fn advance(&mut self, key: &str, state: PendingState) {
        // The answer may be known from the edit's own event before its turn is told.
        if let Some(held) = self.find_mut(key)
            && !matches!(held.state, PendingState::Applied { .. })
        {
            held.state = state;
        }
    }

    /// Lets go of what the cache now holds; returns what each create has become.
    pub(crate) fn settle(&mut self, cache: &Cache) -> Vec<(EntityRef, EntityRef)> {
        let (over, held): (Vec<_>, Vec<_>) = std::mem::take(&mut self.held).into_iter().partition(|it| it.is_in(cache));
        self.held = held;
        let mut became = Vec::new();
        for held in over {
            if let (Some(row), Some(made)) = (&held.row, held.made_in(cache)) {
                became.push((row.key.clone(), made));
            }
            self.remember(held.edit.key);
        }
        became
    }

    fn settled_now(&mut self, key: &str) {
        self.held.retain(|held| held.edit.key != key);
        self.remember(key.to_owned());
    }

    fn remember(&mut self, key: String) {
        self.settled.push_back(key);
        if self.settled.len() > MAX_SETTLED_EDITS {
            self.settled.pop_front();
        }
    }

    /// Returns the latest version that the server has made of an entity by an edit that is still held.
    #[must_use]
    pub(crate) fn applied_version(&self, key: &EntityRef) -> Option<i64> {
        let of = |held: &&PendingEdit| held.edit.change.entity().as_ref() == Some(key);
        let version =
            |held: &PendingEdit| if let PendingState::Applied { version } = held.state { version } else { None };
        self.held.iter().filter(of).filter_map(version).max()
    }

    /// Forgets an edit that is given up.
    pub(crate) fn forget(&mut self, key: &str) {
        self.held.retain(|held| held.edit.key != key);
    }

    /// Lists every edit that is not over, in the order they were made.
    #[must_use]
    pub fn all(&self) -> &[PendingEdit] {
        &self.held
    }

    /// Lists the edits that wait for an answer or for the person.
    pub(crate) fn unsettled(&self) -> impl Iterator<Item = &PendingEdit> {
        self.held.iter().filter(|held| !matches!(held.state, PendingState::Applied { .. }))
    }

    /// Finds an edit.
    #[must_use]
    pub(crate) fn find(&self, key: &str) -> Option<&PendingEdit> {
        self.held.iter().find(|held| held.edit.key == key)
    }

    fn find_mut(&mut self, key: &str) -> Option<&mut PendingEdit> {
        self.held.iter_mut().find(|held| held.edit.key == key)
    }
}

impl PendingEdit {
    /// Returns whether the cache holds what the server made of the edit.
    fn is_in(&self, cache: &Cache) -> bool {
        let PendingState::Applied { version } = self.state else { return false };
        match &self.edit.change {
            EditChange::Update { entity_type, id, .. } => {
                let Some(entity) = cache.get(&EntityRef::new(entity_type.clone(), id.clone())) else { return true };
                overlay::patch(&self.edit.change).iter().all(|(field, value)| {
                    let told = !entity.is_field_stale(field);
                    told && match version {
                        Some(version) => entity.version >= version,
                        None => entity.field(field).is_some_and(|told| told == value),
                    }
                })
            }
            EditChange::Create { .. } => self.made_in(cache).is_some(),
            EditChange::Delete { entity_type, id, .. } => {
                cache.get(&EntityRef::new(entity_type.clone(), id.clone())).is_none()
            }
            // Its own event ends it, or the whole state.
            EditChange::AdvanceTime { .. } | EditChange::SetTime { .. } => {
                version.is_some_and(|version| cache.campaign().is_some_and(|campaign| campaign.version >= version))
            }
        }
    }

    /// Returns whether the edit sets all of these fields of an entity.
    #[must_use]
    pub(crate) fn sets(&self, entity: &EntityRef, fields: &[String]) -> bool {
        let own = self.edit.change.fields();
        self.edit.change.entity().as_ref() == Some(entity) && fields.iter().all(|field| own.contains(field))
    }

    const fn is_of_clock(&self) -> bool {
        matches!(self.edit.change, EditChange::SetTime { .. } | EditChange::AdvanceTime { .. })
    }

    /// Finds what a create has become; where no event names it, by its name and place.
    fn made_in(&self, cache: &Cache) -> Option<EntityRef> {
        if let Some(made) = &self.made {
            return cache.get(made).map(|entity| entity.key.clone());
        }
        let row = self.row.as_ref()?;
        let alike = |entity: &&Entity| entity.name == row.name && entity.parent == row.parent;
        cache.of_type(&row.key.entity_type).find(alike).map(|entity| entity.key.clone())
    }

    /// Returns the row that a create shows.
    #[must_use]
    pub(crate) fn row(&self) -> Option<&Entity> {
        self.row.as_deref()
    }
}
