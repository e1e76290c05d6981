//! What the rules give for the entities of a world file; what the file says of it must agree.

use std::collections::BTreeMap;

use scry_calendar::WorldTime;
use scry_query::formula::{self, Derived, EvalError, RuleOutcome, RuleSet, SettlementFacts, WorldClock};
use scry_text::toml_file::{Keyed, SpannedError};
use serde_json::Value;

use super::model::{Campaign, Sheet};
use super::sheet::SheetDraft;

/// What the file says of computed values and conditions, by the entity's slug.
pub(super) type StatedBySlug = BTreeMap<String, StatedValues>;

/// What the file says of one entity's computed values and conditions.
pub(super) struct StatedValues {
    place: String,
    at: usize,
    computed: Keyed<Value>,
    conditions: Keyed<bool>,
}

impl StatedValues {
    /// Keeps what an entity's table says.
    pub(crate) fn new(draft: &SheetDraft<'_>, computed: Keyed<Value>, conditions: Keyed<bool>) -> Self {
        Self { place: draft.place.clone(), at: draft.at, computed, conditions }
    }

    fn agrees(&self, derived: &[Derived]) -> Result<(), SpannedError> {
        for (key, value) in &self.computed.0 {
            let found = derived.iter().find_map(|it| match &it.outcome {
                RuleOutcome::Computed(computed) if it.name == *key.get_ref() => Some(&computed.value),
                RuleOutcome::Computed(_) | RuleOutcome::Condition(_) => None,
            });
            self.compare("computed", key, value, found)?;
        }
        for (key, holds) in &self.conditions.0 {
            let found = derived.iter().find_map(|it| match &it.outcome {
                RuleOutcome::Condition(condition) if it.name == *key.get_ref() => Some(condition.holds.into()),
                RuleOutcome::Computed(_) | RuleOutcome::Condition(_) => None,
            });
            self.compare("conditions", key, &Value::Bool(*holds), found.as_ref())?;
        }
        Ok(())
    }

    fn compare(
        &self,
        table: &str,
        key: &toml::Spanned<String>,
        written: &Value,
        found: Option<&Value>,
    ) -> Result<(), SpannedError> {
        let text = match found {
            None => "has no rule; declare one".to_owned(),
            Some(found) if found == written || (found.is_number() && found.as_f64() == written.as_f64()) => {
                return Ok(());
            }
            Some(found) => format!("is {written}, but its rule gives {found}; correct it or leave it out"),
        };
        Err(SpannedError { at: key.span().start, place: format!("{}, {table}.{}", self.place, key.get_ref()), text })
    }
}

/// Works out every value and condition of a campaign and puts it where it belongs.
pub(super) fn fill(campaign: &mut Campaign, given: &StatedBySlug, rule_set: &RuleSet) -> Result<(), SpannedError> {
    let calendar = campaign.calendar.clone();
    // The file's time has been read once already.
    let clock = WorldClock { calendar: &calendar, now: campaign.world_time.parse().unwrap_or(WorldTime::UNIX_EPOCH) };
    for settlement in &mut campaign.settlements {
        let slug = settlement.slug.clone();
        let mut structures: Vec<_> = campaign.structures.iter_mut().filter(|it| it.settlement == slug).collect();
        let family = SettlementFacts {
            settlement: formula::facts(&settlement.name, settlement.level, None, &settlement.sheet.variables),
            structures: structures
                .iter()
                .map(|it| formula::facts(&it.name, it.level, Some(&it.kind), &it.sheet.variables))
                .collect(),
        };
        let results = rule_set.derive(family, clock);
        apply_results(&mut settlement.sheet, &settlement.slug, results.settlement, given)?;
        for (structure, derived) in structures.iter_mut().zip(results.structures) {
            apply_results(&mut structure.sheet, &structure.slug, derived, given)?;
        }
    }
    Ok(())
}

fn apply_results(
    sheet: &mut Sheet,
    slug: &str,
    derived: Vec<Derived>,
    given: &StatedBySlug,
) -> Result<(), SpannedError> {
    if let Some(given) = given.get(slug) {
        if let Some((name, trouble)) = derived.iter().find_map(formula_error) {
            return Err(SpannedError { at: given.at, place: format!("{}, rule {name}", given.place), text: trouble });
        }
        given.agrees(&derived)?;
    }
    for it in derived {
        match it.outcome {
            RuleOutcome::Computed(computed) => sheet.computed.push((it.name, computed)),
            RuleOutcome::Condition(condition) => sheet.conditions.push(condition),
        }
    }
    Ok(())
}

/// Finds a formula that mixes what does not go together; what merely has no value now may have one later.
fn formula_error(derived: &Derived) -> Option<(String, String)> {
    match &derived.trouble {
        Some(EvalError::Mistake(text)) => Some((derived.name.clone(), text.clone())),
        Some(EvalError::Absent(_) | EvalError::Undefined(_)) | None => None,
    }
}
