//! Queries and mutations, who may make them, and what the journal says of them.

use serde_json::{Value, json};

use scry_testkit::server::TestServer;

const SNAPSHOT: &str = "query ($id: ID!) { snapshot(campaignId: $id) { position { epoch seq }
    campaign { id name version description worldTime calendar myRole position { seq } }
    kingdoms { id name } settlements { id name version kingdomId level variables variableSchemas computed conditions }
    structures { id name version settlementId type variables } locations { id name kingdomId settlementId }
    encounters { id name status locationId } members { id name userId role } } }";
const EVENTS: &str = "query ($id: ID!, $since: Int) { events(campaignId: $id, since: $since, limit: 1000)
    { seq epoch type event } }";
const UPDATE: &str =
    "mutation ($id: ID!, $input: UpdateSettlementInput!, $version: Int, $on: OnConflict = MERGE, $key: String) {
    updateSettlement(id: $id, input: $input, expectedVersion: $version, onConflict: $on, idempotencyKey: $key)
    { id version level description variables } }";

pub async fn campaign(server: &TestServer, token: &str) -> String {
    let data = server.graphql(token, "{ campaigns { id name } }", json!({})).await;
    let campaigns = data["campaigns"].as_array().unwrap();
    campaigns.iter().find(|it| it["name"] == "Emberfall").unwrap()["id"].as_str().unwrap().to_owned()
}

async fn snapshot(server: &TestServer, token: &str) -> Value {
    let id = campaign(server, token).await;
    server.graphql(token, SNAPSHOT, json!({"id": id})).await["snapshot"].take()
}

async fn events(server: &TestServer, token: &str, since: u64) -> Vec<Value> {
    let id = campaign(server, token).await;
    let data = server.graphql(token, EVENTS, json!({"id": id, "since": since})).await;
    data["events"].as_array().unwrap().clone()
}

/// Leaves out what the rules made of a change.
fn by_people(events: Vec<Value>) -> Vec<Value> {
    events.into_iter().filter(|it| it["event"]["metadata"]["source"] == "api").collect()
}

#[tokio::test]
async fn the_bundled_world_is_served_whole() {
    let server = TestServer::start().await;
    let gm = server.login("gm").await;
    let world = snapshot(&server, &gm).await;
    let count = |list: &str| world[list].as_array().unwrap().len();
    assert_eq!(
        [count("kingdoms"), count("settlements"), count("structures"), count("locations"), count("encounters")],
        [2, 6, 18, 4, 3]
    );
    assert_eq!((&world["campaign"]["myRole"], &world["position"]["seq"]), (&json!("OWNER"), &json!(0)));
    assert!(world["campaign"]["calendar"].is_object());
    assert!(world["settlements"][0]["computed"].as_object().is_some_and(|computed| !computed.is_empty()));
}

#[tokio::test]
async fn every_list_query_agrees_with_the_snapshot() {
    let server = TestServer::start().await;
    let gm = server.login("gm").await;
    let world = snapshot(&server, &gm).await;
    let (id, kingdom) = (world["campaign"]["id"].clone(), world["kingdoms"][0]["id"].clone());
    let settlement = world["settlements"][0]["id"].clone();
    let query =
        "query ($c: ID!, $k: ID!, $s: ID!) { campaign(id: $c) { name } kingdomsByCampaign(campaignId: $c) { id }
        locationsByCampaign(campaignId: $c) { id } encountersByCampaign(campaignId: $c) { id }
        settlementsByKingdom(kingdomId: $k) { id kingdomId } structuresBySettlement(settlementId: $s) { settlementId }
        settlement(id: $s) { id } structure(id: $s) { id } nodes(ids: [$s, \"nowhere\", $k, $c])
        { __typename ... on Kingdom { id } ... on Settlement { id } ... on Campaign { myRole } } }";
    let data = server.graphql(&gm, query, json!({"c": id, "k": kingdom, "s": settlement})).await;
    assert_eq!(data["kingdomsByCampaign"].as_array().unwrap().len(), 2);
    assert_eq!(data["locationsByCampaign"].as_array().unwrap().len(), 4);
    assert_eq!(data["encountersByCampaign"].as_array().unwrap().len(), 3);
    assert!(data["settlementsByKingdom"].as_array().unwrap().iter().all(|it| it["kingdomId"] == kingdom));
    assert!(data["structuresBySettlement"].as_array().unwrap().iter().all(|it| it["settlementId"] == settlement));
    assert_eq!((&data["settlement"]["id"], &data["structure"]), (&settlement, &Value::Null));
    let types: Vec<_> = data["nodes"].as_array().unwrap().iter().map(|node| node["__typename"].clone()).collect();
    assert_eq!(types, ["Settlement", "Kingdom", "Campaign"]);
}

#[tokio::test]
async fn forbidden_entity_is_answered_like_a_missing_one() {
    let server = TestServer::start().await;
    let (gm, outsider) = (server.login("gm").await, server.login("outsider").await);
    let world = snapshot(&server, &gm).await;
    let query =
        "query ($c: ID!, $k: ID!, $s: ID!) { campaign(id: $c) { id } snapshot(campaignId: $c) { position { seq } }
        kingdomsByCampaign(campaignId: $c) { id } settlementsByKingdom(kingdomId: $k) { id } settlement(id: $s) { id }
        nodes(ids: [$c, $k, $s]) { __typename } events(campaignId: $c) { seq } }";
    let ids =
        json!({"c": world["campaign"]["id"], "k": world["kingdoms"][0]["id"], "s": world["settlements"][0]["id"]});
    let hidden = server.graphql(&outsider, query, ids.clone()).await;
    let none = server.graphql(&outsider, query, json!({"c": "none", "k": "none", "s": "none"})).await;
    assert_eq!(hidden, none);
    let input = json!({"level": 2});
    let hidden = server.refused(&outsider, UPDATE, json!({"id": ids["s"], "input": input})).await;
    let none = server.refused(&outsider, UPDATE, json!({"id": "none", "input": input})).await;
    assert_eq!((&hidden["message"], &hidden["extensions"]), (&none["message"], &none["extensions"]));
    assert_eq!(hidden["extensions"]["code"], "NOT_FOUND");
}

#[tokio::test]
async fn each_role_may_do_what_it_says() {
    let server = TestServer::start().await;
    let gm = server.login("gm").await;
    let world = snapshot(&server, &gm).await;
    let (campaign, settlement) = (world["campaign"]["id"].clone(), world["settlements"][0]["id"].clone());
    let edit = "mutation ($c: ID!, $s: ID!) { updateSettlement(id: $s, input: {level: 7}) { level }
        advanceWorldTime(campaignId: $c, seconds: 60) { elapsedSeconds } }";
    let manage = "mutation ($c: ID!) { addMember(campaignId: $c, userId: \"outsider\", role: VIEWER) { invitee } }";
    let delete = "mutation ($c: ID!) { deleteCampaign(id: $c) }";
    let variables = json!({"c": campaign, "s": settlement});
    let only_c = json!({"c": campaign});
    for (user, may_edit) in [("viewer", false), ("player", true)] {
        let token = server.login(user).await;
        let edited = server.execute(&token, edit, variables.clone()).await;
        assert_eq!(edited["errors"].is_null(), may_edit, "{user}: {edited}");
        for query in [manage, delete] {
            let refused = server.refused(&token, query, only_c.clone()).await;
            assert_eq!(refused["extensions"]["code"], "UNAUTHORIZED", "{user}");
        }
    }
    assert_eq!(server.graphql(&gm, manage, only_c.clone()).await["addMember"]["invitee"], "outsider");
    assert_eq!(server.graphql(&gm, delete, only_c).await["deleteCampaign"], true);
}

#[tokio::test]
async fn an_update_is_journaled_with_what_changed() {
    let server = TestServer::start().await;
    let player = server.login("player").await;
    let world = snapshot(&server, &player).await;
    let settlement = &world["settlements"][0];
    let level = settlement["level"].as_i64().unwrap() + 1;
    let input = json!({"level": level, "description": "A new day."});
    let updated = server.graphql(&player, UPDATE, json!({"id": settlement["id"], "input": input})).await;
    assert_eq!(updated["updateSettlement"]["version"], 2);
    server.graphql(&player, UPDATE, json!({"id": settlement["id"], "input": input})).await;
    let events = by_people(events(&server, &player, 0).await);
    assert_eq!(events.len(), 1, "an update that changes nothing is none");
    let event = &events[0]["event"];
    assert_eq!(event["type"], "settlement_updated");
    assert_eq!(event["payload"]["changedFields"], json!(["description", "level"]));
    let metadata = &event["metadata"];
    assert_eq!((&metadata["seq"], &metadata["version"], &metadata["source"]), (&json!(1), &json!(2), &json!("api")));
    assert_eq!(metadata["prev"], json!({"settlement": 0}));
    assert_eq!(metadata["epoch"], world["position"]["epoch"]);
    assert!(metadata["correlationId"].is_string() && metadata["eventId"].is_string());
    let change = json!({"field": "level", "from": settlement["level"], "to": level});
    assert!(metadata["changes"].as_array().unwrap().contains(&change), "{metadata}");
}

#[tokio::test]
async fn edits_meet_as_the_policy_says() {
    let server = TestServer::start().await;
    let (gm, player) = (server.login("gm").await, server.login("player").await);
    let world = snapshot(&server, &gm).await;
    let id = world["settlements"][0]["id"].clone();
    let edit = |input: Value, version: i64, on: &str| json!({"id": id, "input": input, "version": version, "on": on});
    server.graphql(&gm, UPDATE, edit(json!({"level": 8}), 1, "MERGE")).await;
    let other_field = edit(json!({"description": "Quiet."}), 1, "MERGE");
    assert_eq!(server.graphql(&player, UPDATE, other_field).await["updateSettlement"]["level"], 8);
    let conflict = server.refused(&player, UPDATE, edit(json!({"level": 9}), 1, "MERGE")).await;
    assert_eq!(conflict["extensions"]["code"], "CONFLICT");
    let base = world["settlements"][0]["level"].clone();
    let field = json!({"field": "level", "base": base, "mine": 9, "theirs": 8});
    assert_eq!(conflict["extensions"]["conflict"], json!({"currentVersion": 3, "fields": [field]}));
    let rejected = server.refused(&player, UPDATE, edit(json!({"description": "Loud."}), 1, "REJECT")).await;
    assert_eq!(rejected["extensions"]["code"], "CONFLICT");
    let last = server.graphql(&player, UPDATE, edit(json!({"level": 9}), 1, "LAST_WRITE_WINS")).await;
    assert_eq!(last["updateSettlement"]["level"], 9);
    assert_eq!(by_people(events(&server, &gm, 0).await).len(), 3, "a refused edit leaves no event");
}

#[tokio::test]
async fn a_repeated_request_changes_nothing() {
    let server = TestServer::start().await;
    let gm = server.login("gm").await;
    let world = snapshot(&server, &gm).await;
    let create = "mutation ($input: CreateStructureInput!, $key: String) {
        createStructure(input: $input, idempotencyKey: $key) { id name version } }";
    let input = json!({"settlementId": world["settlements"][0]["id"], "name": "Fish stall", "type": "market",
        "variableSchemas": {"gold": {"type": "number", "min": 0}}, "variables": {"gold": 3}});
    let first = server.graphql(&gm, create, json!({"input": input, "key": "k1"})).await;
    let again = server.graphql(&gm, create, json!({"input": input, "key": "k1"})).await;
    assert_eq!(first, again);
    assert_eq!(events(&server, &gm, 0).await.len(), 1);
    let mut other = input.clone();
    other["name"] = json!("Another stall");
    let misused = server.refused(&gm, create, json!({"input": other, "key": "k1"})).await;
    assert_eq!(misused["extensions"]["code"], "INVALID_PAYLOAD");
    let delete = "mutation ($id: ID!, $key: String) { deleteStructure(id: $id, idempotencyKey: $key) }";
    let variables = json!({"id": first["createStructure"]["id"], "key": "k2"});
    for _ in 0..2 {
        assert_eq!(server.graphql(&gm, delete, variables.clone()).await["deleteStructure"], true);
    }
    assert_eq!(events(&server, &gm, 0).await.len(), 2);
}

#[tokio::test]
async fn invalid_value_is_refused_with_the_field_name() {
    let server = TestServer::start().await;
    let gm = server.login("gm").await;
    let world = snapshot(&server, &gm).await;
    let id = world["settlements"][0]["id"].clone();
    let faults = [
        (json!({"variables": {"no_such_variable": 1}}), "variables.no_such_variable"),
        (json!({"level": -1}), "level"),
        (json!({"name": " "}), "name"),
        (json!({"kingdomId": world["settlements"][1]["id"]}), "kingdomId"),
    ];
    for (input, field) in faults {
        let refused = server.refused(&gm, UPDATE, json!({"id": id, "input": input})).await;
        assert_eq!(refused["extensions"]["code"], "INVALID_PAYLOAD", "{refused}");
        assert!(refused["message"].as_str().unwrap().starts_with(&format!("{field}: ")), "{refused}");
    }
    assert!(events(&server, &gm, 0).await.is_empty());
}

#[tokio::test]
async fn a_deletion_takes_children_first_and_unlinks_the_rest() {
    let server = TestServer::start().await;
    let gm = server.login("gm").await;
    let world = snapshot(&server, &gm).await;
    let locations = world["locations"].as_array().unwrap();
    let linked = locations.iter().find(|it| it["settlementId"].is_string());
    let settlement = linked.map_or(&world["settlements"][0]["id"], |it| &it["settlementId"]).clone();
    let structures = world["structures"].as_array().unwrap();
    let inside = structures.iter().filter(|it| it["settlementId"] == settlement).count();
    let pointing = locations.iter().filter(|it| it["settlementId"] == settlement).count();
    server.graphql(&gm, "mutation ($id: ID!) { deleteSettlement(id: $id) }", json!({"id": settlement})).await;
    let events = events(&server, &gm, 0).await;
    let types: Vec<_> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    // What points at them is cut loose before they go, and the parent goes last.
    let mut expected = vec!["entity_updated"; pointing];
    expected.extend(vec!["structure_updated"; inside]);
    expected.push("settlement_updated");
    assert_eq!(types, expected);
    let after = snapshot(&server, &gm).await;
    assert_eq!(after["structures"].as_array().unwrap().len(), 18 - inside);
    assert_eq!(after["locations"].as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn the_clock_moves_both_ways() {
    let server = TestServer::start().await;
    let gm = server.login("gm").await;
    let world = snapshot(&server, &gm).await;
    let id = world["campaign"]["id"].clone();
    let advance = "mutation ($id: ID!, $s: Int!) { advanceWorldTime(campaignId: $id, seconds: $s)
        { previousTime newTime elapsedSeconds } }";
    let moved = server.graphql(&gm, advance, json!({"id": id, "s": 3600})).await["advanceWorldTime"].take();
    assert_eq!((&moved["previousTime"], &moved["elapsedSeconds"]), (&world["campaign"]["worldTime"], &json!(3600)));
    let set = "mutation ($id: ID!, $t: String!) { setWorldTime(campaignId: $id, time: $t) { elapsedSeconds } }";
    let back = server.graphql(&gm, set, json!({"id": id, "t": moved["previousTime"]})).await;
    assert_eq!(back["setWorldTime"]["elapsedSeconds"], -3600);
    let refused = server.refused(&gm, set, json!({"id": id, "t": "noon"})).await;
    assert_eq!(refused["extensions"]["code"], "INVALID_PAYLOAD");
    let types: Vec<_> = events(&server, &gm, 0).await.iter().map(|event| event["type"].clone()).collect();
    assert_eq!(types, ["world_time_changed", "world_time_changed"]);
}

#[tokio::test]
async fn every_kind_is_created_changed_and_deleted() {
    let server = TestServer::start().await;
    let gm = server.login("gm").await;
    let created = server
        .graphql(&gm, "mutation { createCampaign(input: {name: \"Ashes\"}) { id myRole version } }", json!({}))
        .await;
    let campaign = created["createCampaign"]["id"].clone();
    assert_eq!(created["createCampaign"]["myRole"], "OWNER");
    let kingdom = kind(&server, &gm, "Kingdom", json!({"campaignId": campaign, "name": "K"})).await;
    let settlement = kind(&server, &gm, "Settlement", json!({"kingdomId": kingdom, "name": "S"})).await;
    kind(&server, &gm, "Structure", json!({"settlementId": settlement, "name": "T"})).await;
    let location =
        kind(&server, &gm, "Location", json!({"campaignId": campaign, "name": "L", "settlementId": settlement})).await;
    kind(&server, &gm, "Encounter", json!({"campaignId": campaign, "name": "E", "locationId": location})).await;
    let events = server.graphql(&gm, EVENTS, json!({"id": campaign, "since": 0})).await;
    let last = events["events"].as_array().unwrap().last().unwrap()["seq"].clone();
    assert_eq!(last, json!(2 + 5 * 2), "campaign, owner, then a creation and a change of five kinds");
    let delete = "mutation ($id: ID!) { deleteCampaign(id: $id) }";
    server.graphql(&gm, delete, json!({"id": campaign})).await;
    let data = server.graphql(&gm, "query ($id: ID!) { campaign(id: $id) { id } }", json!({"id": campaign})).await;
    assert_eq!(data["campaign"], Value::Null);
}

async fn kind(server: &TestServer, token: &str, kind: &str, input: Value) -> Value {
    let create = format!("mutation ($input: Create{kind}Input!) {{ create{kind}(input: $input) {{ id version }} }}");
    let id = server.graphql(token, &create, json!({"input": input})).await[format!("create{kind}")]["id"].take();
    let update =
        format!("mutation ($id: ID!) {{ update{kind}(id: $id, input: {{name: \"New\"}}) {{ name version }} }}");
    let updated = server.graphql(token, &update, json!({"id": id})).await[format!("update{kind}")].take();
    assert_eq!(updated, json!({"name": "New", "version": 2}));
    id
}
