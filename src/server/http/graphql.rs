//! GraphQL over HTTP.

use async_graphql::http::GraphiQLSource;
use async_graphql::{Request, Response, ServerError, Value};
use axum::Json;
use axum::extract::{ConnectInfo, State};
use axum::response::Html;

use super::Routes;
use super::body::Body;
use super::caller::Authenticated;
use crate::protocol::ErrorCode;
use crate::server::breach::Breach;
use crate::server::socket::tcp::Peer;

/// Answers `POST /graphql`.
pub async fn execute(
    State(routes): State<Routes>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Authenticated(caller): Authenticated,
    Body(request): Body<Request>,
) -> Json<Response> {
    let mut response = routes.schema.execute(request.data(caller)).await;
    for error in &mut response.errors {
        if let Some(breach) = breach_of(error) {
            routes.core.breaches.note(breach, Some(peer.address.ip()));
        }
        // What the library itself refuses, a query it cannot read or an argument of the wrong type, has no code yet.
        let extensions = error.extensions.get_or_insert_default();
        if extensions.get("code").is_none() {
            extensions.set("code", ErrorCode::InvalidPayload.as_str());
        }
    }
    Json(response)
}

/// Returns the limit that a refusal is about: a quota names itself, the library has only these sentences.
fn breach_of(error: &ServerError) -> Option<Breach> {
    match error.message.as_str() {
        "Query is nested too deep." => Some(Breach::QueryDepth),
        "Query is too complex." => Some(Breach::QueryComplexity),
        _ => {
            let limit = error.extensions.as_ref()?.get("limit")?;
            if let Value::String(name) = limit { Breach::named(name) } else { None }
        }
    }
}

/// Answers `GET /graphql` with a page to try queries on.
pub async fn graphiql() -> Html<String> {
    Html(GraphiQLSource::build().endpoint("/graphql").title("scry-server").finish())
}
