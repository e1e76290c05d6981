//! The server of the table, and what there is in it.

use std::collections::BTreeSet;
use std::time::Duration;

use scry_catalogue::{BUNDLED, Catalogue, Catalogues};
use scry_server::config::ConfigSecret;
use serde_json::{Value, json};

use super::MatrixAnswer::{self, Absent, Granted, NoToken, Refused, TokenExpired};
use super::MatrixUser::{self, Editor, Expired, Nobody, Outsider, Owner, Service, StrangeService, Viewer};
use super::api;
use scry_testkit::server::TestServer;

/// The operator's token, which no member of any campaign has.
pub const ADMIN_TOKEN: &str = "the operator of this table";

/// A campaign made for one column of the table, and the ids of what is in it.
pub struct MatrixCampaign {
    pub ids: Value,
}

/// A server and everybody's token.
pub struct AccessMatrix {
    pub server: TestServer,
    pub gm: String,
    pub tokens: Vec<(MatrixUser, Option<String>)>,
}

impl AccessMatrix {
    /// Starts a server that all of [`super::MATRIX_USERS`] can ask.
    pub async fn open() -> Self {
        let server = TestServer::with(|config| {
            config.socket.requests_per_minute = 10_000;
            config.auth.admin_token = Some(ConfigSecret::new(ADMIN_TOKEN));
            let erp = Catalogue::parse(BUNDLED[1].1).unwrap();
            config.catalogues = Catalogues::new(vec![erp]).unwrap();
        })
        .await;
        add_user(&server, "guest", false).await;
        add_user(&server, "stranger-bot", true).await;
        let gm = server.login("gm").await;
        let expired = expired(&server).await;
        let mut tokens = vec![(Owner, Some(gm.clone()))];
        for (who, name) in [
            (Editor, "player"),
            (Viewer, "viewer"),
            (Outsider, "outsider"),
            (Service, "bot"),
            (StrangeService, "stranger-bot"),
        ] {
            tokens.push((who, Some(server.login(name).await)));
        }
        tokens.extend([(Nobody, None), (Expired, Some(expired))]);
        Self { server, gm, tokens }
    }

    /// Compares the table with the schema: a new operation needs a row.
    pub async fn knows_every_operation(&self) {
        let query = "{ __schema { queryType { fields { name } } mutationType { fields { name } } } }";
        let schema = self.server.graphql(&self.gm, query, json!({})).await["__schema"].take();
        let fields = ["queryType", "mutationType"].map(|kind| schema[kind]["fields"].as_array().unwrap().clone());
        let offered: BTreeSet<String> =
            fields.iter().flatten().map(|field| field["name"].as_str().unwrap().to_owned()).collect();
        let known: BTreeSet<String> = api::API_OPERATIONS.iter().map(|(name, ..)| (*name).to_owned()).collect();
        assert_eq!(offered, known);
    }

    /// Makes a campaign with all there can be in it.
    pub async fn matrix_campaign(&self) -> MatrixCampaign {
        let (server, gm) = (&self.server, &self.gm);
        let make = |kind: &'static str, input: Value| async move {
            let query = format!("mutation ($i: Create{kind}Input!) {{ it: create{kind}(input: $i) {{ id }} }}");
            server.graphql(gm, &query, json!({"i": input})).await["it"]["id"].take()
        };
        let c = make("Campaign", json!({"name": "Stage"})).await;
        let k = make("Kingdom", json!({"campaignId": c, "name": "K"})).await;
        let s = make("Settlement", json!({"kingdomId": k, "name": "S"})).await;
        let t = make("Structure", json!({"settlementId": s, "name": "T"})).await;
        let l = make("Location", json!({"campaignId": c, "name": "L"})).await;
        let e = make("Encounter", json!({"campaignId": c, "name": "E"})).await;
        let mut last = Value::Null;
        for (user, role) in [("player", "EDITOR"), ("viewer", "VIEWER"), ("bot", "EDITOR"), ("guest", "EDITOR")] {
            last = server.enrol(gm, &c, user, role).await;
        }
        let open = "mutation ($c: ID!) { addMember(campaignId: $c, userId: \"nobody\", role: VIEWER) { id } }";
        let i = server.graphql(gm, open, json!({"c": c})).await["addMember"]["id"].take();
        let me = server.graphql(gm, "{ me { id } }", json!({})).await["me"]["id"].take();
        server.graphql(gm, "mutation ($u: [ID!]!) { notify(userIds: $u, title: \"Note\") }", json!({"u": [me]})).await;
        let n = server.graphql(gm, "{ notifications { id } }", json!({})).await["notifications"][0]["id"].take();
        let position = "query ($c: ID!) { campaign(id: $c) { position { epoch } } }";
        let epoch = server.graphql(gm, position, json!({"c": c})).await["campaign"]["position"]["epoch"].take();
        let (m, u) = (&last["id"], &last["userId"]);
        self.admit(&super::events::room(&json!({"c": c})), &["gm", "player", "viewer", "bot"]).await;
        MatrixCampaign {
            ids: json!({"c": c, "k": k, "s": s, "t": t, "l": l, "e": e, "m": m, "u": u, "n": n, "i": i, "epoch": epoch}),
        }
    }

    /// Makes users members of a room of a catalogue.
    async fn admit(&self, room: &str, users: &[&str]) {
        let core = scry_server::AppState::open(self.server.config.clone()).await.unwrap();
        for name in users {
            let user =
                scry_server::auth::users::by_name(&mut core.db.read().await.unwrap(), name).await.unwrap().unwrap();
            scry_server::rooms::add(&core.db, &room.parse().unwrap(), &user.id).await.unwrap();
        }
        core.db.close().await;
    }

    /// Executes an operation on what there is; returns what kind of answer it got.
    pub async fn api(&self, token: Option<&str>, query: &str, ids: &Value) -> (MatrixAnswer, String) {
        let real = self.execute(token, query, ids).await;
        let code = real["errors"][0]["extensions"]["code"].as_str().or(real["error"]["code"].as_str());
        let answer = match code {
            Some("TOKEN_MISSING") => NoToken,
            Some("TOKEN_EXPIRED") => TokenExpired,
            Some("UNAUTHORIZED") => Refused,
            _ => {
                let names_ids = query.contains('$');
                let absent = self.execute(token, query, &nothing(ids)).await;
                if names_ids && absent == real { Absent } else { Granted }
            }
        };
        // What is granted has no error, whatever it answers.
        let answer = if answer == Granted && code.is_some() { Refused } else { answer };
        (answer, real.to_string())
    }

    async fn execute(&self, token: Option<&str>, query: &str, ids: &Value) -> Value {
        let named = |key: &str| query.contains(&format!("${key}:"));
        let variables: serde_json::Map<String, Value> = ids
            .as_object()
            .unwrap()
            .iter()
            .filter(|(key, _)| named(key))
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect();
        self.post(token, "/graphql", &json!({"query": query, "variables": variables})).await.1
    }

    /// Gets a path; returns the status and the text.
    pub async fn get(&self, token: Option<&str>, path: &str) -> (u16, String) {
        let mut request = reqwest::Client::new().get(format!("{}{path}", self.server.url));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    /// Posts JSON; returns the status and the answer.
    pub async fn post(&self, token: Option<&str>, path: &str, body: &Value) -> (u16, Value) {
        let answer = match token {
            Some(token) => self.server.post_as(token, path, body).await,
            None => self.server.post(path, body).await,
        };
        (answer.status.as_u16(), answer.body)
    }
}

/// Returns ids that nobody has, which are as long as the others.
pub fn nothing(ids: &Value) -> Value {
    let mut none = ids.clone();
    for (number, id) in none.as_object_mut().unwrap().values_mut().enumerate() {
        *id = json!(format!("00000000-0000-7000-8000-{number:012}"));
    }
    none
}

/// Adds a user to a running server's database, with the password that all have.
async fn add_user(server: &TestServer, name: &str, is_service: bool) {
    let core = scry_server::AppState::open(server.config.clone()).await.unwrap();
    let hash = scry_server::auth::password::Passwords::new(server.config.auth.argon2).unwrap();
    let user = scry_server::auth::users::UserRecord {
        id: scry_protocol::Id::from(uuid::Uuid::now_v7()),
        username: name.to_owned(),
        password_hash: hash.hash(scry_testkit::server::BUNDLED_PASSWORD.to_owned()).await.unwrap(),
        is_service,
        is_disabled: false,
    };
    let add = async |tx: &mut scry_server::db::Tx| scry_server::auth::users::insert(tx, &user).await;
    core.db.write(add).await.unwrap();
    core.db.close().await;
}

/// Makes a token of the owner that has run out, signed by the server's own key.
async fn expired(server: &TestServer) -> String {
    let core = scry_server::AppState::open(server.config.clone()).await.unwrap();
    let id = |text: &str| scry_protocol::Id::parse(text).unwrap();
    let tokens = core.tokens.with_ttl(Duration::ZERO);
    let token = tokens.issue(&id("gm"), "gm", &id("session"), jiff::Timestamp::now()).unwrap().0;
    core.db.close().await;
    token
}
