//! The players' view: what is marked secret, and what gives it away, is not shown while they may be looking.

use std::borrow::Cow;
use std::collections::BTreeSet;

use scry_model::cache::{Cache, Entity};
use scry_protocol::EntityType;
use scry_text::json::{Json, Object};
use serde_json::Value;

use super::App;
use super::edit::field::{EditField, fields};
use super::entry::JournalItem;
use super::inbox::InboxNotice;
use super::pending::{PendingEdit, words};
use super::value::{field_name, say};

/// What stands in place of a secret.
pub(crate) const HIDDEN_TEXT: &str = "hidden from players";

/// The names of an entity's secrets: variables marked so, and the values computed from one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SecretFields(BTreeSet<String>);

impl SecretFields {
    /// Finds an entity's secrets; those of what it stands in, and of what stands in it, count where a rule looks there.
    #[must_use]
    pub(crate) fn of(entity: &Entity, cache: &Cache) -> Self {
        let mut found = marked(entity);
        let near = neighbours(entity, cache).into_iter().flat_map(marked).collect();
        derive(entity, &mut found, &near);
        Self(found)
    }

    /// Returns whether a field, by its dotted name, must not be shown.
    #[must_use]
    pub(crate) fn hide(&self, field: &str) -> bool {
        field.split_once('.').is_some_and(|(_, name)| self.0.contains(name))
    }

    /// Takes the secrets out of an entity's JSON.
    pub(crate) fn redact(&self, json: &mut Value) {
        for table in ["variables", "variableSchemas", "computed"] {
            if let Some(table) = json.get_mut(table).and_then(Value::as_object_mut) {
                table.retain(|name, _| !self.0.contains(name));
            }
        }
        if let Some(conditions) = json.get_mut("conditions").and_then(Value::as_array_mut) {
            let name = |condition: &Value| {
                condition.get("name").and_then(Value::as_str).is_some_and(|name| self.0.contains(name))
            };
            conditions.retain(|condition| !name(condition));
        }
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn marked(entity: &Entity) -> BTreeSet<String> {
    let schemas = entity.field("variableSchemas").and_then(Json::as_object).into_iter().flat_map(Object::iter);
    let secret = |schema: &Json| schema.get("secret").and_then(Json::as_bool) == Some(true);
    schemas.filter(|(_, schema)| secret(schema)).map(|(name, _)| name.to_owned()).collect()
}

/// Lists what an entity stands in and what stands in it: rules look no further.
fn neighbours<'a>(entity: &Entity, cache: &'a Cache) -> Vec<&'a Entity> {
    let around = if entity.key.entity_type == EntityType::Structure {
        let above = entity.parent.as_ref();
        cache.of_type(&EntityType::Settlement).filter(|other| Some(&other.key.id) == above).collect()
    } else {
        cache.children(&entity.key.id, &EntityType::Structure)
    };
    around.into_iter().collect()
}

/// Adds every computed value and condition whose rule names a secret, until there are no more.
fn derive(entity: &Entity, found: &mut BTreeSet<String>, near: &BTreeSet<String>) {
    let computed = entity.field("computed").and_then(Json::as_object).into_iter().flat_map(Object::iter);
    let computed = computed.filter_map(|(name, rule)| Some((name, text(rule, "formula")?)));
    let conditions = entity.field("conditions").and_then(Json::as_array).into_iter().flatten();
    let conditions =
        conditions.filter_map(|condition| Some((text(condition, "name")?, text(condition, "expression")?)));
    let rules: Vec<_> = computed.chain(conditions).collect();
    loop {
        let gives_away = |rule: &str| names(rule).any(|name| found.contains(name) || near.contains(name));
        let more: Vec<_> = rules
            .iter()
            .filter(|(name, rule)| !found.contains(*name) && gives_away(rule))
            .map(|(name, _)| (*name).to_owned())
            .collect();
        if more.is_empty() {
            return;
        }
        found.extend(more);
    }
}

fn names(rule: &str) -> impl Iterator<Item = &str> {
    rule.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

fn text<'a>(value: &'a Json, field: &str) -> Option<&'a str> {
    value.get(field).and_then(Json::as_str)
}

impl App {
    /// Returns whether the screen is safe for players to see.
    #[must_use]
    pub(crate) const fn is_private(&self) -> bool {
        self.private
    }

    /// Returns what of an entity must not be shown now.
    #[must_use]
    pub(crate) fn secrets(&self, entity: &Entity) -> SecretFields {
        if self.private { SecretFields::of(entity, &self.cache) } else { SecretFields::default() }
    }

    /// Returns what happened; in the players' view without the secrets of it.
    #[must_use]
    pub(crate) fn what<'a>(&self, entry: &'a JournalItem) -> Cow<'a, str> {
        if !self.hides(entry) {
            return Cow::Borrowed(&entry.what);
        }
        let secrets = entry.subject.as_ref().and_then(|key| self.cache.get(key)).map(|entity| self.secrets(entity));
        let public = entry.record.iter().flat_map(|record| &record.fields);
        let public = public.filter(|held| secrets.as_ref().is_some_and(|secrets| !secrets.hide(&held.field)));
        let public = public.map(|held| {
            let value = |value: &Option<Json>| value.as_ref().map_or_else(|| "–".to_owned(), say);
            format!("{} {} → {}", field_name(&held.field), value(&held.before), value(&held.after))
        });
        Cow::Owned(public.chain(["something else".to_owned()]).collect::<Vec<_>>().join(", "))
    }

    /// Returns whether a row names a secret that must not be shown now.
    #[must_use]
    pub(crate) fn hides(&self, entry: &JournalItem) -> bool {
        if !self.private {
            return false;
        }
        let Some(entity) = entry.subject.as_ref().and_then(|key| self.cache.get(key)) else { return false };
        let secrets = self.secrets(entity);
        match &entry.record {
            Some(record) => record.fields.iter().any(|held| secrets.hide(&held.field)),
            // Without its text nobody knows what a row names: one about a thing with secrets stays closed.
            None => !secrets.is_empty(),
        }
    }

    /// Lists what can be changed about an entity, in the players' view without the secrets.
    #[must_use]
    pub(crate) fn editable(&self, entity: &Entity) -> Vec<EditField> {
        let secrets = self.secrets(entity);
        let mut all = fields(entity);
        all.retain(|field| !secrets.hide(&field.name));
        all
    }

    /// Returns whether an edit sets a secret that must not be shown now.
    #[must_use]
    pub(crate) fn hides_edit(&self, held: &PendingEdit) -> bool {
        self.private && self.sets_secret(held)
    }

    /// Returns whether an edit sets a secret, whichever view is on.
    #[must_use]
    pub(crate) fn sets_secret(&self, held: &PendingEdit) -> bool {
        let entity = held.edit.change.entity().and_then(|key| self.cache.get(&key));
        let Some(secrets) = entity.map(|entity| SecretFields::of(entity, &self.cache)) else { return false };
        held.edit.change.fields().iter().any(|field| secrets.hide(field))
    }

    /// Returns what an edit does, unless that is hidden from players.
    #[must_use]
    pub(crate) fn edit_words(&self, held: &PendingEdit) -> String {
        if self.hides_edit(held) { HIDDEN_TEXT.to_owned() } else { words::what(held) }
    }

    /// Returns why an edit was rolled back, unless that is hidden from players.
    #[must_use]
    pub(crate) fn edit_reason(&self, held: &PendingEdit) -> Option<String> {
        words::reason(held, &self.cache)
            .map(|reason| if self.hides_edit(held) { HIDDEN_TEXT.to_owned() } else { reason })
    }

    /// Returns the text of a notice; in the players' view, not of one about a thing with secrets.
    #[must_use]
    pub(crate) fn notice_body<'a>(&self, notice: &'a InboxNotice) -> &'a str {
        let about = notice.subject.as_ref().and_then(|key| self.cache.get(key));
        let is_telling = about.is_some_and(|entity| !self.secrets(entity).is_empty());
        if is_telling && !notice.body.is_empty() { HIDDEN_TEXT } else { &notice.body }
    }
}

#[cfg(test)]
mod tests {
    use scry_model::event::Snapshot;
    use scry_text::json;
    use serde_json::json;

    use super::*;

    #[test]
    fn value_derived_from_a_secret_is_secret() {
        let town = json!({"__typename": "Settlement", "id": "s", "campaignId": "c", "name": "Town", "version": 1,
            "variables": {"unrest": 70, "walls": 2}, "variableSchemas": {"unrest": {"type": "number", "secret": true}},
            "computed": {"calm": {"value": 30, "formula": "100 - unrest"}, "ease": {"value": 60, "formula": "calm * 2"},
                         "defence": {"value": 8, "formula": "walls * 4 + sum(structures.garrison)"}},
            "conditions": [{"name": "riot", "holds": true, "expression": "ease < 80", "because": "ease is 60"},
                           {"name": "walled", "holds": true, "expression": "walls > 1", "because": "walls is 2"}]});
        let tower = json!({"__typename": "Structure", "id": "t", "campaignId": "c", "settlementId": "s", "name": "Tower",
            "version": 1, "variables": {"garrison": 3}, "variableSchemas": {"garrison": {"type": "number", "secret": true}}});
        let mut cache = Cache::default();
        let nodes = json::intern_all(&[town, tower]);
        let snapshot = Snapshot { campaign_id: "c".parse().unwrap(), position: None, nodes };
        cache.snapshot(snapshot, jiff::Timestamp::UNIX_EPOCH);
        let town = cache.of_type(&EntityType::Settlement).next().unwrap();
        let secrets = SecretFields::of(town, &cache);
        for hidden in ["variables.unrest", "computed.calm", "computed.ease", "computed.defence", "conditions.riot"] {
            assert!(secrets.hide(hidden), "{hidden}");
        }
        assert!(!secrets.hide("variables.walls") && !secrets.hide("conditions.walled") && !secrets.hide("level"));
        let mut json = town.to_value();
        secrets.redact(&mut json);
        let shown = json.to_string();
        assert!(shown.contains("walled") && !shown.contains("unrest") && !shown.contains("riot"), "{shown}");
    }
}
