//! The rules engine: after each change, in its transaction, everything that follows from it.

use std::collections::HashMap;

use scry_calendar::{Calendar, WorldTime};
use scry_protocol::event::StateInvalidated;
use scry_protocol::{FieldDiff, Id, InvalidationScope, Payload, Source};
use scry_query::formula::{self, Derived, Facts, RuleOutcome, RuleSet, SettlementFacts, WorldClock};
use serde_json::{Map, Value};

use super::pending::Touched;
use super::unit::{Details, Origin, Unit};
use super::{DomainError, Entity, Kind, store};
use crate::rules::fields::same;

/// Holds a settlement as it is stored, its structures, and what led here.
struct Household {
    settlement: Entity,
    structures: Vec<Entity>,
    touched: Touched,
}

impl Unit {
    /// Works out anew what this change may have touched, stores what has become different and announces
    /// exactly that.
    pub(super) async fn derive(&mut self) -> Result<(), DomainError> {
        let clocks = self.pending.clocks.take();
        let families = self.pending.families.take();
        let mut campaigns: Vec<Id> = Vec::new();
        for touched in clocks.iter().chain(&families) {
            if !campaigns.contains(&touched.campaign) {
                campaigns.push(touched.campaign.clone());
            }
        }
        for campaign in campaigns {
            let book = self.rules_of(&campaign).await?;
            if book.is_empty() {
                continue;
            }
            let clock = clocks.iter().find(|touched| touched.campaign == campaign).filter(|_| book.uses_clock());
            let mine = families.iter().filter(|touched| touched.campaign == campaign);
            let households = match clock {
                Some(clock) => everybody(self, clock, mine).await?,
                None => some(self, mine).await?,
            };
            self.work_out(&campaign, &book, households).await?;
        }
        Ok(())
    }

    /// Works out what follows, and returns an entity as it is then.
    pub(super) async fn settled(&mut self, entity: Entity) -> Result<Entity, DomainError> {
        self.derive().await?;
        Ok(self.latest(entity))
    }

    async fn work_out(&mut self, campaign: &Id, book: &RuleSet, households: Vec<Household>) -> Result<(), DomainError> {
        let Some(campaign) = store::load(self.db(), Kind::Campaign, campaign).await? else { return Ok(()) };
        let calendar = Calendar::from_json(&campaign.json("calendar")).unwrap_or_else(|error| {
            tracing::warn!(campaign = %campaign.id, %error, "a campaign's calendar cannot be read; rules count in the Gregorian one");
            Calendar::gregorian()
        });
        let mut events = Vec::new();
        let now = WorldTime::from_stored(&campaign.text("worldTime")).unwrap_or(WorldTime::UNIX_EPOCH);
        for Household { settlement, structures, touched } in households {
            let family =
                SettlementFacts { settlement: facts(&settlement), structures: structures.iter().map(facts).collect() };
            let results = book.derive(family, WorldClock { calendar: &calendar, now });
            events.extend(self.put(settlement, &results.settlement, &touched).await?);
            for (structure, derived) in structures.into_iter().zip(&results.structures) {
                events.extend(self.put(structure, derived, &touched).await?);
            }
        }
        self.record_all(&campaign.id, events).await
    }

    /// Stores what the rules give for an entity, if it differs from what is stored; returns the event that tells it.
    async fn put(
        &mut self,
        mut entity: Entity,
        derived: &[Derived],
        touched: &Touched,
    ) -> Result<Option<(Origin, Payload, Details)>, DomainError> {
        let (computed, conditions) = as_stored(derived);
        let changes = changes(&entity, &computed, &conditions);
        if changes.is_empty() && entity.json("computed") == computed && entity.json("conditions") == conditions {
            return Ok(None);
        }
        entity.fields.insert("computed".to_owned(), computed);
        entity.fields.insert("conditions".to_owned(), conditions);
        self.store(&entity).await?;
        if changes.is_empty() || self.pending.has_created(&entity.id) {
            return Ok(None);
        }
        let payload = Payload::StateInvalidated(StateInvalidated {
            scope: InvalidationScope::Entity,
            campaign_id: entity.campaign_id.clone(),
            entity_type: Some(entity.kind.into()),
            entity_id: Some(entity.id.clone()),
            affected_fields: changes.iter().map(|change| change.field.clone()).collect(),
        });
        let origin = Origin { source: Source::RulesEngine, caused_by: touched.cause(&entity.id) };
        Ok(Some((origin, payload, Details { changes, ..Details::default() })))
    }
}

/// Loads every settlement of a campaign: the clock touches all of them.
async fn everybody(
    unit: &mut Unit,
    clock: &Touched,
    families: impl Iterator<Item = &Touched>,
) -> Result<Vec<Household>, DomainError> {
    let causes: HashMap<&Id, &Touched> = families.map(|touched| (&touched.id, touched)).collect();
    let mut structures: HashMap<Id, Vec<Entity>> = HashMap::new();
    for structure in store::in_campaign(unit.db(), &clock.campaign, Kind::Structure).await? {
        if let Some(settlement) = structure.parent() {
            structures.entry(settlement).or_default().push(structure);
        }
    }
    let settlements = store::in_campaign(unit.db(), &clock.campaign, Kind::Settlement).await?;
    let household = |settlement: Entity| Household {
        structures: structures.remove(&settlement.id).unwrap_or_default(),
        touched: (*causes.get(&settlement.id).unwrap_or(&clock)).clone(),
        settlement,
    };
    Ok(settlements.into_iter().map(household).collect())
}

/// Loads the settlements that were touched and still are.
async fn some(unit: &mut Unit, families: impl Iterator<Item = &Touched>) -> Result<Vec<Household>, DomainError> {
    let mut households = Vec::new();
    for touched in families {
        let Some(settlement) = store::load(unit.db(), Kind::Settlement, &touched.id).await? else { continue };
        let structures = store::children(unit.db(), &settlement.id).await?;
        households.push(Household { settlement, structures, touched: touched.clone() });
    }
    Ok(households)
}

fn facts(entity: &Entity) -> Facts {
    let variables = entity.fields.get("variables").and_then(Value::as_object).cloned().unwrap_or_default();
    let level = entity.fields.get("level").and_then(Value::as_i64).unwrap_or_default();
    let kind = (entity.kind == Kind::Structure).then(|| entity.text("type"));
    formula::facts(&entity.name, level, kind.as_deref(), &variables)
}

/// Writes results as `computed` and `conditions` are on the wire.
fn as_stored(derived: &[Derived]) -> (Value, Value) {
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

/// Lists what a reader sees differently: values, whether conditions hold, and the reasons given.
fn changes(entity: &Entity, computed: &Value, conditions: &Value) -> Vec<FieldDiff> {
    let (before, after) = (seen(&entity.json("computed"), &entity.json("conditions")), seen(computed, conditions));
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

fn seen(computed: &Value, conditions: &Value) -> Map<String, Value> {
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
