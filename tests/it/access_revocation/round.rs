//! A campaign of one round, and what the one who is to be removed does meanwhile.

use serde_json::{Value, json};

use scry_testkit::raw_socket::RawSocketClient;
use scry_testkit::server::TestServer;

const EDIT_MUTATION: &str =
    "mutation ($s: ID!, $d: String!) { updateSettlement(id: $s, input: {description: $d}) { version } }";

/// A campaign made for one round.
pub struct RevocationRound {
    pub campaign: Value,
    pub settlement: Value,
    epoch: Value,
}

impl RevocationRound {
    /// Makes a campaign with one settlement, and somebody in it besides its owner.
    pub async fn new(server: &TestServer, gm: &str, user: &str, role: &str) -> Self {
        let make = |kind: &'static str, input: Value| async move {
            let query = format!("mutation ($i: Create{kind}Input!) {{ it: create{kind}(input: $i) {{ id }} }}");
            server.graphql(gm, &query, json!({"i": input})).await["it"]["id"].take()
        };
        let campaign = make("Campaign", json!({"name": "Round"})).await;
        let kingdom = make("Kingdom", json!({"campaignId": campaign, "name": "K"})).await;
        let settlement = make("Settlement", json!({"kingdomId": kingdom, "name": "S"})).await;
        server.enrol(gm, &campaign, user, role).await;
        let query = "query ($c: ID!) { campaign(id: $c) { position { epoch } } }";
        let epoch = server.graphql(gm, query, json!({"c": campaign})).await["campaign"]["position"]["epoch"].take();
        Self { campaign, settlement, epoch }
    }

    /// Makes one change, which is one event.
    pub async fn edit(&self, server: &TestServer, token: &str, text: &str) -> Value {
        server.execute(token, EDIT_MUTATION, json!({"s": self.settlement, "d": text})).await
    }

    /// Takes somebody out of the campaign.
    pub async fn remove(&self, server: &TestServer, gm: &str, user: &Value) {
        let remove = "mutation ($c: ID!, $u: ID!) { removeMember(campaignId: $c, userId: $u) }";
        server.graphql(gm, remove, json!({"c": self.campaign, "u": user})).await;
    }

    /// Returns the campaign's events as the owner sees them.
    pub async fn events(&self, server: &TestServer, gm: &str) -> Vec<Value> {
        let query = "query ($c: ID!) { events(campaignId: $c, limit: 1000) { seq event } }";
        server.graphql(gm, query, json!({"c": self.campaign})).await["events"].as_array().unwrap().clone()
    }

    /// Returns the payload that asks for a room from a position on.
    pub fn since(&self, seq: u64) -> Value {
        json!({"campaignId": self.campaign, "settlementId": self.settlement,
            "since": {"epoch": self.epoch, "seq": seq}})
    }
}

/// Returns the id of a token's user.
pub async fn id_of(server: &TestServer, token: &str) -> Value {
    server.graphql(token, "{ me { id } }", json!({})).await["me"]["id"].take()
}

/// Asks for a room again and again, from a chance position, until it is refused.
pub async fn keep_joining(raw: &mut RawSocketClient, round: &RevocationRound, event: &str, mut chance: fastrand::Rng) {
    loop {
        let answer = raw.ask(event, &round.since(chance.u64(0..6))).await.expect("the connection goes on");
        if answer["success"] != true {
            assert_eq!(answer["code"], "UNAUTHORIZED");
            return;
        }
        if chance.bool() {
            raw.ask("unsubscribe_campaign", &round.campaign).await;
        }
    }
}

/// Asks the API for events again and again until it shows none; returns the last one it showed.
pub async fn keep_asking(server: &TestServer, token: &str, round: &RevocationRound) -> u64 {
    let query = "query ($c: ID!) { events(campaignId: $c, limit: 1000) { seq }
        snapshot(campaignId: $c) { position { seq } } }";
    let mut last = 0;
    loop {
        let data = server.graphql(token, query, json!({"c": round.campaign})).await;
        let Some(seq) = data["events"].as_array().and_then(|events| events.last()?["seq"].as_u64()) else {
            return last;
        };
        last = last.max(seq).max(data["snapshot"]["position"]["seq"].as_u64().unwrap_or_default());
    }
}
