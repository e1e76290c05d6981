//! The scheduler: what a campaign's clock brings with it when it moves forward.

use std::collections::HashSet;

use scry_calendar::{Calendar, WorldTime};
use scry_protocol::{Id, Source, event};
use scry_world::When;
use serde::Deserialize;
use serde_json::Value;
use sqlx::{AnyConnection, Row};

use super::derive::{ClockForecast, ClockScope};
use super::unit_of_work::{ChangeOrigin, EventDetails, UnitOfWork};
use super::update::write_as;
use super::{Caller, Domain, DomainError, Entity, EntityKind, FieldMap, store};
use crate::db::DbError;
use crate::limits::LimitKind;
use crate::rules::authorization::{CampaignAction, Decision, allow};
use crate::rules::effect::PreparedEffect;
use crate::rules::fields::{self, Flat};
use crate::rules::schedule::{Occurrence, TooManyOccurrencesError, due, first_due};

/// Up to this many occurrences of one jump are events of their own.
const MAX_SINGLE_EVENTS: usize = 100;
/// More occurrences than this are not worked out in one jump.
const MAX_OCCURRENCES: usize = 100_000;
/// More days than this are not looked at for whether something falls due on them.
const MAX_DAYS_CHECKED: usize = 200_000;
/// Bounds a preview.
pub const MAX_DUE_EFFECTS: u32 = 1_000;

/// An occurrence of an effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EffectOccurrence {
    /// World time, RFC 3339 UTC with milliseconds.
    pub at: String,
    /// The effect's name in the world file.
    pub name: String,
    /// What it does, for people.
    pub description: String,
    /// The type of the entity that it changes.
    pub entity_type: EntityKind,
    /// The entity that it changes.
    pub entity_id: Id,
}

/// An effect as it is stored.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct StoredEffect {
    name: String,
    #[serde(default)]
    description: String,
    when: When,
    entity_type: EntityKind,
    entity_id: Id,
    #[serde(default)]
    set: FieldMap,
    #[serde(default)]
    add: FieldMap,
}

impl Domain {
    /// Returns what will happen until a world time, in order; nothing if that is in the past.
    ///
    /// # Errors
    /// [`DomainError`], also for a limit that is not 1 to [`MAX_DUE_EFFECTS`].
    pub async fn due_effects(
        &self,
        caller: &Caller,
        campaign: &Id,
        until: &str,
        limit: u32,
    ) -> Result<Vec<EffectOccurrence>, DomainError> {
        if !(1..=MAX_DUE_EFFECTS).contains(&limit) {
            return Err(DomainError::invalid("limit", format!("must be from 1 to {MAX_DUE_EFFECTS}")));
        }
        let until = super::input::time("until", until)?;
        let mut tx = self.state.db.read().await?;
        let Some(stored) = store::load(&mut tx, EntityKind::Campaign, campaign).await? else { return Ok(Vec::new()) };
        if !super::query::can_view(&mut tx, caller, campaign).await? {
            return Ok(Vec::new());
        }
        let after = done_until(&mut tx, campaign, moment(&stored.text("worldTime"))?).await?;
        let effects = load(&mut tx, campaign).await?;
        drop(tx);
        let count = usize::try_from(limit).unwrap_or(usize::MAX);
        let first = first_due(&calendar(&stored), &whens(&effects), (after, until), count, MAX_DAYS_CHECKED);
        let first = first.map_err(|TooManyOccurrencesError| too_many("until"))?;
        let announced = |due: &Occurrence| effects.get(due.effect).map(|effect| effect.occurrence_at(due.at));
        Ok(first.iter().filter_map(announced).collect())
    }

    /// Works out what a move of a campaign's clock would bring, before the move has its turn and others wait for it.
    /// `None` where the caller will be refused, in the move's turn: nothing is worked out for strangers.
    pub(super) async fn forecast(
        &self,
        caller: &Caller,
        campaign: &Id,
        to: impl Fn(WorldTime) -> Result<WorldTime, DomainError>,
        rewind: bool,
    ) -> Result<Option<Forecast>, DomainError> {
        let mut tx = self.state.db.read().await?;
        let role = store::role(&mut tx, &caller.user_id, campaign).await?;
        let may_move = allow(role, CampaignAction::Edit) == Decision::Allow;
        let stored = store::load(&mut tx, EntityKind::Campaign, campaign).await?;
        let Some(stored) = stored.filter(|_| may_move) else { return Ok(None) };
        let now = moment(&stored.text("worldTime"))?;
        let Ok(to) = to(now) else { return Ok(None) };
        let after = if rewind { now.min(to) } else { done_until(&mut tx, campaign, now).await? };
        let effects = load(&mut tx, campaign).await?;
        let scope = if now == to { None } else { ClockScope::load(&mut tx, &self.state.rules, campaign).await? };
        drop(tx);
        let derived = scope.map(|scope| scope.derive(&stored, to));
        Ok(Some(Forecast { derived, ..Forecast::new(stored.json("calendar"), whens(&effects), (after, to)) }))
    }
}

/// What falls due in a stretch of time, with all that it was worked out from.
#[derive(Debug)]
pub(super) struct Forecast {
    calendar: Value,
    effects: Vec<When>,
    stretch: (WorldTime, WorldTime),
    occurrences: Result<Vec<Occurrence>, TooManyOccurrencesError>,
    /// What follows from the time itself, where any rule looks at it.
    pub(super) derived: Option<ClockForecast>,
}

impl Forecast {
    fn new(calendar_json: Value, effects: Vec<When>, stretch: (WorldTime, WorldTime)) -> Self {
        let calendar = Calendar::from_json(&calendar_json).unwrap_or_else(|_| Calendar::gregorian());
        let occurrences = due(&calendar, &effects, stretch, MAX_OCCURRENCES, MAX_DAYS_CHECKED);
        Self { calendar: calendar_json, effects, stretch, occurrences, derived: None }
    }

    /// Returns what falls due, worked out anew only if something has changed since the forecast.
    fn occurrences(
        forecast: Option<Self>,
        calendar_json: Value,
        effects: Vec<When>,
        stretch: (WorldTime, WorldTime),
    ) -> Result<Vec<Occurrence>, TooManyOccurrencesError> {
        let holds = |it: &Self| it.stretch == stretch && it.effects == effects && it.calendar == calendar_json;
        match forecast.filter(holds) {
            Some(forecast) => forecast.occurrences,
            None => Self::new(calendar_json, effects, stretch).occurrences,
        }
    }
}

impl UnitOfWork {
    /// Carries out what falls due as a campaign's clock moves from one time to another.
    ///
    /// Each occurrence happens once: how far the clock has ever come is kept with the campaign, and a
    /// clock that was set back comes through that stretch again without effects. With `rewind` it is forgotten that
    /// the clock was ever further than where it is, or goes to. Returns until when effects have happened by then.
    pub(super) async fn apply_due_effects(
        &mut self,
        campaign: &Entity,
        (from, to): (WorldTime, WorldTime),
        cause: Option<Id>,
        (rewind, forecast): (bool, Option<Forecast>),
    ) -> Result<WorldTime, DomainError> {
        let after = if rewind { from.min(to) } else { done_until(self.db(), &campaign.id, from).await? };
        let done = after.max(to);
        store_done_until(self.db(), &campaign.id, done).await?;
        if to <= after {
            return Ok(done);
        }
        let effects = load(self.db(), &campaign.id).await?;
        let occurrences = Forecast::occurrences(forecast, campaign.json("calendar"), whens(&effects), (after, to));
        let occurrences = occurrences.map_err(|TooManyOccurrencesError| too_many("worldTime"))?;
        let origin = ChangeOrigin { source: Source::Scheduler, caused_by: cause };
        if occurrences.len() > MAX_SINGLE_EVENTS {
            self.apply_in_bulk(&effects, &occurrences, &origin).await?;
            return Ok(done);
        }
        for due in occurrences {
            let Some(effect) = effects.get(due.effect) else { continue };
            let Some(entity) = store::load(self.db(), effect.entity_type, &effect.entity_id).await? else { continue };
            let patch = effect.prepare(&entity).and_then(|prepared| prepared.patch(&variables(&entity)));
            match patch {
                Ok(patch) => self.change(&entity, &patch, &origin, effect.reference(due.at)).await?,
                Err(fault) => effect.warn_left_out(&fault),
            }
        }
        Ok(done)
    }

    /// Works many occurrences out one after the other, and makes one change of each entity.
    async fn apply_in_bulk(
        &mut self,
        effects: &[StoredEffect],
        occurrences: &[Occurrence],
        origin: &ChangeOrigin,
    ) -> Result<(), DomainError> {
        let mut targets: Vec<EffectTarget> = Vec::new();
        let mut aims: Vec<Option<TargetedEffect>> = Vec::new();
        let is_due: HashSet<usize> = occurrences.iter().map(|due| due.effect).collect();
        for (index, effect) in effects.iter().enumerate() {
            let place = if is_due.contains(&index) { self.target(&mut targets, effect).await? } else { None };
            let aim = |place: usize| {
                let prepared = effect.prepare(&targets[place].stored);
                let effect = prepared.map_err(|fault| effect.warn_left_out(&fault)).ok()?;
                Some(TargetedEffect { effect, place, is_left_out: false })
            };
            aims.push(place.and_then(aim));
        }
        for due in occurrences {
            let (Some(Some(aim)), Some(effect)) = (aims.get_mut(due.effect), effects.get(due.effect)) else { continue };
            let target = &mut targets[aim.place];
            match aim.effect.apply(&mut target.variables) {
                Ok(()) => (target.last, target.count) = (due.at, target.count + 1),
                Err(fault) if !aim.is_left_out => {
                    effect.warn_left_out(&fault);
                    aim.is_left_out = true;
                }
                Err(_) => {}
            }
        }
        for EffectTarget { stored, variables, last, count } in targets.into_iter().filter(|target| target.count > 0) {
            let mut entity = stored.clone();
            entity.fields.insert("variables".to_owned(), Value::Object(variables));
            let differing = fields::changes(&stored.flat(), &entity.flat());
            let patch: Flat = differing.into_iter().map(|change| (change.field, change.to)).collect();
            let named = event::EffectRef { name: format!("{count} effects"), at: last.to_string() };
            self.change(&stored, &patch, origin, named).await?;
        }
        Ok(())
    }

    /// Finds or loads the entity that an effect changes.
    async fn target(
        &mut self,
        targets: &mut Vec<EffectTarget>,
        effect: &StoredEffect,
    ) -> Result<Option<usize>, DomainError> {
        let known = targets.iter().position(|target| target.stored.id == effect.entity_id);
        if known.is_some() {
            return Ok(known);
        }
        let found = store::load(self.db(), effect.entity_type, &effect.entity_id).await?;
        Ok(found.map(|stored| {
            targets.push(EffectTarget::new(stored));
            targets.len() - 1
        }))
    }

    async fn change(
        &mut self,
        entity: &Entity,
        patch: &Flat,
        origin: &ChangeOrigin,
        effect: event::EffectRef,
    ) -> Result<(), DomainError> {
        let details = EventDetails { effect: Some(effect), ..EventDetails::default() };
        match write_as(self, entity, patch, origin.clone(), details).await {
            // An entity that has come to be otherwise must not hold up the clock.
            Err(DomainError::Invalid(fault) | DomainError::OutOfBounds { fault, .. }) => {
                tracing::warn!(entity = %entity.id, %fault, "an effect does not fit its entity and is left out");
                Ok(())
            }
            other => other.map(|_| ()),
        }
    }
}

impl StoredEffect {
    fn prepare(&self, entity: &Entity) -> Result<PreparedEffect, String> {
        let nothing = FieldMap::new();
        let schemas = entity.fields.get("variableSchemas").and_then(Value::as_object).unwrap_or(&nothing);
        PreparedEffect::new(schemas, &self.set, &self.add)
    }

    fn warn_left_out(&self, fault: &str) {
        tracing::warn!(effect = self.name, entity = %self.entity_id, fault, "an effect does not fit and is left out");
    }

    fn reference(&self, at: WorldTime) -> event::EffectRef {
        event::EffectRef { name: self.name.clone(), at: at.to_string() }
    }

    fn occurrence_at(&self, at: WorldTime) -> EffectOccurrence {
        EffectOccurrence {
            at: at.to_string(),
            name: self.name.clone(),
            description: self.description.clone(),
            entity_type: self.entity_type,
            entity_id: self.entity_id.clone(),
        }
    }
}

/// An entity that effects of one jump change, and its variables as they become.
struct EffectTarget {
    stored: Entity,
    variables: FieldMap,
    last: WorldTime,
    count: usize,
}

impl EffectTarget {
    fn new(stored: Entity) -> Self {
        Self { variables: variables(&stored), stored, last: WorldTime::MIN, count: 0 }
    }
}

/// An effect made ready for its target.
struct TargetedEffect {
    effect: PreparedEffect,
    place: usize,
    /// Whether it has been said that it does not fit.
    is_left_out: bool,
}

fn variables(entity: &Entity) -> FieldMap {
    entity.fields.get("variables").and_then(Value::as_object).cloned().unwrap_or_default()
}

fn whens(effects: &[StoredEffect]) -> Vec<When> {
    effects.iter().map(|effect| effect.when.clone()).collect()
}

fn calendar(campaign: &Entity) -> Calendar {
    Calendar::from_json(&campaign.json("calendar")).unwrap_or_else(|_| Calendar::gregorian())
}

fn too_many(field: &str) -> DomainError {
    DomainError::out_of_bounds(
        LimitKind::Effects,
        field,
        format!("would bring more than {MAX_OCCURRENCES} effects at once; move the clock in smaller steps"),
    )
}

async fn load(db: &mut AnyConnection, campaign: &Id) -> Result<Vec<StoredEffect>, DbError> {
    let rows =
        sqlx::query("SELECT body FROM definitions WHERE campaign_id = $1 AND kind = 'effect' ORDER BY rank, slug")
            .bind(campaign.as_str())
            .fetch_all(db)
            .await?;
    let mut effects = Vec::with_capacity(rows.len());
    for row in &rows {
        match serde_json::from_str(&row.try_get::<String, _>(0)?) {
            Ok(effect) => effects.push(effect),
            Err(error) => tracing::warn!(%campaign, %error, "a stored effect cannot be read and is left out"),
        }
    }
    Ok(effects)
}

/// Returns until when effects have happened: never before the clock's own time.
async fn done_until(db: &mut AnyConnection, campaign: &Id, now: WorldTime) -> Result<WorldTime, DomainError> {
    let row = sqlx::query("SELECT effects_until_ms FROM campaigns WHERE id = $1")
        .bind(campaign.as_str())
        .fetch_optional(db)
        .await?;
    let kept: Option<i64> = row.map(|row| row.try_get(0)).transpose()?.flatten();
    let kept = kept.and_then(WorldTime::from_millisecond);
    Ok(kept.map_or(now, |kept| kept.max(now)))
}

async fn store_done_until(db: &mut AnyConnection, campaign: &Id, until: WorldTime) -> Result<(), DomainError> {
    sqlx::query("UPDATE campaigns SET effects_until_ms = $2 WHERE id = $1")
        .bind(campaign.as_str())
        .bind(until.as_millisecond())
        .execute(db)
        .await?;
    Ok(())
}

fn moment(text: &str) -> Result<WorldTime, DomainError> {
    Ok(WorldTime::from_stored(text).map_err(|error| DbError::corrupt("world time", error))?)
}
