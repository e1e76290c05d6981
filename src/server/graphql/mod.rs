//! The GraphQL API: decode, call the domain, encode.

mod error;
mod input;
mod invitation;
mod mutation;
mod node;
mod query;
mod types;
mod update;

use async_graphql::EmptySubscription;

use super::domain::Domain;
use crate::config::server::HttpConfig;

/// Answers queries and mutations.
pub type Schema = async_graphql::Schema<query::Query, mutation::Mutation, EmptySubscription>;

/// Builds the schema over the domain.
#[must_use]
pub fn schema(domain: Domain, limits: &HttpConfig) -> Schema {
    async_graphql::Schema::build(query::Query, mutation::Mutation::default(), EmptySubscription)
        .data(domain)
        .limit_depth(limits.query_depth)
        .limit_complexity(limits.query_complexity)
        .finish()
}
