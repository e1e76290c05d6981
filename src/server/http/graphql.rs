//! GraphQL over HTTP.

use async_graphql::http::GraphiQLSource;
use async_graphql::{Request, Response};
use axum::Json;
use axum::extract::State;
use axum::response::Html;

use super::Routes;
use super::body::Body;
use super::caller::Authenticated;
use crate::protocol::ErrorCode;

/// Answers `POST /graphql`.
pub async fn execute(
    State(routes): State<Routes>,
    Authenticated(caller): Authenticated,
    Body(request): Body<Request>,
) -> Json<Response> {
    let mut response = routes.schema.execute(request.data(caller)).await;
    for error in &mut response.errors {
        // What the library itself refuses, a query it cannot read or an argument of the wrong type, has no code yet.
        let extensions = error.extensions.get_or_insert_default();
        if extensions.get("code").is_none() {
            extensions.set("code", ErrorCode::InvalidPayload.as_str());
        }
    }
    Json(response)
}

/// Answers `GET /graphql` with a page to try queries on.
pub async fn graphiql() -> Html<String> {
    Html(GraphiQLSource::build().endpoint("/graphql").title("scry-server").finish())
}
