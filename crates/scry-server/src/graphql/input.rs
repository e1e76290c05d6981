//! What mutations take. A field that is left out is not touched; the domain checks the rest.

use async_graphql::{ID, InputObject, MaybeUndefined};
use serde::Serialize;
use serde_json::Value;

use crate::domain::FieldMap;

/// Declares an input: optional fields of the given types, and how it becomes the domain's fields.
macro_rules! input {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty),* $(,)? }) => {
        $(#[$doc])*
        #[derive(InputObject, Serialize)]
        #[serde(rename_all = "camelCase")]
        pub struct $name {
            $(#[serde(skip_serializing_if = "Omittable::is_omitted")] $field: $type,)*
        }

        impl From<$name> for FieldMap {
            fn from(input: $name) -> Self {
                match serde_json::to_value(input) {
                    Ok(Value::Object(fields)) => fields,
                    _ => Self::new(),
                }
            }
        }
    };
}

/// Whether a request left a field out.
trait Omittable {
    fn is_omitted(&self) -> bool;
}

impl<T> Omittable for Option<T> {
    fn is_omitted(&self) -> bool {
        self.is_none()
    }
}

impl<T> Omittable for MaybeUndefined<T> {
    fn is_omitted(&self) -> bool {
        self.is_undefined()
    }
}

impl Omittable for String {
    fn is_omitted(&self) -> bool {
        false
    }
}

impl Omittable for ID {
    fn is_omitted(&self) -> bool {
        false
    }
}

input!(
    /// A new campaign; the caller becomes its owner.
    CreateCampaignInput {
        name: String,
        description: Option<String>,
        world_time: Option<String>,
        calendar: Option<Value>,
    }
);
input!(CreateKingdomInput { campaign_id: ID, name: String, description: Option<String> });
input!(CreateSettlementInput {
    kingdom_id: ID,
    name: String,
    description: Option<String>,
    level: Option<i64>,
    variables: Option<Value>,
    variable_schemas: Option<Value>,
});
input!(CreateStructureInput {
    settlement_id: ID,
    name: String,
    r#type: Option<String>,
    description: Option<String>,
    level: Option<i64>,
    variables: Option<Value>,
    variable_schemas: Option<Value>,
});
input!(CreateLocationInput {
    campaign_id: ID,
    name: String,
    kingdom_id: Option<ID>,
    settlement_id: Option<ID>,
    description: Option<String>,
    r#type: Option<String>,
});
input!(CreateEncounterInput {
    campaign_id: ID,
    name: String,
    location_id: Option<ID>,
    description: Option<String>,
    status: Option<String>,
});
input!(UpdateCampaignInput {
    name: Option<String>,
    description: Option<String>,
    calendar: MaybeUndefined<Value>,
});
input!(UpdateKingdomInput { name: Option<String>, description: Option<String> });
input!(
    /// `variables` is a patch: keys that it names are set, keys with null are removed.
    UpdateSettlementInput {
        kingdom_id: Option<ID>,
        name: Option<String>,
        description: Option<String>,
        level: Option<i64>,
        variables: Option<Value>,
        variable_schemas: Option<Value>,
    }
);
input!(
    /// `variables` is a patch: keys that it names are set, keys with null are removed.
    UpdateStructureInput {
        name: Option<String>,
        r#type: Option<String>,
        description: Option<String>,
        level: Option<i64>,
        variables: Option<Value>,
        variable_schemas: Option<Value>,
    }
);
input!(UpdateLocationInput {
    name: Option<String>,
    kingdom_id: MaybeUndefined<ID>,
    settlement_id: MaybeUndefined<ID>,
    description: Option<String>,
    r#type: Option<String>,
});
input!(UpdateEncounterInput {
    name: Option<String>,
    location_id: MaybeUndefined<ID>,
    description: Option<String>,
    status: Option<String>,
});
