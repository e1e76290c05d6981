//! The entities behind the events, for expressions that look at them: each as it was at its event.
//!
//! A campaign's state at a place in its journal is taken on event by event, so that it does not matter how far the
//! entities have gone on meanwhile. What an event does not tell is looked up: the entity as it is now, taken back over the
//! events since. What cannot be found out is left out, and said once.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use scry_calendar::Calendar;
use scry_client::api::{Api, JournalEntry};
use scry_client::connection::StartPosition;
use scry_client::error::ApiError;
use scry_model::event::{Delivery, Snapshot};
use scry_protocol::{EntityType, Event, Id, Operation, Position, Room};
use scry_text::json::{Json, TextHandling};
use serde_json::{Map, Value};

use super::event_context::EventContext;
use super::latest::Latest;
use super::rewind::{KnownResults, Rewind};
use super::state::{CampaignState, Certainty, EntityAroundEvent};

/// How many journal entries are asked for at once.
const JOURNAL_PAGE_SIZE: u32 = 500;
/// How many pages are read to look up what a few events leave out.
const MAX_PAGES: usize = 20;
/// How many entities are asked for at once.
const MAX_NODES_PER_QUERY: usize = 200;

/// Knows the entities of campaigns.
#[derive(Debug, Default)]
pub struct Entities {
    /// Absent when no expression looks at entities, or nobody can be asked.
    api: Option<Api>,
    campaigns: HashMap<Id, CampaignState>,
    /// Where the gateway numbers no events.
    latest: Latest,
    /// Campaigns that are known only because of some entities in them, and these.
    narrow: HashSet<Id>,
    alone: HashSet<Id>,
    calendars: HashMap<Id, Arc<Calendar>>,
    said: ReportedOnce,
    notices: Vec<String>,
    trouble: Option<String>,
}

/// What has been said already.
#[derive(Debug, Default)]
struct ReportedOnce {
    partial: bool,
    nothing: bool,
}

/// Events of one campaign, by their place in its journal.
type CampaignEvents = BTreeMap<u64, Arc<Event>>;

impl Entities {
    /// Starts with nothing known; without an API, events stay bare.
    #[must_use]
    pub(crate) fn new(api: Option<Api>) -> Self {
        Self { api, ..Self::default() }
    }

    /// Learns the whole state of a campaign.
    pub(crate) fn learn(&mut self, snapshot: &Snapshot) {
        let nodes: Vec<_> = snapshot.nodes.iter().filter_map(read).collect();
        nodes.iter().for_each(|(_, entity)| self.learn_calendar(entity));
        self.narrow.remove(&snapshot.campaign_id);
        match &snapshot.position {
            Some(position) => {
                let state = CampaignState::new(position.clone(), nodes, KnownResults::default());
                self.campaigns.insert(snapshot.campaign_id.clone(), state);
            }
            None => nodes.into_iter().for_each(|(id, entity)| self.latest.learn(id, entity)),
        }
    }

    /// Learns what the entities were where rooms begin that do not begin with a state of their own.
    ///
    /// A settlement or a structure begins right after the state that was learnt then.
    pub(crate) async fn begin(&mut self, rooms: &mut [(Room, StartPosition)]) {
        let Some(api) = self.api.clone() else { return };
        let whole: HashSet<Id> = rooms.iter().filter_map(|(room, _)| campaign_of(room)).collect();
        for (room, start) in rooms {
            let begun = match (&*room, &*start) {
                (Room::Campaign(campaign), StartPosition::Since(position)) => {
                    self.begin_at(&api, campaign, Some(position)).await
                }
                (Room::Settlement(id) | Room::Structure(id), _) => self.begin_alone(&api, id, start, &whole).await,
                (Room::Campaign(_) | Room::User(_) | Room::Custom(..), _) => Ok(()),
            };
            if let Err(error) = begun {
                self.cannot_look_up(&error);
            }
        }
    }

    async fn begin_at(&mut self, api: &Api, campaign: &Id, position: Option<&Position>) -> Result<(), ApiError> {
        let snapshot = api.snapshot(campaign).await?;
        let (Some(head), Some(position)) = (&snapshot.position, position.or(snapshot.position.as_ref())) else {
            self.learn(&snapshot);
            return Ok(());
        };
        let mut rewind = Rewind::default();
        let mut since = position.seq;
        while since < head.seq {
            let page = page(api, campaign, since).await?;
            let (first, last) = (page.first().map(|entry| entry.seq), page.last().map_or(since, |entry| entry.seq));
            let is_other = page.iter().any(|entry| entry.epoch != position.epoch);
            if first != Some(since + 1) || last <= since || is_other {
                // The journal does not reach back so far; the gateway will say so, and begin with a state.
                self.learn(&snapshot);
                return Ok(());
            }
            for entry in &page {
                if let Some(event) = entry.event() {
                    rewind.take(&event, entry.seq);
                }
            }
            since = last;
        }
        let nodes: Vec<_> = snapshot.nodes.iter().filter_map(read).collect();
        nodes.iter().for_each(|(_, entity)| self.learn_calendar(entity));
        let (entities, told) = rewind.finish(nodes, head.seq);
        self.campaigns.insert(campaign.clone(), CampaignState::new(position.clone(), entities, told));
        Ok(())
    }

    async fn begin_alone(
        &mut self,
        api: &Api,
        id: &Id,
        start: &mut StartPosition,
        whole: &HashSet<Id>,
    ) -> Result<(), ApiError> {
        let Some((_, node)) = api.nodes(std::slice::from_ref(id)).await?.first().and_then(read) else { return Ok(()) };
        let Some(campaign) = node["campaignId"].as_str().and_then(|id| Id::parse(id).ok()) else { return Ok(()) };
        if whole.contains(&campaign) {
            return Ok(());
        }
        self.alone.insert(id.clone());
        self.narrow.insert(campaign.clone());
        if !self.campaigns.contains_key(&campaign) {
            let position = if let StartPosition::Since(position) = &*start { Some(position.clone()) } else { None };
            self.begin_at(api, &campaign, position.as_ref()).await?;
        }
        match self.campaigns.get(&campaign) {
            Some(state) if *start == StartPosition::Now => *start = StartPosition::Since(state.position().clone()),
            Some(_) => {}
            None => self.latest.learn(id.clone(), node),
        }
        Ok(())
    }

    /// Learns what a recording says of a campaign.
    pub fn learn_recorded(&mut self, campaign: &Id, position: &Position, nodes: &[Value]) {
        let nodes = nodes.iter().map(|node| Json::from_value(node, TextHandling::AsStored)).collect();
        self.learn(&Snapshot { campaign_id: campaign.clone(), position: Some(position.clone()), nodes });
    }

    /// Returns whether the state of any campaign is known.
    #[must_use]
    pub fn is_of_campaigns(&self) -> bool {
        !self.campaigns.is_empty()
    }

    /// Lists the entities of what is listened to.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Value>> {
        let known = self.campaigns.iter().map(|(campaign, state)| (self.narrow.contains(campaign), state));
        let known =
            known.flat_map(|(is_narrow, state)| state.entities().map(move |(id, entity)| (is_narrow, id, entity)));
        let known = known.filter(|(is_narrow, id, _)| !is_narrow || self.alone.contains(id));
        known.map(|(_, _, entity)| entity).chain(self.latest.entities().map(|(_, entity)| entity))
    }

    /// Returns why entities cannot be looked up any more, once.
    pub(crate) const fn take_lookup_failure(&mut self) -> Option<String> {
        self.trouble.take()
    }

    /// Returns sentences about what is not known of single events, each once.
    pub fn take_notices(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notices)
    }

    /// Adds to each event the entity it is about, before and after.
    ///
    /// Until the answers are here nothing goes on, so that the questions can be given up and asked again.
    pub(crate) async fn with_entities(&mut self, deliveries: &[Delivery]) -> Vec<EventContext> {
        let Some(api) = self.api.clone() else { return self.with_known_entity(deliveries) };
        match self.look_up(&api, deliveries).await {
            Ok(answers) => self.combine(deliveries, answers),
            Err(error) => {
                self.cannot_look_up(&error);
                self.api = None;
                self.with_known_entity(deliveries)
            }
        }
    }

    /// Does the same for one event without asking anybody.
    pub fn with_entity(&mut self, delivery: &Delivery) -> EventContext {
        self.with_known_entity(std::slice::from_ref(delivery))
            .pop()
            .unwrap_or_else(|| EventContext::without_entity(delivery.clone()))
    }

    /// Does the same without asking anybody.
    fn with_known_entity(&mut self, deliveries: &[Delivery]) -> Vec<EventContext> {
        self.combine(deliveries, BatchAnswers::default())
    }

    /// Asks for what the events and the states together do not tell.
    async fn look_up(&mut self, api: &Api, deliveries: &[Delivery]) -> Result<BatchAnswers, ApiError> {
        let mut answers = BatchAnswers::default();
        let mut batches: HashMap<Id, CampaignEvents> = HashMap::new();
        let mut unnumbered = Vec::new();
        for event in deliveries.iter().filter_map(|delivery| delivery.event.as_ref()) {
            let campaign = event.payload.campaign_id();
            match self.campaigns.get(campaign) {
                Some(state) => {
                    if let Some(seq) = place(event, state.position()) {
                        batches.entry(campaign.clone()).or_default().insert(seq, Arc::clone(event));
                    }
                }
                None if event.payload.operation() != Operation::Delete => unnumbered.push(event.payload.subject().id),
                None => {}
            }
        }
        for (campaign, events) in batches {
            let between = self.complete(api, &campaign, events).await?;
            answers.between.insert(campaign, between);
        }
        answers.nodes = nodes(api, unnumbered).await?;
        Ok(answers)
    }

    /// Completes a campaign's events and its state, so that the events can be applied; returns the events.
    async fn complete(
        &mut self,
        api: &Api,
        campaign: &Id,
        mut events: CampaignEvents,
    ) -> Result<CampaignEvents, ApiError> {
        let Some(state) = self.campaigns.get_mut(campaign) else { return Ok(events) };
        let (position, Some(last)) = (state.position().clone(), events.keys().next_back().copied()) else {
            return Ok(events);
        };
        if events.len() as u64 != last - position.seq {
            // Rooms of single entities leave out what happens elsewhere in the campaign, and what follows from it.
            let mut read = journal(api, campaign, &position, Some(last)).await?;
            read.retain(|seq, _| *seq < last);
            read.extend(events);
            events = read;
        }
        let lacking = events.iter().filter(|(seq, event)| state.lacks(event, **seq));
        let ids: HashSet<Id> = lacking.map(|(_, event)| event.payload.subject().id).collect();
        if ids.is_empty() {
            return Ok(events);
        }
        let told = nodes(api, ids.iter().cloned().collect()).await?;
        let later = journal(api, campaign, &Position::new(position.epoch, last), None).await?;
        let mut rewind = Rewind::default();
        for (seq, event) in events.iter().chain(&later).filter(|(_, event)| ids.contains(&event.payload.subject().id)) {
            rewind.take(event, *seq);
        }
        let (entities, told) = rewind.finish(told, last);
        state.correct(entities, told);
        Ok(events)
    }

    fn combine(&mut self, deliveries: &[Delivery], mut answers: BatchAnswers) -> Vec<EventContext> {
        if self.api.is_none() && self.campaigns.is_empty() && self.latest.is_empty() {
            return deliveries.iter().cloned().map(EventContext::without_entity).collect();
        }
        let unnumbered: Vec<&Delivery> = deliveries.iter().filter(|delivery| self.is_unnumbered(delivery)).collect();
        let mut latest = self.latest.around(&unnumbered, std::mem::take(&mut answers.nodes)).into_iter();
        let mut event_contexts = Vec::with_capacity(deliveries.len());
        for delivery in deliveries {
            let mut event_context = EventContext::without_entity(delivery.clone());
            if let Some(event) = &delivery.event {
                let between = answers.between.get_mut(event.payload.campaign_id());
                let (before, after) = match self.around(event, between, &event_context) {
                    Some(around) => (around.before, around.after),
                    None => latest.next().unwrap_or_default(),
                };
                (event_context.before, event_context.entity) = (before, after);
                self.learn_new_calendar(event, event_context.entity.as_ref());
                event_context.calendar = self.calendars.get(event.payload.campaign_id()).cloned();
            }
            event_contexts.push(event_context);
        }
        event_contexts
    }

    fn is_unnumbered(&self, delivery: &Delivery) -> bool {
        delivery.event.as_ref().is_some_and(|event| !self.campaigns.contains_key(event.payload.campaign_id()))
    }

    /// Takes the campaign's state to an event; `between` are events that were not delivered.
    fn around(
        &mut self,
        event: &Event,
        between: Option<&mut CampaignEvents>,
        event_context: &EventContext,
    ) -> Option<EntityAroundEvent> {
        let state = self.campaigns.get_mut(event.payload.campaign_id())?;
        let around = match place(event, state.position()) {
            Some(seq) => {
                for (at, event) in between.map(|events| take_before(events, seq)).unwrap_or_default() {
                    if at > state.position().seq {
                        state.apply(&event, at);
                    }
                }
                state.apply(event, seq)
            }
            None => EntityAroundEvent { certainty: Certainty::Nothing, ..EntityAroundEvent::default() },
        };
        self.say(around.certainty, event_context);
        Some(around)
    }

    fn say(&mut self, certainty: Certainty, event_context: &EventContext) {
        let (is_said, sentence) = match certainty {
            Certainty::Whole => return,
            Certainty::Partial => (
                &mut self.said.partial,
                "some values are not known at their event, because they are too long for it or it came from elsewhere; \
                 entity and before lack them",
            ),
            Certainty::Nothing => (
                &mut self.said.nothing,
                "it is not known what its entity was at that event; entity and before are null there",
            ),
        };
        if !std::mem::replace(is_said, true) {
            self.notices.push(format!("{}: {sentence}", event_context.title()));
        }
    }

    fn cannot_look_up(&mut self, error: &ApiError) {
        self.trouble = Some(format!("entities cannot be looked up: {error}"));
    }

    fn learn_new_calendar(&mut self, event: &Event, entity: Option<&Arc<Value>>) {
        if let Some(entity) = entity
            && event.payload.changed_fields().iter().any(|field| field == "calendar")
        {
            self.learn_calendar(entity);
        }
    }

    fn learn_calendar(&mut self, entity: &Value) {
        let campaign = entity["id"].as_str().filter(|_| entity["entityType"] == EntityType::Campaign.as_str());
        let calendar = entity.get("calendar").map(Calendar::from_json);
        if let (Some(Ok(id)), Some(Ok(calendar))) = (campaign.map(Id::parse), calendar) {
            self.calendars.insert(id, Arc::new(calendar));
        }
    }
}

/// What was asked for a batch of events.
#[derive(Debug, Default)]
struct BatchAnswers {
    /// Every event of a campaign up to the batch's last, those that were not delivered too.
    between: HashMap<Id, CampaignEvents>,
    /// The entities of events without numbers, as they are now.
    nodes: HashMap<Id, Arc<Value>>,
}

/// Returns an event's place in a campaign's journal, if it comes after `known`.
fn place(event: &Event, known: &Position) -> Option<u64> {
    let position = event.position()?;
    (position.is_comparable_with(known) && position.seq > known.seq).then_some(position.seq)
}

/// Takes the events before a place out of others.
fn take_before(events: &mut CampaignEvents, seq: u64) -> CampaignEvents {
    let rest = events.split_off(&seq);
    std::mem::replace(events, rest)
}

fn campaign_of(room: &Room) -> Option<Id> {
    if let Room::Campaign(id) = room { Some(id.clone()) } else { None }
}

async fn nodes(api: &Api, mut ids: Vec<Id>) -> Result<HashMap<Id, Arc<Value>>, ApiError> {
    ids.sort_unstable();
    ids.dedup();
    let mut found = HashMap::new();
    for some in ids.chunks(MAX_NODES_PER_QUERY) {
        found.extend(api.nodes(some).await?.iter().filter_map(read));
    }
    Ok(found)
}

/// Reads a campaign's journal after a place: to another place, to its end, or as far as it is read for a look-up.
async fn journal(api: &Api, campaign: &Id, after: &Position, upto: Option<u64>) -> Result<CampaignEvents, ApiError> {
    let mut events = CampaignEvents::new();
    let mut since = after.seq;
    for _ in 0..MAX_PAGES {
        let page = page(api, campaign, since).await?;
        let Some(last) = page.last().map(|entry| entry.seq) else { break };
        let of_epoch = page.iter().filter(|entry| entry.epoch == after.epoch);
        events.extend(of_epoch.filter_map(|entry| Some((entry.seq, Arc::new(entry.event()?)))));
        if page.len() < JOURNAL_PAGE_SIZE as usize || last <= since || upto.is_some_and(|upto| last >= upto) {
            break;
        }
        since = last;
    }
    Ok(events)
}

/// Reads a page of a campaign's journal; where the API offers none, there is nothing in it.
async fn page(api: &Api, campaign: &Id, since: u64) -> Result<Vec<JournalEntry>, ApiError> {
    match api.events(campaign, Some(since), Some(JOURNAL_PAGE_SIZE)).await {
        Err(ApiError::NotOffered { .. }) => Ok(Vec::new()),
        read => read,
    }
}

/// Reads an API node into the form that expressions see.
fn read(node: &Json) -> Option<(Id, Arc<Value>)> {
    let mut fields = Map::from(node.as_object()?);
    let entity_type = EntityType::from(fields.shift_remove("__typename")?.as_str()?);
    let id = Id::parse(fields.get("id")?.as_str()?).ok()?;
    if entity_type == EntityType::Campaign {
        fields.insert("campaignId".to_owned(), id.as_str().into());
    }
    fields.insert("entityType".to_owned(), entity_type.as_str().into());
    Some((id, Arc::new(Value::Object(fields))))
}

#[cfg(test)]
mod tests;
