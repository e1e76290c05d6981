//! What each message does to the state.

use std::collections::HashSet;
use std::time::Duration;

use crossterm::event::KeyEvent;
use scry_model::event::{ClientEvent, Delivery, Phase, Snapshot, Status};
use scry_protocol::{EntityRef, EntityType, EphemeralEvent, ErrorCode, Event, Id, Operation, Position, Room};
use scry_text as text;
use scry_text::json::Json;

use super::entry::JournalItem;
use super::packed_time::PackedTime;
use super::{App, AppEffect, AppStage, CampaignChoice, Freshness, Msg, Now, RefetchError, Toast};

/// How much history the journal asks for at the start.
const INITIAL_HISTORY_ROWS: u64 = 500;
/// How long a sentence stays on screen.
const TOAST_DURATION: Duration = Duration::from_secs(6);
/// How many sentences are on screen at once; the oldest give way.
const MAX_TOASTS: usize = 3;

impl App {
    /// Takes a message at a moment, and returns what is to be done about it.
    pub fn update(&mut self, now: Now, msg: Msg) -> Vec<AppEffect> {
        let mut effects = self.take(now, msg);
        effects.append(&mut self.settle(now));
        effects
    }

    /// Takes a message alone; [`App::settle`] is to follow before anything else looks at the state.
    ///
    /// Of a flood, each event costs this much, and what many of them lead to is done once.
    pub fn take(&mut self, now: Now, msg: Msg) -> Vec<AppEffect> {
        self.now = self.moment(now);
        self.changed.detail |= self.is_of_detail(&msg);
        let effects = match msg {
            Msg::Key(event) => {
                self.redraw = true;
                self.note_activity();
                self.key(event)
            }
            Msg::Paste(text) => {
                self.redraw = true;
                self.note_activity();
                self.paste(&text);
                Vec::new()
            }
            Msg::Line(typed) => {
                self.note_activity();
                self.command_line(&typed)
            }
            Msg::Mouse(event) => {
                self.point(event);
                Vec::new()
            }
            Msg::Attention(looking) => {
                self.is_looking = Some(looking);
                self.redraw |= looking;
                Vec::new()
            }
            Msg::Server(said) => {
                self.redraw = true;
                self.connection_stats.set_server(said);
                Vec::new()
            }
            Msg::Said(sentence) => {
                self.toast(&sentence);
                Vec::new()
            }
            Msg::Resize { width, height } => {
                self.size = (width, height);
                self.redraw = true;
                Vec::new()
            }
            Msg::Tick => {
                self.redraw = true;
                Vec::new()
            }
            Msg::Campaigns(result) => self.campaigns(result),
            Msg::Client(event) => self.client(event),
            Msg::RoundTrip(measured) => {
                self.connection_stats.trip(measured);
                self.redraw |= self.connection.set_round_trip(measured) || self.shows(super::Pane::Health);
                Vec::new()
            }
            Msg::Refetched { request_id, result } => {
                self.refetched(request_id, result);
                Vec::new()
            }
            Msg::History(result) => {
                self.history(result);
                Vec::new()
            }
            Msg::State(loaded) => {
                self.state_loaded(loaded);
                Vec::new()
            }
            Msg::Outbox(outcome) => {
                self.outcome(outcome);
                Vec::new()
            }
            Msg::Inbox(result) => {
                self.inbox_told(result);
                Vec::new()
            }
            Msg::InvitationAnswered { id, result } => {
                self.invitation_answered(&id, result);
                Vec::new()
            }
            Msg::EventDisplays(looks) => {
                self.event_displays_loaded(looks);
                Vec::new()
            }
            Msg::Preferences(result) => {
                self.preferences_told(result);
                Vec::new()
            }
            Msg::Due { until, result } => {
                self.due_told(&until, result);
                Vec::new()
            }
            Msg::NotSaved(reason) => {
                self.not_saved(&reason);
                Vec::new()
            }
        };
        self.without_server(effects)
    }

    /// Does what has become due, and brings everything into the shape in which it may be looked at.
    pub fn settle(&mut self, now: Now) -> Vec<AppEffect> {
        self.now = self.moment(now);
        self.play(now);
        self.expire();
        let mut effects: Vec<_> = self.cache.refetch_due(now.mono).map(AppEffect::Refetch).into_iter().collect();
        effects.extend(self.save_due());
        self.bring_into_bounds();
        effects.extend(self.ask_due());
        effects.extend(self.presence_due_now());
        effects.extend(self.alerts_due());
        effects.append(&mut self.pending_alerts);
        self.without_server(effects)
    }

    /// Returns whether a message may move the rows of Detail: a flood of other events must not cost that look.
    fn is_of_detail(&self, msg: &Msg) -> bool {
        if let Msg::Client(ClientEvent::Delivered(delivery)) = msg {
            delivery.event.as_ref().is_some_and(|event| self.tree.entity() == Some(&event.payload.subject()))
        } else {
            !matches!(msg, Msg::RoundTrip(_))
        }
    }

    /// Takes a key: for what is being typed, for the sheet that is open, or as a command.
    fn key(&mut self, event: KeyEvent) -> Vec<AppEffect> {
        if let Some(typing) = self.typing.take() {
            return self.type_key(typing, event);
        }
        if self.dialog.is_some() && self.help.is_none() {
            return self.dialog_key(event.into());
        }
        let key = event.into();
        let action = self.playback_key(key).or_else(|| self.keymap.action(self.context(), key));
        action.map(|action| self.perform(action)).unwrap_or_default()
    }

    /// Adds a row to the journal.
    pub(super) fn note(&mut self, mut entry: JournalItem) {
        let world_time =
            || self.cache.world_time().and_then(|time| time.parse::<jiff::Timestamp>().ok()).map(PackedTime::from);
        entry.world_time = entry.world_time.or_else(world_time);
        let passes = self.passes(&entry);
        self.journal.push(entry, passes);
    }

    /// Follows a campaign.
    pub(super) fn watch(&mut self, campaign: Id) -> Vec<AppEffect> {
        self.stage = AppStage::Watching(campaign.clone());
        vec![AppEffect::LoadState(campaign.clone()), AppEffect::Watch(campaign)]
    }

    /// Shows a sentence for a while and keeps it in the journal.
    pub fn say(&mut self, sentence: &str) {
        self.note(JournalItem::notice(sentence, self.now));
        self.toast(sentence);
    }

    /// Shows a sentence for a while.
    pub(super) fn toast(&mut self, sentence: &str) {
        self.toasts_made += 1;
        self.toasts.push(Toast { text: text::line(sentence).into_owned(), until: self.now.mono + TOAST_DURATION });
        let surplus = self.toasts.len().saturating_sub(MAX_TOASTS);
        self.toasts.drain(..surplus);
        self.redraw = true;
    }

    fn campaigns(&mut self, result: Result<Vec<CampaignChoice>, String>) -> Vec<AppEffect> {
        self.redraw = true;
        if matches!(self.stage, AppStage::Watching(_)) {
            self.offer_campaigns(result);
            return Vec::new();
        }
        match result {
            Err(reason) => self.stage = AppStage::Stuck(text::line(&reason).into_owned()),
            Ok(choices) => match choices.as_slice() {
                [] => {
                    let reason = "You are not a member of any campaign yet; ask an owner to invite you, then accept with `scry invitations accept`";
                    self.stage = AppStage::Stuck(reason.to_owned());
                }
                [only] => return self.watch(only.id.clone()),
                _ => self.stage = AppStage::Choosing { choices, selected: 0 },
            },
        }
        Vec::new()
    }

    pub(super) fn client(&mut self, event: ClientEvent) -> Vec<AppEffect> {
        match event {
            ClientEvent::Status(status) => {
                let turns_live = !self.connection.is_live() && status.phase == Phase::Live;
                let alert = self.status(status);
                let questions =
                    if turns_live { &[AppEffect::LoadInbox, AppEffect::LoadEventDisplays][..] } else { &[] };
                return alert.into_iter().chain(questions.iter().cloned()).collect();
            }
            ClientEvent::Delivered(delivery) => return self.delivered(&delivery).into_iter().collect(),
            ClientEvent::Gap(gap) => {
                self.note_gap(&gap);
                if !gap.recovered {
                    self.connection_stats.gap();
                }
                self.note(JournalItem::gap(&gap, self.now));
                self.redraw = true;
            }
            ClientEvent::Joined { .. } | ClientEvent::Confirmed(_) => {}
            ClientEvent::Refused { room, code, message } => {
                // Of a catalogue there may be several.
                let what =
                    if matches!(room, Room::Custom(..)) { room.to_string() } else { format!("this {}", room.kind()) };
                self.say(&format!("the server refused {what}: {message} ({code})"));
                if matches!(code, ErrorCode::Unauthorized | ErrorCode::NotFound) {
                    return self.state_refused(&room).into_iter().collect();
                }
            }
            ClientEvent::Snapshot(snapshot) => return self.snapshot(*snapshot),
            ClientEvent::Notice(sentence) => self.say(&sentence),
        }
        Vec::new()
    }

    fn status(&mut self, status: Status) -> Option<AppEffect> {
        let before = self.connection.phase();
        self.connection_stats.status(&status, self.now);
        let now = status.phase;
        self.redraw |= self.connection.set(status, self.now);
        self.alert_phase(before, now)
    }

    fn delivered(&mut self, delivery: &Delivery) -> Option<AppEffect> {
        self.redraw = true;
        self.connection_stats.arrived(&delivery.name, self.now);
        let Some(event) = &delivery.event else {
            return if self.heard(delivery) { None } else { self.declared(delivery) };
        };
        let subject = event.payload.subject();
        // A deleted entity's name must be read before it is gone.
        let entry = JournalItem::delivered(delivery, &self.cache, &self.clock);
        self.own_event(event);
        self.cache.event(event, self.now.mono, delivery.received_at);
        self.note(entry);
        match event.payload.operation() {
            Operation::Delete => self.changed.world = true,
            Operation::Create | Operation::Update => self.mark(&subject, delivery.received_at),
        }
        // Nothing else holds the calendar and its time.
        if subject.entity_type == EntityType::Campaign {
            self.read_clock();
        }
        self.alert_change(delivery, event)
    }

    /// Marks an entity if a value of its own changed at that time; an invalidation alone is no change yet.
    fn mark(&mut self, key: &EntityRef, at: jiff::Timestamp) {
        let changed = self.cache.get(key).filter(|entity| entity.last_change() == Some(at));
        if let Some(entity) = changed.filter(|_| self.freshness(at) != Freshness::Old) {
            self.tree.mark(entity, &self.cache, at);
        }
    }

    fn snapshot(&mut self, snapshot: Snapshot) -> Vec<AppEffect> {
        self.redraw = true;
        let campaign = snapshot.campaign_id.clone();
        let position = snapshot.position.clone();
        let keys = keys(&snapshot.nodes);
        self.cache.snapshot(snapshot, self.now.wall);
        self.state_received();
        self.pending.told_whole();
        self.after_edits();
        for key in keys {
            self.mark(&key, self.now.wall);
        }
        self.read_clock();
        self.restore_ui_state();
        position.and_then(|position| self.missing_history(campaign, position)).into_iter().collect()
    }

    /// Asks for what the journal lacks before a snapshot's position: the near past, or the hole behind a gap.
    fn missing_history(&mut self, campaign: Id, position: Position) -> Option<AppEffect> {
        let known = self.journal.last_seq().filter(|_| self.epoch.as_ref() == Some(&position.epoch));
        self.epoch = Some(position.epoch);
        let since = position.seq.saturating_sub(INITIAL_HISTORY_ROWS).max(known.unwrap_or(0));
        let limit = u32::try_from(position.seq - since.min(position.seq)).unwrap_or(u32::MAX);
        (limit > 0).then_some(AppEffect::LoadHistory { campaign, since, limit })
    }

    fn history(&mut self, result: Result<Vec<Event>, String>) {
        self.redraw = true;
        match result {
            Err(reason) => self.say(&format!("earlier events could not be loaded: {reason}")),
            Ok(events) => {
                let known: HashSet<u64> = self.journal.seqs().collect();
                let now = self.now.wall;
                let missing = events.iter().filter(|event| {
                    let ours = event.metadata.epoch == self.epoch;
                    ours && self.is_watching(event.payload.campaign_id())
                        && event.metadata.seq.is_some_and(|seq| !known.contains(&seq))
                });
                let entries = missing.map(|event| JournalItem::past(event, now, &self.cache, &self.clock)).collect();
                let Self { journal, cache, clock, .. } = self;
                journal.merge(entries, |filter, entry| !entry.is_event() || filter.fits_entry(entry, cache, clock));
            }
        }
    }

    /// Takes in what is not in the journal; returns what was understood.
    fn heard(&mut self, delivery: &Delivery) -> bool {
        let AppStage::Watching(campaign) = &self.stage else { return false };
        let payload = delivery.raw.get("payload").unwrap_or(&delivery.raw);
        let event = EphemeralEvent::from_parts(&delivery.name, payload)
            .or_else(|| EphemeralEvent::from_parts(&delivery.name, &delivery.raw));
        let Some(event) = event else { return false };
        self.people.hear(&event, campaign, self.now) || self.notified(&event)
    }

    pub(super) fn refetched(
        &mut self,
        request_id: scry_model::cache::RequestId,
        result: Result<Vec<Json>, RefetchError>,
    ) {
        self.redraw = true;
        match result {
            Err(RefetchError::Failed) => self.cache.failed(request_id, self.now.mono),
            Err(RefetchError::NotOffered) => {
                if self.cache.cannot_refetch() {
                    self.say("this server cannot be asked for current values; changed values stay marked as stale");
                }
            }
            Ok(nodes) => {
                let keys = keys(&nodes);
                self.cache.answered(request_id, nodes, self.now.mono, self.now.wall);
                self.after_edits();
                for key in keys {
                    if let Some(entity) = self.cache.get(&key) {
                        self.journal.settle(entity);
                    }
                    self.mark(&key, self.now.wall);
                }
                self.read_clock();
            }
        }
    }

    pub(super) fn read_clock(&mut self) {
        let time = self.seen_world_time();
        if let Some(complaint) = self.clock.set(&self.cache, time.as_deref()) {
            self.say(&complaint);
        }
    }

    /// Drops what has had its time.
    fn expire(&mut self) {
        let now = self.now;
        self.toasts.retain(|toast| toast.until > now.mono);
        self.redraw |= self.people.expire(now.mono);
        let fade = jiff::SignedDuration::try_from(self.options.mark_fade).unwrap_or(jiff::SignedDuration::MAX);
        if let Ok(since) = now.wall.checked_sub(fade) {
            self.redraw |= self.tree.fade(since);
        }
    }

    fn clamp_scroll(&mut self) {
        for pane in [super::Pane::Clock, super::Pane::Health, super::Pane::People] {
            let offset = self.scrolled_to(pane);
            if offset > 0 {
                let most = self.scroll_rows(pane).saturating_sub(self.layout().rows(pane));
                self.scroll.insert(pane, offset.min(most));
            }
        }
    }

    /// Brings what is scrolled back into bounds after anything may have changed.
    fn bring_into_bounds(&mut self) {
        let moved = std::mem::take(&mut self.changed);
        if moved.world {
            self.rebuild_tree();
        }
        let layout = self.layout();
        if layout.pane(super::Pane::Inspector).is_some() {
            self.clamp_inspector(layout.rows(super::Pane::Inspector));
        }
        self.clamp_scroll();
        self.keymap.allow_edits(self.rights().is_some());
        self.tree.scroll_into_view(layout.rows(super::Pane::World));
        if moved.detail {
            self.clamp_detail();
        }
    }
}

/// Reads which entities some API nodes are about.
fn keys(nodes: &[Json]) -> Vec<EntityRef> {
    let key = |node: &Json| {
        let entity_type = EntityType::from(node.get("__typename")?.as_str()?);
        Some(EntityRef::new(entity_type, Id::parse(node.get("id")?.as_str()?).ok()?))
    };
    nodes.iter().filter_map(key).collect()
}
