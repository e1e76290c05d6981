//! What the others are told about this dashboard: where the person is, whether they write, whether they are there.

use std::time::{Duration, Instant};

use scry_protocol::presence::{Activity, PresenceUpdate, Resource, TypingRequest};
use scry_protocol::{ClientRequest, EntityRef, EntityType};

use crate::app::edit::Dialog;
use crate::app::{App, AppEffect, AppStage};

/// The least time between two words about where the person is: a walk through the tree is one of them.
const MIN_PRESENCE_INTERVAL: Duration = Duration::from_secs(1);
/// After how long without a key the person is taken to be away.
const IDLE_AFTER: Duration = Duration::from_secs(300);
/// How often somebody at work is said to be, so that the gateway does not take them to be away.
const PRESENCE_REFRESH_INTERVAL: Duration = Duration::from_secs(120);
/// How often typing is told while it goes on; the others let it end after six seconds.
const TYPING_REFRESH_INTERVAL: Duration = Duration::from_secs(3);
/// After how long without a change typing is over.
const TYPING_STOP_AFTER: Duration = Duration::from_secs(5);

/// Remembers what was told last.
#[derive(Debug)]
pub(crate) struct LocalPresence {
    last_key: Instant,
    told: Option<(PresenceUpdate, Instant)>,
    typed_at: Option<Instant>,
    typing: Option<(TypingRequest, Instant)>,
}

impl LocalPresence {
    pub(crate) const fn new(now: Instant) -> Self {
        Self { last_key: now, told: None, typed_at: None, typing: None }
    }
}

impl App {
    /// Records that the user is there.
    pub(in crate::app) const fn note_activity(&mut self) {
        self.local_presence.last_key = self.now.mono;
    }

    /// Records that the user types in the open field.
    pub(in crate::app) const fn note_typing(&mut self) {
        self.local_presence.typed_at = Some(self.now.mono);
    }

    /// Returns what is to be told to the others now.
    pub(in crate::app) fn presence_due_now(&mut self) -> Vec<AppEffect> {
        if !self.connection.is_live() {
            // The next connection knows nothing about us.
            (self.local_presence.told, self.local_presence.typing) = (None, None);
            return Vec::new();
        }
        let mut requests = self.typing_due();
        if let Some(presence) =
            self.presence_wanted().filter(|_| self.presence_due().is_some_and(|at| at <= self.now.mono))
        {
            self.local_presence.told = Some((presence.clone(), self.now.mono));
            // Others are to know the place before they hear of typing in it.
            requests.insert(0, ClientRequest::Presence(presence));
        }
        requests.into_iter().map(AppEffect::Emit).collect()
    }

    /// Returns when there is something to tell.
    pub(in crate::app) fn presence_deadline(&self) -> Option<Instant> {
        if !self.connection.is_live() || !matches!(self.stage, AppStage::Watching(_)) {
            return None;
        }
        let away = self.local_presence.last_key + IDLE_AFTER;
        let away = Some(away).filter(|at| *at > self.now.mono);
        let typed_out =
            self.local_presence.typing.as_ref().and(self.local_presence.typed_at).map(|at| at + TYPING_STOP_AFTER);
        [self.presence_due(), away, typed_out].into_iter().flatten().min()
    }

    /// Returns when the place is to be told, if there is anything new about it.
    fn presence_due(&self) -> Option<Instant> {
        let wanted = self.presence_wanted()?;
        match &self.local_presence.told {
            None => Some(self.now.mono),
            Some((told, at)) if *told != wanted => Some(*at + MIN_PRESENCE_INTERVAL),
            // Only a key since then shows that the person is still there.
            Some((_, at)) => (self.local_presence.last_key >= *at + PRESENCE_REFRESH_INTERVAL)
                .then_some(self.local_presence.last_key),
        }
    }

    fn presence_wanted(&self) -> Option<PresenceUpdate> {
        let AppStage::Watching(campaign) = &self.stage else { return None };
        let away = self.now.mono >= self.local_presence.last_key + IDLE_AFTER;
        let edited = self.edited();
        let state = match (away, edited.is_some()) {
            (true, _) => Activity::Idle,
            (false, true) => Activity::Editing,
            (false, false) => Activity::Viewing,
        };
        let at = edited.or_else(|| self.tree.entity().cloned());
        let at = at.filter(|key| key.entity_type != EntityType::Campaign && self.cache.get(key).is_some());
        let resource = at.map(|key| Resource { entity_type: key.entity_type, id: key.id });
        Some(PresenceUpdate { campaign_id: campaign.clone(), resource, state })
    }

    /// Returns the entity whose fields are open.
    fn edited(&self) -> Option<EntityRef> {
        match self.dialog()? {
            Dialog::Fields(dialog) => Some(dialog.subject.clone()),
            Dialog::Resolve(dialog) => Some(dialog.subject.clone()),
            Dialog::Delete(dialog) => Some(dialog.subject.clone()),
            Dialog::Create(_) | Dialog::Clock(_) | Dialog::Edits(_) | Dialog::Preferences(_) => None,
        }
    }

    /// Returns the field that is open.
    fn typed_in(&self) -> Option<TypingRequest> {
        let AppStage::Watching(campaign) = &self.stage else { return None };
        let Some(Dialog::Fields(dialog)) = self.dialog() else { return None };
        let open = dialog.open.as_ref()?;
        let (entity_type, entity_id) = (dialog.subject.entity_type.clone(), dialog.subject.id.clone());
        Some(TypingRequest { campaign_id: campaign.clone(), entity_type, entity_id, field: open.field.name.clone() })
    }

    fn typing_due(&mut self) -> Vec<ClientRequest> {
        let now = self.now.mono;
        let fresh = self.local_presence.typed_at.is_some_and(|at| now < at + TYPING_STOP_AFTER);
        let wanted = self.typed_in().filter(|_| fresh);
        let mut requests = Vec::new();
        if let Some((told, _)) = self.local_presence.typing.take_if(|(told, _)| wanted.as_ref() != Some(told)) {
            requests.push(ClientRequest::TypingStop(told));
        }
        let due = self.local_presence.typing.as_ref().is_none_or(|(_, at)| {
            let typed_since = self.local_presence.typed_at.is_some_and(|typed| typed > *at);
            typed_since && now >= *at + TYPING_REFRESH_INTERVAL
        });
        if let Some(wanted) = wanted.filter(|_| due) {
            self.local_presence.typing = Some((wanted.clone(), now));
            requests.push(ClientRequest::TypingStart(wanted));
        }
        requests
    }
}
