//! Variables and schemas of one entity, brought together and checked.

use scry_protocol::variable::VariableSchema;
use scry_text::toml_file::{Keyed, SpannedError};
use serde_json::Value;
use toml::Spanned;

use super::model::Sheet;
use super::raw::Schemas;

/// What an entity's table gives, and which shared schemas concern it.
pub(super) struct SheetDraft<'a> {
    /// Such as `settlement harrows-rest`.
    pub place: String,
    /// Where the entity's table stands, for what is missing altogether.
    pub at: usize,
    /// `settlement`, or `structure` and its type.
    pub sorts: &'a [&'a str],
    pub variables: Keyed<Value>,
    pub schemas: Keyed<VariableSchema>,
}

impl SheetDraft<'_> {
    /// Brings variables and schemas together: shared schemas first, then the entity's own.
    pub(crate) fn build(self, shared: &Schemas) -> Result<Sheet, SpannedError> {
        let mut sheet = Sheet { schemas: self.schemas(shared)?, ..Sheet::default() };
        for (key, value) in &self.variables.0 {
            let fault = |text: String| self.error_at(key.span().start, format!("variables.{}", key.get_ref()), text);
            let schema = sheet.schema(key.get_ref()).ok_or_else(|| fault("has no schema; declare one".to_owned()))?;
            schema.check(value).map_err(fault)?;
            sheet.variables.insert(key.get_ref().clone(), value.clone());
        }
        if let Some((missing, _)) = sheet.schemas.iter().find(|(name, _)| !sheet.variables.contains_key(name)) {
            return Err(self.error_at(
                self.at,
                format!("variables.{missing}"),
                "is missing; its schema asks for it".into(),
            ));
        }
        Ok(sheet)
    }

    fn schemas(&self, shared: &Schemas) -> Result<Vec<(String, VariableSchema)>, SpannedError> {
        let mut schemas: Vec<(String, VariableSchema)> = Vec::new();
        for (key, schema) in self.shared_schemas(shared).into_iter().chain(&self.schemas.0) {
            let place = || format!("schemas.{}", key.get_ref());
            schema.validate().map_err(|text| self.error_at(key.span().start, place(), text))?;
            if let Some(stranger) = schema.other.keys().next() {
                return Err(self.error_at(key.span().start, place(), format!("has an unknown key {stranger}")));
            }
            if schemas.iter().any(|(name, _)| name == key.get_ref()) {
                return Err(self.error_at(key.span().start, place(), "is declared already for its sort".to_owned()));
            }
            schemas.push((key.get_ref().clone(), schema.clone()));
        }
        Ok(schemas)
    }

    fn shared_schemas<'s>(&self, shared: &'s Schemas) -> Vec<&'s (Spanned<String>, VariableSchema)> {
        let of_sort = |sort: &str| match sort {
            "settlement" => Some(&shared.settlement),
            "structure" => Some(&shared.structure),
            kind => shared.types.0.iter().find(|(name, _)| name.get_ref() == kind).map(|(_, schemas)| schemas),
        };
        self.sorts.iter().filter_map(|sort| of_sort(sort)).flat_map(|keyed| &keyed.0).collect()
    }

    fn error_at(&self, at: usize, key: String, text: String) -> SpannedError {
        SpannedError { at, place: format!("{}, {key}", self.place), text }
    }
}
