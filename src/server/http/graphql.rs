//! GraphQL over HTTP.

use async_graphql::http::GraphiQLSource;
use async_graphql::{Request, Response};
use axum::Json;
use axum::extract::State;
use axum::response::Html;

use super::Routes;
use super::body::Body;
use super::caller::Authenticated;

/// Answers `POST /graphql`.
pub async fn execute(
    State(routes): State<Routes>,
    Authenticated(caller): Authenticated,
    Body(request): Body<Request>,
) -> Json<Response> {
    Json(routes.schema.execute(request.data(caller)).await)
}

/// Answers `GET /graphql` with a page to try queries on.
pub async fn graphiql() -> Html<String> {
    Html(GraphiQLSource::build().endpoint("/graphql").title("scry-server").finish())
}
