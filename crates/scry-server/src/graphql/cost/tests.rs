//! What documents cost, by a schema of the tests' own.

use std::fmt::Write;
use std::time::{Duration, Instant};

use async_graphql::parser::parse_query;
use proptest::prelude::*;
use serde_json::json;

use super::*;

const SDL: &str = "
    type Query { me: User! users: [User!]! events(limit: Int): [Event!]! nodes(ids: [ID!]!): [Node!]!
        dueEffects(limit: Int): [Event!]! note(text: String): String }
    type Mutation { rename(name: String): User! }
    type User { id: ID! name: String! friends: [User!]! }
    type Event { id: ID! at: String! name: String! }
    union Node = User | Event";

const LIMITS: QueryLimits = QueryLimits {
    depth: 15,
    complexity: 100_000,
    answer_bytes: 1 << 20,
    timeout: Duration::from_secs(10),
    per_user: 1,
};

fn measure(query: &str, variables: serde_json::Value) -> Result<u64, QueryError> {
    let document = parse_query(query).unwrap();
    check(&document, &Variables::from_json(variables), &FieldCosts::new(SDL), &LIMITS)
}

fn cost(query: &str) -> u64 {
    measure(query, json!({})).unwrap()
}

fn is_too_complex(query: &str, variables: serde_json::Value) -> bool {
    matches!(measure(query, variables), Err(QueryError::TooComplex { .. }))
}

/// Writes a chain of fragments of which each spreads the next so many times.
fn bomb(levels: usize, width: usize) -> String {
    let mut query = "{...f0}".to_owned();
    for level in 0..levels {
        let spreads = format!("...f{} ", level + 1).repeat(width);
        let _ = write!(query, " fragment f{level} on Query{{{spreads}}}");
    }
    query + &format!(" fragment f{levels} on Query{{me{{id}}}}")
}

#[test]
fn lists_cost_their_rows_times_their_fields() {
    let read = 10;
    assert_eq!(cost("{me{id name}}"), read + 3);
    assert_eq!(cost("{users{id name}}"), read + 1 + 100 * 3);
    assert_eq!(cost("{users{friends{id}}}"), read + 1 + 100 * (1 + 1 + 100 * 2));
    assert_eq!(cost("{events(limit:7){id at}}"), read + 1 + 7 * 3);
    assert_eq!(cost("{events{id at}}"), read + 1 + 100 * 3);
    assert_eq!(cost("query($n:Int=20){events(limit:$n){id}}"), read + 1 + 20 * 2);
    assert_eq!(measure("query($n:Int=20){events(limit:$n){id}}", json!({"n": 50})), Ok(read + 1 + 50 * 2));
    assert_eq!(cost("mutation{a:rename{id} b:rename{id}}"), 2 * (500 + 2));
    assert_eq!(cost("{dueEffects(limit:1){at}}"), 5_000 + 1 + 2);
}

#[test]
fn aliases_cost_as_often_as_they_ask() {
    let flood = |field: &str, count: usize| {
        let aliases: String = (0..count).map(|number| format!("a{number}:{field} ")).collect();
        format!("{{{aliases}}}")
    };
    assert!(is_too_complex(&flood("users{id name}", 350), json!({})));
    assert!(is_too_complex(&flood("dueEffects(limit:1){at}", 20), json!({})));
    assert!(!is_too_complex(&flood("dueEffects(limit:1){at}", 19), json!({})));
    assert!(!is_too_complex(&flood("me{id}", 1_000), json!({})));
}

#[test]
fn union_row_costs_as_much_as_its_most_expensive_member() {
    let query = "query($ids:[ID!]!){nodes(ids:$ids){__typename ...on User{id name} ...on Event{id at name}}}";
    let ids = json!({"ids": vec!["x"; 200]});
    // A row: itself, its type's name, three fields of an event, and the spread that does not fit.
    assert_eq!(measure(query, ids.clone()), Ok(10 + 1 + 200 * (1 + 1 + 3 + 1) + 200 * (72 + 1) / 1024));
    let spread = "query($ids:[ID!]!){nodes(ids:$ids){...N}} fragment N on Node{__typename ...U ...on Event{id at name}}
        fragment U on User{id name}";
    assert_eq!(measure(spread, ids), measure(query, json!({"ids": vec!["x"; 200]})));
}

#[test]
fn fragments_that_spread_each_other_are_refused_without_being_unfolded() {
    let began = Instant::now();
    for (levels, width) in [(30, 2), (60, 2), (3, 300), (4, 100), (10, 10)] {
        let error = measure(&bomb(levels, width), json!({})).unwrap_err();
        assert!(matches!(error, QueryError::TooComplex { .. }), "{levels} × {width}: {error}");
    }
    // Nobody spreads them, and they are validated all the same.
    let unused = bomb(30, 2).replacen("{...f0}", "{me{id}}", 1);
    assert!(is_too_complex(&unused, json!({})));
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[test]
fn fragment_cycle_is_refused_by_name() {
    for query in [
        "{...a} fragment a on Query{...a}",
        "{...a} fragment a on Query{me{id} ...b} fragment b on Query{...c} fragment c on Query{...a}",
        "{me{id}} fragment a on Query{...b ...b} fragment b on Query{...a ...a}",
    ] {
        let error = measure(query, json!({})).unwrap_err();
        assert!(matches!(&error, QueryError::Cycle(name) if ["a", "b", "c"].contains(&name.as_str())), "{error}");
    }
}

#[test]
fn depth_counts_fragments_in_any_order() {
    let nested = |depth: usize| format!("{}id{}", "friends{".repeat(depth - 2), "}".repeat(depth - 2));
    assert_ne!(measure(&format!("{{me{{{}}}}}", nested(15)), json!({})), Err(QueryError::TooDeep(15)));
    assert_eq!(measure(&format!("{{me{{{}}}}}", nested(16)), json!({})), Err(QueryError::TooDeep(15)));
    let spread = format!("{{me{{...a}}}} fragment a on User{{{}}}", nested(16));
    assert_eq!(measure(&spread, json!({})), Err(QueryError::TooDeep(15)));
    assert!(matches!(measure(&bomb(80, 1), json!({})), Err(QueryError::TooLong { .. })));
}

#[test]
fn operations_fragments_and_directives_are_counted() {
    let too_long = |query: String, expected: &str| {
        let error = measure(&query, json!({})).unwrap_err();
        assert!(matches!(&error, QueryError::TooLong { what, .. } if *what == expected), "{expected}: {error}");
    };
    let many = |count: usize, each: &dyn Fn(usize) -> String| (0..count).map(each).collect::<String>();
    too_long(many(21, &|n| format!("query q{n}{{me{{id}}}} ")), "operations");
    too_long("{me{id}}".to_owned() + &many(201, &|n| format!(" fragment f{n} on User{{id}}")), "fragments");
    too_long(format!("{{me {}{{id}}}}", "@x ".repeat(201)), "directives");
    too_long(format!("{{me{{id}}}} fragment f on User {} {{id}}", "@x ".repeat(201)), "directives");
    assert!(measure(&many(20, &|n| format!("query q{n}{{me{{id}}}} ")), json!({})).is_ok());
}

#[test]
fn arguments_cost_by_their_bytes_for_each_field_that_takes_them() {
    let text = json!({"t": "x".repeat(1 << 20)});
    let uses = |count: usize| {
        let aliases: String = (0..count).map(|number| format!("a{number}:note(text:$t) ")).collect();
        format!("query($t:String){{{aliases}}}")
    };
    assert!(!is_too_complex(&uses(10), text.clone()));
    assert!(is_too_complex(&uses(100), text.clone()));
    let listed = format!("query($t:String){{note(text:[{}])}}", "$t ".repeat(100));
    assert!(is_too_complex(&listed, text.clone()));
    let skipped = format!("query($t:String){{me @skip(if:[{}]){{id}}}}", "$t ".repeat(100));
    assert!(is_too_complex(&skipped, text));
}

#[test]
fn unknown_field_costs_more_than_known_field() {
    let many: String = (0..2_000).map(|number| format!("x{number} ")).collect();
    assert!(is_too_complex(&format!("{{{many}}}"), json!({})));
    assert!(cost("{nothing}") < 1_000);
}

#[test]
fn introspection_of_a_whole_schema_is_answered() {
    let input = "name description type{...T} defaultValue";
    let of = |depth: usize| format!("{}kind name{}", "kind name ofType{".repeat(depth), "}".repeat(depth));
    let query = format!(
        "query IntrospectionQuery{{__schema{{queryType{{name}} mutationType{{name}} subscriptionType{{name}}
            types{{...F}} directives{{name description locations args{{{input}}}}}}}}}
        fragment F on __Type{{kind name description fields(includeDeprecated:true){{name description args{{{input}}}
            type{{...T}} isDeprecated deprecationReason}} inputFields{{{input}}} interfaces{{...T}}
            enumValues(includeDeprecated:true){{name description isDeprecated deprecationReason}}
            possibleTypes{{...T}}}}
        fragment T on __Type{{{}}}",
        of(7)
    );
    assert!(measure(&query, json!({})).is_ok());
    let circular = format!("{{__schema{{types{{{}name{}}}}}}}", "fields{type{".repeat(6), "}}".repeat(6));
    assert!(is_too_complex(&circular, json!({})));
}

proptest! {
    /// The work is what a walk that unfolds every fragment would count.
    #[test]
    fn work_is_that_of_the_unfolded_document(spreads in prop::collection::vec(prop::collection::vec(0..8_usize, 0..4), 8)) {
        let mut query = "{...f0}".to_owned();
        for (index, spread) in spreads.iter().enumerate() {
            // Only to later ones, so that there is an end.
            let later = spread.iter().filter(|next| **next > index);
            let inner: String = later.map(|next| format!(" ...f{next}")).collect();
            let _ = write!(query, " fragment f{index} on Query{{me{{id}}{inner}}}");
        }
        let document = parse_query(&query).unwrap();
        let (variables, field_costs) = (Variables::default(), FieldCosts::new(SDL));
        let mut meter = CostCalculator::new(&document, &variables, &field_costs);
        for (_, operation) in operations(&document) {
            let extent = meter.extent(&operation.selection_set.node, 0).unwrap();
            prop_assert_eq!(extent.work, unfolded(&document, &operation.selection_set.node));
        }
    }
}

fn unfolded(document: &ExecutableDocument, set: &SelectionSet) -> u64 {
    let each = set.items.iter().map(|selection| {
        1 + match &selection.node {
            Selection::Field(field) => unfolded(document, &field.node.selection_set.node),
            Selection::InlineFragment(inline) => unfolded(document, &inline.node.selection_set.node),
            Selection::FragmentSpread(spread) => {
                unfolded(document, &document.fragments[&spread.node.fragment_name.node].node.selection_set.node)
            }
        }
    });
    each.sum()
}
