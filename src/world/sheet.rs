//! Variables, schemas, computed values and conditions of one entity, brought together and checked.

use serde_json::{Map, Value};
use toml::Spanned;

use super::build::Fault;
use super::model::{Computed, Condition, Rule, RuleKind, Sheet};
use super::raw::{Keyed, Schemas};
use super::schema::VariableSchema;

/// Says what an entity's table gives, and which shared rules and schemas concern it.
pub(super) struct Draft<'a> {
    /// Such as `settlement harrows-rest`.
    pub place: String,
    /// Where the entity's table stands, for what is missing altogether.
    pub at: usize,
    /// `settlement`, or `structure` and its type.
    pub sorts: &'a [&'a str],
    pub variables: Keyed<Value>,
    pub schemas: Keyed<VariableSchema>,
    pub computed: Keyed<Value>,
    pub conditions: Keyed<bool>,
}

impl Draft<'_> {
    /// Brings the parts together: shared schemas first, then the entity's own; rules in their order.
    pub fn build(self, shared: &Schemas, rules: &[Rule]) -> Result<Sheet, Fault> {
        let mut sheet = Sheet { schemas: self.schemas(shared)?, ..Sheet::default() };
        for (key, value) in &self.variables.0 {
            let fault = |text: String| self.fault(key.span().start, format!("variables.{}", key.get_ref()), text);
            let schema = sheet.schema(key.get_ref()).ok_or_else(|| fault("has no schema; declare one".to_owned()))?;
            schema.check(value).map_err(fault)?;
            sheet.variables.insert(key.get_ref().clone(), value.clone());
        }
        if let Some((missing, _)) = sheet.schemas.iter().find(|(name, _)| !sheet.variables.contains_key(name)) {
            return Err(self.fault(
                self.at,
                format!("variables.{missing}"),
                "is missing; its schema asks for it".into(),
            ));
        }
        self.derive(&mut sheet, rules)?;
        Ok(sheet)
    }

    fn schemas(&self, shared: &Schemas) -> Result<Vec<(String, VariableSchema)>, Fault> {
        let mut schemas: Vec<(String, VariableSchema)> = Vec::new();
        for (key, schema) in self.shared_schemas(shared).into_iter().chain(&self.schemas.0) {
            let place = || format!("schemas.{}", key.get_ref());
            schema.check_itself().map_err(|text| self.fault(key.span().start, place(), text))?;
            if schemas.iter().any(|(name, _)| name == key.get_ref()) {
                return Err(self.fault(key.span().start, place(), "is declared already for its sort".to_owned()));
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

    /// Gives each computed value and condition what its rule says; a rule without a value, and a value
    /// without a rule, are faults.
    fn derive(&self, sheet: &mut Sheet, rules: &[Rule]) -> Result<(), Fault> {
        for rule in rules.iter().filter(|rule| self.sorts.contains(&rule.on.as_str())) {
            match &rule.kind {
                RuleKind::Computed { formula, unit, depends_on_time } => {
                    let computed = Computed {
                        value: self.given(&self.computed, "computed", &rule.name)?.clone(),
                        formula: formula.clone(),
                        unit: unit.clone(),
                        depends_on_time: *depends_on_time,
                    };
                    sheet.computed.push((rule.name.clone(), computed));
                }
                RuleKind::Condition { expression, because } => sheet.conditions.push(Condition {
                    name: rule.name.clone(),
                    holds: *self.given(&self.conditions, "conditions", &rule.name)?,
                    expression: expression.clone(),
                    because: fill(because, &sheet.variables, &sheet.computed),
                }),
            }
        }
        self.no_strangers(&self.computed, "computed", &|name| sheet.computed.iter().any(|(known, _)| known == name))?;
        self.no_strangers(&self.conditions, "conditions", &|name| sheet.conditions.iter().any(|it| it.name == name))
    }

    fn given<'k, T>(&self, keyed: &'k Keyed<T>, table: &str, name: &str) -> Result<&'k T, Fault> {
        let found = keyed.0.iter().find(|(key, _)| key.get_ref() == name).map(|(_, value)| value);
        found.ok_or_else(|| self.fault(self.at, format!("{table}.{name}"), "is missing; a rule asks for it".to_owned()))
    }

    fn no_strangers<T>(&self, keyed: &Keyed<T>, table: &str, known: &dyn Fn(&str) -> bool) -> Result<(), Fault> {
        let stranger = keyed.0.iter().map(|(key, _)| key).find(|key| !known(key.get_ref()));
        stranger.map_or(Ok(()), |key| {
            Err(self.fault(key.span().start, format!("{table}.{}", key.get_ref()), "has no rule; declare one".into()))
        })
    }

    fn fault(&self, at: usize, key: String, text: String) -> Fault {
        Fault { at, place: format!("{}, {key}", self.place), text }
    }
}

/// Puts values into a sentence with `{name}` for each.
fn fill(sentence: &str, variables: &Map<String, Value>, computed: &[(String, Computed)]) -> String {
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let computed = computed.iter().map(|(name, computed)| (name, &computed.value));
    variables
        .iter()
        .chain(computed)
        .fold(sentence.to_owned(), |sentence, (name, value)| sentence.replace(&format!("{{{name}}}"), &plain(value)))
}
