//! The GraphQL API, as far as the client needs it.

pub mod edit;
mod inbox;
mod invitation;
mod people;
mod queries;

use std::sync::Arc;

use scry_catalogue::EventDisplays;
use scry_config::EnvLookup;
use scry_config::client::Settings;
use scry_model::event::{DueEffect, Snapshot};
use scry_protocol::auth::UserInfo;
use scry_protocol::{ErrorCode, Event, Id, Position};
use scry_text as text;
use scry_text::json::{Json, TextHandling};
use serde::Deserialize;
use serde_json::{Value, json};

use super::auth::{self, Auth, refusal};
use super::credentials::{CredentialStore, Credentials, StoreLocation};
use super::error::{ApiError, is_token_refused};
use super::http::{HttpClient, HttpReply, MAX_LIST_BYTES, MAX_STATE_BYTES, RequestOptions};
use super::secret::Secret;

/// Asks one server questions; cheap to clone, safe to share.
///
/// Every answer has been made safe for display, unless it is wanted [`Api::as_stored`]; error messages always are. A
/// token that is about to end, or is refused, is refreshed once and the question asked again.
#[derive(Debug, Clone)]
pub struct Api {
    http: HttpClient,
    auth: Auth,
    texts: TextHandling,
    /// What the events of every change are to carry; without it, the change's own key.
    correlation: Option<Arc<str>>,
}

/// A campaign one may see.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CampaignSummary {
    /// The campaign's id.
    pub id: Id,
    /// The name, made safe for display.
    pub name: String,
    /// The description, where the campaign has one.
    #[serde(default)]
    pub description: Option<String>,
    /// The campaign's clock, RFC 3339 UTC.
    #[serde(default)]
    pub world_time: Option<String>,
    /// `OWNER`, `EDITOR` or `VIEWER`.
    #[serde(default)]
    pub my_role: Option<String>,
    /// Where its journal stands.
    #[serde(default)]
    pub position: Option<Position>,
}

/// An entry of a campaign's journal.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct JournalEntry {
    /// The event's number in its journal, counted from 1.
    pub seq: u64,
    /// The epoch of the journal that `seq` belongs to.
    pub epoch: String,
    /// The event's name, for example `settlement_updated`.
    #[serde(rename = "type")]
    pub name: String,
    /// The event as it was sent.
    pub event: Value,
}

impl JournalEntry {
    /// Reads the entry in the form of the five, where it has that form.
    #[must_use]
    pub fn event(&self) -> Option<Event> {
        Event::from_value(&self.event)
    }
}

/// A request, kept so that it can be sent again.
enum ApiRequest<'a> {
    Graphql { query: &'a str, variables: &'a Value, max_bytes: usize },
    Publish { event: &'a str, payload: &'a Value },
}

impl Api {
    /// Returns an API that sends through `http` with the login of `auth`.
    #[must_use]
    pub const fn new(http: HttpClient, auth: Auth) -> Self {
        Self { http, auth, texts: TextHandling::Safe, correlation: None }
    }

    /// Returns texts exactly as the server stores them from now on: for programs and for comparing, not for a screen.
    #[must_use]
    pub const fn as_stored(mut self) -> Self {
        self.texts = TextHandling::AsStored;
        self
    }

    /// Gives every change this correlation id, which the events it leads to carry; without one, its own key.
    #[must_use]
    pub fn correlated(mut self, id: Option<&str>) -> Self {
        self.correlation = id.map(Arc::from);
        self
    }

    /// Returns the correlation id that every change is given, if there is one.
    #[must_use]
    pub fn correlation(&self) -> Option<&str> {
        self.correlation.as_deref()
    }

    /// Asks the server that the settings name, as the login kept for it or as `SCRY_TOKEN` says.
    ///
    /// # Errors
    /// [`ApiError::AuthorityFile`] when the profile's file of authorities cannot be used.
    pub fn open(settings: &Settings, env: EnvLookup) -> Result<Self, ApiError> {
        let http = HttpClient::new(&settings.server, settings.config.connection.request_timeout)?;
        let auth = match env("SCRY_TOKEN") {
            Some(token) => Auth::with_token(Secret::new(token)),
            None => Auth::stored(http.clone(), Credentials::new(&settings.dirs.data, &settings.server)),
        };
        Ok(Self::new(http, auth))
    }

    /// Logs in with a password and keeps the login in `store`, or where it was kept before.
    ///
    /// # Errors
    /// [`ApiError::Refused`] with `INVALID_CREDENTIALS` or `RATE_LIMITED`; [`ApiError::Credentials`] when the
    /// login cannot be kept; or what stood in the way.
    pub async fn login(
        &self,
        username: &str,
        password: &Secret,
        store: Option<CredentialStore>,
    ) -> Result<(UserInfo, Option<StoreLocation>), ApiError> {
        let login = auth::login(&self.http, username, password).await?;
        let user = login.user.clone();
        let place = self.auth.adopt(login, store).await?;
        Ok((user, place))
    }

    /// Makes sure that the server answers at all, whatever it says.
    ///
    /// # Errors
    /// [`ApiError::Unreachable`], [`ApiError::Certificate`] or [`ApiError::Timeout`].
    pub async fn ping(&self) -> Result<(), ApiError> {
        self.http.ping().await
    }

    /// Returns the server's address.
    #[must_use]
    pub const fn url(&self) -> &url::Url {
        self.http.base()
    }

    /// Returns who asks.
    #[must_use]
    pub const fn auth(&self) -> &Auth {
        &self.auth
    }

    /// Asks the server how it is; what it says of itself, name by name, safe to show.
    ///
    /// # Errors
    /// [`ApiError`] when it cannot be reached.
    pub async fn health(&self) -> Result<Vec<(String, String)>, ApiError> {
        let (server, sockets) = (self.http.get("health").await?, self.http.get("health/websocket").await?);
        let (body, sockets) = (server.value(), sockets.value());
        let clients = sockets.get("connectedClients").map(|count| ("clients".to_owned(), count.to_string()));
        let fields = body.as_object().into_iter().flatten().map(|(name, value)| {
            let value = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
            (text::line(name).into_owned(), text::line(&value).into_owned())
        });
        let said: Vec<_> = fields.chain(clients).take(16).collect();
        let said = if said.is_empty() { vec![("status".to_owned(), format!("HTTP {}", server.status))] } else { said };
        let address = ("address".to_owned(), text::line(self.http.address()).into_owned());
        Ok([address].into_iter().chain(said).collect())
    }

    /// Returns the user behind the token.
    ///
    /// # Errors
    /// [`ApiError`], as for every question.
    pub async fn me(&self) -> Result<UserInfo, ApiError> {
        self.query(queries::ME_QUERY, json!({}), "me").await
    }

    /// Lists the campaigns one may see.
    ///
    /// # Errors
    /// [`ApiError`], as for every question.
    pub async fn campaigns(&self) -> Result<Vec<CampaignSummary>, ApiError> {
        self.query(&queries::CAMPAIGNS_QUERY, json!({}), "campaigns").await
    }

    /// Returns these entities with `__typename`, in this order; those that are gone or hidden are left out.
    ///
    /// # Errors
    /// [`ApiError`], as for every question.
    pub async fn nodes(&self, ids: &[Id]) -> Result<Vec<Json>, ApiError> {
        let nodes = self.query_json(&queries::NODES_QUERY, json!({"ids": ids}), "nodes", MAX_STATE_BYTES).await?;
        let nodes = nodes.as_array().ok_or_else(|| self.unexpected_form("nodes"))?;
        Ok(nodes.iter().filter(|node| node.is_object()).cloned().collect())
    }

    /// Returns the whole state of a campaign and its position, which was read before the state.
    ///
    /// # Errors
    /// [`ApiError`], as for every question.
    pub async fn snapshot(&self, campaign_id: &Id) -> Result<Snapshot, ApiError> {
        let variables = json!({"campaignId": campaign_id});
        let answer = self.query_json(&queries::SNAPSHOT_QUERY, variables, "snapshot", MAX_STATE_BYTES).await?;
        if answer == Json::Null {
            let message = "there is no such campaign, or you may not see it".to_owned();
            return Err(ApiError::Refused { code: ErrorCode::Unauthorized, message });
        }
        let lists = queries::SNAPSHOT_LISTS.into_iter().filter_map(|list| answer.get(list)?.as_array());
        let nodes = answer.get("campaign").into_iter().chain(lists.flatten()).cloned().collect();
        let position = answer.get("position").and_then(|position| serde_json::from_value(position.into()).ok());
        Ok(Snapshot { campaign_id: campaign_id.clone(), position, nodes })
    }

    /// Lists journal entries after `since`, oldest first.
    ///
    /// # Errors
    /// [`ApiError`], as for every question.
    pub async fn events(
        &self,
        campaign_id: &Id,
        since: Option<u64>,
        limit: Option<u32>,
    ) -> Result<Vec<JournalEntry>, ApiError> {
        let variables = json!({"campaignId": campaign_id, "since": since, "limit": limit});
        self.query(queries::EVENTS_QUERY, variables, "events").await
    }

    /// Asks any question and returns its `data`.
    ///
    /// # Errors
    /// [`ApiError::Refused`] with the first error's code; [`ApiError::NotOffered`] when the server has no
    /// GraphQL or not this field; [`ApiError::LoginRequired`]; or what stood in the way.
    pub async fn graphql(&self, query: &str, variables: Value) -> Result<Value, ApiError> {
        let question = ApiRequest::Graphql { query, variables: &variables, max_bytes: MAX_LIST_BYTES };
        self.execute(&question).await.map(|data| Value::from(&data))
    }

    /// Publishes an event, which only a service account may, and returns the server's answer.
    ///
    /// # Errors
    /// [`ApiError::Refused`] with `UNAUTHORIZED` or `INVALID_PAYLOAD`, or as for every question.
    pub async fn publish(&self, event: &str, payload: Value) -> Result<Value, ApiError> {
        self.execute(&ApiRequest::Publish { event, payload: &payload }).await.map(|answer| Value::from(&answer))
    }

    /// Puts a question, and once more with a new token if the token was refused.
    async fn execute(&self, question: &ApiRequest<'_>) -> Result<Json, ApiError> {
        let access = self.auth.access().await?;
        let token = access.map(|access| access.token);
        match self.send(question, token.as_ref()).await {
            Err(ApiError::Refused { code, .. }) if is_token_refused(&code) => {
                let renewed = self.auth.renew(token.as_ref()).await?;
                self.send(question, Some(&renewed.token)).await
            }
            other => other,
        }
    }

    /// Lists what falls due until a world time, the earliest first.
    ///
    /// # Errors
    /// [`ApiError`], as for every question; [`ApiError::NotOffered`] where the server keeps no such list.
    pub async fn due_effects(&self, campaign: &Id, until: &str) -> Result<Vec<DueEffect>, ApiError> {
        let query = "query ($campaign: ID!, $until: String!) { dueEffects(campaignId: $campaign, until: $until) \
                     { at name description entityType entityId } }";
        self.query(query, json!({"campaign": campaign, "until": until}), "dueEffects").await
    }

    /// Returns how the events that the server's catalogues declare are shown; nothing where it has none.
    ///
    /// # Errors
    /// [`ApiError`], as for every question.
    pub async fn event_displays(&self) -> Result<EventDisplays, ApiError> {
        match self.query(queries::EVENT_DISPLAYS_QUERY, json!({}), "catalogueEvents").await {
            Ok(looks) => Ok(EventDisplays::new(looks)),
            Err(ApiError::NotOffered { .. }) => Ok(EventDisplays::default()),
            Err(error) => Err(error),
        }
    }

    async fn query<T: serde::de::DeserializeOwned>(
        &self,
        query: &str,
        variables: Value,
        field: &str,
    ) -> Result<T, ApiError> {
        let answer = self.query_json(query, variables, field, MAX_LIST_BYTES).await?;
        serde_json::from_value(Value::from(&answer)).map_err(|error| {
            tracing::warn!(field, %error, "an answer has an unexpected form");
            self.unexpected_form(field)
        })
    }

    /// Asks for one field, and returns what the server says of it in whatever form.
    async fn query_json(&self, query: &str, variables: Value, field: &str, max_bytes: usize) -> Result<Json, ApiError> {
        let data = self.execute(&ApiRequest::Graphql { query, variables: &variables, max_bytes }).await?;
        Ok(data.get(field).cloned().unwrap_or_default())
    }

    async fn send(&self, question: &ApiRequest<'_>, token: Option<&Secret>) -> Result<Json, ApiError> {
        match question {
            ApiRequest::Graphql { query, variables, max_bytes } => {
                let body = json!({"query": query, "variables": variables});
                // The events an edit leads to name it by the key it was sent under, unless they are to name a run.
                let key = variables.get("key").and_then(Value::as_str);
                let correlation = self.correlation.as_deref().or(key);
                let terms = RequestOptions { bearer: token, correlation, max_bytes: Some(*max_bytes) };
                let reply = self.http.post("graphql", &body, terms).await?;
                let answer = reply.json(self.texts);
                if let Some(error) = answer.get("errors").and_then(|errors| errors.as_array()?.first()) {
                    return Err(self.graphql_error(error));
                }
                self.data(&reply, &answer)
            }
            ApiRequest::Publish { event, payload } => {
                let body = json!({"type": event, "payload": payload});
                let correlation = self.correlation.as_deref();
                let reply = self
                    .http
                    .post("events", &body, RequestOptions { bearer: token, correlation, max_bytes: None })
                    .await?;
                if reply.status == 200 {
                    return Ok(reply.json(self.texts));
                }
                Err(refusal(&self.http, &reply, "publishing events"))
            }
        }
    }

    fn data(&self, reply: &HttpReply, answer: &Json) -> Result<Json, ApiError> {
        match answer.get("data") {
            Some(data) if data.is_object() && reply.status == 200 => Ok(data.clone()),
            // A page, or JSON of another kind: whatever lives there is no GraphQL.
            _ if reply.status == 200 => Err(self.not_offered("GraphQL")),
            _ => Err(refusal(&self.http, reply, "GraphQL")),
        }
    }

    fn graphql_error(&self, error: &Json) -> ApiError {
        // A person reads an error, and a refused edit waits where a dashboard shows it.
        let error = text::json(error.into());
        let message = error.get("message").and_then(Value::as_str).unwrap_or("the server gave no reason");
        let message = text::line(message).into_owned();
        let code = error.pointer("/extensions/code").cloned().map(serde_json::from_value::<ErrorCode>);
        let conflict = error.pointer("/extensions/conflict").cloned().map(serde_json::from_value);
        match code {
            Some(Ok(ErrorCode::Conflict)) if let Some(Ok(conflict)) = conflict => {
                ApiError::Conflict { message, conflict: Box::new(conflict) }
            }
            Some(Ok(code)) => ApiError::Refused { code, message },
            // Our own server puts a code to every refusal; without one the query itself was not understood.
            _ => {
                tracing::warn!(%message, "the server did not understand a query");
                self.not_offered("the GraphQL fields this version needs")
            }
        }
    }

    fn unexpected_form(&self, field: &str) -> ApiError {
        self.not_offered(&format!("“{field}” in the form this version needs"))
    }

    fn not_offered(&self, what: &str) -> ApiError {
        ApiError::NotOffered { url: self.http.base().to_string(), what: what.to_owned() }
    }
}
