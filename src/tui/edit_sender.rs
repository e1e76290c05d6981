//! The outbox of the campaign on screen.

use std::collections::VecDeque;

use scry_client::api::Api;
use scry_client::outbox::{self, OutboxHandle, OutboxStores};
use scry_model::event::{ClientEvent, Phase};
use scry_model::outbox::{Edit, EditOutcome};
use scry_protocol::Id;
use tokio::sync::mpsc;

/// Hands edits to the outbox and brings back what becomes of them.
#[derive(Debug)]
pub(super) struct EditSender {
    api: Api,
    /// None where nothing may be changed.
    outboxes: Option<OutboxStores>,
    running: Option<(OutboxHandle, mpsc::Receiver<EditOutcome>)>,
    /// What could not even be handed over.
    failed: VecDeque<EditOutcome>,
}

impl EditSender {
    /// Prepares to open one of `outboxes`.
    pub(super) const fn new(api: Api, outboxes: Option<OutboxStores>) -> Self {
        Self { api, outboxes, running: None, failed: VecDeque::new() }
    }

    /// Opens the outbox of a campaign.
    pub(super) fn open(&mut self, campaign: &Id) {
        let Some(outboxes) = &self.outboxes else { return };
        match outbox::start(self.api.clone(), outboxes.campaign(campaign)) {
            Ok(running) => self.running = Some(running),
            Err(error) => self.failed.push_back(EditOutcome::Notice(format!("edits cannot be sent: {error}"))),
        }
    }

    /// Stores and sends an edit.
    pub(super) fn submit(&mut self, edit: Edit) {
        let key = edit.key.clone();
        let reason = match &self.running {
            Some((handle, _)) => match handle.submit(edit) {
                Ok(()) => return,
                Err(full) => full.to_string(),
            },
            None => "no campaign is open; the edit was not stored and not sent".to_owned(),
        };
        self.failed.push_back(EditOutcome::NotStored { key, reason });
    }

    /// Sends a refused edit again.
    pub(super) fn retry(&self, key: &str) {
        if let Some((handle, _)) = &self.running {
            handle.retry(key);
        }
    }

    /// Gives an edit up.
    pub(super) fn discard(&self, key: &str) {
        if let Some((handle, _)) = &self.running {
            handle.discard(key);
        }
    }

    /// Notes whether the server can be asked.
    pub(super) fn connection(&self, event: &ClientEvent) {
        if let (ClientEvent::Status(status), Some((handle, _))) = (event, &self.running) {
            handle.set_live(status.phase == Phase::Live);
        }
    }

    /// Waits for the next outcome; safe to drop at any moment.
    pub(super) async fn next(&mut self) -> Option<EditOutcome> {
        if let Some(failed) = self.failed.pop_front() {
            return Some(failed);
        }
        let (_, outcomes) = self.running.as_mut()?;
        outcomes.recv().await
    }
}
