//! The rules engine: after each change, in its transaction, everything that follows from it.

use std::collections::HashMap;

use scry_calendar::{Calendar, WorldTime};
use scry_protocol::event::StateInvalidated;
use scry_protocol::{FieldDiff, Id, InvalidationScope, Payload, Source};
use scry_query::formula::{self, Derived, Facts, RuleOutcome, RuleSet, SettlementFacts, WorldClock};
use serde_json::{Map, Value};

use super::dirty::DirtySubject;
use super::unit_of_work::{ChangeOrigin, EventDetails, UnitOfWork};
use super::{DomainError, Entity, EntityKind, store};
use crate::rules::fields::same;

/// Holds a settlement as it is stored, its structures, and what led here.
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
            let mine = settlements.iter().filter(|touched| touched.campaign == campaign);
            let scopes = match clock {
                Some(clock) => load_all(self, clock, mine).await?,
                None => load_touched(self, mine).await?,
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
        let calendar = Calendar::from_json(&campaign.json("calendar")).unwrap_or_else(|error| {
            tracing::warn!(campaign = %campaign.id, %error, "a campaign's calendar cannot be read; rules count in the Gregorian one");
            Calendar::gregorian()
        });
        let mut events = Vec::new();
        let now = WorldTime::from_stored(&campaign.text("worldTime")).unwrap_or(WorldTime::UNIX_EPOCH);
        for SettlementScope { settlement, structures, touched } in scopes {
            let family =
                SettlementFacts { settlement: facts(&settlement), structures: structures.iter().map(facts).collect() };
            let results = rules.derive(family, WorldClock { calendar: &calendar, now });
            events.extend(self.store_derived(settlement, &results.settlement, &touched).await?);
            for (structure, derived) in structures.into_iter().zip(&results.structures) {
                events.extend(self.store_derived(structure, derived, &touched).await?);
            }
        }
        self.record_all(&campaign.id, events).await
    }

    /// Stores what the rules give for an entity, if it differs from what is stored; returns the event that tells it.
    async fn store_derived(
        &mut self,
        mut entity: Entity,
        derived: &[Derived],
        touched: &DirtySubject,
    ) -> Result<Option<(ChangeOrigin, Payload, EventDetails)>, DomainError> {
        let (computed, conditions) = to_wire(derived);
        let changes = changes(&entity, &computed, &conditions);
        if changes.is_empty() && entity.json("computed") == computed && entity.json("conditions") == conditions {
            return Ok(None);
        }
        entity.fields.insert("computed".to_owned(), computed);
        entity.fields.insert("conditions".to_owned(), conditions);
        self.store(&entity).await?;
        if changes.is_empty() || self.dirty.has_created(&entity.id) {
            return Ok(None);
        }
        let payload = Payload::StateInvalidated(StateInvalidated {
            scope: InvalidationScope::Entity,
            campaign_id: entity.campaign_id.clone(),
            entity_type: Some(entity.kind.into()),
            entity_id: Some(entity.id.clone()),
            affected_fields: changes.iter().map(|change| change.field.clone()).collect(),
        });
        let origin = ChangeOrigin { source: Source::RulesEngine, caused_by: touched.cause(&entity.id) };
        Ok(Some((origin, payload, EventDetails { changes, ..EventDetails::default() })))
    }
}

/// Loads every settlement of a campaign: the clock touches all of them.
async fn load_all(
    unit: &mut UnitOfWork,
    clock: &DirtySubject,
    settlements: impl Iterator<Item = &DirtySubject>,
) -> Result<Vec<SettlementScope>, DomainError> {
    let causes: HashMap<&Id, &DirtySubject> = settlements.map(|touched| (&touched.id, touched)).collect();
    let mut structures: HashMap<Id, Vec<Entity>> = HashMap::new();
    for structure in store::in_campaign(unit.db(), &clock.campaign, EntityKind::Structure).await? {
        if let Some(settlement) = structure.parent() {
            structures.entry(settlement).or_default().push(structure);
        }
    }
    let settlements = store::in_campaign(unit.db(), &clock.campaign, EntityKind::Settlement).await?;
    let scope = |settlement: Entity| SettlementScope {
        structures: structures.remove(&settlement.id).unwrap_or_default(),
        touched: (*causes.get(&settlement.id).unwrap_or(&clock)).clone(),
        settlement,
    };
    Ok(settlements.into_iter().map(scope).collect())
}

/// Loads the settlements that were touched and still are.
async fn load_touched(
    unit: &mut UnitOfWork,
    settlements: impl Iterator<Item = &DirtySubject>,
) -> Result<Vec<SettlementScope>, DomainError> {
    let mut scopes = Vec::new();
    for touched in settlements {
        let Some(settlement) = store::load(unit.db(), EntityKind::Settlement, &touched.id).await? else { continue };
        let structures = store::children(unit.db(), &settlement.id).await?;
        scopes.push(SettlementScope { settlement, structures, touched: touched.clone() });
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

/// Lists what a reader sees differently: values, whether conditions hold, and the reasons given.
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
