//! Membership asks the person: until they accept, an invitation gives nobody anything.

use std::time::Duration;

use scry_server::config::ServerConfig;
use scry_server::limits::LimitKind;
use serde_json::{Value, json};

use scry_testkit::raw_socket::RawSocketClient;
use scry_testkit::server::TestServer;
use scry_testkit::wait::until;

const INVITE: &str =
    "mutation ($c: ID!, $u: String!, $r: Role! = VIEWER) { addMember(campaignId: $c, userId: $u, role: $r)
    { id campaignId campaignName inviterName invitee role } }";
const MINE: &str = "{ invitations { id campaignId campaignName inviterName role } }";
const SENT: &str = "query ($c: ID!) { campaignInvitations(campaignId: $c) { id invitee } }";
const ACCEPT: &str = "mutation ($i: ID!) { acceptInvitation(id: $i) { campaignId role name } }";
const DECLINE: &str = "mutation ($i: ID!) { declineInvitation(id: $i) { id } }";

/// Makes a campaign; returns its id.
async fn campaign(server: &TestServer, token: &str, name: &str) -> Value {
    let query = "mutation ($n: String!) { createCampaign(input: {name: $n}) { id } }";
    server.graphql(token, query, json!({"n": name})).await["createCampaign"]["id"].take()
}

async fn invite(server: &TestServer, token: &str, campaign: &Value, user: &str) -> Value {
    server.graphql(token, INVITE, json!({"c": campaign, "u": user})).await["addMember"].take()
}

/// Waits until as many invitations reach a user, and returns them.
async fn reach(server: &TestServer, token: &str, count: usize) -> Vec<Value> {
    let list = async || server.graphql(token, MINE, json!({})).await["invitations"].as_array().unwrap().clone();
    until(&format!("{count} invitations"), async || list().await.len() == count).await;
    list().await
}

async fn me(server: &TestServer, token: &str) -> Value {
    server.graphql(token, "{ me { id } }", json!({})).await["me"]["id"].take()
}

/// Returns the titles of a user's notifications.
async fn titles(server: &TestServer, token: &str) -> Vec<String> {
    let list = server.graphql(token, "{ notifications { title } }", json!({})).await["notifications"].take();
    list.as_array().unwrap().iter().map(|one| one["title"].as_str().unwrap().to_owned()).collect()
}

fn code(refusal: &Value) -> &Value {
    &refusal["extensions"]["code"]
}

#[tokio::test]
async fn an_invited_user_is_told_and_has_no_rights_until_they_accept() {
    let server = TestServer::start().await;
    let (mallory, gm) = (server.login("outsider").await, server.login("gm").await);
    let trap = campaign(&server, &mallory, "Trap \u{200b}").await;
    let made = invite(&server, &mallory, &trap, "gm").await;
    assert_eq!((&made["invitee"], &made["role"]), (&json!("gm"), &json!("VIEWER")));
    let open = reach(&server, &gm, 1).await;
    assert_eq!(
        (&open[0]["id"], &open[0]["campaignId"], &open[0]["inviterName"]),
        (&made["id"], &trap, &json!("outsider"))
    );
    let list = "{ notifications { title body kind level read entityType entityId } }";
    let told = server.graphql(&gm, list, json!({})).await["notifications"][0].take();
    assert_eq!(
        told,
        json!({"title": "outsider invites you to “Trap ”", "kind": "invitation", "level": "info", "read": false,
            "body": "You would be a member with the role viewer. Accept or decline the invitation.",
            "entityType": "invitation", "entityId": made["id"]})
    );
    // Not a member: no campaign, no room, no messages through it, and nobody sees them come and go.
    let campaigns = "{ campaigns { id } }";
    let listed = server.graphql(&gm, campaigns, json!({})).await["campaigns"].take();
    assert!(listed.as_array().unwrap().iter().all(|one| one["id"] != trap), "{listed}");
    let gm_id = me(&server, &gm).await;
    let notify = "mutation ($u: [ID!]!) { notify(userIds: $u, title: \"Hi\") }";
    assert_eq!(code(&server.refused(&mallory, notify, json!({"u": [gm_id]})).await), "NOT_FOUND");
    let mut watcher = RawSocketClient::connect(&server.url, &mallory).await.unwrap();
    watcher.ask("subscribe_campaign", &json!({"campaignId": trap})).await.unwrap();
    let mut socket = RawSocketClient::connect(&server.url, &gm).await.unwrap();
    assert_eq!(socket.ask("subscribe_campaign", &json!({"campaignId": trap})).await.unwrap()["code"], "UNAUTHORIZED");
    drop(socket);
    watcher.ask("latency", &json!({})).await.unwrap();
    assert!(
        !watcher.events.iter().any(|event| event.to_string().contains(gm_id.as_str().unwrap())),
        "{:?}",
        watcher.events
    );

    let member = server.graphql(&gm, ACCEPT, json!({"i": made["id"]})).await["acceptInvitation"].take();
    assert_eq!(member, json!({"campaignId": trap, "role": "VIEWER", "name": "gm"}));
    reach(&server, &gm, 0).await;
    assert_eq!(server.graphql(&gm, list, json!({})).await["notifications"][0]["read"], true);
    let is_joined =
        |event: &Value| event[1]["payload"]["entityType"] == "member" && event[1]["payload"]["operation"] == "create";
    watcher.until("the event of the new member", is_joined).await;
    let again = server.refused(&gm, ACCEPT, json!({"i": made["id"]})).await;
    assert_eq!(code(&again), "NOT_FOUND", "it is used up");
}

#[tokio::test]
async fn an_unknown_name_a_known_one_and_one_that_blocks_are_answered_alike() {
    let server = TestServer::start().await;
    let (mallory, gm) = (server.login("outsider").await, server.login("gm").await);
    let block = "mutation { blockInviter(userId: \"outsider\") { user } }";
    assert_eq!(server.graphql(&gm, block, json!({})).await["blockInviter"]["user"], "outsider");
    let trap = campaign(&server, &mallory, "Trap").await;
    let mut answers = Vec::new();
    for user in ["gm", "viewer", "nobody-at-all"] {
        let mut answer = invite(&server, &mallory, &trap, user).await;
        assert_eq!(answer["invitee"], user);
        answer["id"].take();
        answer["invitee"].take();
        answers.push(answer);
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
    let viewer = server.login("viewer").await;
    let theirs = reach(&server, &viewer, 1).await;
    let sent = async || server.graphql(&mallory, SENT, json!({"c": trap})).await["campaignInvitations"].take();
    let invitees = sent().await.as_array().unwrap().iter().map(|one| one["invitee"].clone()).collect::<Vec<_>>();
    assert_eq!(invitees, ["nobody-at-all", "viewer", "gm"]);
    reach(&server, &gm, 0).await;
    assert_eq!(titles(&server, &gm).await, Vec::<String>::new());

    // Blocking takes away what has come already, and the inviter does not see that; removing the entry lets the next one in.
    server.graphql(&viewer, "mutation { blockInviter(userId: \"outsider\") { user } }", json!({})).await;
    reach(&server, &viewer, 0).await;
    assert_eq!(code(&server.refused(&viewer, ACCEPT, json!({"i": theirs[0]["id"]})).await), "NOT_FOUND");
    assert_eq!(sent().await.as_array().unwrap().len(), 3);
    let blocked = server.graphql(&gm, "{ blockedInviters { user } }", json!({})).await["blockedInviters"].take();
    assert_eq!(blocked, json!([{"user": "outsider"}]));
    server.graphql(&gm, "mutation { unblockInviter(userId: \"outsider\") }", json!({})).await;
    let second = campaign(&server, &mallory, "Second").await;
    invite(&server, &mallory, &second, "gm").await;
    assert_eq!(reach(&server, &gm, 1).await[0]["campaignName"], "Second");
    let gone = server.refused(&gm, "mutation { unblockInviter(userId: \"outsider\") }", json!({})).await;
    assert_eq!(code(&gone), "NOT_FOUND");
}

#[tokio::test]
async fn invitation_is_answered_by_the_invitee_and_withdrawn_by_owners() {
    let server = TestServer::start().await;
    let [owner, gm, player] = ["outsider", "gm", "player"].map(|name| server.login(name));
    let (owner, gm, player) = (owner.await, gm.await, player.await);
    let camp = campaign(&server, &owner, "Camp").await;
    let made = invite(&server, &owner, &camp, "gm").await;
    reach(&server, &gm, 1).await;
    let withdraw = "mutation ($i: ID!) { withdrawInvitation(id: $i) { id } }";
    for query in [ACCEPT, DECLINE, withdraw] {
        let refused = server.refused(&player, query, json!({"i": made["id"]})).await;
        assert_eq!(code(&refused), "NOT_FOUND", "{query}");
    }
    assert_eq!(code(&server.refused(&player, SENT, json!({"c": camp})).await), "NOT_FOUND");
    server.graphql(&gm, DECLINE, json!({"i": made["id"]})).await;
    reach(&server, &gm, 0).await;
    assert_eq!(code(&server.refused(&gm, ACCEPT, json!({"i": made["id"]})).await), "NOT_FOUND");
    let again = invite(&server, &owner, &camp, "gm").await;
    reach(&server, &gm, 1).await;
    server.graphql(&owner, withdraw, json!({"i": again["id"]})).await;
    reach(&server, &gm, 0).await;

    // Who was removed is asked again, and whoever may not invite any more invites nobody.
    server.enrol(&owner, &camp, "gm", "OWNER").await;
    server.graphql(&gm, INVITE, json!({"c": camp, "u": "player"})).await;
    reach(&server, &player, 1).await;
    let remove = "mutation ($c: ID!, $u: ID!) { removeMember(campaignId: $c, userId: $u) }";
    server.graphql(&owner, remove, json!({"c": camp, "u": me(&server, &gm).await})).await;
    reach(&server, &player, 0).await;
    invite(&server, &owner, &camp, "gm").await;
    reach(&server, &gm, 1).await;
    assert!(
        server.graphql(&gm, "query ($c: ID!) { campaign(id: $c) { id } }", json!({"c": camp})).await["campaign"]
            .is_null()
    );
    let member = server.refused(&owner, INVITE, json!({"c": camp, "u": "outsider"})).await;
    assert_eq!(code(&member), "INVALID_PAYLOAD", "owners see who is a member");
    server.graphql(&owner, "mutation ($c: ID!) { deleteCampaign(id: $c) }", json!({"c": camp})).await;
    reach(&server, &gm, 0).await;
}

#[tokio::test]
async fn invitations_are_bounded_per_inviter_per_invited_user_and_per_campaign() {
    let few = |config: &mut ServerConfig| {
        config.quota.max_open_invitations = 4;
        config.quota.max_invitations_received = 2;
        config.quota.max_members_per_campaign = 4;
        config.quota.invitations_per_minute = 8;
        config.quota.max_campaigns_per_user = 4;
    };
    let server = TestServer::with(few).await;
    let (mallory, honest, gm) =
        (server.login("outsider").await, server.login("viewer").await, server.login("gm").await);
    let mut traps = Vec::new();
    for number in 0..4 {
        traps.push(campaign(&server, &mallory, &format!("Trap {number}")).await);
    }
    let fifth = "mutation { createCampaign(input: {name: \"Fifth\"}) { id } }";
    let refused = server.refused(&mallory, fifth, json!({})).await;
    assert_eq!((code(&refused), &refused["extensions"]["limit"]), (&json!("QUOTA_EXCEEDED"), &json!("campaigns")));
    let mine = campaign(&server, &honest, "Honest").await;
    invite(&server, &honest, &mine, "gm").await;
    reach(&server, &gm, 1).await;
    for trap in &traps[..3] {
        invite(&server, &mallory, trap, "gm").await;
    }
    // Only two reach the user, and it is not the honest one that gives way.
    until("the flood", async || titles(&server, &gm).await.len() == 4).await;
    let names: Vec<_> = reach(&server, &gm, 2).await.iter().map(|one| one["campaignName"].clone()).collect();
    assert_eq!(names, ["Trap 2", "Honest"]);
    invite(&server, &mallory, &traps[0], "player").await;
    let refused = server.refused(&mallory, INVITE, json!({"c": traps[1], "u": "player"})).await;
    assert_eq!((code(&refused), &refused["extensions"]["limit"]), (&json!("QUOTA_EXCEEDED"), &json!("invitations")));
    // A campaign of four: its owner, and three who are invited.
    for user in ["a", "b"] {
        invite(&server, &honest, &mine, user).await;
    }
    let refused = server.refused(&honest, INVITE, json!({"c": mine, "u": "c"})).await;
    assert_eq!((code(&refused), &refused["extensions"]["limit"]), (&json!("QUOTA_EXCEEDED"), &json!("members")));
    let mut refused = Value::Null;
    for _ in 0..20 {
        let mut answer = server.execute(&mallory, INVITE, json!({"c": traps[0], "u": "gm"})).await;
        if answer["errors"].is_array() {
            refused = answer["errors"][0].take();
            break;
        }
    }
    assert_eq!((code(&refused), &refused["extensions"]["limit"]), (&json!("RATE_LIMITED"), &json!("invitations")));
    let counted = [LimitKind::Campaigns, LimitKind::Members, LimitKind::Invitations]
        .map(|breach| server.limit_metrics.of(breach));
    assert_eq!(counted, [1, 1, 2]);
}

#[tokio::test]
async fn an_invitation_ends_with_its_time() {
    let server = TestServer::with(|config| config.quota.invitation_ttl = Duration::from_millis(1)).await;
    let (owner, gm) = (server.login("outsider").await, server.login("gm").await);
    let camp = campaign(&server, &owner, "Camp").await;
    let made = server.execute(&owner, INVITE, json!({"c": camp, "u": "gm"})).await;
    // It may be over before it could even be answered with.
    assert!(made["errors"].is_null() || made["errors"][0]["extensions"]["code"] == "NOT_FOUND", "{made}");
    let over = async || {
        let open = server.graphql(&owner, SENT, json!({"c": camp})).await["campaignInvitations"].take();
        open.as_array().unwrap().is_empty()
    };
    until("the end of the invitation", over).await;
    assert_eq!(reach(&server, &gm, 0).await, Vec::<Value>::new());
}
