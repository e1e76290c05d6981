//! Requests over HTTP: each attempt and each answer is recorded, and what got no answer is asked again.

use std::time::Duration;

use fastrand::Rng;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::cluster::{NodeAddresses, millis};
use super::history::{HistoryAnswer, HistoryRecord, HistoryRecorder, HistoryRequest, digest};
use scry_testkit::server::BUNDLED_PASSWORD;

/// How long one attempt may take: longer than the server lets a change wait.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(12);
/// How long a request is repeated before it is given up.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(40);
/// Answers that leave open what became of the request, or say that it was not looked at.
const INDEFINITE_CODES: [&str; 4] = ["INTERNAL", "RATE_LIMITED", "DRAINING", "UNAVAILABLE"];

/// Everything of a campaign that a snapshot is compared by.
pub const SNAPSHOT_QUERY: &str = "query ($campaign: ID!) { snapshot(campaignId: $campaign) { position { epoch seq } \
     campaign { id name version worldTime } kingdoms { id name version } \
     settlements { id name version variables computed } \
     structures { id name version settlementId variables } members { id name version userId role } } }";

/// Somebody who asks the server.
#[derive(Clone)]
pub struct RecordingClient {
    http: reqwest::Client,
    pub addresses: NodeAddresses,
    pub recorder: HistoryRecorder,
    pub rng: Rng,
    pub token: String,
    campaign: String,
}

impl RecordingClient {
    /// Logs a user in.
    pub async fn new(user: &str, mut addresses: NodeAddresses, recorder: &HistoryRecorder, mut rng: Rng) -> Self {
        let http = reqwest::Client::builder().timeout(ATTEMPT_TIMEOUT).build().unwrap();
        let (_, url) = addresses.pick(&mut rng).await;
        let login = json!({"username": user, "password": BUNDLED_PASSWORD});
        let answer = http.post(format!("{url}/auth/login")).json(&login).send().await.unwrap();
        let token = answer.json::<Value>().await.unwrap()["accessToken"].as_str().unwrap().to_owned();
        let recorder = recorder.clone();
        let mut client = Self { http, addresses, recorder, rng, token, campaign: String::new() };
        let campaigns = client.query("{ campaigns { id } }", json!({})).await;
        if let Some(campaign) = campaigns["campaigns"][0]["id"].as_str() {
            campaign.clone_into(&mut client.campaign);
        }
        client
    }

    /// Goes to a campaign that is not in the asker's list.
    pub fn at(mut self, campaign: &str) -> Self {
        campaign.clone_into(&mut self.campaign);
        self
    }

    pub fn campaign(&self) -> &str {
        &self.campaign
    }

    /// Another one with the same login, who chooses for himself.
    pub fn fork(&mut self) -> Self {
        Self { rng: self.rng.fork(), ..self.clone() }
    }

    /// Asks for something that is not recorded, until it is answered.
    pub async fn query(&mut self, query: &str, variables: Value) -> Value {
        loop {
            if let Some(answer) = self.try_query(query, variables.clone()).await {
                return answer;
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Asks for something that is not recorded, once.
    pub async fn try_query(&mut self, query: &str, variables: Value) -> Option<Value> {
        let (_, url) = self.addresses.pick(&mut self.rng).await;
        let body = json!({"query": query, "variables": variables});
        let request = self.http.post(format!("{url}/graphql")).bearer_auth(&self.token).json(&body);
        let (_, mut answer) = exchange(request).await.ok()?;
        (answer["data"].is_object() && answer["errors"].is_null()).then(|| answer["data"].take())
    }

    /// Makes a request once, at a node.
    pub async fn attempt(&self, op: u64, request: &HistoryRequest, (node, url): (usize, String)) -> HistoryAnswer {
        let attempt = self.recorder.number();
        let call = self.batch_alert(op, request, &url);
        self.recorder.write(HistoryRecord::Send { op, attempt, node, request: request.clone() });
        let answer = match exchange(call).await {
            Ok((status, body)) => read(request, status, &body),
            Err(why) => HistoryAnswer::Unknown { why },
        };
        self.recorder.write(HistoryRecord::Reply { op, attempt, answer: answer.clone() });
        answer
    }

    /// Makes a request until there is a definite answer; a request without a key may be made only once.
    pub async fn ask(&mut self, op: u64, request: &HistoryRequest) -> HistoryAnswer {
        let at = self.addresses.pick(&mut self.rng).await;
        self.ask_first_at(op, request, at).await
    }

    /// Makes a request twice at the same time, mostly at the same node.
    pub async fn ask_twice(&mut self, op: u64, request: &HistoryRequest) -> HistoryAnswer {
        let at = self.addresses.pick(&mut self.rng).await;
        let other = self.addresses.beside(at.0).filter(|_| self.rng.u32(..4) == 0).unwrap_or_else(|| at.clone());
        let mut second = self.fork();
        let delay = millis(&mut self.rng, 0..3);
        let repeat = async {
            sleep(delay).await;
            second.ask_first_at(op, request, other).await
        };
        let (first, second) = tokio::join!(self.ask_first_at(op, request, at), repeat);
        if is_definite(&first) { first } else { second }
    }

    async fn ask_first_at(&mut self, op: u64, request: &HistoryRequest, at: (usize, String)) -> HistoryAnswer {
        let (began, mut at) = (Instant::now(), at);
        loop {
            let answer = self.attempt(op, request, at).await;
            let repeatable = request.key().is_some() || matches!(request, HistoryRequest::Snapshot);
            if is_definite(&answer) || !repeatable || began.elapsed() > REQUEST_TIMEOUT {
                return answer;
            }
            sleep(millis(&mut self.rng, 5..60)).await;
            at = self.addresses.pick(&mut self.rng).await;
        }
    }

    fn batch_alert(&self, op: u64, request: &HistoryRequest, url: &str) -> reqwest::RequestBuilder {
        let (query, variables) = graphql(request, &self.campaign);
        let body = json!({"query": query, "variables": variables});
        let correlation = request.key().map_or_else(|| format!("op-{op}"), str::to_owned);
        let call = self.http.post(format!("{url}/graphql")).bearer_auth(&self.token);
        call.header("x-correlation-id", correlation).json(&body)
    }

    /// Posts to one of the routes of authentication, which is recorded as a request of its own.
    pub async fn authenticate(
        &self,
        op: u64,
        request: &HistoryRequest,
        body: Value,
        (node, url): (usize, String),
    ) -> (HistoryAnswer, Option<String>) {
        let attempt = self.recorder.number();
        let route = if matches!(request, HistoryRequest::Login { .. }) { "login" } else { "refresh" };
        let call = self.http.post(format!("{url}/auth/{route}")).json(&body);
        self.recorder.write(HistoryRecord::Send { op, attempt, node, request: request.clone() });
        let (answer, token) = match exchange(call).await {
            Ok((_, body)) => match body["refreshToken"].as_str() {
                Some(token) => (HistoryAnswer::Token { token: digest(token) }, Some(token.to_owned())),
                None => (refusal(&body), None),
            },
            Err(why) => (HistoryAnswer::Unknown { why }, None),
        };
        self.recorder.write(HistoryRecord::Reply { op, attempt, answer: answer.clone() });
        (answer, token)
    }
}

/// Returns whether an answer says what became of a request.
pub fn is_definite(answer: &HistoryAnswer) -> bool {
    !matches!(answer, HistoryAnswer::Unknown { .. })
}

async fn exchange(request: reqwest::RequestBuilder) -> Result<(u16, Value), String> {
    let response = request.send().await.map_err(|error| error.without_url().to_string())?;
    let status = response.status().as_u16();
    let text = response.text().await.map_err(|error| error.without_url().to_string())?;
    let body = serde_json::from_str(&text).map_err(|error| format!("status {status}: {error}"))?;
    Ok((status, body))
}

/// Writes a request as the API takes it.
fn graphql(request: &HistoryRequest, campaign: &str) -> (String, Value) {
    let written = "{ id version variables }";
    match request {
        HistoryRequest::Edit { key, entity, structure, mark, expected } => {
            let kind = if *structure { "Structure" } else { "Settlement" };
            let query = format!(
                "mutation ($id: ID!, $variables: JSON, $expected: Int, $key: String) {{ write: update{kind}(id: $id, \
                 input: {{variables: $variables}}, expectedVersion: $expected, onConflict: REJECT, idempotencyKey: $key) \
                 {written} }}"
            );
            let variables = json!({"mark": mark, "note": format!("n{mark}")});
            (query, json!({"id": entity, "variables": variables, "expected": expected, "key": key}))
        }
        HistoryRequest::Create { key, settlement, name, mark } => {
            let query = format!(
                "mutation ($input: CreateStructureInput!, $key: String) {{ write: createStructure(input: $input, \
                 idempotencyKey: $key) {written} }}"
            );
            let variables = json!({"mark": mark, "note": format!("n{mark}")});
            let schemas = json!({"mark": {"type": "number"}, "note": {"type": "text"}});
            let input =
                json!({"settlementId": settlement, "name": name, "variables": variables, "variableSchemas": schemas});
            (query, json!({"input": input, "key": key}))
        }
        HistoryRequest::Delete { key, entity } => (
            "mutation ($id: ID!, $key: String) { done: deleteStructure(id: $id, idempotencyKey: $key) }".to_owned(),
            json!({"id": entity, "key": key}),
        ),
        HistoryRequest::Advance { key, seconds } => (
            "mutation ($id: ID!, $seconds: Int!, $key: String) { move: advanceWorldTime(campaignId: $id, \
             seconds: $seconds, idempotencyKey: $key) { previousTime newTime elapsedSeconds } }"
                .to_owned(),
            json!({"id": campaign, "seconds": seconds, "key": key}),
        ),
        HistoryRequest::Snapshot => (SNAPSHOT_QUERY.to_owned(), json!({"campaign": campaign})),
        HistoryRequest::Admit { invitation, .. } => {
            ("mutation ($id: ID!) { member: acceptInvitation(id: $id) { id } }".to_owned(), json!({"id": invitation}))
        }
        HistoryRequest::Remove { user } => (
            "mutation ($id: ID!, $user: ID!) { done: removeMember(campaignId: $id, userId: $user) }".to_owned(),
            json!({"id": campaign, "user": user}),
        ),
        HistoryRequest::Notify { user, title, .. } => (
            "mutation ($users: [ID!]!, $title: String!) { count: notify(userIds: $users, title: $title) }".to_owned(),
            json!({"users": [user], "title": title}),
        ),
        HistoryRequest::Login { .. } | HistoryRequest::Refresh { .. } => (String::new(), Value::Null),
    }
}

/// Reads what the API answered.
fn read(request: &HistoryRequest, status: u16, body: &Value) -> HistoryAnswer {
    let data = &body["data"];
    if !body["errors"].is_null() || !data.is_object() {
        return if status == 401 { HistoryAnswer::Unknown { why: body.to_string() } } else { refusal(body) };
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match request {
        HistoryRequest::Edit { .. } | HistoryRequest::Create { .. } => {
            let written = &data["write"];
            let (mark, note) = (written["variables"]["mark"].clone(), written["variables"]["note"].clone());
            let version = written["version"].as_i64().unwrap_or_default();
            HistoryAnswer::Written { entity: text(&written["id"]), version, mark, note }
        }
        HistoryRequest::Advance { .. } => {
            let moved = &data["move"];
            let elapsed = moved["elapsedSeconds"].as_i64().unwrap_or_default();
            HistoryAnswer::Moved { previous: text(&moved["previousTime"]), new: text(&moved["newTime"]), elapsed }
        }
        HistoryRequest::Snapshot => HistoryAnswer::Viewed { snapshot: data["snapshot"].clone() },
        HistoryRequest::Delete { .. }
        | HistoryRequest::Admit { .. }
        | HistoryRequest::Remove { .. }
        | HistoryRequest::Notify { .. } => HistoryAnswer::Done,
        HistoryRequest::Login { .. } | HistoryRequest::Refresh { .. } => {
            HistoryAnswer::Unknown { why: "not a query".to_owned() }
        }
    }
}

fn refusal(body: &Value) -> HistoryAnswer {
    let code = body["errors"][0]["extensions"]["code"].as_str().or_else(|| body["error"]["code"].as_str());
    match code {
        Some(code) if !INDEFINITE_CODES.contains(&code) => HistoryAnswer::Refused { code: code.to_owned() },
        _ => HistoryAnswer::Unknown { why: body.to_string() },
    }
}
