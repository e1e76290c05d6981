//! What enters is taken or refused alike whatever database stores it, and a refusal names the field.

use fastrand::Rng;
use scry_server::config::{ConfigSecret, ServerConfig};
use serde_json::{Value, json};

use scry_testkit::emberfall::Emberfall;
use scry_testkit::postgres::Postgres;
use scry_testkit::raw_socket::RawSocketClient;
use scry_testkit::server::{HttpAnswer, TestServer};

/// Texts that databases, protocols or screens may stumble over.
const SAMPLE_TEXTS: [&str; 24] = [
    "",
    " ",
    "plain",
    "a\0b",
    "\0",
    "a\u{1}b",
    "a\u{1b}[2J",
    "a\u{7f}b",
    "a\u{9b}2Jb",
    "a\nb",
    "a\u{2028}b",
    "a\u{202e}b",
    "\u{feff}a",
    "a\u{ffff}b",
    "a\u{fdd0}b",
    "\u{10ffff}",
    "Zoe\u{308}",
    "😀",
    "' OR 1=1 --",
    "\\u0000",
    "%00",
    "{\"a\":1}",
    "-009999-06-01T00:00:00Z",
    "1207-09-14T18:20:00Z",
];
/// How many more are put together by chance, from a fixed seed.
const RANDOM_TEXTS: usize = 40;

fn generous(config: &mut ServerConfig) {
    config.auth.login_attempts_per_minute = 1_000_000;
    config.auth.login_attempts_per_address = 1_000_000;
    config.quota.notifications_per_minute = 1_000_000;
    config.quota.notifications_per_pair = 1_000_000;
    config.quota.invitations_per_minute = 1_000_000;
    config.quota.api_requests_per_minute = 1_000_000;
    config.quota.auth_requests_per_minute = 1_000_000;
}

fn texts() -> Vec<String> {
    let mut rng = Rng::with_seed(16);
    let mut texts: Vec<String> = SAMPLE_TEXTS.map(str::to_owned).to_vec();
    texts.push("x".repeat(300));
    texts.push("é".repeat(5_000));
    texts.push("x".repeat(11_000));
    for _ in 0..RANDOM_TEXTS {
        let pieces = rng.usize(1..6);
        texts.push((0..pieces).map(|_| piece(&mut rng)).collect());
    }
    texts
}

fn piece(rng: &mut Rng) -> String {
    match rng.u8(0..4) {
        0 => SAMPLE_TEXTS[rng.usize(0..SAMPLE_TEXTS.len())].to_owned(),
        1 => char::from(rng.u8(0..=0x9f)).to_string(),
        2 => rng.char(..).to_string(),
        _ => rng.alphanumeric().to_string(),
    }
}

/// One server with what is asked about on it.
struct InputFixture<'a> {
    world: Emberfall<'a>,
    bot: String,
    kingdom: Value,
    settlement: Value,
}

impl<'a> InputFixture<'a> {
    async fn on(server: &'a TestServer) -> Self {
        let world = Emberfall::on(server).await;
        let query = "query ($id: ID!) { kingdomsByCampaign(campaignId: $id) { id } }";
        let data = server.graphql(&world.gm, query, json!({"id": world.id})).await;
        let kingdom = data["kingdomsByCampaign"][0]["id"].clone();
        let settlement = world.entity("Harrow's Rest").await["id"].clone();
        Self { bot: server.login("bot").await, kingdom, settlement, world }
    }

    /// Brings a text to every place where text enters; returns how each answers.
    async fn answers(&self, text: &str) -> Vec<(&'static str, String)> {
        let mut answers = self.over_http(text).await;
        answers.extend(self.over_graphql(text).await);
        answers
    }

    async fn over_http(&self, text: &str) -> Vec<(&'static str, String)> {
        let (server, bot) = (self.world.server, &self.bot);
        let mut answers = Vec::new();
        for (what, path, body) in [
            ("username", "/auth/login", json!({"username": text, "password": "wrong"})),
            ("password", "/auth/login", json!({"username": "gm", "password": text})),
            ("refreshToken", "/auth/refresh", json!({"refreshToken": text})),
            ("refreshToken at logout", "/auth/logout", json!({"refreshToken": text})),
        ] {
            answers.push((what, shown(&server.post(path, &body).await)));
        }
        let invalidation =
            |fields: &[&str]| json!({"scope": "campaign", "campaignId": self.world.id, "affectedFields": fields});
        for (what, body) in [
            ("type", json!({"type": text, "payload": {}})),
            ("affectedFields", json!({"type": "state_invalidated", "payload": invalidation(&[text])})),
            ("causedBy", json!({"type": "state_invalidated", "payload": invalidation(&[]), "causedBy": text})),
            ("a key of the payload", json!({"type": "nothing", "payload": {text: 1}})),
        ] {
            answers.push((what, shown(&server.post_as(bot, "/events", &body).await)));
        }
        answers
    }

    async fn over_graphql(&self, text: &str) -> Vec<(&'static str, String)> {
        let (campaign, kingdom, settlement) = (&self.world.id, &self.kingdom, &self.settlement);
        let create = "mutation ($input: CreateKingdomInput!, $idempotencyKey: String) {
            createKingdom(input: $input, idempotencyKey: $idempotencyKey) { version } }";
        let update = "mutation ($id: ID!, $input: UpdateSettlementInput!) {
            updateSettlement(id: $id, input: $input) { name } }";
        let notify = "mutation ($userIds: [ID!]!, $title: String!, $body: String!, $level: String!) {
            notify(userIds: $userIds, title: $title, body: $body, level: $level) }";
        let message = |field: &str| {
            let mut message = json!({"userIds": ["nobody"], "title": "t", "body": "b", "level": "info"});
            message[field] = if field == "userIds" { json!([text]) } else { json!(text) };
            message
        };
        let requests = [
            ("name", create, json!({"input": {"campaignId": campaign, "name": text}})),
            ("description", create, json!({"input": {"campaignId": campaign, "name": "n", "description": text}})),
            ("campaignId", create, json!({"input": {"campaignId": text, "name": "n"}})),
            ("idempotencyKey", create, json!({"input": {"campaignId": campaign, "name": "n"}, "idempotencyKey": text})),
            ("variables", update, json!({"id": settlement, "input": {"variables": {"note": text}}})),
            ("a key of variables", update, json!({"id": settlement, "input": {"variables": {text: 1}}})),
            ("kingdomId", update, json!({"id": settlement, "input": {"kingdomId": text}})),
            ("id", update, json!({"id": text, "input": {"kingdomId": kingdom}})),
            ("title", notify, message("title")),
            ("body", notify, message("body")),
            ("level", notify, message("level")),
            ("userIds", notify, message("userIds")),
            ("id of a query", "query ($id: ID!) { settlement(id: $id) { version } }", json!({"id": text})),
            ("ids", "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename } }", json!({"ids": [text]})),
            (
                "time",
                "mutation ($id: ID!, $time: String!) { setWorldTime(campaignId: $id, time: $time) { newTime } }",
                json!({"id": campaign, "time": text}),
            ),
            (
                "until",
                "query ($id: ID!, $until: String!) { dueEffects(campaignId: $id, until: $until) { name } }",
                json!({"id": campaign, "until": text}),
            ),
            (
                "levels",
                "mutation ($levels: [String!]) { setNotificationPreferences(levels: $levels) { levels } }",
                json!({"levels": [text]}),
            ),
            ("an unknown variable", "{ me { username } }", json!({text: text})),
        ];
        let mut answers = Vec::new();
        for (what, query, variables) in requests {
            answers.push((what, self.ask(query, variables).await));
        }
        let literal = format!("mutation {{ createCampaign(input: {{name: {}}}) {{ version }} }}", literal(text));
        answers.push(("a literal", self.ask(&literal, json!({})).await));
        answers
    }

    async fn ask(&self, query: &str, variables: Value) -> String {
        let body = json!({"query": query, "variables": variables});
        shown(&self.world.server.post_as(&self.world.gm, "/graphql", &body).await)
    }
}

/// Writes a text into a query, everything outside ASCII as escapes in UTF-16.
fn literal(text: &str) -> String {
    let unit = |unit: u16| match u8::try_from(unit) {
        Ok(byte) if byte.is_ascii_alphanumeric() || byte == b' ' => char::from(byte).to_string(),
        _ => format!("\\u{unit:04x}"),
    };
    format!("\"{}\"", text.encode_utf16().map(unit).collect::<String>())
}

/// Writes an answer without what differs from server to server.
fn shown(answer: &HttpAnswer) -> String {
    // Ids and positions are each server's own.
    let body = if answer.body["eventId"].is_string() { "published".to_owned() } else { answer.body.to_string() };
    format!("{} {body}", answer.status.as_u16())
}

#[tokio::test]
async fn every_text_is_answered_alike_on_sqlite_and_on_postgres() {
    let postgres = Postgres::start().await;
    let sqlite = TestServer::with(|config| {
        generous(config);
        config.database = None;
    })
    .await;
    let shared = TestServer::with(|config| {
        generous(config);
        config.database = Some(postgres.url.clone());
        config.auth.jwt_secret = Some(ConfigSecret::new("a secret that every node of this test knows"));
    })
    .await;
    let (here, there) = (InputFixture::on(&sqlite).await, InputFixture::on(&shared).await);
    let mut compared = 0;
    for text in texts() {
        let (ours, theirs) = tokio::join!(here.answers(&text), there.answers(&text));
        for ((what, our), (_, their)) in ours.iter().zip(&theirs) {
            assert_eq!(our, their, "{what}: {text:?}");
            assert!(!our.starts_with('5') && !our.contains("INTERNAL"), "{what}: {text:?}: {our}");
            compared += 1;
        }
    }
    assert!(compared > 1_500, "{compared}");
}

#[tokio::test]
async fn nul_is_refused_wherever_text_enters_and_the_field_is_named() {
    let server = TestServer::with(generous).await;
    let subject = InputFixture::on(&server).await;
    for (what, answer) in subject.answers("g\0m").await {
        assert!(answer.starts_with("400 ") && answer.contains("INVALID_PAYLOAD"), "{what}: {answer}");
        assert!(answer.contains("must not contain the character U+0000"), "{what}: {answer}");
        let field = what.split(' ').next().unwrap();
        let is_named = answer.contains(field) || ["a", "an", "type"].contains(&field);
        assert!(is_named, "{what}: {answer}");
    }
    let mut socket = RawSocketClient::connect(&server.url, &subject.world.gm).await.unwrap();
    for (event, payload) in [
        ("subscribe_campaign", json!("c\0")),
        ("subscribe_campaign", json!({"campaignId": subject.world.id, "since": {"epoch": "\0", "seq": 1}})),
        ("subscribe_room", json!({"room": "company:\0"})),
        ("presence:update", json!({"campaignId": subject.world.id, "state": "view\0ing"})),
    ] {
        let answer = socket.ask(event, &payload).await.unwrap();
        assert_eq!(answer["code"], "INVALID_PAYLOAD", "{event} {payload}: {answer}");
    }
}

#[tokio::test]
async fn half_of_a_surrogate_pair_is_refused_and_the_server_goes_on() {
    let server = TestServer::start().await;
    let gm = server.login("gm").await;
    let refused = server.post_text("/auth/login", r#"{"username":"\ud800","password":"x"}"#).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (400, "INVALID_PAYLOAD"));
    for half in ["\\ud800", "\\udfff", "\\ude00\\ud83d", "\\ud83d\\u0041"] {
        let query = format!("mutation {{ createCampaign(input: {{name: \"{half}\"}}) {{ name }} }}");
        let refused = server.post_as(&gm, "/graphql", &json!({"query": query})).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (400, "INVALID_PAYLOAD"), "{half}: {refused:?}");
        assert!(refused.body["error"]["message"].as_str().unwrap().starts_with("name: "), "{refused:?}");
    }
    let whole = "mutation { createCampaign(input: {name: \"\\ud83d\\ude00\"}) { name } }";
    assert_eq!(server.graphql(&gm, whole, json!({})).await["createCampaign"]["name"], "😀");
}

#[tokio::test]
async fn names_are_stored_in_one_normal_form() {
    let server = TestServer::start().await;
    let gm = server.login("gm").await;
    let create = "mutation ($name: String!) { createCampaign(input: {name: $name}) { name } }";
    for (given, stored) in
        [("Zoe\u{308}", "Zo\u{eb}"), ("  Å\u{323}sa ", "Ạ\u{30a}sa"), ("👩\u{200d}🌾", "👩\u{200d}🌾")]
    {
        let data = server.graphql(&gm, create, json!({"name": given})).await;
        assert_eq!(data["createCampaign"]["name"], stored);
    }
    for name in ["a\u{202e}b", "a\u{9b}b", "a\u{2028}b", "a\u{feff}b"] {
        let refused = server.refused(&gm, create, json!({"name": name})).await;
        assert_eq!(refused["extensions"]["code"], "INVALID_PAYLOAD", "{refused}");
    }
}

#[tokio::test]
async fn ids_have_one_form_everywhere() {
    let server = TestServer::start().await;
    let subject = InputFixture::on(&server).await;
    let mut socket = RawSocketClient::connect(&server.url, &subject.world.gm).await.unwrap();
    for id in ["", "a b", "a\"b", "a\\b", "ä", "a\u{7f}", &"x".repeat(129)] {
        for (query, variables) in [
            ("query ($id: ID!) { settlement(id: $id) { id } }", json!({"id": id})),
            ("query ($id: ID!) { nodes(ids: [$id]) { id } }", json!({"id": id})),
            ("query ($id: ID!) { snapshot(campaignId: $id) { position { seq } } }", json!({"id": id})),
            ("mutation ($id: ID!) { deleteKingdom(id: $id) }", json!({"id": id})),
            ("mutation ($id: ID!) { notify(userIds: [$id], title: \"t\") }", json!({"id": id})),
        ] {
            let refused = server.refused(&subject.world.gm, query, variables).await;
            assert_eq!(refused["extensions"]["code"], "INVALID_PAYLOAD", "{query} {id:?}: {refused}");
        }
        let answer = socket.ask("subscribe_campaign", &json!({"campaignId": id})).await.unwrap();
        assert_eq!(answer["code"], "INVALID_PAYLOAD", "{id:?}: {answer}");
        let body = json!({"type": "state_invalidated", "payload": {"scope": "campaign", "campaignId": id, "affectedFields": []}});
        let refused = server.post_as(&subject.bot, "/events", &body).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (400, "INVALID_PAYLOAD"), "{id:?}");
    }
    let longest = "x".repeat(128);
    let query = "query ($id: ID!) { settlement(id: $id) { id } }";
    assert!(server.graphql(&subject.world.gm, query, json!({"id": longest})).await["settlement"].is_null());
}

#[tokio::test]
async fn world_times_reach_from_year_1_to_the_last_day_of_9999() {
    let server = TestServer::start().await;
    let gm = server.login("gm").await;
    let create = "mutation ($time: String, $calendar: JSON) {
        createCampaign(input: {name: \"Clock\", worldTime: $time, calendar: $calendar}) { id worldTime } }";
    let made = server.graphql(&gm, create, json!({"time": "9999-12-31T00:00:00Z"})).await["createCampaign"].take();
    assert_eq!(made["worldTime"], "9999-12-31T00:00:00.000Z");
    let id = &made["id"];
    let set = "mutation ($id: ID!, $time: String!) { setWorldTime(campaignId: $id, time: $time) { newTime } }";
    let due = "query ($id: ID!, $until: String!) { dueEffects(campaignId: $id, until: $until) { name } }";
    for time in ["0001-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z", "1207-09-14T18:20:00.000Z"] {
        let data = server.graphql(&gm, set, json!({"id": id, "time": time})).await;
        assert_eq!(data["setWorldTime"]["newTime"], time);
        server.graphql(&gm, due, json!({"id": id, "until": time})).await;
    }
    let refused = async |query: &str, variables: Value| {
        let error = server.refused(&gm, query, variables).await;
        assert_eq!(error["extensions"]["code"], "INVALID_PAYLOAD", "{error}");
        error["message"].as_str().unwrap().to_owned()
    };
    for time in
        ["0000-12-31T23:59:59Z", "-009999-06-01T00:00:00Z", "+010000-01-01T00:00:00Z", "0001-01-01T00:00:00+00:01"]
    {
        assert!(refused(set, json!({"id": id, "time": time})).await.contains("from year 1 to 9999"), "{time}");
        assert!(refused(due, json!({"id": id, "until": time})).await.contains("from year 1 to 9999"), "{time}");
        assert!(refused(create, json!({"time": time})).await.contains("from year 1 to 9999"), "{time}");
        let calendar =
            json!({"name": "c", "anchor": {"instant": time, "year": 1}, "months": [{"name": "m", "days": 30}]});
        assert!(refused(create, json!({"calendar": calendar})).await.contains("from year 1 to 9999"), "{time}");
    }
    let advance = "mutation ($id: ID!, $by: Int!) { advanceWorldTime(campaignId: $id, seconds: $by) { newTime } }";
    server.graphql(&gm, set, json!({"id": id, "time": "9999-12-31T23:59:59Z"})).await;
    for seconds in [1, i64::MAX, i64::MIN] {
        assert!(refused(advance, json!({"id": id, "by": seconds})).await.starts_with("seconds: would move the clock"));
    }
}
