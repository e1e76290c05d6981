//! From a sheet to the outbox.

use fastrand::Rng;
use jiff::Timestamp;
use scry_model::outbox::{Edit, EditChange};
use scry_protocol::EntityRef;
use serde_json::{Map, Value};

use crate::app::{App, AppEffect, AppStage};

/// Makes the keys of edits: time-ordered UUIDs from the clock that is passed in and a seed.
#[derive(Debug)]
pub(crate) struct KeyGenerator(Rng);

impl KeyGenerator {
    /// Begins with a seed that no other dashboard has.
    pub(crate) fn new(seed: u64) -> Self {
        Self(Rng::with_seed(seed))
    }

    fn next(&mut self, now: Timestamp) -> String {
        let mut random = [0; 10];
        self.0.fill(&mut random);
        let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid().to_string()
    }
}

impl App {
    /// Submits a change; `base` holds what its fields showed before.
    pub(super) fn submit(&mut self, change: EditChange, base: Vec<(String, Value)>) -> Vec<AppEffect> {
        let AppStage::Watching(campaign) = self.stage.clone() else { return Vec::new() };
        let Some(rights) = self.rights() else {
            self.say(self.why_not());
            return Vec::new();
        };
        let edit = Edit { key: self.keys.next(self.now.wall), campaign, at: self.now.wall, correlation: None, change };
        self.pending.submit(edit.clone(), base);
        self.rebuild_tree();
        self.read_clock();
        vec![AppEffect::Submit { rights, edit: Box::new(edit) }]
    }

    /// Submits an update of one entity, made from a version of it.
    pub(super) fn submit_update(
        &mut self,
        key: &EntityRef,
        input: Map<String, Value>,
        base: Vec<(String, Value)>,
        version: Option<i64>,
    ) -> Vec<AppEffect> {
        self.submit(EditChange::update(key, input, version), base)
    }

    /// Returns the version an edit made now builds on; `None` where the server does not count.
    pub(super) fn version_of(&self, key: &EntityRef) -> Option<i64> {
        let known = self.cache.get(key).map(|entity| entity.version).filter(|version| *version > 0)?;
        Some(self.pending.applied_version(key).map_or(known, |applied| applied.max(known)))
    }
}
