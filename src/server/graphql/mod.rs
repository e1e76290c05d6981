//! The GraphQL API: decode, call the domain, encode.

mod error;
mod input;
mod mutation;
mod node;
mod query;
mod types;
mod update;

use async_graphql::EmptySubscription;

use super::domain::Domain;

/// Answers queries and mutations.
pub type Schema = async_graphql::Schema<query::Query, mutation::Mutation, EmptySubscription>;

/// Bounds a request: how deep it nests (an introspection needs 13) and how many fields it asks for.
const MAX_DEPTH: usize = 15;
const MAX_COMPLEXITY: usize = 2_000;

/// Builds the schema over the domain.
#[must_use]
pub fn schema(domain: Domain) -> Schema {
    async_graphql::Schema::build(query::Query, mutation::Mutation::default(), EmptySubscription)
        .data(domain)
        .limit_depth(MAX_DEPTH)
        .limit_complexity(MAX_COMPLEXITY)
        .finish()
}
