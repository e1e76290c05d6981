//! Entities as the API sends them, read into the cache's form.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::entity::{Entity, Stale};
use crate::protocol::{EntityRef, EntityType, Id};
use crate::text;

/// Reads one API node (`{__typename, id, …}`); `None` when it lacks what every entity has.
///
/// The caller has made its text safe already; the name is put on one line here.
#[must_use]
pub fn read(node: Value) -> Option<Entity> {
    let Value::Object(mut fields) = node else { return None };
    let entity_type = EntityType::from(fields.shift_remove("__typename")?.as_str()?);
    let id = Id::parse(fields.shift_remove("id")?.as_str()?).ok()?;
    let campaign_id = if entity_type == EntityType::Campaign { id.clone() } else { id_in(&fields, "campaignId")? };
    fields.shift_remove("campaignId");
    let name = fields.get("name").and_then(Value::as_str).unwrap_or_default();
    Some(Entity {
        parent: parent_of(&entity_type, &fields, &campaign_id),
        key: EntityRef::new(entity_type, id),
        campaign_id,
        name: text::line(name).into(),
        version: fields.get("version").and_then(Value::as_i64).unwrap_or_default(),
        fields,
        changes: BTreeMap::new(),
        stale: Stale::Nothing,
    })
}

/// Writes an entity as [`read`] reads it; what changed lately and what is stale is not part of it.
pub(super) fn write(entity: &Entity) -> Value {
    let mut fields = entity.fields.clone();
    fields.insert("__typename".to_owned(), entity.key.entity_type.as_str().into());
    fields.insert("id".to_owned(), entity.key.id.as_str().into());
    if entity.key.entity_type != EntityType::Campaign {
        fields.insert("campaignId".to_owned(), entity.campaign_id.as_str().into());
    }
    Value::Object(fields)
}

fn parent_of(entity_type: &EntityType, fields: &Map<String, Value>, campaign_id: &Id) -> Option<Id> {
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

fn id_in(fields: &Map<String, Value>, key: &str) -> Option<Id> {
    fields.get(key).and_then(Value::as_str).and_then(|text| Id::parse(text).ok())
}

/// Lists every value with its dotted name; `variables` and `computed` are compared key by key.
pub(super) fn flatten(fields: &Map<String, Value>) -> BTreeMap<String, &Value> {
    let mut flat = BTreeMap::new();
    for (name, value) in fields {
        match (name.as_str(), value) {
            // These follow from every change and say nothing of their own.
            ("version" | "updatedAt" | "createdAt", _) => {}
            ("variables" | "computed", Value::Object(inner)) => {
                flat.extend(inner.iter().map(|(key, value)| (format!("{name}.{key}"), value)));
            }
            _ => {
                flat.insert(name.clone(), value);
            }
        }
    }
    flat
}
