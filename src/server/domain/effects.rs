//! The scheduler: what a campaign's clock brings with it when it moves forward.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use sqlx::{AnyConnection, Row};

use super::unit::{Details, Origin, Unit};
use super::update::write_as;
use super::{Caller, Domain, DomainError, Entity, Fields, Kind, store};
use crate::calendar::Calendar;
use crate::protocol::{Id, Source, event};
use crate::server::clock::stamp;
use crate::server::db::DbError;
use crate::server::rules::effect::patch;
use crate::server::rules::fields::{self, Flat};
use crate::server::rules::schedule::{Due, TooMany, due};
use crate::world::When;

/// Up to this many occurrences of one jump are events of their own.
const SINGLE: usize = 200;
/// More occurrences than this are not worked out in one jump.
const MOST: usize = 100_000;
/// Bounds a preview.
pub const MAX_DUE: u32 = 1_000;

/// Announces an occurrence of an effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueEffect {
    /// World time, RFC 3339 UTC with milliseconds.
    pub at: String,
    pub name: String,
    pub description: String,
    pub entity_type: Kind,
    pub entity_id: Id,
}

/// Holds an effect as it is stored.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Effect {
    name: String,
    #[serde(default)]
    description: String,
    when: When,
    entity_type: Kind,
    entity_id: Id,
    #[serde(default)]
    set: Fields,
    #[serde(default)]
    add: Fields,
}

impl Domain {
    /// Lists what will happen until a world time, in order; nothing if that is in the past.
    ///
    /// # Errors
    /// [`DomainError`], also for a limit that is not 1 to [`MAX_DUE`].
    pub async fn due_effects(
        &self,
        caller: &Caller,
        campaign: &Id,
        until: &str,
        limit: u32,
    ) -> Result<Vec<DueEffect>, DomainError> {
        if !(1..=MAX_DUE).contains(&limit) {
            return Err(DomainError::invalid("limit", format!("must be from 1 to {MAX_DUE}")));
        }
        let until = moment(&super::input::time("until", until)?)?;
        let mut tx = self.core.db.read().await?;
        let Some(stored) = store::load(&mut tx, Kind::Campaign, campaign).await? else { return Ok(Vec::new()) };
        if !super::query::views(&mut tx, caller, campaign).await? {
            return Ok(Vec::new());
        }
        let after = done_until(&mut tx, campaign, moment(&stored.text("worldTime"))?).await?;
        let effects = load(&mut tx, campaign).await?;
        drop(tx);
        let occurrences = fall_due(&stored, &effects, after, until).map_err(|TooMany| too_many("until"))?;
        let announced = |due: &Due| effects.get(due.effect).map(|effect| effect.announced(due.at));
        Ok(occurrences.iter().take(usize::try_from(limit).unwrap_or(usize::MAX)).filter_map(announced).collect())
    }
}

impl Unit {
    /// Carries out what falls due as a campaign's clock moves from one time to another.
    ///
    /// Each occurrence happens once: how far the clock has ever come is kept with the campaign, and a
    /// clock that was set back comes through that stretch again without effects.
    pub async fn carry_out(
        &mut self,
        campaign: &Entity,
        (from, to): (Timestamp, Timestamp),
        cause: Option<Id>,
    ) -> Result<(), DomainError> {
        let after = done_until(self.db(), &campaign.id, from).await?;
        remember(self.db(), &campaign.id, after.max(to)).await?;
        let effects = load(self.db(), &campaign.id).await?;
        let occurrences = fall_due(campaign, &effects, after, to).map_err(|TooMany| too_many("worldTime"))?;
        let origin = Origin { source: Source::Scheduler, caused_by: cause };
        if occurrences.len() > SINGLE {
            return self.carry_out_together(&effects, &occurrences, &origin).await;
        }
        for due in occurrences {
            let Some(effect) = effects.get(due.effect) else { continue };
            let Some(entity) = store::load(self.db(), effect.entity_type, &effect.entity_id).await? else { continue };
            if let Some(patch) = effect.patch(&entity) {
                self.change(&entity, &patch, &origin, effect.named(due.at)).await?;
            }
        }
        Ok(())
    }

    /// Works many occurrences out one after the other, and makes one change of each entity.
    async fn carry_out_together(
        &mut self,
        effects: &[Effect],
        occurrences: &[Due],
        origin: &Origin,
    ) -> Result<(), DomainError> {
        let mut touched: Vec<(Entity, Entity, Timestamp, usize)> = Vec::new();
        for due in occurrences {
            let Some(effect) = effects.get(due.effect) else { continue };
            let place = match touched.iter().position(|(stored, ..)| stored.id == effect.entity_id) {
                Some(place) => place,
                None => {
                    let found = store::load(self.db(), effect.entity_type, &effect.entity_id).await?;
                    let Some(stored) = found else { continue };
                    touched.push((stored.clone(), stored, due.at, 0));
                    touched.len() - 1
                }
            };
            let (_, entity, last, count) = &mut touched[place];
            if let Some(patch) = effect.patch(entity) {
                fields::apply(&mut entity.name, &mut entity.fields, &patch);
                (*last, *count) = (due.at, *count + 1);
            }
        }
        for (stored, entity, last, count) in touched {
            let differing = fields::changes(&stored.flat(), &entity.flat());
            let patch: Flat = differing.into_iter().map(|change| (change.field, change.to)).collect();
            let named = event::Effect { name: format!("{count} effects"), at: stamp(last) };
            self.change(&stored, &patch, origin, named).await?;
        }
        Ok(())
    }

    async fn change(
        &mut self,
        entity: &Entity,
        patch: &Flat,
        origin: &Origin,
        effect: event::Effect,
    ) -> Result<(), DomainError> {
        let details = Details { effect: Some(effect), ..Details::default() };
        match write_as(self, entity, patch, origin.clone(), details).await {
            // An entity that has come to be otherwise must not hold up the clock.
            Err(DomainError::Invalid(fault)) => {
                tracing::warn!(entity = %entity.id, %fault, "an effect does not fit its entity and is left out");
                Ok(())
            }
            other => other.map(|_| ()),
        }
    }
}

impl Effect {
    fn patch(&self, entity: &Entity) -> Option<Flat> {
        let table = |field| entity.fields.get(field).and_then(Value::as_object).cloned().unwrap_or_default();
        patch(&table("variables"), &table("variableSchemas"), &self.set, &self.add)
            .inspect_err(|fault| {
                tracing::warn!(effect = self.name, entity = %entity.id, fault, "an effect does not fit and is left out");
            })
            .ok()
    }

    fn named(&self, at: Timestamp) -> event::Effect {
        event::Effect { name: self.name.clone(), at: stamp(at) }
    }

    fn announced(&self, at: Timestamp) -> DueEffect {
        DueEffect {
            at: stamp(at),
            name: self.name.clone(),
            description: self.description.clone(),
            entity_type: self.entity_type,
            entity_id: self.entity_id.clone(),
        }
    }
}

fn fall_due(campaign: &Entity, effects: &[Effect], after: Timestamp, to: Timestamp) -> Result<Vec<Due>, TooMany> {
    let calendar = Calendar::from_json(&campaign.json("calendar")).unwrap_or_else(|_| Calendar::gregorian());
    let whens: Vec<When> = effects.iter().map(|effect| effect.when.clone()).collect();
    due(&calendar, &whens, after, to, MOST)
}

fn too_many(field: &str) -> DomainError {
    DomainError::invalid(
        field,
        format!("would bring more than {MOST} effects at once; move the clock in smaller steps"),
    )
}

async fn load(db: &mut AnyConnection, campaign: &Id) -> Result<Vec<Effect>, DbError> {
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
async fn done_until(db: &mut AnyConnection, campaign: &Id, now: Timestamp) -> Result<Timestamp, DomainError> {
    let row = sqlx::query("SELECT effects_until_ms FROM campaigns WHERE id = $1")
        .bind(campaign.as_str())
        .fetch_optional(db)
        .await?;
    let kept: Option<i64> = row.map(|row| row.try_get(0)).transpose()?.flatten();
    let kept = kept.and_then(|ms| Timestamp::from_millisecond(ms).ok());
    Ok(kept.map_or(now, |kept| kept.max(now)))
}

async fn remember(db: &mut AnyConnection, campaign: &Id, until: Timestamp) -> Result<(), DomainError> {
    sqlx::query("UPDATE campaigns SET effects_until_ms = $2 WHERE id = $1")
        .bind(campaign.as_str())
        .bind(until.as_millisecond())
        .execute(db)
        .await?;
    Ok(())
}

fn moment(text: &str) -> Result<Timestamp, DomainError> {
    Ok(text.parse().map_err(|error| DbError::corrupt("world time", error))?)
}
