//! A campaign's rules, ready to be worked out for a settlement and its structures.

use serde_json::Value;

use super::order::{Order, order};
use super::rule::{Computed, Condition, Derived, Outcome, Rule, RuleKind};
use super::{Clock, Facts, Formula, Needs, Scope, Template, Trouble};

/// Names that no rule may have: an entity's own fields, and the ways to its relatives.
const RESERVED: [&str; 5] = ["name", "level", "type", "structures", "settlement"];

/// Holds rules in the order in which they are worked out.
#[derive(Debug, Default)]
pub struct RuleBook {
    /// As they were written.
    entries: Vec<Entry>,
    order: Vec<usize>,
}

#[derive(Debug)]
struct Entry {
    rule: Rule,
    read: Result<Read, String>,
    timed: bool,
}

#[derive(Debug)]
struct Read {
    formula: Formula,
    /// Of a condition.
    because: Option<Template>,
}

/// Names a rule that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleFault {
    /// Which of the rules as they were written.
    pub index: usize,
    pub text: String,
}

/// Holds what is known of a settlement and its structures, before the rules.
#[derive(Debug, Clone, Default)]
pub struct Family {
    pub settlement: Facts,
    pub structures: Vec<Facts>,
}

/// Holds what the rules give, in the order in which the rules are written.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Results {
    pub settlement: Vec<Derived>,
    /// In the order of the family's structures.
    pub structures: Vec<Vec<Derived>>,
}

impl RuleBook {
    /// Reads rules; one that cannot be used has no values, and is told by [`RuleBook::faults`].
    #[must_use]
    pub fn new(rules: Vec<Rule>) -> Self {
        let mut entries: Vec<Entry> =
            rules.into_iter().map(|rule| Entry { read: read(&rule), rule, timed: false }).collect();
        let needs: Vec<(&Rule, Needs)> = entries.iter().map(|entry| (&entry.rule, entry.needs())).collect();
        let Order { mut sound, circular, looks_at } = order(&needs);
        for index in &sound {
            let by_others = looks_at[*index].iter().any(|needed| entries[*needed].timed);
            entries[*index].timed = by_others || entries[*index].needs().clock;
        }
        for (index, way) in circular {
            entries[index].read = Err(format!("it depends on itself: {way}"));
            sound.push(index);
        }
        Self { entries, order: sound }
    }

    /// Lists the rules that cannot be used.
    pub fn faults(&self) -> impl Iterator<Item = RuleFault> {
        let fault = |(index, entry): (usize, &Entry)| {
            entry.read.as_ref().err().map(|text| RuleFault { index, text: text.clone() })
        };
        self.entries.iter().enumerate().filter_map(fault)
    }

    /// Lists the rules, with what each looks at and whether the clock alone may change its value.
    pub fn rules(&self) -> impl Iterator<Item = (&Rule, Needs, bool)> {
        self.entries.iter().map(|entry| (&entry.rule, entry.needs(), entry.timed))
    }

    /// Tells whether the clock alone may change a value.
    #[must_use]
    pub fn is_timed(&self) -> bool {
        self.entries.iter().any(|entry| entry.timed)
    }

    /// Tells whether there is nothing to work out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Works everything out for a settlement and its structures.
    #[must_use]
    pub fn derive(&self, mut family: Family, clock: Clock<'_>) -> Results {
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
        Results { settlement: as_written(settlement), structures: structures.into_iter().map(as_written).collect() }
    }
}

impl Family {
    fn scope<'a>(&'a self, structure: Option<usize>, clock: Clock<'a>) -> Scope<'a> {
        match structure {
            None => Scope { own: &self.settlement, structures: &self.structures, settlement: None, clock },
            Some(place) => {
                Scope { own: &self.structures[place], structures: &[], settlement: Some(&self.settlement), clock }
            }
        }
    }
}

impl Entry {
    fn needs(&self) -> Needs {
        let Ok(read) = &self.read else { return Needs::default() };
        let mut needs = read.formula.needs().clone();
        read.because.iter().for_each(|because| needs.extend(because.needs()));
        needs
    }

    fn applies_to(&self, structure: &Facts) -> bool {
        self.rule.on == "structure" || structure.get("type").and_then(Value::as_str) == Some(&self.rule.on)
    }

    fn derive(&self, scope: &Scope<'_>) -> Derived {
        let (outcome, trouble) = match &self.rule.kind {
            RuleKind::Computed { formula, unit, .. } => {
                let (value, trouble) = apart(self.read().and_then(|read| read.formula.evaluate(scope)));
                let computed = Computed {
                    value: value.unwrap_or_default(),
                    formula: formula.clone(),
                    unit: unit.clone(),
                    depends_on_time: self.timed,
                    reason: trouble.as_ref().map(ToString::to_string),
                };
                (Outcome::Computed(computed), trouble)
            }
            RuleKind::Condition { expression, .. } => {
                let (holds, trouble) = apart(self.read().and_then(|read| read.formula.holds(scope)));
                let because = match (&trouble, &self.read) {
                    (Some(trouble), _) => format!("It cannot be told: {trouble}."),
                    (None, Ok(Read { because: Some(because), .. })) => because.fill(scope),
                    (None, _) => String::new(),
                };
                let name = self.rule.name.clone();
                (Outcome::Condition(Condition { name, holds, expression: expression.clone(), because }), trouble)
            }
        };
        Derived { name: self.rule.name.clone(), outcome, trouble }
    }

    fn read(&self) -> Result<&Read, Trouble> {
        self.read.as_ref().map_err(|text| Trouble::Mistake(text.clone()))
    }
}

impl Derived {
    /// Returns what other rules see.
    fn fact(&self) -> Value {
        match &self.outcome {
            Outcome::Computed(computed) => computed.value.clone(),
            Outcome::Condition(condition) => condition.holds.map_or(Value::Null, Value::Bool),
        }
    }
}

fn read(rule: &Rule) -> Result<Read, String> {
    if RESERVED.contains(&rule.name.as_str()) {
        return Err(format!("{} is a name that no rule may have", rule.name));
    }
    match &rule.kind {
        RuleKind::Computed { formula, .. } => Ok(Read { formula: Formula::parse(formula)?, because: None }),
        RuleKind::Condition { expression, because } => {
            Ok(Read { formula: Formula::parse(expression)?, because: Some(Template::parse(because)?) })
        }
    }
}

fn apart<T>(result: Result<T, Trouble>) -> (Option<T>, Option<Trouble>) {
    match result {
        Ok(value) => (Some(value), None),
        Err(trouble) => (None, Some(trouble)),
    }
}

fn as_written(mut derived: Vec<(usize, Derived)>) -> Vec<Derived> {
    derived.sort_by_key(|(index, _)| *index);
    derived.into_iter().map(|(_, derived)| derived).collect()
}
