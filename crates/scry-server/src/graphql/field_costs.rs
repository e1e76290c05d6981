//! What the fields of the schema cost (pure): which type each answers with, and how many rows of it.
//!
//! The table is read from the schema's own text, so that it names every field there is.

use std::collections::HashMap;

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{BaseType, FieldDefinition, Type, TypeDefinition, TypeKind, TypeSystemDefinition};

/// The rows that a list is taken to have where nothing says how many there are.
const ASSUMED_ROWS: u64 = 100;
/// What a field costs besides its answer: a read of the database.
const READ_COST: u64 = 10;
/// The same of a mutation: a turn at the one writer, and what follows from the change.
const WRITE_COST: u64 = 500;
/// Fields that work more than their answer tells, with what they cost.
const EXPENSIVE_FIELDS: &[(&str, u64)] = &[("snapshot", 100), ("dueEffects", 5_000)];
/// That never have more rows than this.
const BOUNDED_LISTS: &[(&str, u64)] = &[("notifications", 200), ("levels", 4), ("kinds", 3)];
/// The argument that says how many rows are asked for.
const LIMIT_ARGUMENT: &str = "limit";
/// The types that every schema has, which its text leaves out.
const INTROSPECTION: &str = "
    type __Schema { description: String types: [__Type] queryType: __Type mutationType: __Type
        subscriptionType: __Type directives: [__Directive] }
    type __Type { kind: String name: String description: String fields: [__Field] interfaces: [__Type]
        possibleTypes: [__Type] enumValues: [__EnumValue] inputFields: [__InputValue] ofType: __Type
        specifiedByURL: String isOneOf: Boolean }
    type __Field { name: String description: String args: [__InputValue] type: __Type isDeprecated: Boolean
        deprecationReason: String }
    type __InputValue { name: String description: String type: __Type defaultValue: String isDeprecated: Boolean
        deprecationReason: String }
    type __EnumValue { name: String description: String isDeprecated: Boolean deprecationReason: String }
    type __Directive { name: String description: String locations: [String] args: [__InputValue]
        isRepeatable: Boolean }";

/// The types of the schema.
#[derive(Debug, Default)]
pub(super) struct FieldCosts {
    objects: HashMap<String, ObjectType>,
    /// The members of each union.
    unions: HashMap<String, Vec<String>>,
    /// The rows of each list of the introspection, as the schema has them on average.
    introspected: HashMap<&'static str, u64>,
}

/// The fields of one type.
#[derive(Debug, Default)]
struct ObjectType {
    fields: HashMap<String, FieldCost>,
}

/// What one field answers with and costs.
#[derive(Debug)]
pub(super) struct FieldCost {
    /// The type of the answer, or of its rows.
    pub of: String,
    /// What it costs before its answer is counted.
    pub base: u64,
    source: RowSource,
}

/// What an argument says about the number of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rows {
    /// It is a number.
    Number(u64),
    /// It is a list of this length.
    Length(usize),
}

/// Where the number of rows is known from.
#[derive(Debug, Clone, PartialEq, Eq)]
enum RowSource {
    /// The answer is not a list.
    One,
    Fixed(u64),
    /// The argument [`LIMIT_ARGUMENT`] says it.
    Limit,
    /// The list that is given says it.
    LengthOf(String),
}

impl FieldCosts {
    /// Reads the text of a schema; a text that cannot be read is a schema without fields.
    #[must_use]
    pub(super) fn new(sdl: &str) -> Self {
        let mut field_costs = Self::default();
        for text in [sdl, INTROSPECTION] {
            match parse_schema(text) {
                Ok(schema) => schema.definitions.into_iter().for_each(|definition| field_costs.add(definition)),
                Err(error) => tracing::error!(%error, "the schema's text could not be read"),
            }
        }
        field_costs.count_introspected();
        let root = field_costs.objects.entry("Query".to_owned()).or_default();
        for (name, of) in [("__schema", "__Schema"), ("__type", "__Type")] {
            root.fields.insert(name.to_owned(), FieldCost { of: of.to_owned(), base: 0, source: RowSource::One });
        }
        field_costs
    }

    /// Returns the price of a field; `None` for one that the type does not have.
    #[must_use]
    pub(super) fn field(&self, of: &str, name: &str) -> Option<&FieldCost> {
        self.objects.get(of)?.fields.get(name)
    }

    /// Returns whether there is an object of this name, whose fields are therefore known.
    #[must_use]
    pub(super) fn is_object(&self, name: &str) -> bool {
        self.objects.contains_key(name)
    }

    /// Returns the types that a union may be.
    #[must_use]
    pub(super) fn members(&self, name: &str) -> Option<&[String]> {
        self.unions.get(name).map(Vec::as_slice)
    }

    fn add(&mut self, definition: TypeSystemDefinition) {
        let TypeSystemDefinition::Type(definition) = definition else { return };
        let TypeDefinition { name, kind, .. } = definition.node;
        let name = name.node.to_string();
        match kind {
            TypeKind::Object(object) => {
                let priced = object.fields.into_iter().map(|field| field_cost(&name, field.node));
                let fields = priced.collect();
                self.objects.insert(name, ObjectType { fields });
            }
            TypeKind::Union(union) => {
                let members = union.members.into_iter().map(|member| member.node.to_string()).collect();
                self.unions.insert(name, members);
            }
            TypeKind::Scalar | TypeKind::Enum(_) | TypeKind::InputObject(_) | TypeKind::Interface(_) => {}
        }
    }

    /// Counts what the introspection lists: the types there are, and the fields of one of them.
    fn count_introspected(&mut self) {
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let types = count(self.objects.len() + self.unions.len()) * 2;
        let fields = count(self.objects.values().map(|object| object.fields.len()).sum());
        let each = fields.div_ceil(count(self.objects.len()).max(1));
        self.introspected = HashMap::from([
            ("types", types),
            ("fields", each),
            ("args", 2),
            ("inputFields", 3),
            ("enumValues", 2),
            ("possibleTypes", 1),
            ("interfaces", 1),
            ("directives", 6),
            ("locations", 4),
        ]);
    }

    /// Returns how many rows a field answers with, at most or as far as can be told.
    #[must_use]
    pub(super) fn rows(&self, field: &str, field_cost: &FieldCost, argument: impl Fn(&str) -> Option<Rows>) -> u64 {
        match &field_cost.source {
            RowSource::One => 1,
            RowSource::Fixed(rows) => self.introspected_rows(field, field_cost).unwrap_or(*rows),
            RowSource::Limit => match argument(LIMIT_ARGUMENT) {
                Some(Rows::Number(limit)) => limit,
                Some(Rows::Length(_)) | None => ASSUMED_ROWS,
            },
            RowSource::LengthOf(list) => match argument(list) {
                Some(Rows::Length(length)) => u64::try_from(length).unwrap_or(u64::MAX),
                // One value stands for a list of one.
                Some(Rows::Number(_)) | None => 1,
            },
        }
    }

    fn introspected_rows(&self, field: &str, field_cost: &FieldCost) -> Option<u64> {
        (field_cost.of.starts_with("__") || field == "locations")
            .then(|| self.introspected.get(field).copied())
            .flatten()
    }
}

impl FieldCost {
    /// Returns whether the answer is a list.
    #[must_use]
    pub(super) fn is_list(&self) -> bool {
        self.source != RowSource::One
    }
}

fn field_cost(parent: &str, field: FieldDefinition) -> (String, FieldCost) {
    let name = field.name.node.to_string();
    let (of, is_list) = type_name_of(&field.ty.node);
    let source = if is_list { source(&name, &field) } else { RowSource::One };
    let dear = EXPENSIVE_FIELDS.iter().find(|(dear, _)| *dear == name).map(|(_, base)| *base);
    let base = match parent {
        "Query" => dear.unwrap_or(READ_COST),
        "Mutation" => dear.unwrap_or(WRITE_COST),
        _ => 0,
    };
    (name, FieldCost { of, base, source })
}

fn source(name: &str, field: &FieldDefinition) -> RowSource {
    if let Some((_, rows)) = BOUNDED_LISTS.iter().find(|(bounded, _)| *bounded == name) {
        return RowSource::Fixed(*rows);
    }
    if field.arguments.iter().any(|argument| argument.node.name.node == LIMIT_ARGUMENT) {
        return RowSource::Limit;
    }
    let list = field.arguments.iter().find(|argument| type_name_of(&argument.node.ty.node).1);
    list.map_or(RowSource::Fixed(ASSUMED_ROWS), |argument| RowSource::LengthOf(argument.node.name.node.to_string()))
}

/// Returns the name of a type, and whether it is a list of what is named.
fn type_name_of(of: &Type) -> (String, bool) {
    match &of.base {
        BaseType::Named(name) => (name.to_string(), false),
        BaseType::List(item) => (type_name_of(item).0, true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SDL: &str = "
        type Query { me: User! events(limit: Int): [Event!]! nodes(ids: [ID!]!): [Node!]! campaigns: [User!]!
            notifications: [User!]! dueEffects(limit: Int): [Event!]! }
        type Mutation { rename: User! }
        type User { id: ID! levels: [String!]! }
        type Event { id: ID! }
        union Node = User | Event";

    fn rows(name: &str, argument: impl Fn(&str) -> Option<Rows>) -> u64 {
        let field_costs = FieldCosts::new(SDL);
        field_costs.rows(name, field_costs.field("Query", name).unwrap(), argument)
    }

    #[test]
    fn rows_are_the_limit_the_length_the_bound_or_assumed() {
        let none = |_: &str| None;
        assert_eq!(rows("me", none), 1);
        assert_eq!(rows("events", none), ASSUMED_ROWS);
        assert_eq!(rows("events", |name| (name == "limit").then_some(Rows::Number(7))), 7);
        assert_eq!(rows("nodes", |name| (name == "ids").then_some(Rows::Length(12))), 12);
        assert_eq!(rows("campaigns", none), ASSUMED_ROWS);
        assert_eq!(rows("notifications", none), 200);
    }

    #[test]
    fn fields_have_their_type_and_cost() {
        let field_costs = FieldCosts::new(SDL);
        let base = |parent, name| field_costs.field(parent, name).unwrap().base;
        assert_eq!(
            (base("Query", "me"), base("Query", "dueEffects"), base("Mutation", "rename")),
            (READ_COST, 5_000, WRITE_COST)
        );
        assert_eq!(base("User", "levels"), 0);
        assert_eq!(field_costs.field("Query", "nodes").unwrap().of, "Node");
        assert_eq!(field_costs.members("Node").unwrap(), ["User", "Event"]);
        assert_eq!(field_costs.field("Query", "__schema").unwrap().of, "__Schema");
        assert!(field_costs.field("__Type", "fields").unwrap().is_list());
        assert!(field_costs.field("User", "nothing").is_none());
    }
}
