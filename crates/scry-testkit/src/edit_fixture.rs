//! A settlement that several people edit.

use serde_json::{Value, json};

use super::server::TestServer;
use super::user_pool::{TestUser, add_members};

/// A server, a settlement of its bundled world that nobody else touches, and the editors of it.
pub struct EditFixture {
    /// The server.
    pub server: TestServer,
    /// The campaign's id.
    pub campaign: String,
    /// The settlement's id.
    pub settlement: String,
    /// Users who may edit.
    pub editors: Vec<TestUser>,
    /// A token of the game master.
    pub gm: String,
    kingdom: Value,
}

impl EditFixture {
    /// Opens one with the settlement Anvil, whose variables `a`, `b` and `c` are numbers.
    pub async fn open(editors: usize) -> Self {
        let server = TestServer::start().await;
        let gm = server.login("gm").await;
        let campaigns = server.graphql(&gm, "{ campaigns { id name } }", json!({})).await;
        let named = |campaign: &&Value| campaign["name"] == "Emberfall";
        let campaign = campaigns["campaigns"].as_array().unwrap().iter().find(named).unwrap()["id"].clone();
        let kingdoms = "query($id: ID!) { kingdomsByCampaign(campaignId: $id) { id } }";
        let kingdoms = server.graphql(&gm, kingdoms, json!({"id": campaign})).await;
        let kingdom = kingdoms["kingdomsByCampaign"][0]["id"].clone();
        let campaign = campaign.as_str().unwrap().to_owned();
        let editors = add_members(&server.config, &campaign, "EDITOR", editors).await;
        let mut fixture = Self { server, campaign, settlement: String::new(), editors, gm, kingdom };
        fixture.settlement = fixture.found("Anvil", 1, json!({"a": 0, "b": 0, "c": 0})).await;
        fixture
    }

    /// Founds a settlement with three variables and returns its id.
    pub async fn found(&self, name: &str, level: u8, variables: Value) -> String {
        let number = json!({"type": "number"});
        let input = json!({"kingdomId": self.kingdom, "name": name, "level": level,
            "variableSchemas": {"a": number, "b": number, "c": number}, "variables": variables});
        let create = "mutation($input: CreateSettlementInput!) { createSettlement(input: $input) { id } }";
        let created = self.server.graphql(&self.gm, create, json!({"input": input})).await;
        created["createSettlement"]["id"].as_str().unwrap().to_owned()
    }

    /// Returns the version of Anvil.
    pub async fn version(&self) -> i64 {
        let query = "query($id: ID!) { settlement(id: $id) { version } }";
        let found = self.server.graphql(&self.gm, query, json!({"id": self.settlement})).await;
        found["settlement"]["version"].as_i64().unwrap()
    }
}
