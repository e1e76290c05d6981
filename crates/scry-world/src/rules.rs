//! The rules of a world file, checked against what the entities have.

use std::collections::BTreeSet;

use scry_protocol::variable::VariableSchema;
use scry_query::formula::{Dependencies, Rule, RuleKind, RuleSet};
use scry_text::suggest::nearest;
use scry_text::toml_file::{Keyed, SpannedError};

use super::build::error_at;
use super::raw::{self, Schemas};

/// Builds the rules; every name in them is known, no two go by one name, and none needs itself.
pub(super) fn build(raw: Vec<raw::Rule>, schemas: &Schemas) -> Result<RuleSet, SpannedError> {
    let (rules, places): (Vec<Rule>, Vec<_>) =
        raw.into_iter().map(|raw| rule(raw, schemas)).collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
    let rule_set = RuleSet::new(rules.clone());
    let at = |index: usize, text: String| error_at(&places[index], &format!("rule {}", rules[index].name), text);
    let names = RuleNames { rules: &rules, schemas };
    for (index, (rule, dependencies, timed)) in rule_set.rules().enumerate() {
        names.alone(index, rule).map_err(|text| at(index, text))?;
        names.check_names(rule, &dependencies).map_err(|text| at(index, text))?;
        agrees(rule, timed).map_err(|text| at(index, text))?;
    }
    rule_set.errors().next().map_or(Ok(()), |found| Err(at(found.index, found.text)))?;
    Ok(rule_set)
}

fn rule(raw: raw::Rule, schemas: &Schemas) -> Result<(Rule, toml::Spanned<String>), SpannedError> {
    let place = format!("rule {}", raw.name.get_ref());
    let sorts = || {
        ["settlement", "structure"].into_iter().chain(schemas.types.0.iter().map(|(name, _)| name.get_ref().as_str()))
    };
    if !sorts().any(|sort| sort == raw.on) {
        return Err(error_at(&raw.name, &format!("{place}, on"), unknown(&raw.on, sorts())));
    }
    let kind = match (raw.formula, raw.expression, raw.because) {
        (Some(formula), None, None) => {
            RuleKind::Computed { formula, unit: raw.unit, depends_on_time: raw.depends_on_time }
        }
        (None, Some(expression), Some(because)) => RuleKind::Condition { expression, because },
        _ => return Err(error_at(&raw.name, &place, "needs either a formula, or an expression and a because")),
    };
    Ok((Rule { name: raw.name.get_ref().clone(), on: raw.on, kind }, raw.name))
}

fn agrees(rule: &Rule, timed: bool) -> Result<(), String> {
    match &rule.kind {
        RuleKind::Computed { depends_on_time: true, .. } if !timed => {
            Err("does not read the clock; leave out depends_on_time".to_owned())
        }
        RuleKind::Computed { depends_on_time: false, .. } if timed => {
            Err("reads the clock; write depends_on_time = true".to_owned())
        }
        RuleKind::Computed { .. } | RuleKind::Condition { .. } => Ok(()),
    }
}

/// Every name that a rule may use.
struct RuleNames<'a> {
    rules: &'a [Rule],
    schemas: &'a Schemas,
}

impl RuleNames<'_> {
    fn alone(&self, index: usize, rule: &Rule) -> Result<(), String> {
        let beside = |other: &Rule| other.on == rule.on || (rule.on != "settlement" && other.on == "structure");
        if self.rules.iter().enumerate().any(|(at, other)| at != index && other.name == rule.name && beside(other)) {
            return Err(format!("is used twice for a {}", rule.on));
        }
        if self.variables(&rule.on).contains(rule.name.as_str()) {
            return Err(format!("is already the name of a variable of a {}", rule.on));
        }
        Ok(())
    }

    fn check_names(&self, rule: &Rule, dependencies: &Dependencies) -> Result<(), String> {
        let own = self.own(&rule.on);
        all_of(&dependencies.own, &own)?;
        if rule.on == "settlement" {
            all_of(&dependencies.structures, &self.of_structures())?;
            return if dependencies.settlement.is_empty() {
                Ok(())
            } else {
                Err("is of a settlement; name its fields alone".to_owned())
            };
        }
        all_of(&dependencies.settlement, &self.own("settlement"))?;
        if dependencies.structures.is_empty() {
            Ok(())
        } else {
            Err("is of a structure, which has no structures".to_owned())
        }
    }

    /// Returns what an entity of a sort has of its own.
    fn own(&self, sort: &str) -> BTreeSet<&str> {
        let mut names = self.variables(sort);
        names.extend(["name", "level"]);
        if sort != "settlement" {
            names.insert("type");
        }
        let given =
            self.rules.iter().filter(|rule| rule.on == sort || (sort != "settlement" && rule.on == "structure"));
        names.extend(given.map(|rule| rule.name.as_str()));
        names
    }

    fn of_structures(&self) -> BTreeSet<&str> {
        let types = self.schemas.types.0.iter().map(|(name, _)| name.get_ref().as_str());
        types.chain(["structure"]).flat_map(|sort| self.own(sort)).collect()
    }

    fn variables(&self, sort: &str) -> BTreeSet<&str> {
        if sort == "settlement" {
            return names(&self.schemas.settlement).collect();
        }
        let types = self.schemas.types.0.iter().filter(|(name, _)| name.get_ref() == sort);
        types.flat_map(|(_, keyed)| names(keyed)).chain(names(&self.schemas.structure)).collect()
    }
}

fn all_of(needed: &BTreeSet<String>, known: &BTreeSet<&str>) -> Result<(), String> {
    match needed.iter().find(|name| !known.contains(name.as_str())) {
        None => Ok(()),
        Some(stranger) => Err(unknown(stranger, known.iter().copied())),
    }
}

fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    match nearest(name, known.clone()) {
        Some(near) => format!("{name:?} is unknown; did you mean {near}?"),
        None => format!("{name:?} is unknown; known are {}", known.collect::<Vec<_>>().join(", ")),
    }
}

fn names(keyed: &Keyed<VariableSchema>) -> impl Iterator<Item = &str> {
    keyed.0.iter().map(|(key, _)| key.get_ref().as_str())
}
