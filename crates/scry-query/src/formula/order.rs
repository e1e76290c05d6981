//! The order in which rules are worked out: what a rule looks at comes before it.

use super::{Dependencies, Rule};

/// In which order rules come, and which never can.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RuleOrder {
    /// Indices of the rules, each after those that it looks at.
    pub sound: Vec<usize>,
    /// Rules that look at themselves, if only by way of others, and the way.
    pub circular: Vec<(usize, String)>,
    /// For each rule, the rules that it looks at.
    pub looks_at: Vec<Vec<usize>>,
}

/// Orders rules by what they look at; of two that may come first, the one written first does.
pub(super) fn order(rules: &[(&Rule, Dependencies)]) -> RuleOrder {
    let looks_at: Vec<Vec<usize>> =
        rules.iter().map(|(rule, dependencies)| dependency_indices(rule, dependencies, rules)).collect();
    let mut sound: Vec<usize> = Vec::with_capacity(rules.len());
    let ready = |index: usize, sound: &[usize]| looks_at[index].iter().all(|needed| sound.contains(needed));
    while let Some(next) = (0..rules.len()).find(|index| !sound.contains(index) && ready(*index, &sound)) {
        sound.push(next);
    }
    let left = (0..rules.len()).filter(|index| !sound.contains(index));
    let circular = left.map(|index| (index, cycle_path(index, rules, &looks_at, &sound))).collect();
    RuleOrder { sound, circular, looks_at }
}

fn dependency_indices(rule: &Rule, dependencies: &Dependencies, rules: &[(&Rule, Dependencies)]) -> Vec<usize> {
    let is_seen = |other: &Rule| {
        let beside = match (rule.on.as_str(), other.on.as_str()) {
            (one, another) if one == another => true,
            ("settlement", _) | (_, "settlement") => false,
            (one, another) => one == "structure" || another == "structure",
        };
        (beside && dependencies.own.contains(&other.name))
            || (other.on != "settlement" && dependencies.structures.contains(&other.name))
            || (other.on == "settlement" && dependencies.settlement.contains(&other.name))
    };
    rules.iter().enumerate().filter(|(_, (other, _))| is_seen(other)).map(|(index, _)| index).collect()
}

/// Follows a rule that never gets its turn until a rule comes again.
fn cycle_path(start: usize, rules: &[(&Rule, Dependencies)], looks_at: &[Vec<usize>], sound: &[usize]) -> String {
    let mut path = vec![start];
    let mut at = start;
    while let Some(next) = looks_at[at].iter().copied().find(|next| !sound.contains(next)) {
        let again = path.contains(&next);
        path.push(next);
        if again {
            break;
        }
        at = next;
    }
    path.iter().map(|index| rules[*index].0.name.as_str()).collect::<Vec<_>>().join(" → ")
}
