//! What follows from a change by the campaign's rules: stored, announced, and nothing besides.

use serde_json::{Value, json};

use scry_testkit::emberfall::Emberfall;
use scry_testkit::node::NodeDriver;
use scry_testkit::server::TestServer;

fn condition<'a>(entity: &'a Value, name: &str) -> &'a Value {
    entity["conditions"].as_array().unwrap().iter().find(|it| it["name"] == name).unwrap()
}

#[tokio::test]
async fn a_change_is_answered_with_what_follows_from_it() {
    let server = TestServer::start().await;
    let world = Emberfall::on(&server).await;
    let town = world.entity("Harrow's Rest").await;
    let after = world.update("Settlement", &town["id"], json!({"variables": {"towers": 1, "walls": 1}})).await;
    assert_eq!((&after["version"], &after["computed"]["defence"]["value"]), (&json!(2), &json!(5)));
    assert_eq!(condition(&after, "defended")["holds"], false);
    assert_eq!(condition(&after, "defended")["because"], "Defence is 5: 1 towers and walls of 1.");
    assert_eq!(world.entity("Harrow's Rest").await["computed"], after["computed"], "what is answered is stored");
    let events = world.events(0).await;
    assert_eq!(events.len(), 2, "{events:?}");
    assert_eq!(
        events[1]["payload"],
        json!({"scope": "entity", "campaignId": world.id, "entityType": "settlement", "entityId": town["id"],
               "affectedFields": ["defence", "defended"]})
    );
    let metadata = &events[1]["metadata"];
    assert_eq!(
        (&metadata["source"], &metadata["causedBy"]),
        (&json!("rules-engine"), &events[0]["metadata"]["eventId"])
    );
    assert_eq!(metadata["changes"][0], json!({"field": "defence", "from": 12, "to": 5}));
    assert!(metadata["version"].is_null(), "what follows is no version of its own");
}

#[tokio::test]
async fn a_structure_changes_what_its_settlement_sums_up() {
    let server = TestServer::start().await;
    let world = Emberfall::on(&server).await;
    let town = world.entity("Harrow's Rest").await;
    let inn = world.entity("The Lame Heron").await;
    world.update("Structure", &inn["id"], json!({"variables": {"upkeep": 20}})).await;
    world.update("Structure", &inn["id"], json!({"description": "Nothing follows from words."})).await;
    let events = world.events(0).await;
    let told: Vec<_> =
        events.iter().map(|it| (it["type"].as_str().unwrap(), &it["payload"]["affectedFields"])).collect();
    assert_eq!(
        told,
        [
            ("structure_updated", &Value::Null),
            ("state_invalidated", &json!(["upkeep", "solvent"])),
            ("structure_updated", &Value::Null)
        ]
    );
    assert_eq!(events[1]["payload"]["entityId"], town["id"]);
    assert_eq!(world.entity("Harrow's Rest").await["computed"]["upkeep"]["value"], 30);
    let delete = "mutation ($id: ID!) { deleteStructure(id: $id) }";
    server.graphql(&world.gm, delete, json!({"id": inn["id"]})).await;
    assert_eq!(world.entity("Harrow's Rest").await["computed"]["upkeep"]["value"], 10);
    let create =
        "mutation ($input: CreateStructureInput!) { createStructure(input: $input) { id computed conditions } }";
    let input = json!({"settlementId": town["id"], "name": "Mill", "type": "mill", "variables": {"upkeep": 4},
                       "variableSchemas": {"upkeep": {"type": "number"}}});
    let mill = server.graphql(&world.gm, create, json!({"input": input})).await["createStructure"].take();
    assert_eq!(mill["computed"]["repairCost"]["value"], Value::Null);
    assert_eq!(mill["computed"]["repairCost"]["reason"], "condition has no value");
    assert_eq!(condition(&mill, "inService")["holds"], Value::Null);
    assert_eq!(world.entity("Harrow's Rest").await["computed"]["upkeep"]["value"], 14);
    let last = world.events(0).await.pop().unwrap();
    assert_eq!(last["payload"]["entityId"], town["id"], "what is new has nothing to take back");
}

#[tokio::test]
async fn a_rule_without_a_result_says_why_and_breaks_nothing() {
    let server = TestServer::start().await;
    let world = Emberfall::on(&server).await;
    let town = world.entity("Saltwick").await;
    let input = json!({"variableSchemas": {"food": {"type": "number"}}, "variables": {"population": null, "morale": null,
        "treasury": null, "towers": null, "walls": null, "ruler": null, "trade": null, "besieged": null, "unrest": null}});
    let after = world.update("Settlement", &town["id"], input).await;
    assert_eq!(after["computed"]["defence"]["value"], Value::Null);
    assert_eq!(after["computed"]["defence"]["reason"], "towers has no value");
    assert_eq!(condition(&after, "defended")["because"], "It cannot be computed: defence has no value.");
    assert_eq!(condition(&after, "provisioned")["holds"], false, "23 days are too few, whoever besieges");
    let calendar = json!({"calendar": {"name": "broken"}});
    let mutation =
        "mutation ($id: ID!, $input: UpdateCampaignInput!) { updateCampaign(id: $id, input: $input) { id } }";
    let refused = server.refused(&world.gm, mutation, json!({"id": world.id, "input": calendar})).await;
    assert!(refused["message"].as_str().unwrap().starts_with("calendar: "), "{refused}");
}

#[tokio::test]
async fn a_campaign_without_rules_is_left_in_peace() {
    let server = TestServer::start().await;
    let gm = server.login("gm").await;
    let create = |kind: &str| format!("mutation ($i: Create{kind}Input!) {{ create{kind}(input: $i) {{ id }} }}");
    let campaign =
        server.graphql(&gm, &create("Campaign"), json!({"i": {"name": "Ashes"}})).await["createCampaign"]["id"].take();
    let kingdom = server.graphql(&gm, &create("Kingdom"), json!({"i": {"campaignId": campaign, "name": "K"}})).await["createKingdom"]["id"].take();
    server.graphql(&gm, &create("Settlement"), json!({"i": {"kingdomId": kingdom, "name": "S"}})).await;
    let world = Emberfall { server: &server, gm, id: campaign.as_str().unwrap().to_owned() };
    assert!(world.advance(400).await["errors"].is_null());
    let types: Vec<_> = world.events(0).await.iter().map(|it| it["type"].clone()).collect();
    assert_eq!(
        types,
        ["entity_updated", "entity_updated", "entity_updated", "settlement_updated", "world_time_changed"]
    );
}

#[tokio::test]
async fn sockets_hear_the_change_and_then_what_follows_from_it() {
    let (server, node) = (TestServer::start().await, NodeDriver::start().await);
    let world = Emberfall::on(&server).await;
    let listener = node.enter("gm", &server.url, &world.gm).await;
    assert_eq!(listener.ask("subscribe_campaign", json!(world.id)).await["success"], true);
    world.advance(17).await;
    let moved = listener.wait("world_time_changed", 1).await.remove(0);
    let invalidated = listener.wait("state_invalidated", 7).await;
    let upkeep = listener.wait("settlement_updated", 2).await.remove(0);
    let causes = |event: &Value| event["metadata"]["causedBy"].clone();
    assert!(
        invalidated[..6].iter().all(|it| causes(it) == moved["metadata"]["eventId"]),
        "the clock moved for all six"
    );
    assert!(invalidated[..6].iter().all(|it| it["payload"]["affectedFields"] == json!(["upkeepDue"])));
    assert_eq!(
        (&upkeep["metadata"]["source"], causes(&upkeep)),
        (&json!("scheduler"), moved["metadata"]["eventId"].clone())
    );
    assert!(invalidated[6..].iter().any(|it| causes(it) == upkeep["metadata"]["eventId"]), "{invalidated:?}");
}
