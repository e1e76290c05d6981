//! Which fields each type of entity takes, so that a misspelt or forgotten one is named before anything is sent (pure).

use scry_protocol::EntityType;
use scry_text::suggest::nearest;
use serde_json::{Map, Value};

/// A wrong or a missing field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// The type has no such field.
    #[error("--set {field}: a {kind} has no such field{}", .near.as_ref().map_or_else(|| format!("; it has {known}"), |near| format!("; did you mean “{near}”?")))]
    Unknown {
        /// The entity's type.
        kind: String,
        /// The field's name as it was given.
        field: String,
        /// The most similar field, if one is similar enough.
        near: Option<String>,
        /// Every field of the type, separated by commas.
        known: String,
    },
    /// The type needs fields that were not given.
    #[error("a {kind} needs {fields}; add {example}")]
    Missing {
        /// The entity's type.
        kind: String,
        /// The missing fields, for a sentence.
        fields: String,
        /// Options that would give them.
        example: String,
    },
}

/// The fields of one type; a type that only a foreign server has is unknown and accepts every field.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    kind: &'a EntityType,
    required: &'static [&'static str],
    optional: &'static [&'static str],
}

/// Returns what creating one takes.
#[must_use]
pub const fn create(kind: &EntityType) -> Fields<'_> {
    const VALUE_FIELDS: &[&str] = &["description", "level", "variables", "variableSchemas"];
    let (required, optional): (&[&str], &[&str]) = match kind {
        EntityType::Campaign => (&["name"], &["description", "worldTime", "calendar"]),
        EntityType::Kingdom => (&["name", "campaignId"], &["description"]),
        EntityType::Settlement => (&["name", "kingdomId"], VALUE_FIELDS),
        EntityType::Structure => {
            (&["name", "settlementId"], &["type", "description", "level", "variables", "variableSchemas"])
        }
        EntityType::Location => (&["name", "campaignId"], &["kingdomId", "settlementId", "description", "type"]),
        EntityType::Encounter => (&["name", "campaignId"], &["locationId", "description", "status"]),
        EntityType::Member => (&["campaignId", "userId", "role"], &[]),
        EntityType::Other(_) => (&[], &[]),
    };
    Fields { kind, required, optional }
}

/// Returns what changing one takes.
#[must_use]
pub const fn update(kind: &EntityType) -> Fields<'_> {
    let optional: &[&str] = match kind {
        EntityType::Campaign => &["name", "description", "calendar"],
        EntityType::Kingdom => &["name", "description"],
        EntityType::Settlement => &["name", "description", "level", "variables", "variableSchemas", "kingdomId"],
        EntityType::Structure => &["name", "type", "description", "level", "variables", "variableSchemas"],
        EntityType::Location => &["name", "kingdomId", "settlementId", "description", "type"],
        EntityType::Encounter => &["name", "locationId", "description", "status"],
        EntityType::Member => &["role"],
        EntityType::Other(_) => &[],
    };
    Fields { kind, required: &[], optional }
}

impl Fields<'_> {
    /// Returns whether the type has this field.
    #[must_use]
    pub fn knows(&self, field: &str) -> bool {
        self.all().any(|known| known == field)
    }

    /// Refuses an input with a field that there is not, or without one that it needs.
    ///
    /// # Errors
    /// [`FieldError`] naming the field and the remedy.
    pub fn check(&self, input: &Map<String, Value>) -> Result<(), FieldError> {
        let kind = || self.kind.as_str().to_owned();
        if let Some(field) = input.keys().find(|field| !self.knows(field) && self.all().next().is_some()) {
            let near = nearest(field, self.all()).map(str::to_owned);
            let known = self.all().collect::<Vec<_>>().join(", ");
            return Err(FieldError::Unknown { kind: kind(), field: field.clone(), near, known });
        }
        let missing: Vec<&str> = self.required.iter().copied().filter(|field| !input.contains_key(*field)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let example = missing.iter().map(|field| format!("--set {field}=…")).collect::<Vec<_>>().join(" ");
        Err(FieldError::Missing { kind: kind(), fields: missing.join(", "), example })
    }

    fn all(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.required.iter().chain(self.optional).copied()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(fields: &Fields<'_>, input: Value) -> Option<String> {
        fields.check(input.as_object().unwrap()).err().map(|error| error.to_string())
    }

    #[test]
    fn a_misspelt_field_and_a_missing_one_are_named() {
        let structure = EntityType::Structure;
        assert_eq!(told(&create(&structure), json!({"name": "Mill", "settlementId": "s", "level": 2})), None);
        assert_eq!(
            told(&create(&structure), json!({"name": "Mill"})).unwrap(),
            "a structure needs settlementId; add --set settlementId=…"
        );
        assert_eq!(
            told(&update(&structure), json!({"levl": 2})).unwrap(),
            "--set levl: a structure has no such field; did you mean “level”?"
        );
        assert_eq!(
            told(&update(&EntityType::Kingdom), json!({"zzz": 2})).unwrap(),
            "--set zzz: a kingdom has no such field; it has name, description"
        );
    }

    #[test]
    fn fields_of_an_unknown_type_are_not_checked() {
        assert_eq!(told(&update(&EntityType::Other("Dragon".into())), json!({"fire": 2})), None);
    }
}
