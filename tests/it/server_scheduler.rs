//! What the campaign's clock brings: each effect when it is due, in order, and once.

use serde_json::{Value, json};

use scry_testkit::emberfall::Emberfall;
use scry_testkit::server::TestServer;

/// Returns the scheduler's events: the effect's name, the world time it fell due, what it changed.
fn effects(events: &[Value]) -> Vec<(String, String, Vec<Value>)> {
    let by_scheduler = events.iter().filter(|it| it["metadata"]["source"] == "scheduler");
    let told = |it: &Value| {
        let text = |name: &str| it["metadata"]["effect"][name].as_str().unwrap().to_owned();
        (text("name"), text("at")[..10].to_owned(), it["metadata"]["changes"].as_array().unwrap().clone())
    };
    by_scheduler.map(told).collect()
}

#[tokio::test]
async fn due_effects_are_applied_in_order_with_their_cause() {
    let server = TestServer::start().await;
    let world = Emberfall::on(&server).await;
    let due = "query ($id: ID!, $t: String!) { dueEffects(campaignId: $id, until: $t)
        { at name description entityType entityId } }";
    let ask = json!({"id": world.id, "t": "1207-10-07T00:00:00Z"});
    let preview = server.graphql(&world.gm, due, ask.clone()).await["dueEffects"].take();
    world.advance(20).await;
    let events = world.events(0).await;
    let told = effects(&events);
    let announced: Vec<_> = preview.as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(told.iter().map(|it| it.0.as_str()).collect::<Vec<_>>(), announced[..told.len()]);
    assert_eq!([told[0].0.as_str(), &told[1].0], ["Lantern Light burns its oil", "Granary construction finishes"]);
    assert_eq!(
        told[1].2,
        [
            json!({"field": "variables.condition", "from": 70, "to": 100}),
            json!({"field": "variables.status", "from": "building", "to": "sound"}),
            json!({"field": "variables.stores", "from": 640, "to": 1040}),
        ]
    );
    assert!(events.iter().filter(|it| it["metadata"]["source"] == "scheduler").all(|it| {
        it["metadata"]["causedBy"] == events[0]["metadata"]["eventId"] && it["metadata"]["version"].is_i64()
    }));
    let granary = world.entity("Granary").await;
    assert_eq!((&granary["version"], &granary["computed"]["fill"]["value"]), (&json!(2), &json!(52)));
    let fill = events.iter().find(|it| it["payload"]["entityId"] == granary["id"]).unwrap();
    let work = events.iter().find(|it| it["payload"]["structureId"] == granary["id"]).unwrap();
    assert_eq!(fill["metadata"]["causedBy"], work["metadata"]["eventId"]);
    let later = server.graphql(&world.gm, due, ask).await["dueEffects"].take();
    assert_eq!(later.as_array().unwrap().len(), announced.len() - told.len(), "{later}");
}

#[tokio::test]
async fn no_occurrence_happens_twice_however_the_clock_is_set() {
    let server = TestServer::start().await;
    let world = Emberfall::on(&server).await;
    for days in [-30, 50, -50, 10, 45, -3, 3] {
        world.advance(days).await;
    }
    let told = effects(&world.events(0).await);
    let mut once: Vec<_> = told.iter().map(|it| (&it.0, &it.1)).collect();
    let all = once.len();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), all, "{told:?}");
    let straight = TestServer::start().await;
    let other = Emberfall::on(&straight).await;
    // The furthest that the clock ever came: 25 days after the start.
    other.advance(25).await;
    assert_eq!(told, effects(&other.events(0).await));
    assert_eq!(world.entity("Harrow's Rest").await["variables"], other.entity("Harrow's Rest").await["variables"]);
}

#[tokio::test]
async fn a_jump_of_a_thousand_years_is_one_change_of_each() {
    let server = TestServer::start().await;
    let world = Emberfall::on(&server).await;
    assert!(world.advance(365 * 1_000).await["errors"].is_null());
    let events = world.events(0).await;
    let told = effects(&events);
    assert_eq!(told.iter().filter(|it| it.0.ends_with(" effects")).count(), told.len());
    assert!(events.len() < 60 && told.len() >= 6, "{}", events.len());
    assert_eq!(
        world.entity("Harrow's Rest").await["variables"]["treasury"],
        json!(50_000),
        "19 gp a month, up to the brim"
    );
    assert_eq!(world.entity("Lantern Light").await["variables"]["oil"], json!(0), "and never below the ground");
    let small = TestServer::start().await;
    let other = Emberfall::on(&small).await;
    for _ in 0..20 {
        other.advance(200).await;
    }
    let steps = other.entity("Thornmere").await;
    let jump = TestServer::start().await;
    let jumped = Emberfall::on(&jump).await;
    jumped.advance(4_000).await;
    assert_eq!(jumped.entity("Thornmere").await["variables"], steps["variables"], "a jump ends where the steps end");
}

#[tokio::test]
async fn a_preview_is_for_members_and_a_refused_move_changes_nothing() {
    let server = TestServer::start().await;
    let world = Emberfall::on(&server).await;
    let due = "query ($id: ID!, $t: String!, $n: Int) { dueEffects(campaignId: $id, until: $t, limit: $n) { name } }";
    let outsider = server.login("outsider").await;
    let ask = json!({"id": world.id, "t": "1300-01-01T00:00:00Z"});
    assert_eq!(server.graphql(&outsider, due, ask.clone()).await["dueEffects"], json!([]));
    assert_eq!(server.graphql(&world.gm, due, ask).await["dueEffects"].as_array().unwrap().len(), 100);
    let past = json!({"id": world.id, "t": "1207-01-01T00:00:00Z"});
    assert_eq!(server.graphql(&world.gm, due, past).await["dueEffects"], json!([]));
    for wrong in [json!({"id": world.id, "t": "soon"}), json!({"id": world.id, "t": "1300-01-01T00:00:00Z", "n": 0})] {
        assert_eq!(server.refused(&world.gm, due, wrong).await["extensions"]["code"], "INVALID_PAYLOAD");
    }
    let refused = world.advance(365 * 8_000).await;
    assert!(refused["errors"][0]["message"].as_str().unwrap().contains("smaller steps"), "{refused}");
    assert_eq!(world.events(0).await, Vec::<Value>::new());
}

#[tokio::test]
async fn clock_that_was_moved_too_far_can_be_rewound() {
    let server = TestServer::start().await;
    let world = Emberfall::on(&server).await;
    let set = "mutation ($id: ID!, $t: String!, $r: Boolean!) { setWorldTime(campaignId: $id, time: $t, rewind: $r)
        { newTime effectsAfter } }";
    let start = world.time().await;
    server.graphql(&world.gm, set, json!({"id": world.id, "t": "1208-06-01T00:00:00.000Z", "r": false})).await;
    let back = server.graphql(&world.gm, set, json!({"id": world.id, "t": start, "r": false})).await;
    assert_eq!(back["setWorldTime"], json!({"newTime": start, "effectsAfter": "1208-06-01T00:00:00.000Z"}));
    let due = "query ($id: ID!, $t: String!) { dueEffects(campaignId: $id, until: $t) { name } }";
    let soon = json!({"id": world.id, "t": "1208-05-01T00:00:00Z"});
    assert_eq!(server.graphql(&world.gm, due, soon.clone()).await["dueEffects"], json!([]), "all has happened");

    let rewound = server.graphql(&world.gm, set, json!({"id": world.id, "t": start, "r": true})).await;
    assert_eq!(rewound["setWorldTime"], json!({"newTime": start, "effectsAfter": start}));
    assert_ne!(server.graphql(&world.gm, due, soon).await["dueEffects"], json!([]), "it will happen again");
    let before = world.events(0).await.len();
    world.advance(45).await;
    let again = effects(&world.events(0).await[before..]);
    let fresh = TestServer::start().await;
    let other = Emberfall::on(&fresh).await;
    other.advance(45).await;
    // Variables that were at their bound already do not change again, so only what happens is compared.
    let names = |told: &[(String, String, Vec<Value>)]| told.iter().map(|it| it.1.clone()).collect::<Vec<_>>();
    let expected = names(&effects(&other.events(0).await));
    assert!(!again.is_empty() && names(&again).iter().all(|at| expected.contains(at)), "{again:?}");
}

#[tokio::test]
async fn rewinding_while_moving_on_repeats_only_what_lies_between() {
    let server = TestServer::start().await;
    let world = Emberfall::on(&server).await;
    let advance =
        "mutation ($id: ID!, $s: Int!, $r: Boolean!) { advanceWorldTime(campaignId: $id, seconds: $s, rewind: $r)
        { previousTime newTime effectsAfter } }";
    let days = |days: i64, rewind: bool| json!({"id": world.id, "s": days * 86_400, "r": rewind});
    server.graphql(&world.gm, advance, days(60, false)).await;
    server.graphql(&world.gm, advance, days(-60, false)).await;
    let silent = world.events(0).await.len();
    let moved = server.graphql(&world.gm, advance, days(30, true)).await["advanceWorldTime"].take();
    assert_eq!(moved["effectsAfter"], moved["newTime"], "{moved}");
    assert!(!effects(&world.events(0).await[silent..]).is_empty(), "the first thirty days happen again");
}
