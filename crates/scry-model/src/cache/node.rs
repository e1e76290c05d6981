//! Entities as the API sends them, read into the cache's form.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use scry_protocol::{EntityRef, EntityType, Id};
use scry_text as text;
use scry_text::json::{Json, Object};

use super::changes::LatestChanges;
use super::entity::{Entity, Stale};

/// Reads one API node (`{__typename, id, …}`); `None` when it lacks what every entity has.
///
/// The name is put on one line.
#[must_use]
pub fn read(node: impl Into<Json>) -> Option<Entity> {
    let Json::Object(fields) = node.into() else { return None };
    let entity_type = EntityType::from(fields.get("__typename")?.as_str()?);
    let id = id_in(&fields, "id")?;
    let campaign_id = if entity_type == EntityType::Campaign { id.clone() } else { id_in(&fields, "campaignId")? };
    Some(Entity {
        parent: parent_of(&entity_type, &fields, &campaign_id),
        key: EntityRef::new(entity_type, id),
        campaign_id,
        name: fields.get("name").map(name).unwrap_or_default(),
        version: fields.get("version").and_then(Json::as_i64).unwrap_or_default(),
        fields,
        changes: LatestChanges::default(),
        stale: Stale::Nothing,
    })
}

/// Writes an entity as [`read`] reads it; what changed lately and what is stale is not part of it.
pub(super) fn write(entity: &Entity) -> Json {
    Json::Object(Arc::clone(&entity.fields))
}

/// Returns a name on one line; most are on one, and share the text that is kept already.
fn name(told: &Json) -> Arc<str> {
    let Json::Text(told) = told else { return Arc::default() };
    match text::line(told) {
        Cow::Borrowed(_) => Arc::clone(told),
        Cow::Owned(line) => line.into(),
    }
}

fn parent_of(entity_type: &EntityType, fields: &Object, campaign_id: &Id) -> Option<Id> {
    match entity_type {
        EntityType::Campaign => None,
        EntityType::Settlement => id_in(fields, "kingdomId"),
        EntityType::Structure => id_in(fields, "settlementId"),
        EntityType::Kingdom
        | EntityType::Location
        | EntityType::Encounter
        | EntityType::Member
        | EntityType::Other(_) => Some(campaign_id.clone()),
    }
}

fn id_in(fields: &Object, key: &str) -> Option<Id> {
    let Json::Text(text) = fields.get(key)? else { return None };
    Id::shared(text).ok()
}

/// Lists every value with its dotted name; `variables` and `computed` are compared key by key.
pub(super) fn flatten(fields: &Object) -> BTreeMap<Cow<'_, str>, &Json> {
    let mut flat = BTreeMap::new();
    for (name, value) in fields.iter() {
        match (name, value) {
            // These follow from every change and say nothing of their own.
            ("version" | "updatedAt" | "createdAt", _) => {}
            ("variables" | "computed", Json::Object(inner)) => {
                flat.extend(inner.iter().map(|(key, value)| (Cow::Owned(format!("{name}.{key}")), value)));
            }
            _ => {
                flat.insert(Cow::Borrowed(name), value);
            }
        }
    }
    flat
}
