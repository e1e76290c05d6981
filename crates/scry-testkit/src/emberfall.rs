//! The bundled campaign on a running server: what is in it, and what its journal says.

use serde_json::{Value, json};

use super::server::TestServer;

/// A token of the game master and the campaign Emberfall on a server.
pub struct Emberfall<'a> {
    /// The server.
    pub server: &'a TestServer,
    /// A token of the game master.
    pub gm: String,
    /// The campaign's id.
    pub id: String,
}

impl<'a> Emberfall<'a> {
    /// Logs in and finds the campaign.
    pub async fn on(server: &'a TestServer) -> Self {
        let gm = server.login("gm").await;
        let data = server.graphql(&gm, "{ campaigns { id name } }", json!({})).await;
        let found = data["campaigns"].as_array().unwrap().iter().find(|it| it["name"] == "Emberfall").unwrap();
        Self { server, id: found["id"].as_str().unwrap().to_owned(), gm }
    }

    /// Returns a settlement or structure by its name.
    pub async fn entity(&self, name: &str) -> Value {
        let query = "query ($id: ID!) { snapshot(campaignId: $id) {
            settlements { id name version level variables computed conditions }
            structures { id name version level settlementId variables computed conditions } } }";
        let data = self.server.graphql(&self.gm, query, json!({"id": self.id})).await;
        let lists = ["settlements", "structures"].map(|list| data["snapshot"][list].as_array().unwrap().clone());
        lists.into_iter().flatten().find(|it| it["name"] == name).unwrap_or_else(|| panic!("there is no {name}"))
    }

    /// Changes a settlement or structure; returns it as the answer has it.
    pub async fn update(&self, kind: &str, id: &Value, input: Value) -> Value {
        let mutation = format!(
            "mutation ($id: ID!, $input: Update{kind}Input!) {{ update{kind}(id: $id, input: $input)
                {{ id version computed conditions }} }}"
        );
        self.server.graphql(&self.gm, &mutation, json!({"id": id, "input": input})).await[format!("update{kind}")]
            .take()
    }

    /// Returns the campaign's clock.
    pub async fn time(&self) -> String {
        let query = "query ($id: ID!) { campaign(id: $id) { worldTime } }";
        let data = self.server.graphql(&self.gm, query, json!({"id": self.id})).await;
        data["campaign"]["worldTime"].as_str().unwrap().to_owned()
    }

    /// Moves the clock by days.
    pub async fn advance(&self, days: i64) -> Value {
        let mutation = "mutation ($id: ID!, $s: Int!) { advanceWorldTime(campaignId: $id, seconds: $s) { newTime } }";
        self.server.execute(&self.gm, mutation, json!({"id": self.id, "s": days * 86_400})).await
    }

    /// Returns the events after `since`.
    pub async fn events(&self, since: u64) -> Vec<Value> {
        let query = "query ($id: ID!, $since: Int) { events(campaignId: $id, since: $since, limit: 1000) { event } }";
        let data = self.server.graphql(&self.gm, query, json!({"id": self.id, "since": since})).await;
        data["events"].as_array().unwrap().iter().map(|it| it["event"].clone()).collect()
    }
}
