//! Which fields somebody may be shown to type in.

use scry_protocol::Id;

use super::kind::FieldShape;
use super::{EntityKind, store};
use crate::db::{Db, DbError};

/// The tables of an entity whose entries are fields of their own.
const TABLES: [&str; 2] = ["variables", "variableSchemas"];

/// Returns whether an entity has a field of this name that people write, or a variable (`variables.population`).
///
/// # Errors
/// [`DbError`] when the database does not answer.
pub async fn has_field(db: &Db, kind: EntityKind, id: &Id, name: &str) -> Result<bool, DbError> {
    match name.split_once('.') {
        None => Ok(is_written(kind, name)),
        Some((table, key)) if TABLES.contains(&table) && is_written(kind, table) => {
            has_variable(db, kind, id, key).await
        }
        Some(_) => Ok(false),
    }
}

fn is_written(kind: EntityKind, name: &str) -> bool {
    let is_derived = |shape: FieldShape| matches!(shape, FieldShape::Computed | FieldShape::Conditions);
    name == "name" || kind.fields().iter().any(|field| field.name == name && !is_derived(field.shape))
}

/// Returns whether an entity has a variable, or a schema for one.
async fn has_variable(db: &Db, kind: EntityKind, id: &Id, key: &str) -> Result<bool, DbError> {
    let mut reader = db.reader.acquire().await?;
    let Some(entity) = store::load(&mut reader, kind, id).await? else { return Ok(false) };
    let has = |table: &str| entity.fields.get(table).and_then(|table| table.get(key)).is_some();
    Ok(TABLES.into_iter().any(has))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_editable_fields_can_be_typed_in() {
        for (kind, field) in
            [(EntityKind::Settlement, "level"), (EntityKind::Encounter, "status"), (EntityKind::Kingdom, "name")]
        {
            assert!(is_written(kind, field), "{field}");
        }
        for (kind, field) in [
            (EntityKind::Settlement, "computed"),
            (EntityKind::Kingdom, "level"),
            (EntityKind::Kingdom, "gm is a cheat"),
        ] {
            assert!(!is_written(kind, field), "{field}");
        }
    }
}
