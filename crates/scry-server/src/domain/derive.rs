//! The rules engine: after each change, in its transaction, everything that follows from it.

use std::collections::HashMap;
use std::sync::Arc;

use scry_calendar::{Calendar, WorldTime};
use scry_protocol::event::StateInvalidated;
use scry_protocol::{FieldDiff, Id, InvalidationScope, Payload, Source};
use scry_query::formula::{self, Derived, Facts, RuleOutcome, RuleSet, SettlementFacts, WorldClock};
use serde_json::{Map, Value};
use sqlx::{AnyConnection, Row};

use super::dirty::DirtySubject;
use super::rule_cache::RuleCache;
use super::unit_of_work::{ChangeOrigin, EventDetails, UnitOfWork};
use super::{DomainError, Entity, EntityKind, store};
use crate::rules::fields::same;

/// A settlement as it is stored, its structures, and what led here.
struct SettlementScope {
    settlement: Entity,
    structures: Vec<Entity>,
    touched: DirtySubject,
}

impl UnitOfWork {
    /// Works out anew what this change may have touched, stores what has become different and announces
    /// exactly that.
    pub(super) async fn derive(&mut self) -> Result<(), DomainError> {
        let clocks = self.dirty.clocks.take();
        let settlements = self.dirty.settlements.take();
        let mut campaigns: Vec<Id> = Vec::new();
        for touched in clocks.iter().chain(&settlements) {
            if !campaigns.contains(&touched.campaign) {
                campaigns.push(touched.campaign.clone());
            }
        }
        for campaign in campaigns {
            let rules = self.rules_of(&campaign).await?;
            if rules.is_empty() {
                continue;
            }
            let clock = clocks.iter().find(|touched| touched.campaign == campaign).filter(|_| rules.uses_clock());
            let mine: Vec<&DirtySubject> = settlements.iter().filter(|touched| touched.campaign == campaign).collect();
            let forecast = self.clock_forecast.take();
            let forecast = forecast.filter(|it| it.campaign == campaign && Arc::ptr_eq(&it.rules, &rules));
            if let (Some(clock), Some(forecast), true) = (clock, forecast, mine.is_empty()) {
                let derived = forecast.derived.into_iter().map(|it| (it, clock.clone())).collect();
                self.store_derived(&campaign, derived).await?;
                continue;
            }
            let scopes = match clock {
                Some(clock) => load_all(self, clock, &mine).await?,
                None => load_touched(self, &mine).await?,
            };
            self.evaluate_rules(&campaign, &rules, scopes).await?;
        }
        Ok(())
    }

    /// Works out what follows, and returns an entity as it is then.
    pub(super) async fn derive_and_reload(&mut self, entity: Entity) -> Result<Entity, DomainError> {
        self.derive().await?;
        Ok(self.latest(entity))
    }

    async fn evaluate_rules(
        &mut self,
        campaign: &Id,
        rules: &RuleSet,
        scopes: Vec<SettlementScope>,
    ) -> Result<(), DomainError> {
        let Some(campaign) = store::load(self.db(), EntityKind::Campaign, campaign).await? else { return Ok(()) };
        let calendar = calendar(&campaign);
        let now = WorldTime::from_stored(&campaign.text("worldTime")).unwrap_or(WorldTime::UNIX_EPOCH);
        let mut derived = Vec::new();
        for SettlementScope { settlement, structures, touched } in scopes {
            let clock = WorldClock { calendar: &calendar, now };
            let changed = derive_settlement(rules, clock, settlement, structures);
            derived.extend(changed.into_iter().map(|it| (it, touched.clone())));
        }
        self.store_derived(&campaign.id, derived).await
    }

    /// Stores entities with what the rules give for them, and announces what a reader sees differently.
    async fn store_derived(
        &mut self,
        campaign: &Id,
        derived: Vec<(DerivedEntity, DirtySubject)>,
    ) -> Result<(), DomainError> {
        let (mut stored, mut events) = (Vec::with_capacity(derived.len()), Vec::new());
        for (DerivedEntity { entity, changes }, touched) in derived {
            events.extend(self.derived_event(&entity, changes, &touched));
            stored.push(entity);
        }
        self.store_all(stored).await?;
        self.record_all(campaign, events).await
    }

    /// Takes over what was worked out for a move of a campaign's clock to a time, if nothing has changed since.
    pub(super) async fn use_forecast(
        &mut self,
        forecast: Option<ClockForecast>,
        campaign: &Id,
        time: WorldTime,
    ) -> Result<(), DomainError> {
        let Some(forecast) = forecast.filter(|it| it.campaign == *campaign && it.time == time) else { return Ok(()) };
        if last_seq(self.db(), campaign).await? == forecast.seq {
            self.clock_forecast = Some(forecast);
        }
        Ok(())
    }

    /// Returns the event that tells what a reader of an entity sees differently, if it is anything.
    fn derived_event(
        &self,
        entity: &Entity,
        changes: Vec<FieldDiff>,
        touched: &DirtySubject,
    ) -> Option<(ChangeOrigin, Payload, EventDetails)> {
        if changes.is_empty() || self.dirty.has_created(&entity.id) {
            return None;
        }
        let payload = Payload::StateInvalidated(StateInvalidated {
            scope: InvalidationScope::Entity,
            campaign_id: entity.campaign_id.clone(),
            entity_type: Some(entity.kind.into()),
            entity_id: Some(entity.id.clone()),
            affected_fields: changes.iter().map(|change| change.field.clone()).collect(),
        });
        let origin = ChangeOrigin { source: Source::RulesEngine, caused_by: touched.cause(&entity.id) };
        Some((origin, payload, EventDetails { changes, ..EventDetails::default() }))
    }
}

/// An entity with what the rules give for it, and what a reader sees differently.
#[derive(Debug)]
struct DerivedEntity {
    entity: Entity,
    changes: Vec<FieldDiff>,
}

impl DerivedEntity {
    /// Puts what the rules give into an entity; `None` if it stays as it is.
    fn new(mut entity: Entity, derived: &[Derived]) -> Option<Self> {
        let (computed, conditions) = to_wire(derived);
        let changes = changes(&entity, &computed, &conditions);
        if changes.is_empty() && entity.json("computed") == computed && entity.json("conditions") == conditions {
            return None;
        }
        entity.fields.insert("computed".to_owned(), computed);
        entity.fields.insert("conditions".to_owned(), conditions);
        Some(Self { entity, changes })
    }
}

/// Works out what the rules give for a settlement and its structures; returns those that do not stay as they are.
fn derive_settlement(
    rules: &RuleSet,
    clock: WorldClock<'_>,
    settlement: Entity,
    structures: Vec<Entity>,
) -> Vec<DerivedEntity> {
    let family = SettlementFacts { settlement: facts(&settlement), structures: structures.iter().map(facts).collect() };
    let results = rules.derive(family, clock);
    let structures = structures.into_iter().zip(&results.structures);
    let all = std::iter::once((settlement, &results.settlement)).chain(structures);
    all.filter_map(|(entity, derived)| DerivedEntity::new(entity, derived)).collect()
}

/// What a move of a campaign's clock may change, read before the move has its turn.
#[derive(Debug)]
pub(super) struct ClockScope {
    rules: Arc<RuleSet>,
    /// The number of the campaign's last event: nothing changes without one.
    seq: i64,
    settlements: Vec<(Entity, Vec<Entity>)>,
}

/// What the rules give at a time to which a clock is about to be moved.
#[derive(Debug)]
pub(super) struct ClockForecast {
    campaign: Id,
    time: WorldTime,
    rules: Arc<RuleSet>,
    seq: i64,
    derived: Vec<DerivedEntity>,
}

impl ClockScope {
    /// Reads a campaign; `None` where no rule looks at the clock.
    pub(super) async fn load(
        db: &mut AnyConnection,
        rules: &RuleCache,
        campaign: &Id,
    ) -> Result<Option<Self>, DomainError> {
        let rules = rules.load(db, campaign).await?;
        if !rules.uses_clock() {
            return Ok(None);
        }
        let seq = last_seq(db, campaign).await?;
        Ok(Some(Self { rules, seq, settlements: load_settlements(db, campaign).await? }))
    }

    /// Works out what the rules give once the clock is at `time`.
    pub(super) fn derive(self, campaign: &Entity, time: WorldTime) -> ClockForecast {
        let Self { rules, seq, settlements } = self;
        let calendar = calendar(campaign);
        let clock = || WorldClock { calendar: &calendar, now: time };
        let derived = settlements.into_iter();
        let derived = derived.flat_map(|(town, structures)| derive_settlement(&rules, clock(), town, structures));
        let derived = derived.collect();
        ClockForecast { campaign: campaign.id.clone(), time, rules, seq, derived }
    }
}

/// Returns the number of a campaign's last event.
async fn last_seq(db: &mut AnyConnection, campaign: &Id) -> Result<i64, DomainError> {
    let row = sqlx::query("SELECT seq FROM campaigns WHERE id = $1").bind(campaign.as_str()).fetch_optional(db).await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?.unwrap_or_default())
}

fn calendar(campaign: &Entity) -> Calendar {
    Calendar::from_json(&campaign.json("calendar")).unwrap_or_else(|error| {
        tracing::warn!(campaign = %campaign.id, %error, "a campaign's calendar cannot be read; rules count in the Gregorian one");
        Calendar::gregorian()
    })
}

/// Loads every settlement of a campaign: the clock touches all of them.
async fn load_all(
    unit: &mut UnitOfWork,
    clock: &DirtySubject,
    settlements: &[&DirtySubject],
) -> Result<Vec<SettlementScope>, DomainError> {
    let causes: HashMap<&Id, &DirtySubject> = settlements.iter().map(|touched| (&touched.id, *touched)).collect();
    let scope = |(settlement, structures): (Entity, Vec<Entity>)| SettlementScope {
        touched: (*causes.get(&settlement.id).unwrap_or(&clock)).clone(),
        settlement,
        structures,
    };
    Ok(load_settlements(unit.db(), &clock.campaign).await?.into_iter().map(scope).collect())
}

/// Loads the settlements of a campaign, each with its structures.
async fn load_settlements(db: &mut AnyConnection, campaign: &Id) -> Result<Vec<(Entity, Vec<Entity>)>, DomainError> {
    let mut structures: HashMap<Id, Vec<Entity>> = HashMap::new();
    for structure in store::in_campaign(db, campaign, EntityKind::Structure).await? {
        if let Some(settlement) = structure.parent() {
            structures.entry(settlement).or_default().push(structure);
        }
    }
    let settlements = store::in_campaign(db, campaign, EntityKind::Settlement).await?;
    let with_structures = |settlement: Entity| {
        let structures = structures.remove(&settlement.id).unwrap_or_default();
        (settlement, structures)
    };
    Ok(settlements.into_iter().map(with_structures).collect())
}

/// Loads the settlements that were touched and still are.
async fn load_touched(
    unit: &mut UnitOfWork,
    settlements: &[&DirtySubject],
) -> Result<Vec<SettlementScope>, DomainError> {
    let mut scopes = Vec::new();
    for touched in settlements {
        let Some(settlement) = store::load(unit.db(), EntityKind::Settlement, &touched.id).await? else { continue };
        let structures = store::children(unit.db(), &settlement.id).await?;
        scopes.push(SettlementScope { settlement, structures, touched: (*touched).clone() });
    }
    Ok(scopes)
}

fn facts(entity: &Entity) -> Facts {
    let variables = entity.fields.get("variables").and_then(Value::as_object).cloned().unwrap_or_default();
    let level = entity.fields.get("level").and_then(Value::as_i64).unwrap_or_default();
    let kind = (entity.kind == EntityKind::Structure).then(|| entity.text("type"));
    formula::facts(&entity.name, level, kind.as_deref(), &variables)
}

/// Writes results as `computed` and `conditions` are on the wire.
fn to_wire(derived: &[Derived]) -> (Value, Value) {
    let mut computed = Map::new();
    let mut conditions = Vec::new();
    for it in derived {
        match &it.outcome {
            RuleOutcome::Computed(value) => {
                computed.insert(it.name.clone(), serde_json::to_value(value).unwrap_or_default());
            }
            RuleOutcome::Condition(condition) => conditions.push(serde_json::to_value(condition).unwrap_or_default()),
        }
    }
    (computed.into(), conditions.into())
}

/// Returns what a reader sees differently: values, whether conditions hold, and the reasons given.
fn changes(entity: &Entity, computed: &Value, conditions: &Value) -> Vec<FieldDiff> {
    let (before, after) =
        (visible(&entity.json("computed"), &entity.json("conditions")), visible(computed, conditions));
    let names = after.keys().chain(before.keys().filter(|name| !after.contains_key(*name)));
    let change = |name: &String| {
        let side = |seen: &Map<String, Value>| seen.get(name).cloned().unwrap_or_default();
        let (from, to) = (side(&before), side(&after));
        let differs = !same(&from["value"], &to["value"]) || from["reason"] != to["reason"];
        let value = |side: &Value| side["value"].clone();
        differs.then(|| FieldDiff { field: name.clone(), from: value(&from), to: value(&to) })
    };
    names.filter_map(change).collect()
}

fn visible(computed: &Value, conditions: &Value) -> Map<String, Value> {
    let values = computed
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, it)| (name.clone(), serde_json::json!({"value": it["value"], "reason": it["reason"]})));
    let held = conditions.as_array().into_iter().flatten().map(|it| {
        let name = it["name"].as_str().unwrap_or_default().to_owned();
        (name, serde_json::json!({"value": it["holds"], "reason": it["because"]}))
    });
    values.chain(held).collect()
}
