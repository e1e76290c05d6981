//! A campaign's rules, ready to be worked out for a settlement and its structures.

use serde_json::Value;

use super::order::{RuleOrder, order};
use super::rule::{Computed, Condition, Derived, Rule, RuleKind, RuleOutcome};
use super::{Dependencies, EvalError, EvalScope, Facts, Formula, FormulaTemplate, WorldClock};

/// Names that no rule may have: an entity's own fields, and the ways to its relatives.
const RESERVED_NAMES: [&str; 5] = ["name", "level", "type", "structures", "settlement"];

/// Rules in the order in which they are worked out.
#[derive(Debug, Default)]
pub struct RuleSet {
    /// As they were written.
    entries: Vec<RuleEntry>,
    order: Vec<usize>,
}

#[derive(Debug)]
struct RuleEntry {
    rule: Rule,
    read: Result<ParsedRule, String>,
    timed: bool,
}

#[derive(Debug)]
struct ParsedRule {
    formula: Formula,
    /// Of a condition.
    because: Option<FormulaTemplate>,
}

/// A rule that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleError {
    /// Which of the rules as they were written.
    pub index: usize,
    /// What is wrong, and what to write instead.
    pub text: String,
}

/// What is known of a settlement and its structures, before the rules.
#[derive(Debug, Clone, Default)]
pub struct SettlementFacts {
    /// The settlement's values.
    pub settlement: Facts,
    /// The values of each structure.
    pub structures: Vec<Facts>,
}

/// What the rules give, in the order in which the rules are written.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RuleResults {
    /// What the rules give for the settlement.
    pub settlement: Vec<Derived>,
    /// In the order of the settlement's structures.
    pub structures: Vec<Vec<Derived>>,
}

impl RuleSet {
    /// Reads rules; one that cannot be used has no values, and is told by [`RuleSet::errors`].
    #[must_use]
    pub fn new(rules: Vec<Rule>) -> Self {
        let mut entries: Vec<RuleEntry> =
            rules.into_iter().map(|rule| RuleEntry { read: read(&rule), rule, timed: false }).collect();
        let dependencies: Vec<(&Rule, Dependencies)> =
            entries.iter().map(|entry| (&entry.rule, entry.dependencies())).collect();
        let RuleOrder { mut sound, circular, looks_at } = order(&dependencies);
        for index in &sound {
            let by_others = looks_at[*index].iter().any(|needed| entries[*needed].timed);
            entries[*index].timed = by_others || entries[*index].dependencies().clock;
        }
        for (index, way) in circular {
            entries[index].read = Err(format!("it depends on itself: {way}"));
            sound.push(index);
        }
        Self { entries, order: sound }
    }

    /// Returns the rules that cannot be used.
    pub fn errors(&self) -> impl Iterator<Item = RuleError> {
        let fault = |(index, entry): (usize, &RuleEntry)| {
            entry.read.as_ref().err().map(|text| RuleError { index, text: text.clone() })
        };
        self.entries.iter().enumerate().filter_map(fault)
    }

    /// Returns the rules, with what each looks at and whether the clock alone may change its value.
    pub fn rules(&self) -> impl Iterator<Item = (&Rule, Dependencies, bool)> {
        self.entries.iter().map(|entry| (&entry.rule, entry.dependencies(), entry.timed))
    }

    /// Returns whether the clock alone may change a value.
    #[must_use]
    pub fn uses_clock(&self) -> bool {
        self.entries.iter().any(|entry| entry.timed)
    }

    /// Returns whether there is nothing to work out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Works everything out for a settlement and its structures.
    #[must_use]
    pub fn derive(&self, mut family: SettlementFacts, clock: WorldClock<'_>) -> RuleResults {
        let mut settlement = Vec::new();
        let mut structures: Vec<Vec<(usize, Derived)>> = vec![Vec::new(); family.structures.len()];
        for index in self.order.iter().copied() {
            let entry = &self.entries[index];
            if entry.rule.on == "settlement" {
                let derived = entry.derive(&family.scope(None, clock));
                family.settlement.insert(derived.name.clone(), derived.fact());
                settlement.push((index, derived));
                continue;
            }
            for (place, results) in structures.iter_mut().enumerate() {
                if entry.applies_to(&family.structures[place]) {
                    let derived = entry.derive(&family.scope(Some(place), clock));
                    family.structures[place].insert(derived.name.clone(), derived.fact());
                    results.push((index, derived));
                }
            }
        }
        RuleResults {
            settlement: in_written_order(settlement),
            structures: structures.into_iter().map(in_written_order).collect(),
        }
    }
}

impl SettlementFacts {
    fn scope<'a>(&'a self, structure: Option<usize>, clock: WorldClock<'a>) -> EvalScope<'a> {
        match structure {
            None => EvalScope { own: &self.settlement, structures: &self.structures, settlement: None, clock },
            Some(place) => {
                EvalScope { own: &self.structures[place], structures: &[], settlement: Some(&self.settlement), clock }
            }
        }
    }
}

impl RuleEntry {
    fn dependencies(&self) -> Dependencies {
        let Ok(read) = &self.read else { return Dependencies::default() };
        let mut dependencies = read.formula.dependencies().clone();
        read.because.iter().for_each(|because| dependencies.extend(because.dependencies()));
        dependencies
    }

    fn applies_to(&self, structure: &Facts) -> bool {
        self.rule.on == "structure" || structure.get("type").and_then(Value::as_str) == Some(&self.rule.on)
    }

    fn derive(&self, scope: &EvalScope<'_>) -> Derived {
        let (outcome, trouble) = match &self.rule.kind {
            RuleKind::Computed { formula, unit, .. } => {
                let (value, trouble) = split_result(self.read().and_then(|read| read.formula.evaluate(scope)));
                let computed = Computed {
                    value: value.unwrap_or_default(),
                    formula: formula.clone(),
                    unit: unit.clone(),
                    depends_on_time: self.timed,
                    reason: trouble.as_ref().map(ToString::to_string),
                };
                (RuleOutcome::Computed(computed), trouble)
            }
            RuleKind::Condition { expression, .. } => {
                let (holds, trouble) = split_result(self.read().and_then(|read| read.formula.holds(scope)));
                let because = match (&trouble, &self.read) {
                    (Some(trouble), _) => format!("It cannot be computed: {trouble}."),
                    (None, Ok(ParsedRule { because: Some(because), .. })) => because.fill(scope),
                    (None, _) => String::new(),
                };
                let name = self.rule.name.clone();
                (RuleOutcome::Condition(Condition { name, holds, expression: expression.clone(), because }), trouble)
            }
        };
        Derived { name: self.rule.name.clone(), outcome, trouble }
    }

    fn read(&self) -> Result<&ParsedRule, EvalError> {
        self.read.as_ref().map_err(|text| EvalError::Mistake(text.clone()))
    }
}

impl Derived {
    /// Returns what other rules see.
    fn fact(&self) -> Value {
        match &self.outcome {
            RuleOutcome::Computed(computed) => computed.value.clone(),
            RuleOutcome::Condition(condition) => condition.holds.map_or(Value::Null, Value::Bool),
        }
    }
}

fn read(rule: &Rule) -> Result<ParsedRule, String> {
    if RESERVED_NAMES.contains(&rule.name.as_str()) {
        return Err(format!("{} is a reserved name; choose another", rule.name));
    }
    match &rule.kind {
        RuleKind::Computed { formula, .. } => Ok(ParsedRule { formula: Formula::parse(formula)?, because: None }),
        RuleKind::Condition { expression, because } => {
            Ok(ParsedRule { formula: Formula::parse(expression)?, because: Some(FormulaTemplate::parse(because)?) })
        }
    }
}

fn split_result<T>(result: Result<T, EvalError>) -> (Option<T>, Option<EvalError>) {
    match result {
        Ok(value) => (Some(value), None),
        Err(trouble) => (None, Some(trouble)),
    }
}

fn in_written_order(mut derived: Vec<(usize, Derived)>) -> Vec<Derived> {
    derived.sort_by_key(|(index, _)| *index);
    derived.into_iter().map(|(_, derived)| derived).collect()
}
