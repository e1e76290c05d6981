//! An outbox of ours, and what it has told.

use jiff::Timestamp;
use scry_client::api::Api;
use scry_client::outbox::{self, OutboxHandle, OutboxStore};
use scry_model::outbox::{Edit, EditChange, EditOutcome, EditRefusal};
use scry_protocol::{EntityRef, EntityType, Id};
use serde_json::Value;
use tokio::sync::mpsc;

use super::wait::WAIT_TIMEOUT;

/// A running outbox and reads what it tells.
pub struct OutboxFixture {
    /// Controls the outbox.
    pub handle: OutboxHandle,
    outcomes: mpsc::Receiver<EditOutcome>,
    /// Everything that it has told so far.
    pub told: Vec<EditOutcome>,
}

impl OutboxFixture {
    /// Opens a store; nothing is sent yet.
    pub fn open(api: &Api, store: &OutboxStore) -> Self {
        let (handle, outcomes) = outbox::start(api.clone(), store.clone()).unwrap();
        Self { handle, outcomes, told: Vec::new() }
    }

    /// Opens a store whose connection is live.
    pub fn live(api: &Api, store: &OutboxStore) -> Self {
        let outbox_fixture = Self::open(api, store);
        outbox_fixture.handle.set_live(true);
        outbox_fixture
    }

    /// Puts edits in and waits until they are on disk.
    pub async fn store(&mut self, edits: impl IntoIterator<Item = Edit>) {
        for edit in edits {
            let key = edit.key.clone();
            self.handle.submit(edit).unwrap();
            self.until(|outcome| matches!(outcome, EditOutcome::Stored(edit) if edit.key == key)).await;
        }
    }

    /// Reads on until something is told that `wanted` accepts.
    pub async fn until(&mut self, wanted: impl Fn(&EditOutcome) -> bool) -> EditOutcome {
        let found = async {
            loop {
                let outcome = self.outcomes.recv().await.expect("the outbox has ended");
                self.told.push(outcome.clone());
                if wanted(&outcome) {
                    return outcome;
                }
            }
        };
        match tokio::time::timeout(WAIT_TIMEOUT, found).await {
            Ok(outcome) => outcome,
            Err(_) => panic!("it was never told; what was: {:#?}", self.told),
        }
    }

    /// Reads on until an edit is applied.
    pub async fn until_applied(&mut self, wanted: &str) {
        self.until(|outcome| matches!(outcome, EditOutcome::Applied { key, .. } if key == wanted)).await;
    }

    /// Reads on until an edit is refused.
    pub async fn until_refused(&mut self, wanted: &str) -> EditRefusal {
        let refused = |outcome: &EditOutcome| matches!(outcome, EditOutcome::Refused { key, .. } if key == wanted);
        let EditOutcome::Refused { refusal, .. } = self.until(refused).await else { unreachable!() };
        refusal
    }

    /// Returns the edits told to be applied, in order.
    pub fn applied(&self) -> Vec<String> {
        let key = |outcome: &'_ EditOutcome| {
            if let EditOutcome::Applied { key, .. } = outcome { Some(key.clone()) } else { None }
        };
        self.told.iter().filter_map(key).collect()
    }
}

/// Makes an edit that counts: applied twice, it would move the clock twice.
pub fn tick(campaign: &Id, key: &str) -> Edit {
    edit(campaign, key, EditChange::AdvanceTime { seconds: 60 })
}

/// Makes an edit of a settlement.
pub fn update(campaign: &Id, key: &str, id: &str, input: Value, expected_version: Option<i64>) -> Edit {
    let town = EntityRef::new(EntityType::Settlement, Id::parse(id).unwrap());
    edit(campaign, key, EditChange::update(&town, input.as_object().unwrap().clone(), expected_version))
}

fn edit(campaign: &Id, key: &str, change: EditChange) -> Edit {
    Edit { key: key.to_owned(), campaign: campaign.clone(), at: Timestamp::now(), correlation: None, change }
}
