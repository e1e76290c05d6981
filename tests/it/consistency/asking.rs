//! Requests over HTTP: each attempt and each answer is recorded, and what got no answer is asked again.

use std::time::Duration;

use fastrand::Rng;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::cluster::{Addresses, millis};
use super::history::{Answer, Record, Recorder, Request, digest};
use crate::support::server::PASSWORD;

/// How long one attempt may take: longer than the server lets a change wait.
const ATTEMPT: Duration = Duration::from_secs(12);
/// How long a request is repeated before it is given up.
const PATIENCE: Duration = Duration::from_secs(40);
/// Answers that leave open what became of the request, or say that it was not looked at.
const OPEN: [&str; 4] = ["INTERNAL", "RATE_LIMITED", "DRAINING", "UNAVAILABLE"];

/// Everything of a campaign that a snapshot is compared by.
pub const SNAPSHOT: &str = "query ($campaign: ID!) { snapshot(campaignId: $campaign) { position { epoch seq } \
     campaign { id name version worldTime } kingdoms { id name version } \
     settlements { id name version variables computed } \
     structures { id name version settlementId variables } members { id name version userId role } } }";

/// Somebody who asks the server.
#[derive(Clone)]
pub struct Asker {
    http: reqwest::Client,
    pub addresses: Addresses,
    pub recorder: Recorder,
    pub rng: Rng,
    pub token: String,
    campaign: String,
}

impl Asker {
    /// Logs a user in.
    pub async fn new(user: &str, mut addresses: Addresses, recorder: &Recorder, mut rng: Rng) -> Self {
        let http = reqwest::Client::builder().timeout(ATTEMPT).build().unwrap();
        let (_, url) = addresses.pick(&mut rng).await;
        let login = json!({"username": user, "password": PASSWORD});
        let answer = http.post(format!("{url}/auth/login")).json(&login).send().await.unwrap();
        let token = answer.json::<Value>().await.unwrap()["accessToken"].as_str().unwrap().to_owned();
        let recorder = recorder.clone();
        let mut asker = Self { http, addresses, recorder, rng, token, campaign: String::new() };
        let campaigns = asker.query("{ campaigns { id } }", json!({})).await;
        if let Some(campaign) = campaigns["campaigns"][0]["id"].as_str() {
            campaign.clone_into(&mut asker.campaign);
        }
        asker
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
    pub async fn attempt(&self, op: u64, request: &Request, (node, url): (usize, String)) -> Answer {
        let attempt = self.recorder.number();
        let call = self.batch_alert(op, request, &url);
        self.recorder.write(Record::Send { op, attempt, node, request: request.clone() });
        let answer = match exchange(call).await {
            Ok((status, body)) => read(request, status, &body),
            Err(why) => Answer::Unknown { why },
        };
        self.recorder.write(Record::Reply { op, attempt, answer: answer.clone() });
        answer
    }

    /// Makes a request until there is a definite answer; a request without a key may be made only once.
    pub async fn ask(&mut self, op: u64, request: &Request) -> Answer {
        let at = self.addresses.pick(&mut self.rng).await;
        self.ask_first_at(op, request, at).await
    }

    /// Makes a request twice at the same time, mostly at the same node.
    pub async fn ask_twice(&mut self, op: u64, request: &Request) -> Answer {
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

    async fn ask_first_at(&mut self, op: u64, request: &Request, at: (usize, String)) -> Answer {
        let (began, mut at) = (Instant::now(), at);
        loop {
            let answer = self.attempt(op, request, at).await;
            let repeatable = request.key().is_some() || matches!(request, Request::Snapshot);
            if is_definite(&answer) || !repeatable || began.elapsed() > PATIENCE {
                return answer;
            }
            sleep(millis(&mut self.rng, 5..60)).await;
            at = self.addresses.pick(&mut self.rng).await;
        }
    }

    fn batch_alert(&self, op: u64, request: &Request, url: &str) -> reqwest::RequestBuilder {
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
        request: &Request,
        body: Value,
        (node, url): (usize, String),
    ) -> (Answer, Option<String>) {
        let attempt = self.recorder.number();
        let route = if matches!(request, Request::Login { .. }) { "login" } else { "refresh" };
        let call = self.http.post(format!("{url}/auth/{route}")).json(&body);
        self.recorder.write(Record::Send { op, attempt, node, request: request.clone() });
        let (answer, token) = match exchange(call).await {
            Ok((_, body)) => match body["refreshToken"].as_str() {
                Some(token) => (Answer::Token { token: digest(token) }, Some(token.to_owned())),
                None => (refusal(&body), None),
            },
            Err(why) => (Answer::Unknown { why }, None),
        };
        self.recorder.write(Record::Reply { op, attempt, answer: answer.clone() });
        (answer, token)
    }
}

/// Returns whether an answer says what became of a request.
pub fn is_definite(answer: &Answer) -> bool {
    !matches!(answer, Answer::Unknown { .. })
}

async fn exchange(request: reqwest::RequestBuilder) -> Result<(u16, Value), String> {
    let response = request.send().await.map_err(|error| error.without_url().to_string())?;
    let status = response.status().as_u16();
    let text = response.text().await.map_err(|error| error.without_url().to_string())?;
    let body = serde_json::from_str(&text).map_err(|error| format!("status {status}: {error}"))?;
    Ok((status, body))
}

/// Writes a request as the API takes it.
fn graphql(request: &Request, campaign: &str) -> (String, Value) {
    let written = "{ id version variables }";
    match request {
        Request::Edit { key, entity, structure, mark, expected } => {
            let kind = if *structure { "Structure" } else { "Settlement" };
            let query = format!(
                "mutation ($id: ID!, $variables: JSON, $expected: Int, $key: String) {{ write: update{kind}(id: $id, \
                 input: {{variables: $variables}}, expectedVersion: $expected, onConflict: REJECT, idempotencyKey: $key) \
                 {written} }}"
            );
            let variables = json!({"mark": mark, "note": format!("n{mark}")});
            (query, json!({"id": entity, "variables": variables, "expected": expected, "key": key}))
        }
        Request::Create { key, settlement, name, mark } => {
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
        Request::Delete { key, entity } => (
            "mutation ($id: ID!, $key: String) { done: deleteStructure(id: $id, idempotencyKey: $key) }".to_owned(),
            json!({"id": entity, "key": key}),
        ),
        Request::Advance { key, seconds } => (
            "mutation ($id: ID!, $seconds: Int!, $key: String) { move: advanceWorldTime(campaignId: $id, \
             seconds: $seconds, idempotencyKey: $key) { previousTime newTime elapsedSeconds } }"
                .to_owned(),
            json!({"id": campaign, "seconds": seconds, "key": key}),
        ),
        Request::Snapshot => (SNAPSHOT.to_owned(), json!({"campaign": campaign})),
        Request::Admit { invitation, .. } => {
            ("mutation ($id: ID!) { member: acceptInvitation(id: $id) { id } }".to_owned(), json!({"id": invitation}))
        }
        Request::Remove { user } => (
            "mutation ($id: ID!, $user: ID!) { done: removeMember(campaignId: $id, userId: $user) }".to_owned(),
            json!({"id": campaign, "user": user}),
        ),
        Request::Notify { user, title, .. } => (
            "mutation ($users: [ID!]!, $title: String!) { count: notify(userIds: $users, title: $title) }".to_owned(),
            json!({"users": [user], "title": title}),
        ),
        Request::Login { .. } | Request::Refresh { .. } => (String::new(), Value::Null),
    }
}

/// Reads what the API answered.
fn read(request: &Request, status: u16, body: &Value) -> Answer {
    let data = &body["data"];
    if !body["errors"].is_null() || !data.is_object() {
        return if status == 401 { Answer::Unknown { why: body.to_string() } } else { refusal(body) };
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match request {
        Request::Edit { .. } | Request::Create { .. } => {
            let written = &data["write"];
            let (mark, note) = (written["variables"]["mark"].clone(), written["variables"]["note"].clone());
            let version = written["version"].as_i64().unwrap_or_default();
            Answer::Written { entity: text(&written["id"]), version, mark, note }
        }
        Request::Advance { .. } => {
            let moved = &data["move"];
            let elapsed = moved["elapsedSeconds"].as_i64().unwrap_or_default();
            Answer::Moved { previous: text(&moved["previousTime"]), new: text(&moved["newTime"]), elapsed }
        }
        Request::Snapshot => Answer::Viewed { snapshot: data["snapshot"].clone() },
        Request::Delete { .. } | Request::Admit { .. } | Request::Remove { .. } | Request::Notify { .. } => {
            Answer::Done
        }
        Request::Login { .. } | Request::Refresh { .. } => Answer::Unknown { why: "not a query".to_owned() },
    }
}

fn refusal(body: &Value) -> Answer {
    let code = body["errors"][0]["extensions"]["code"].as_str().or_else(|| body["error"]["code"].as_str());
    match code {
        Some(code) if !OPEN.contains(&code) => Answer::Refused { code: code.to_owned() },
        _ => Answer::Unknown { why: body.to_string() },
    }
}
