//! The names that a campaign's entities give to their variables and computed values.

use std::collections::{BTreeMap, BTreeSet};

use scry_protocol::EntityType;
use serde_json::Value;

/// What a name belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum NameKind {
    Variable,
    Computed,
}

impl NameKind {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Variable => "variable",
            Self::Computed => "computed value",
        }
    }

    /// Returns the fields of an entity whose keys are such names.
    const fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Variable => &["variables", "variableSchemas"],
            Self::Computed => &["computed"],
        }
    }
}

/// The names in use, by the type of entity that uses them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnownNames(BTreeMap<(NameKind, String), BTreeSet<String>>);

impl KnownNames {
    /// Adds what an entity has: one as the API tells it, or in the form that expressions see.
    pub fn learn(&mut self, entity: &Value) {
        let named = entity.get("entityType").or_else(|| entity.get("__typename")).and_then(Value::as_str);
        let Some(entity_type) = named.map(EntityType::from) else { return };
        for kind in [NameKind::Variable, NameKind::Computed] {
            let keys = kind.fields().iter().filter_map(|field| entity.get(field)?.as_object());
            let keys: Vec<String> = keys.flat_map(|fields| fields.keys().cloned()).collect();
            if !keys.is_empty() {
                self.0.entry((kind, entity_type.as_str().to_owned())).or_default().extend(keys);
            }
        }
    }

    /// Returns the names that entities of these types use, or of any type; `None` where no such entity is known.
    pub(super) fn of(&self, kind: NameKind, types: Option<&[&str]>) -> Option<BTreeSet<&str>> {
        let fits = |entity_type: &str| types.is_none_or(|types| types.contains(&entity_type));
        let known = self.0.iter().filter(|((of, entity_type), _)| *of == kind && fits(entity_type));
        let names: BTreeSet<&str> = known.flat_map(|(_, names)| names).map(String::as_str).collect();
        (!names.is_empty()).then_some(names)
    }

    /// Returns every name as a changed field has it: a variable behind `variables.`.
    pub(super) fn changed_fields(&self) -> BTreeSet<String> {
        let written = |((kind, _), names): (&(NameKind, String), &BTreeSet<String>)| {
            let prefix = if *kind == NameKind::Variable { "variables." } else { "" };
            names.iter().map(|name| format!("{prefix}{name}")).collect::<Vec<_>>()
        };
        self.0.iter().flat_map(written).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_are_kept_by_the_type_of_entity() {
        let mut names = KnownNames::default();
        names.learn(&json!({"__typename": "Settlement", "variables": {"unrest": 3}, "variableSchemas": {"gold": {}}}));
        names.learn(&json!({"entityType": "structure", "computed": {"defence": {"value": 2}}}));
        assert_eq!(names.of(NameKind::Variable, Some(&["settlement"])), Some(["gold", "unrest"].into()));
        assert_eq!(names.of(NameKind::Variable, Some(&["structure"])), None);
        assert_eq!(names.of(NameKind::Computed, None), Some(["defence"].into()));
        assert_eq!(names.changed_fields(), ["defence", "variables.gold", "variables.unrest"].map(str::to_owned).into());
    }
}
