//! What a document costs (pure), worked out before anything is validated or executed.
//!
//! Two things are counted. *Work* is what validation walks through: every selection, as often as fragments spread it,
//! and the arguments. *The answer* is how many values it may have: the rows of a list times the fields of a row. Each
//! fragment is measured once, so that the time is bounded by the document and not by what it expands to.

use std::collections::HashMap;

use async_graphql::parser::types::{
    Directive, DocumentOperations, ExecutableDocument, Field, FragmentDefinition, OperationType, Selection,
    SelectionSet,
};
use async_graphql::{Name, Positioned, Value as ConstValue, Variables};
use async_graphql_value::Value;

use super::field_costs::{FieldCosts, Rows};
use super::limits::{MAX_DIRECTIVES, MAX_FRAGMENTS, MAX_OPERATIONS, QueryError, QueryLimits};

/// The most selection sets inside each other, spreads included; the library refuses fewer, with a sentence of its own.
const MAX_SELECTION_LEVELS: usize = 64;
/// Bytes of arguments that cost as much as one value.
const BYTES_PER_UNIT: u64 = 1024;
/// What a value of an argument takes besides its text.
const VALUE_BYTES: u64 = 72;
/// What a field that the type does not have costs: it is compared with every name that would be right.
const UNKNOWN_FIELD_COST: u64 = 100;

/// Checks that a document may be validated and executed; returns what it costs.
///
/// # Errors
/// [`QueryError`] naming the limit.
pub(super) fn check(
    document: &ExecutableDocument,
    variables: &Variables,
    field_costs: &FieldCosts,
    limits: &QueryLimits,
) -> Result<u64, QueryError> {
    count_definitions(document)?;
    let mut meter = CostCalculator::new(document, variables, field_costs);
    let mut whole = Extent::default();
    for operation in operations(document) {
        let node = operation.1;
        let mut extent = meter.extent(&node.selection_set.node, 0)?;
        extent.work = extent.work.saturating_add(meter.directives(&node.directives)?);
        whole.add(extent);
    }
    // Fragments are validated where they are written as well, spread or not.
    for name in document.fragments.keys() {
        let extent = meter.fragment_extent(name, 0)?;
        whole.add(extent);
    }
    if whole.depth > limits.depth {
        return Err(QueryError::TooDeep(limits.depth));
    }
    bounded(whole.work, limits)?;
    let mut cost = whole.work;
    for (ty, operation) in operations(document) {
        let values = meter.values(&operation.selection_set.node, root(ty));
        bounded(values, limits)?;
        cost = cost.max(values);
    }
    Ok(cost)
}

/// Returns the type that an operation begins with, as the schema names it.
const fn root(ty: OperationType) -> Option<&'static str> {
    match ty {
        OperationType::Query => Some("Query"),
        OperationType::Mutation => Some("Mutation"),
        // The schema has none.
        OperationType::Subscription => None,
    }
}

fn within_levels(levels: usize) -> Result<(), QueryError> {
    let (what, limit) = ("selections inside each other", MAX_SELECTION_LEVELS);
    if levels > limit { Err(QueryError::TooLong { what, limit }) } else { Ok(()) }
}

fn bounded(cost: u64, limits: &QueryLimits) -> Result<(), QueryError> {
    let limit = limits.complexity;
    if cost > limit { Err(QueryError::TooComplex { cost, limit }) } else { Ok(()) }
}

type QueryOperation = async_graphql::parser::types::OperationDefinition;

fn operations(document: &ExecutableDocument) -> impl Iterator<Item = (OperationType, &QueryOperation)> {
    document.operations.iter().map(|(_, operation)| (operation.node.ty, &operation.node))
}

fn count_definitions(document: &ExecutableDocument) -> Result<(), QueryError> {
    let operations = match &document.operations {
        DocumentOperations::Single(_) => 1,
        DocumentOperations::Multiple(operations) => operations.len(),
    };
    for (count, what, limit) in
        [(operations, "operations", MAX_OPERATIONS), (document.fragments.len(), "fragments", MAX_FRAGMENTS)]
    {
        if count > limit {
            return Err(QueryError::TooLong { what, limit });
        }
    }
    Ok(())
}

/// What a selection set comes to, whatever the types.
#[derive(Debug, Clone, Copy, Default)]
struct Extent {
    work: u64,
    /// Fields inside each other.
    depth: usize,
    /// Selection sets inside each other, those of fragments included.
    levels: usize,
}

impl Extent {
    fn add(&mut self, other: Self) {
        self.work = self.work.saturating_add(other.work);
        self.depth = self.depth.max(other.depth);
        self.levels = self.levels.max(other.levels);
    }
}

struct CostCalculator<'a> {
    document: &'a ExecutableDocument,
    field_costs: &'a FieldCosts,
    /// The variables that are given or have a default.
    values: HashMap<&'a str, &'a ConstValue>,
    /// The bytes that each variable takes wherever it stands.
    sizes: HashMap<&'a str, u64>,
    /// What each fragment comes to; `None` while it is being measured.
    extents: HashMap<&'a str, Option<Extent>>,
    /// How many values each fragment answers with, in a type.
    answers: HashMap<(&'a str, &'a str), u64>,
    directives: usize,
}

impl<'a> CostCalculator<'a> {
    fn new(document: &'a ExecutableDocument, variables: &'a Variables, field_costs: &'a FieldCosts) -> Self {
        let defaults = operations(document).flat_map(|(_, operation)| &operation.variable_definitions);
        let defaults = defaults.filter_map(|definition| {
            Some((definition.node.name.node.as_str(), &definition.node.default_value.as_ref()?.node))
        });
        let given = variables.iter().map(|(name, value)| (name.as_str(), value));
        let values: HashMap<&str, &ConstValue> = defaults.chain(given).collect();
        let sizes = values.iter().map(|(name, value)| (*name, const_bytes(value))).collect();
        let (extents, answers) = (HashMap::new(), HashMap::new());
        Self { document, field_costs, values, sizes, extents, answers, directives: 0 }
    }

    fn fragment(&self, name: &str) -> Option<&'a FragmentDefinition> {
        self.document.fragments.get(name).map(|fragment| &fragment.node)
    }

    fn extent(&mut self, set: &'a SelectionSet, level: usize) -> Result<Extent, QueryError> {
        within_levels(level)?;
        let mut whole = Extent::default();
        for selection in &set.items {
            let mut work = self.directives(selection.node.directives())?.saturating_add(1);
            let mut inner = match &selection.node {
                Selection::Field(field) => {
                    work = work.saturating_add(self.arguments(&field.node));
                    let mut inner = self.extent(&field.node.selection_set.node, level + 1)?;
                    inner.depth += usize::from(field.node.name.node != "__typename");
                    inner
                }
                Selection::InlineFragment(inline) => self.extent(&inline.node.selection_set.node, level + 1)?,
                Selection::FragmentSpread(spread) => {
                    self.fragment_extent(&spread.node.fragment_name.node, level + 1)?
                }
            };
            inner.work = inner.work.saturating_add(work);
            inner.levels += 1;
            whole.add(inner);
        }
        within_levels(whole.levels)?;
        Ok(whole)
    }

    fn fragment_extent(&mut self, name: &Name, level: usize) -> Result<Extent, QueryError> {
        let Some((name, fragment)) = self.document.fragments.get_key_value(name) else {
            // The library says that there is no such fragment.
            return Ok(Extent::default());
        };
        match self.extents.get(name.as_str()) {
            Some(Some(extent)) => return Ok(*extent),
            Some(None) => return Err(QueryError::Cycle(name.to_string())),
            None => {}
        }
        self.extents.insert(name, None);
        let directives = self.directives(&fragment.node.directives)?;
        let mut extent = self.extent(&fragment.node.selection_set.node, level)?;
        extent.work = extent.work.saturating_add(directives);
        self.extents.insert(name, Some(extent));
        Ok(extent)
    }

    /// Returns what directives cost, which are counted where they are written.
    fn directives(&mut self, directives: &'a [Positioned<Directive>]) -> Result<u64, QueryError> {
        self.directives += directives.len();
        if self.directives > MAX_DIRECTIVES {
            return Err(QueryError::TooLong { what: "directives", limit: MAX_DIRECTIVES });
        }
        let arguments = directives.iter().flat_map(|directive| &directive.node.arguments);
        let bytes = arguments.fold(0_u64, |bytes, (_, value)| bytes.saturating_add(self.bytes(&value.node)));
        Ok((directives.len() as u64).saturating_add(bytes / BYTES_PER_UNIT))
    }

    /// Returns what a field's arguments cost: they are copied for each field that takes them.
    fn arguments(&self, field: &Field) -> u64 {
        let arguments = field.arguments.iter();
        let bytes = arguments.fold(0_u64, |bytes, (_, value)| bytes.saturating_add(self.bytes(&value.node)));
        bytes / BYTES_PER_UNIT
    }

    fn bytes(&self, value: &Value) -> u64 {
        let inner = match value {
            Value::Variable(name) => self.sizes.get(name.as_str()).copied().unwrap_or_default(),
            Value::String(text) => text.len() as u64,
            Value::List(items) => items.iter().fold(0, |sum: u64, item| sum.saturating_add(self.bytes(item))),
            Value::Object(fields) => fields.iter().fold(0, |sum: u64, (name, item)| {
                sum.saturating_add(name.len() as u64).saturating_add(self.bytes(item))
            }),
            Value::Null | Value::Number(_) | Value::Boolean(_) | Value::Binary(_) | Value::Enum(_) => 0,
        };
        inner.saturating_add(VALUE_BYTES)
    }

    /// Counts the values that a selection set answers with, in a type; `None` for one that is not known.
    fn values(&mut self, set: &'a SelectionSet, of: Option<&'a str>) -> u64 {
        if let Some(members) = of.and_then(|name| self.field_costs.members(name)) {
            // A row is one of them, and the dearest counts.
            return members.iter().map(|member| self.values(set, Some(member))).max().unwrap_or_default();
        }
        let mut sum = 0_u64;
        for selection in &set.items {
            let values = match &selection.node {
                Selection::Field(field) => self.field_values(&field.node, of),
                Selection::InlineFragment(inline) => {
                    let condition = inline.node.type_condition.as_ref().map(|it| it.node.on.node.as_str());
                    self.applied(&inline.node.selection_set.node, of, condition)
                }
                Selection::FragmentSpread(spread) => self.spread_values(&spread.node.fragment_name.node, of),
            };
            sum = sum.saturating_add(values);
        }
        sum
    }

    fn spread_values(&mut self, name: &'a Name, of: Option<&'a str>) -> u64 {
        let Some(fragment) = self.fragment(name) else { return 1 };
        let key = (name.as_str(), of.unwrap_or_default());
        if let Some(values) = self.answers.get(&key) {
            return *values;
        }
        let condition = Some(fragment.type_condition.node.on.node.as_str());
        let values = self.applied(&fragment.selection_set.node, of, condition);
        self.answers.insert(key, values);
        values
    }

    /// Counts the values of a fragment, which answers with nothing in a type that it is not made for.
    fn applied(&mut self, set: &'a SelectionSet, of: Option<&'a str>, condition: Option<&'a str>) -> u64 {
        let Some(condition) = condition else { return self.values(set, of) };
        let Some(of) = of.filter(|of| self.field_costs.is_object(of)) else { return self.values(set, Some(condition)) };
        let is_member = self.field_costs.members(condition).is_some_and(|members| members.iter().any(|it| it == of));
        if condition == of || is_member { self.values(set, Some(of)) } else { 1 }
    }

    fn field_values(&mut self, field: &'a Field, of: Option<&'a str>) -> u64 {
        let name = field.name.node.as_str();
        if name == "__typename" {
            return 1;
        }
        let field_costs = self.field_costs;
        let Some(field_cost) = of.and_then(|of| field_costs.field(of, name)) else {
            return self.values(&field.selection_set.node, None).saturating_add(UNKNOWN_FIELD_COST);
        };
        let rows = field_costs.rows(name, field_cost, |argument| self.argument(field, argument));
        let each = if field.selection_set.node.items.is_empty() {
            1
        } else {
            self.values(&field.selection_set.node, Some(&field_cost.of)).saturating_add(1)
        };
        let list = u64::from(field_cost.is_list());
        field_cost
            .base
            .saturating_add(list)
            .saturating_add(rows.saturating_mul(each))
            .saturating_add(self.arguments(field))
    }

    /// Returns what an argument says about the number of rows.
    fn argument(&self, field: &Field, name: &str) -> Option<Rows> {
        match &field.get_argument(name)?.node {
            Value::Variable(variable) => match self.values.get(variable.as_str())? {
                ConstValue::List(items) => Some(Rows::Length(items.len())),
                ConstValue::Number(number) => number.as_u64().map(Rows::Number),
                ConstValue::Null
                | ConstValue::String(_)
                | ConstValue::Boolean(_)
                | ConstValue::Binary(_)
                | ConstValue::Enum(_)
                | ConstValue::Object(_) => None,
            },
            Value::List(items) => Some(Rows::Length(items.len())),
            Value::Number(number) => number.as_u64().map(Rows::Number),
            Value::Null
            | Value::String(_)
            | Value::Boolean(_)
            | Value::Binary(_)
            | Value::Enum(_)
            | Value::Object(_) => None,
        }
    }
}

fn const_bytes(value: &ConstValue) -> u64 {
    let inner = match value {
        ConstValue::String(text) => text.len() as u64,
        ConstValue::List(items) => items.iter().fold(0, |sum: u64, item| sum.saturating_add(const_bytes(item))),
        ConstValue::Object(fields) => fields
            .iter()
            .fold(0, |sum: u64, (name, item)| sum.saturating_add(name.len() as u64).saturating_add(const_bytes(item))),
        ConstValue::Null
        | ConstValue::Number(_)
        | ConstValue::Boolean(_)
        | ConstValue::Binary(_)
        | ConstValue::Enum(_) => 0,
    };
    inner.saturating_add(VALUE_BYTES)
}

#[cfg(test)]
mod tests;
