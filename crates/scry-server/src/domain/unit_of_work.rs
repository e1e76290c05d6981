//! One change: its transaction, its events, its caller.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use scry_protocol::catalogue::CustomEventMetadata;
use scry_protocol::event::EffectRef;
use scry_protocol::{EphemeralEvent, Event, FieldDiff, Id, Payload, Role, Source};
use sqlx::AnyConnection;

use super::derive::ClockForecast;
use super::dirty::DirtySet;
use super::rule_cache::RuleCache;
use super::{Caller, Domain, DomainError, Entity, preferences, store};
use crate::clock;
use crate::db::Tx;
use crate::inbox;
use crate::journal::{self, CustomEvent, EventDraft};
use crate::limits::LimitKind;
use crate::rules::authorization::{CampaignAction, Decision, allow};

/// One change while it is made, see [`Domain::change`].
pub(super) struct UnitOfWork {
    tx: Tx,
    caller: Caller,
    origin: ChangeOrigin,
    pub(super) rules: RuleCache,
    pub(super) dirty: DirtySet,
    /// What was worked out beforehand, for a move of a clock.
    pub(super) clock_forecast: Option<ClockForecast>,
    pub now: Timestamp,
    /// How many notifications each user keeps.
    pub(super) notifications_kept: u32,
    /// How many bytes the entities of a campaign may take.
    max_bytes_per_campaign: u64,
    /// The entities that it has changed, as they are now.
    stored: HashMap<Id, Entity>,
    after_commit: AfterCommit,
}

/// What others are told of a change once it is on disk.
#[derive(Debug, Default)]
struct AfterCommit {
    events: Vec<(&'static str, Source)>,
    /// The campaigns whose journals it makes grow, and the users it writes to.
    campaigns: BTreeSet<Id>,
    addressees: BTreeSet<Id>,
}

/// The part of the system that makes a change, and the event that led to it.
#[derive(Debug, Clone)]
pub(super) struct ChangeOrigin {
    pub source: Source,
    pub caused_by: Option<Id>,
}

/// What an event says besides its payload.
#[derive(Debug, Default)]
pub(super) struct EventDetails {
    pub version: Option<i64>,
    pub changes: Vec<FieldDiff>,
    pub revoked_user: Option<Id>,
    pub effect: Option<EffectRef>,
}

impl Domain {
    /// Makes a change by a caller: `work`, and what follows from it by the rules of the campaigns that it touches.
    ///
    /// It is kept if `work` succeeds. Whatever `work` returns, a result that was remembered or a refusal too, is given
    /// out only when all that it was found out from is on disk.
    pub(super) async fn change<T>(
        &self,
        caller: &Caller,
        work: impl AsyncFnOnce(&mut UnitOfWork) -> Result<T, DomainError>,
    ) -> Result<T, DomainError> {
        self.change_as(caller, Source::Api, None, work).await
    }

    /// Makes a change by a part of the system, as the consequence of an earlier event.
    pub(super) async fn change_as<T>(
        &self,
        caller: &Caller,
        source: Source,
        caused_by: Option<Id>,
        work: impl AsyncFnOnce(&mut UnitOfWork) -> Result<T, DomainError>,
    ) -> Result<T, DomainError> {
        let is_by_user = source == Source::Api;
        let begin = |tx| UnitOfWork {
            tx,
            caller: caller.clone(),
            origin: ChangeOrigin { source, caused_by },
            rules: self.state.rules.clone(),
            dirty: DirtySet::default(),
            clock_forecast: None,
            now: clock::now(),
            notifications_kept: self.state.config.quota.notifications_kept,
            max_bytes_per_campaign: self.state.config.quota.max_bytes_per_campaign,
            stored: HashMap::new(),
            after_commit: AfterCommit::default(),
        };
        let (answer, after_commit) = self
            .state
            .db
            .write_wrapped(begin, async |unit: &mut UnitOfWork| {
                let answer = work(unit).await?;
                unit.derive().await?;
                Ok::<_, DomainError>((answer, std::mem::take(&mut unit.after_commit)))
            })
            .await?;
        self.announce_commit(caller, &after_commit, is_by_user);
        Ok(answer)
    }

    /// Wakes those who wait for the events and messages of a change that is on disk, and counts it.
    fn announce_commit(&self, caller: &Caller, after_commit: &AfterCommit, is_by_user: bool) {
        let bus = &self.state.bus;
        after_commit.campaigns.iter().for_each(|campaign| bus.committed(campaign));
        after_commit.addressees.iter().for_each(|user| bus.message_stored(user));
        if is_by_user {
            bus.activity.add(caller.user_id.clone());
        }
        for (event, source) in &after_commit.events {
            self.state.metrics.journaled(event, source.as_str());
        }
        let (correlation_id, user, events) = (&caller.correlation_id, &caller.name, after_commit.events.len());
        tracing::debug!(correlation_id, user, events, "committed");
    }
}

impl From<UnitOfWork> for Tx {
    fn from(unit: UnitOfWork) -> Self {
        unit.tx
    }
}

impl UnitOfWork {
    /// Returns the connection of this transaction.
    pub(super) fn db(&mut self) -> &mut AnyConnection {
        &mut self.tx
    }

    /// Returns who makes the change.
    pub(super) const fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Returns who makes the change within the system.
    pub(super) const fn origin(&self) -> &ChangeOrigin {
        &self.origin
    }

    /// Returns the time of the change as it is written on the wire.
    pub(super) fn timestamp(&self) -> String {
        clock::format_time(self.now)
    }

    /// Refuses, unless the caller's role in the campaign allows the action.
    ///
    /// `what` is named when the answer must be the one for something that does not exist.
    pub(super) async fn authorize(
        &mut self,
        campaign: &Id,
        action: CampaignAction,
        what: &'static str,
    ) -> Result<(), DomainError> {
        let user = self.caller.user_id.clone();
        authorize(self.db(), &user, campaign, action, what).await
    }

    /// Stores a new entity, if there is room for it in its campaign.
    pub(super) async fn insert(&mut self, entity: &Entity) -> Result<(), DomainError> {
        store::insert(self.db(), entity).await?;
        self.require_space(&entity.campaign_id).await
    }

    /// Stores an entity's new state, if there is room for it in its campaign.
    ///
    /// What counts no more than the least is not added up: it cannot have made the campaign larger.
    pub(super) async fn store_edit(&mut self, entity: &Entity) -> Result<(), DomainError> {
        if self.store(entity).await? > store::MIN_ENTITY_BYTES {
            self.require_space(&entity.campaign_id).await
        } else {
            Ok(())
        }
    }

    /// Refuses what has made a campaign larger than it may be.
    async fn require_space(&mut self, campaign: &Id) -> Result<(), DomainError> {
        let limit = self.max_bytes_per_campaign;
        let taken = store::bytes_in_campaign(self.db(), campaign).await?;
        if u64::try_from(taken).unwrap_or_default() <= limit {
            return Ok(());
        }
        let sentence = format!(
            "the campaign would take more than {limit} bytes, which is not allowed; shorten or delete something first"
        );
        Err(DomainError::too_many(LimitKind::Storage, sentence))
    }

    /// Stores an entity's new state; returns how many bytes its fields take.
    pub(super) async fn store(&mut self, entity: &Entity) -> Result<i64, DomainError> {
        let bytes = store::update(self.db(), entity).await?;
        self.stored.insert(entity.id.clone(), entity.clone());
        Ok(bytes)
    }

    /// Stores the new states of several entities, each once, in few statements however many there are.
    pub(super) async fn store_all(&mut self, entities: Vec<Entity>) -> Result<(), DomainError> {
        store::update_all(self.db(), &entities).await?;
        self.stored.extend(entities.into_iter().map(|entity| (entity.id.clone(), entity)));
        Ok(())
    }

    /// Returns an entity as it is after what this change has stored so far.
    pub(super) fn latest(&self, entity: Entity) -> Entity {
        self.stored.get(&entity.id).cloned().unwrap_or(entity)
    }

    /// Numbers and stores an event of this change.
    pub(super) async fn record(&mut self, payload: Payload, details: EventDetails) -> Result<Event, DomainError> {
        self.record_as(self.origin.clone(), payload, details).await
    }

    /// Numbers and stores an event that another part of the system adds to this change.
    pub(super) async fn record_as(
        &mut self,
        origin: ChangeOrigin,
        payload: Payload,
        details: EventDetails,
    ) -> Result<Event, DomainError> {
        let draft = self.draft(origin, payload, details);
        let event = journal::append(&mut self.tx, draft).await?;
        self.dirty.mark(&event);
        Ok(event)
    }

    /// Does the same with events of one campaign, in their order, in few statements however many there are.
    pub(super) async fn record_all(
        &mut self,
        campaign: &Id,
        events: Vec<(ChangeOrigin, Payload, EventDetails)>,
    ) -> Result<(), DomainError> {
        let draft = |(origin, payload, details)| self.draft(origin, payload, details);
        let drafts = events.into_iter().map(draft).collect();
        for event in journal::append_all(&mut self.tx, campaign, drafts).await? {
            self.dirty.mark(&event);
        }
        Ok(())
    }

    fn draft(&mut self, origin: ChangeOrigin, payload: Payload, details: EventDetails) -> EventDraft {
        self.after_commit.campaigns.insert(payload.campaign_id().clone());
        self.after_commit.events.push((payload.name(), origin.source.clone()));
        EventDraft {
            payload,
            user_id: Some(self.caller.user_id.clone()),
            source: origin.source,
            correlation_id: self.caller.correlation_id.clone(),
            caused_by: origin.caused_by,
            version: details.version,
            changes: details.changes,
            revoked_user: details.revoked_user,
            effect: details.effect,
            now: self.now,
        }
    }

    /// Numbers and stores an event of this change that a catalogue declares; returns its metadata with its position.
    pub(super) async fn record_custom(&mut self, event: CustomEvent) -> Result<CustomEventMetadata, DomainError> {
        self.after_commit.campaigns.insert(event.journal.clone());
        Ok(journal::append_custom(&mut self.tx, event).await?)
    }

    /// Stores a message to a user as it is written, whatever they want to be told.
    pub(super) async fn notify_raw(&mut self, user: &Id, event: &str, body: String) -> Result<(), DomainError> {
        inbox::enqueue_raw(&mut self.tx, user, &self.caller.user_id, event, body, self.now).await?;
        self.after_commit.addressees.insert(user.clone());
        Ok(())
    }

    /// Returns whether a user wants to be told of a message at once.
    pub(super) async fn is_wanted(&mut self, user: &Id, message: &EphemeralEvent) -> Result<bool, DomainError> {
        Ok(preferences::load(&mut self.tx, user).await?.wants(message))
    }

    /// Stores a message to a user, unless they do not want to be told.
    pub(super) async fn notify(&mut self, user: &Id, message: &EphemeralEvent) -> Result<(), DomainError> {
        if self.is_wanted(user, message).await? {
            inbox::enqueue(&mut self.tx, user, &self.caller.user_id, message, self.now).await?;
            self.after_commit.addressees.insert(user.clone());
        }
        Ok(())
    }
}

/// Refuses, unless a user's role in a campaign allows an action.
pub(super) async fn authorize(
    db: &mut AnyConnection,
    user: &Id,
    campaign: &Id,
    action: CampaignAction,
    what: &'static str,
) -> Result<(), DomainError> {
    permit(store::role(db, user, campaign).await?, action, what)
}

/// Refuses, unless a role allows an action; `what` is named as in [`UnitOfWork::authorize`].
pub(super) fn permit(role: Option<Role>, action: CampaignAction, what: &'static str) -> Result<(), DomainError> {
    match allow(role, action) {
        Decision::Allow => Ok(()),
        Decision::Hide => Err(DomainError::NotFound(what)),
        Decision::Deny => Err(DomainError::Forbidden(match action {
            CampaignAction::View | CampaignAction::Edit => "ask an owner of the campaign to make you an editor",
            CampaignAction::ManageMembers => "only an owner manages members",
            CampaignAction::DeleteCampaign => "only an owner deletes a campaign",
        })),
    }
}
