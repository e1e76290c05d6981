//! Events of other applications: published by a service, sent to those who may see them, as their catalogue says.

use futures_util::future::join_all;
use scry_catalogue::{BUNDLED, Catalogue, Catalogues};
use scry_client::connection::StartPosition;
use scry_model::event::ClientEvent;
use scry_protocol::{Id, Room};
use scry_server::clock::now;
use scry_server::{AppState, rooms};
use serde_json::{Map, Value, json};

use scry_testkit::client::{TestClient, options};
use scry_testkit::fault_proxy::FaultProxy;
use scry_testkit::node::{NodeDriver, NodeSocket};
use scry_testkit::redis::Redis;
use scry_testkit::server::{HttpAnswer, TestServer};

/// A server with a catalogue, and a second handle to its database and key.
struct CatalogueFixture {
    server: TestServer,
    core: AppState,
    bot: String,
}

impl CatalogueFixture {
    async fn with(catalogues: &str) -> Self {
        Self::of(TestServer::with(|config| config.catalogues = bundled(catalogues)).await).await
    }

    async fn of(server: TestServer) -> Self {
        let (core, bot) = (AppState::open(server.config.clone()).await.unwrap(), server.login("bot").await);
        Self { server, core, bot }
    }

    /// Makes a user a member of a room.
    async fn admit(&self, user: &str, room: &str) {
        rooms::add(&self.core.db, &room.parse().unwrap(), &self.id(user).await).await.unwrap();
    }

    /// Puts a user out, as a program does that the running server does not know of.
    async fn remove(&self, user: &str, room: &str) {
        let room: Room = room.parse().unwrap();
        let Room::Custom(kind, _) = &room else { panic!("{room} is no room of a catalogue") };
        let journal = &self.core.config.catalogues.rooms(kind).unwrap().0.journal;
        assert!(rooms::remove(&self.core, journal, &room, &self.id(user).await).await.unwrap());
    }

    async fn id(&self, user: &str) -> Id {
        let token = self.server.login(user).await;
        let me = self.server.graphql(&token, "{ me { id } }", json!({})).await;
        me["me"]["id"].as_str().unwrap().parse().unwrap()
    }

    /// Issues a token that says something more of a user.
    async fn claiming(&self, user: &str, claim: &str, value: Value) -> String {
        let id = self.id(user).await;
        let more = Map::from_iter([(claim.to_owned(), value)]);
        let session = scry_testkit::user_pool::session_of(&self.core, &id).await;
        self.core.tokens.issue_with(&id, user, &session, now(), more).unwrap().0
    }

    async fn publish(&self, event: &str, payload: Value) -> HttpAnswer {
        self.server.post_as(&self.bot, "/events", &json!({"type": event, "payload": payload})).await
    }

    /// Publishes what must be taken.
    async fn say(&self, event: &str, payload: Value) -> Value {
        let answer = self.publish(event, payload).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body
    }
}

fn bundled(name: &str) -> Catalogues {
    let (_, text) = BUNDLED.into_iter().find(|(known, _)| *known == name).unwrap();
    Catalogues::new(vec![Catalogue::parse(text).unwrap()]).unwrap()
}

fn paid(company: &str, number: u64) -> Value {
    json!({"companyId": company, "invoiceId": format!("i-{number}"), "number": number.to_string(), "amount": 12.5,
        "currency": "EUR"})
}

fn stock(company: &str, quantity: u64) -> Value {
    json!({"companyId": company, "sku": "bolt", "quantity": quantity})
}

/// Returns what a socket has seen of one event, by a field of its payload.
async fn seen(socket: &NodeSocket<'_>, event: &str, field: &str) -> Vec<Value> {
    let wanted = |(name, payload): (String, Value)| (name == event).then(|| payload[field].clone());
    socket.seen().await.into_iter().filter_map(wanted).collect()
}

#[tokio::test]
async fn an_event_reaches_those_in_its_room_as_it_was_published_and_nobody_else() {
    let (fixture, node) = (CatalogueFixture::with("erp").await, NodeDriver::start().await);
    let url = &fixture.server.url;
    fixture.admit("gm", "company:acme").await;
    let by_row = node.enter("row", url, &fixture.server.login("gm").await).await;
    let token = fixture.claiming("player", "companies", json!(["other", "acme"])).await;
    let by_claim = node.enter("claim", url, &token).await;
    let elsewhere = node.enter("elsewhere", url, &fixture.claiming("viewer", "companies", json!("globex")).await).await;
    for socket in [&by_row, &by_claim] {
        let ack = socket.ask("subscribe_room", json!({"room": "company:acme"})).await;
        assert_eq!(
            (&ack["success"], &ack["room"], &ack["position"]["seq"]),
            (&json!(true), &json!("company:acme"), &json!(0))
        );
    }
    for room in ["company:acme", "warehouse:1"] {
        let refused = elsewhere.ask("subscribe_room", json!({"room": room})).await;
        assert_eq!((&refused["success"], &refused["code"]), (&json!(false), &json!("UNAUTHORIZED")), "{room}");
    }
    assert_eq!(elsewhere.ask("subscribe_room", json!("company:globex")).await["success"], true);

    let told = fixture.say("invoice:paid", paid("acme", 1)).await;
    assert_eq!((&told["rooms"], &told["position"]["seq"]), (&json!(["company:acme"]), &json!(1)));
    for socket in [&by_row, &by_claim] {
        let mut payload = socket.wait("invoice:paid", 1).await.remove(0);
        let stamp = payload.as_object_mut().unwrap().shift_remove("metadata").unwrap();
        assert_eq!(payload, paid("acme", 1), "as it was published");
        assert_eq!((&stamp["catalogue"], &stamp["eventId"]), (&json!("erp"), &told["eventId"]));
        assert_eq!((&stamp["seq"], &stamp["prev"]), (&json!(1), &json!({"company:acme": 0})));
    }
    fixture.say("stock:updated", stock("globex", 7)).await;
    assert_eq!(elsewhere.wait("stock:updated", 1).await[0]["quantity"], 7);
    assert_eq!(seen(&elsewhere, "invoice:paid", "number").await, Vec::<Value>::new());
    assert_eq!(by_row.ask("unsubscribe_room", json!({"room": "company:acme"})).await["success"], true);
    fixture.say("stock:updated", stock("acme", 3)).await;
    by_claim.wait("stock:updated", 1).await;
    assert_eq!(seen(&by_row, "stock:updated", "quantity").await, Vec::<Value>::new());
}

#[tokio::test]
async fn durable_custom_event_is_replayed_and_ephemeral_one_is_not() {
    let (fixture, node) = (CatalogueFixture::with("erp").await, NodeDriver::start().await);
    fixture.admit("gm", "company:acme").await;
    let token = fixture.server.login("gm").await;
    let first = node.enter("first", &fixture.server.url, &token).await;
    let position = first.ask("subscribe_room", json!({"room": "company:acme"})).await["position"].clone();
    first.disconnect().await;
    for number in 1..=3 {
        fixture.say("invoice:paid", paid("acme", number)).await;
        fixture.say("invoice:paid", paid("globex", number)).await;
        fixture.say("stock:updated", stock("acme", number)).await;
    }
    let back = node.enter("back", &fixture.server.url, &token).await;
    let ack = back.ask("subscribe_room", json!({"room": "company:acme", "since": position})).await;
    assert_eq!((&ack["recovered"], &ack["replayed"]), (&json!(true), &json!(3)), "{ack}");
    let replayed = back.wait("invoice:paid", 3).await;
    let places: Vec<_> = replayed.iter().map(|payload| payload["metadata"]["seq"].as_u64().unwrap()).collect();
    assert_eq!(places, [1, 3, 5]);
    assert!(replayed.iter().all(|payload| payload["companyId"] == "acme" && payload["metadata"]["replayed"] == true));
    assert_eq!(replayed[2]["metadata"]["prev"], json!({"company:acme": 3}), "the room's own chain");
    fixture.say("invoice:paid", paid("acme", 4)).await;
    assert!(back.wait("invoice:paid", 4).await[3]["metadata"]["replayed"].is_null());
    assert_eq!(seen(&back, "stock:updated", "quantity").await, Vec::<Value>::new());
}

#[tokio::test]
async fn queued_message_is_delivered_once_after_connect() {
    let (fixture, node) = (CatalogueFixture::with("erp").await, NodeDriver::start().await);
    let player = fixture.id("player").await;
    let task = json!({"userId": player, "taskId": "t1", "title": "Count the bolts"});
    let told = fixture.say("task:assigned", task.clone()).await;
    assert_eq!((&told["position"], &told["rooms"]), (&Value::Null, &json!([format!("user:{player}")])));
    let note = json!({"userId": player, "id": "note-1", "title": "Stocktaking", "body": "On Friday.", "level": "warning",
        "createdAt": "2026-03-01T08:00:00Z"});
    fixture.say("notification:new", note.clone()).await;
    let socket = node.enter("player", &fixture.server.url, &fixture.server.login("player").await).await;
    let mut assigned = socket.wait("task:assigned", 1).await.remove(0);
    assert!(assigned.as_object_mut().unwrap().shift_remove("metadata").is_some());
    assert_eq!(assigned, task);
    assert_eq!(socket.wait("notification:new", 1).await[0]["title"], "Stocktaking");
    let again = node.enter("again", &fixture.server.url, &fixture.server.login("player").await).await;
    let other = node.enter("gm", &fixture.server.url, &fixture.server.login("gm").await).await;
    fixture.say("task:assigned", json!({"userId": player, "taskId": "t2", "title": "And the nuts"})).await;
    assert_eq!(again.wait("task:assigned", 1).await[0]["taskId"], "t2", "the first one was delivered");
    assert_eq!(seen(&other, "task:assigned", "taskId").await, Vec::<Value>::new());

    let token = fixture.server.login("player").await;
    let listed = fixture.server.graphql(&token, "{ notifications { id title level read } }", json!({})).await;
    assert_eq!(
        listed["notifications"],
        json!([{"id": "note-1", "title": "Stocktaking", "level": "warning", "read": false}])
    );
    let repeated = fixture.publish("notification:new", note).await;
    assert!(repeated.body["error"]["message"].as_str().unwrap().starts_with("payload.id: "), "{repeated:?}");
    let nobody = fixture.publish("task:assigned", json!({"userId": "nobody", "taskId": "t", "title": "x"})).await;
    assert_eq!((nobody.status.as_u16(), nobody.code()), (400, "INVALID_PAYLOAD"));
    assert!(nobody.body["error"]["message"].as_str().unwrap().starts_with("payload.userId: "), "{nobody:?}");
}

#[tokio::test]
async fn a_payload_that_fails_is_refused_with_its_path_and_sent_to_nobody() {
    let (fixture, node) = (CatalogueFixture::with("erp").await, NodeDriver::start().await);
    fixture.admit("gm", "company:acme").await;
    let socket = node.enter("gm", &fixture.server.url, &fixture.server.login("gm").await).await;
    socket.ask("subscribe_room", json!({"room": "company:acme"})).await;
    let with = |key: &str, value: Value| {
        let mut payload = paid("acme", 1);
        payload[key] = value;
        payload
    };
    let refused = [
        ("payload.amount: ", with("amount", json!("a lot"))),
        ("payload.currency: ", with("currency", json!("euro"))),
        ("payload.companyId: cannot name a room", with("companyId", json!("a b"))),
        ("payload.metadata: is added by the gateway", with("metadata", json!({"seq": 1}))),
        ("payload: ", json!({"companyId": "acme"})),
        ("payload: must be an object", json!([paid("acme", 1)])),
        ("payload: has more than 65536 bytes", with("note", json!("x".repeat(70_000)))),
    ];
    for (told, payload) in refused {
        let answer = fixture.publish("invoice:paid", payload).await;
        let message = answer.body["error"]["message"].as_str().unwrap();
        assert_eq!((answer.status.as_u16(), answer.code()), (400, "INVALID_PAYLOAD"), "{answer:?}");
        assert!(message.starts_with(told), "{message}");
    }
    let unknown = fixture.publish("invoice:payed", paid("acme", 1)).await;
    assert!(
        unknown.body["error"]["message"].as_str().unwrap().ends_with("did you mean “invoice:paid”?"),
        "{unknown:?}"
    );
    let player = fixture.server.login("player").await;
    let body = json!({"type": "invoice:paid", "payload": paid("acme", 1)});
    assert_eq!(fixture.server.post_as(&player, "/events", &body).await.status, 403, "players publish nothing");
    assert_eq!(fixture.server.post("/events", &body).await.status, 401);
    fixture.say("invoice:paid", paid("acme", 9)).await;
    assert_eq!(socket.wait("invoice:paid", 1).await[0]["number"], "9", "nothing came before it");
}

#[tokio::test]
async fn a_catalogue_may_name_who_publishes() {
    let (_, text) = BUNDLED[1];
    let closed = text.replace("name = \"erp\"", "name = \"erp\"\npublishers = [\"bridge\"]");
    let catalogues = Catalogues::new(vec![Catalogue::parse(&closed).unwrap()]).unwrap();
    let fixture = CatalogueFixture::of(TestServer::with(|config| config.catalogues = catalogues).await).await;
    let answer = fixture.publish("invoice:paid", paid("acme", 1)).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (403, "UNAUTHORIZED"), "{answer:?}");
}

#[tokio::test]
async fn subscriber_of_two_rooms_of_an_event_gets_it_once() {
    let (fixture, node) = (CatalogueFixture::with("capacity").await, NodeDriver::start().await);
    fixture.admit("gm", "project:p1").await;
    fixture.admit("gm", "division:d1").await;
    fixture.admit("player", "division:d1").await;
    let both = node.enter("both", &fixture.server.url, &fixture.server.login("gm").await).await;
    let wide = node.enter("wide", &fixture.server.url, &fixture.server.login("player").await).await;
    both.ask("subscribe_room", json!({"room": "project:p1"})).await;
    for socket in [&both, &wide] {
        socket.ask("subscribe_room", json!({"room": "division:d1"})).await;
    }
    let alert = |id: &str| json!({"projectId": "p1", "divisionId": "d1", "alertId": id, "message": "too much"});
    let hours =
        |week: &str| json!({"projectId": "p1", "divisionId": "d1", "week": week, "available": 40, "allocated": 44});
    fixture.say("alert:new", alert("a")).await;
    fixture.say("capacity:updated", hours("2026-W01")).await;
    fixture.say("alert:new", alert("b")).await;
    for socket in [&both, &wide] {
        socket.wait("alert:new", 2).await;
        socket.wait("capacity:updated", 1).await;
        assert_eq!(seen(socket, "alert:new", "alertId").await, ["a", "b"]);
        assert_eq!(seen(socket, "capacity:updated", "week").await, ["2026-W01"]);
    }
    // From the beginning, in both rooms: what one brings, the other does not bring again.
    let late = node.enter("late", &fixture.server.url, &fixture.server.login("gm").await).await;
    let epoch = both.ask("subscribe_room", json!({"room": "project:p1"})).await["position"]["epoch"].clone();
    for room in ["project:p1", "division:d1"] {
        late.ask("subscribe_room", json!({"room": room, "since": {"epoch": epoch, "seq": 0}})).await;
    }
    assert_eq!(seen(&late, "alert:new", "alertId").await, ["a", "b"]);
}

#[tokio::test]
async fn removed_recipient_gets_no_event_after_the_removal() {
    let (fixture, node) = (CatalogueFixture::with("erp").await, NodeDriver::start().await);
    for room in ["company:acme", "company:globex"] {
        fixture.admit("player", room).await;
    }
    fixture.admit("gm", "company:acme").await;
    let player = node.enter("player", &fixture.server.url, &fixture.server.login("player").await).await;
    let gm = node.enter("gm", &fixture.server.url, &fixture.server.login("gm").await).await;
    player.ask("subscribe_room", json!({"room": "company:globex"})).await;
    let position = player.ask("subscribe_room", json!({"room": "company:acme"})).await["position"].clone();
    gm.ask("subscribe_room", json!({"room": "company:acme"})).await;
    fixture.say("invoice:paid", paid("acme", 1)).await;
    fixture.remove("player", "company:acme").await;
    // At once, before anybody told the running server.
    fixture.say("stock:updated", stock("acme", 5)).await;
    fixture.say("invoice:paid", paid("acme", 2)).await;
    assert_eq!(player.wait("access:revoked", 1).await[0]["room"], "company:acme");
    gm.wait("invoice:paid", 2).await;
    gm.wait("stock:updated", 1).await;
    fixture.say("invoice:paid", paid("globex", 3)).await;
    player.wait("invoice:paid", 2).await;
    assert_eq!(seen(&player, "invoice:paid", "number").await, ["1", "3"], "before it, and in the other room");
    assert_eq!(seen(&player, "stock:updated", "quantity").await, Vec::<Value>::new());
    let again = player.ask("subscribe_room", json!({"room": "company:acme", "since": position})).await;
    assert_eq!(again["code"], "UNAUTHORIZED");
    // The entry of the removal itself is no event.
    let whole = gm.ask("subscribe_room", json!({"room": "company:acme", "since": position})).await;
    assert_eq!(whole["replayed"], 2);
}

#[tokio::test]
async fn a_token_without_the_claim_closes_the_room_that_the_last_one_opened() {
    let (fixture, node) = (CatalogueFixture::with("erp").await, NodeDriver::start().await);
    let token = fixture.claiming("player", "companies", json!("acme")).await;
    let player = node.enter("player", &fixture.server.url, &token).await;
    player.ask("subscribe_room", json!({"room": "company:acme"})).await;
    let same = fixture.claiming("player", "companies", json!(["acme"])).await;
    assert_eq!(player.ask("authenticate", json!({"token": same})).await["success"], true);
    fixture.say("invoice:paid", paid("acme", 1)).await;
    player.wait("invoice:paid", 1).await;
    let without = fixture.server.login("player").await;
    assert_eq!(player.ask("authenticate", json!({"token": without})).await["success"], true);
    assert_eq!(player.wait("access:revoked", 1).await[0]["room"], "company:acme");
    fixture.say("invoice:paid", paid("acme", 2)).await;
    player.ask("latency", json!({})).await;
    assert_eq!(seen(&player, "invoice:paid", "number").await, ["1"]);
}

#[tokio::test]
async fn a_payload_that_looks_like_a_campaigns_end_ends_nothing() {
    let (fixture, node) = (CatalogueFixture::with("erp").await, NodeDriver::start().await);
    fixture.admit("gm", "company:acme").await;
    let gm = node.enter("gm", &fixture.server.url, &fixture.server.login("gm").await).await;
    gm.ask("subscribe_room", json!({"room": "company:acme"})).await;
    let mut payload = paid("acme", 1);
    payload["type"] = json!("entity_updated");
    payload["payload"] = json!({"entityType": "campaign", "entityId": "x", "campaignId": "x", "operation": "delete"});
    fixture.say("invoice:paid", payload).await;
    fixture.say("invoice:paid", paid("acme", 2)).await;
    gm.wait("invoice:paid", 2).await;
    assert_eq!(seen(&gm, "access:revoked", "room").await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_quiet_room_resumes_whatever_happened_and_was_forgotten_in_the_others() {
    let (fixture, node) = (CatalogueFixture::with("erp").await, NodeDriver::start().await);
    for room in ["company:acme", "company:globex"] {
        fixture.admit("gm", room).await;
    }
    let token = fixture.server.login("gm").await;
    let first = node.enter("first", &fixture.server.url, &token).await;
    fixture.say("invoice:paid", paid("acme", 1)).await;
    let since = |ack: Value| ack["position"].clone();
    let quiet = since(first.ask("subscribe_room", json!({"room": "company:acme"})).await);
    let busy = since(first.ask("subscribe_room", json!({"room": "company:globex"})).await);
    join_all((2..=80).map(|number| fixture.say("invoice:paid", paid("globex", number)))).await;
    let few = scry_server::config::JournalConfig { max_events: 10, ..Default::default() };
    assert_eq!(fixture.core.journal.trim(&few, now()).await.unwrap(), 70);
    let back = node.enter("back", &fixture.server.url, &token).await;
    let ack = back.ask("subscribe_room", json!({"room": "company:acme", "since": quiet})).await;
    assert_eq!((&ack["recovered"], &ack["replayed"]), (&json!(true), &json!(0)), "nothing was lost there: {ack}");
    let ack = back.ask("subscribe_room", json!({"room": "company:globex", "since": busy})).await;
    assert_eq!((&ack["recovered"], &ack["replayed"]), (&json!(false), &json!(0)), "{ack}");
    fixture.say("invoice:paid", paid("acme", 99)).await;
    assert_eq!(back.wait("invoice:paid", 1).await[0]["metadata"]["prev"], json!({"company:acme": 1}));
}

#[tokio::test]
async fn a_long_past_is_replayed_whole_while_more_happens() {
    let (fixture, node) = (CatalogueFixture::with("erp").await, NodeDriver::start().await);
    fixture.admit("gm", "company:acme").await;
    let epoch = fixture.say("invoice:paid", paid("acme", 1)).await["position"]["epoch"].clone();
    let publish = async |numbers: std::ops::RangeInclusive<u64>| {
        for number in numbers {
            fixture.say("invoice:paid", paid(if number % 3 == 0 { "globex" } else { "acme" }, number)).await;
        }
    };
    publish(2..=400).await;
    let gm = node.enter("gm", &fixture.server.url, &fixture.server.login("gm").await).await;
    let since = json!({"room": "company:acme", "since": {"epoch": epoch, "seq": 0}});
    let (ack, ()) = futures_util::future::join(gm.ask("subscribe_room", since), publish(401..=460)).await;
    assert_eq!(ack["recovered"], true, "{ack}");
    let expected: Vec<_> =
        (1..=460).filter(|number| number % 3 != 0).map(|number: u64| json!(number.to_string())).collect();
    gm.wait("invoice:paid", expected.len()).await;
    assert_eq!(seen(&gm, "invoice:paid", "number").await, expected);
}

#[tokio::test]
async fn our_client_in_two_rooms_passes_an_event_of_both_on_once() {
    let fixture = CatalogueFixture::with("capacity").await;
    for room in ["project:p1", "division:d1"] {
        fixture.admit("gm", room).await;
    }
    let proxy = FaultProxy::start(&fixture.server.url).await;
    let rooms = [("project:p1", StartPosition::Now), ("division:d1", StartPosition::Now)];
    let token = fixture.server.login("gm").await;
    let mut client = TestClient::live(options(&proxy.url, &token, &rooms)).await;
    for number in 1..=30_u64 {
        if number % 10 == 0 {
            proxy.cut();
        }
        // In both rooms, in one of them, in neither.
        let (project, division) = match number % 4 {
            0 => ("p1", "d2"),
            1 => ("p2", "d1"),
            2 => ("p2", "d2"),
            _ => ("p1", "d1"),
        };
        let payload =
            json!({"projectId": project, "divisionId": division, "alertId": number.to_string(), "message": "x"});
        fixture.say("alert:new", payload).await;
    }
    // Two rooms catch up one after the other, so what they missed may come in another order.
    let expected: Vec<_> = (1..=30).filter(|number| number % 4 != 2).collect();
    let mut came = Vec::new();
    while came.len() < expected.len() {
        came.extend(alert(&client.until(|event| alert(event).is_some()).await));
    }
    client.session.handle.close().await;
    came.sort_unstable();
    assert_eq!(came, expected, "each once");
    assert_eq!(client.gaps(), []);
}

fn alert(event: &ClientEvent) -> Option<u64> {
    let ClientEvent::Delivered(delivery) = event else { return None };
    delivery.raw["alertId"].as_str()?.parse().ok()
}

#[tokio::test]
async fn our_client_follows_a_room_through_a_broken_line_without_a_gap() {
    let fixture = CatalogueFixture::with("erp").await;
    fixture.admit("gm", "company:acme").await;
    let proxy = FaultProxy::start(&fixture.server.url).await;
    let token = fixture.server.login("gm").await;
    let rooms = [("company:acme", StartPosition::Now)];
    let mut client = TestClient::live(options(&proxy.url, &token, &rooms)).await;
    fixture.say("invoice:paid", paid("acme", 1)).await;
    client.until(|event| number(event) == Some(1)).await;
    proxy.cut();
    for number in 2..=20 {
        fixture.say("invoice:paid", paid("globex", number)).await;
        fixture.say("invoice:paid", paid("acme", number)).await;
    }
    client.until(|event| number(event) == Some(20)).await;
    let is_joined = |event: &ClientEvent| matches!(event, ClientEvent::Joined { .. });
    if client.told.iter().filter(|event| is_joined(event)).count() < 2 {
        client.until(is_joined).await;
    }
    fixture.say("stock:updated", stock("acme", 21)).await;
    let passed =
        client.until(|event| matches!(event, ClientEvent::Delivered(it) if &*it.name == "stock:updated")).await;
    let ClientEvent::Delivered(passed) = passed else { unreachable!() };
    assert_eq!(passed.room, Some("company:acme".parse().unwrap()));
    assert_eq!(client.told.iter().filter_map(number).collect::<Vec<_>>(), (1..=20).collect::<Vec<_>>());
    assert_eq!(client.gaps(), []);
}

fn number(event: &ClientEvent) -> Option<u64> {
    let ClientEvent::Delivered(delivery) = event else { return None };
    delivery.raw["number"].as_str()?.parse().ok()
}

#[tokio::test]
async fn two_nodes_serve_the_same_rooms() {
    let (redis, node) = (Redis::start().await, NodeDriver::start().await);
    let first = TestServer::with(|config| {
        config.catalogues = bundled("erp");
        config.redis = Some(scry_server::config::ConfigSecret::new(redis.url()));
    });
    let fixture = CatalogueFixture::of(first.await).await;
    let second = TestServer::beside(&fixture.server).await;
    fixture.admit("gm", "company:acme").await;
    let there = node.enter("there", &second.url, &fixture.server.login("gm").await).await;
    there.ask("subscribe_room", json!({"room": "company:acme"})).await;
    join_all((1..=10).map(|number| fixture.say("invoice:paid", paid("acme", number)))).await;
    let came = there.wait("invoice:paid", 10).await;
    let places: Vec<_> = came.iter().map(|payload| payload["metadata"]["seq"].as_u64().unwrap()).collect();
    assert_eq!(places, (1..=10).collect::<Vec<_>>());
    fixture.say("stock:updated", stock("acme", 4)).await;
    assert_eq!(there.wait("stock:updated", 1).await[0]["quantity"], 4);
    let task = json!({"userId": fixture.id("gm").await, "taskId": "t", "title": "Look"});
    fixture.say("task:assigned", task).await;
    assert_eq!(there.wait("task:assigned", 1).await[0]["taskId"], "t");
    fixture.remove("gm", "company:acme").await;
    fixture.say("stock:updated", stock("acme", 5)).await;
    fixture.say("invoice:paid", paid("acme", 11)).await;
    assert_eq!(there.wait("access:revoked", 1).await[0]["room"], "company:acme");
    let body = json!({"type": "invoice:paid", "payload": paid("acme", 12)});
    assert_eq!(second.post_as(&fixture.bot, "/events", &body).await.status, 200);
    there.ask("latency", json!({})).await;
    assert_eq!(seen(&there, "stock:updated", "quantity").await, [json!(4)]);
    assert_eq!(seen(&there, "invoice:paid", "number").await.len(), 10);
}
