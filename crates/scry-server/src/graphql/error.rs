//! Refusals over GraphQL: `extensions.code`, and `extensions.conflict` for an edit that met another.

use async_graphql::{Context, Error, ErrorExtensions, ID, Value, to_value};
use scry_protocol::{ErrorCode, Id};

use crate::domain::{Caller, Domain, DomainError};

/// The result of every resolver.
pub(super) type ResolverResult<T> = Result<T, Error>;

/// Returns the domain and the caller of a request.
pub(super) fn domain_and_caller<'a>(ctx: &Context<'a>) -> ResolverResult<(&'a Domain, &'a Caller)> {
    Ok((ctx.data::<Domain>()?, ctx.data::<Caller>()?))
}

/// Turns a domain's refusal into a GraphQL error.
pub(super) fn to_graphql_error(error: DomainError) -> Error {
    if let DomainError::Database(cause) = &error {
        tracing::error!(error = %cause, "the database failed");
    }
    let refusal = Error::new(error.to_string()).extend_with(|_, extensions| {
        extensions.set("code", error.code().as_str());
    });
    match error {
        DomainError::Conflict(conflict) => refusal.extend_with(|_, extensions| {
            extensions.set("conflict", to_value(&conflict).unwrap_or(Value::Null));
        }),
        DomainError::Limited { limit, retry_after, .. } => refusal.extend_with(|_, extensions| {
            extensions.set("limit", limit.name());
            if let Some(wait) = retry_after {
                extensions.set("retryAfterMs", u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
            }
        }),
        DomainError::OutOfBounds { limit, .. } => refusal.extend_with(|_, extensions| {
            extensions.set("limit", limit.name());
        }),
        DomainError::NotFound(_) | DomainError::Forbidden(_) | DomainError::Invalid(_) | DomainError::Database(_) => {
            refusal
        }
    }
}

/// Reads an id of the request; what cannot be one is an invalid payload.
pub(super) fn id(field: &str, id: &ID) -> ResolverResult<Id> {
    Id::parse(id).map_err(|problem| {
        Error::new(format!("{field}: {problem}")).extend_with(|_, extensions| {
            extensions.set("code", ErrorCode::InvalidPayload.as_str());
        })
    })
}
