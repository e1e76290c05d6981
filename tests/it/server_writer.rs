//! No request holds up the one writer for long, whatever it asks for.

use std::time::Duration;

use jiff::Timestamp;
use scry_protocol::{Id, OnConflict};
use scry_server::auth::{lifecycle, sessions, users};
use scry_server::db::{DbError, Tx};
use scry_server::domain::{DomainError, EditPrecondition, EntityKind};
use serde_json::{Map, Value, json};
use sqlx::{AssertSqlSafe, Row};

use scry_testkit::domain::{DomainFixture, fields, id};

/// The longest that one change may hold the writer. The promise is 100 ms; a debug build on a busy machine is
/// twenty times slower than a release on an idle one.
const MAX_WRITER_TIME: Duration =
    if cfg!(debug_assertions) { Duration::from_secs(2) } else { Duration::from_millis(100) };

/// Measures what one edit takes on this machine, so that others can be compared with it.
async fn an_edit(fixture: &DomainFixture, settlement: &Id) -> Duration {
    const EDITS: u32 = 20;
    let began = std::time::Instant::now();
    for round in 0..EDITS {
        let input = fields(json!({"description": format!("edit {round}")}));
        fixture
            .domain
            .update(&fixture.gm, EntityKind::Settlement, settlement, &input, EditPrecondition::default(), None)
            .await
            .unwrap();
    }
    began.elapsed() / EDITS
}

/// Fails if any change so far has held the writer for longer than so many edits after each other.
fn assert_cheaper(fixture: &DomainFixture, what: &str, edits: u32, edit: Duration) {
    let longest = fixture.core.db.longest_turn();
    println!("{what}: {longest:?}, an edit takes {edit:?}");
    assert!(longest < edit * edits, "{what}: {longest:?}, as long as {edits} edits of {edit:?}");
    assert!(
        cfg!(debug_assertions) || longest < MAX_WRITER_TIME,
        "{what}: a change has held the writer for {longest:?}"
    );
}

/// Fails if any change so far has held the writer for too long.
fn assert_short(fixture: &DomainFixture, what: &str) {
    let longest = fixture.core.db.longest_turn();
    println!("{what}: {longest:?}");
    assert!(longest < MAX_WRITER_TIME, "{what}: a change has held the writer for {longest:?}");
}

async fn insert_rows(fixture: &DomainFixture, statements: Vec<String>) {
    let insert = async |tx: &mut Tx| {
        for statement in statements {
            sqlx::query(AssertSqlSafe(statement)).execute(&mut **tx).await?;
        }
        Ok::<_, DbError>(())
    };
    // By another writer, so that these rows do not count as a turn of the server's.
    let other = scry_server::AppState::open((*fixture.core.config).clone()).await.unwrap();
    other.db.write(insert).await.unwrap();
    other.db.close().await;
}

fn variables(count: usize, value: impl Fn(usize) -> Value) -> Map<String, Value> {
    (0..count).map(|index| (format!("v{index:05}"), value(index))).collect()
}

fn refused<T: std::fmt::Debug>(answer: Result<T, DomainError>, part: &str) {
    let error = answer.expect_err("it asks for too much").to_string();
    assert!(error.contains(part), "{error}");
}

/// Gives a settlement as many variables as it may have.
async fn fill(fixture: &DomainFixture, settlement: &Id) -> i64 {
    let (domain, gm) = (&fixture.domain, &fixture.gm);
    let stored = domain.entity(gm, EntityKind::Settlement, settlement).await.unwrap().unwrap();
    let old = stored.fields["variables"].as_object().unwrap().keys().map(|key| (key.clone(), Value::Null));
    let schemas = variables(500, |_| json!({"type": "text"}));
    let mut patch: Map<String, Value> = old.collect();
    let clear = json!({"variables": patch, "variableSchemas": schemas});
    domain
        .update(gm, EntityKind::Settlement, settlement, &fields(clear), EditPrecondition::default(), None)
        .await
        .unwrap();
    patch = variables(500, |_| json!("x".repeat(150)));
    let full = fields(json!({ "variables": patch }));
    domain
        .update(gm, EntityKind::Settlement, settlement, &full, EditPrecondition::default(), None)
        .await
        .unwrap()
        .version
}

#[tokio::test]
async fn variables_are_bounded_and_their_removal_is_quick_and_told_in_a_small_event() {
    let fixture = DomainFixture::new().await;
    let (domain, gm, settlement) = (&fixture.domain, &fixture.gm, fixture.settlement().await);
    let update = async |input: Value| {
        domain.update(gm, EntityKind::Settlement, &settlement, &fields(input), EditPrecondition::default(), None).await
    };
    let many = json!({"variableSchemas": variables(501, |_| json!({"type": "text"}))});
    refused(update(many).await, "500 entries");
    refused(update(json!({"variables": variables(38_000, |_| Value::Null)})).await, "500 entries");
    let large = variables(100, |_| json!({"type": "text", "description": "x".repeat(3_000)}));
    refused(update(json!({"variableSchemas": large})).await, "256 KiB");
    fill(&fixture, &settlement).await;
    update(json!({"variables": variables(500, |_| Value::Null)})).await.unwrap();
    let campaign = fixture.campaign().await;
    let events = domain.events(gm, &campaign, 0, 1_000).await.unwrap();
    let longest = events.iter().map(|event| event.body.len()).max().unwrap();
    assert!(longest < 48 * 1024, "each subscriber is sent {longest} bytes");
    assert_short(&fixture, "500 variables");
}

#[tokio::test]
async fn edit_that_meets_many_others_is_compared_quickly() {
    let fixture = DomainFixture::new().await;
    let (domain, gm, settlement) = (&fixture.domain, &fixture.gm, fixture.settlement().await);
    let seen = fill(&fixture, &settlement).await;
    for round in 0..20 {
        let input = fields(json!({"variables": variables(500, |index| json!(format!("{index} {round}")))}));
        domain
            .update(gm, EntityKind::Settlement, &settlement, &input, EditPrecondition::default(), None)
            .await
            .unwrap();
    }
    let mine = fields(json!({"variables": variables(500, |_| json!("mine"))}));
    let reject = EditPrecondition { version: Some(seen), on_conflict: OnConflict::Merge };
    let answer = domain.update(gm, EntityKind::Settlement, &settlement, &mine, reject, None).await;
    let Err(DomainError::Conflict(conflict)) = answer else { panic!("every field was changed: {answer:?}") };
    assert_eq!(conflict.fields.len(), 500);
    assert_short(&fixture, "a conflict about 500 fields");
}

#[tokio::test]
async fn edit_from_long_ago_reads_only_the_latest_changes() {
    let fixture = DomainFixture::new().await;
    let (domain, gm, settlement) = (&fixture.domain, &fixture.gm, fixture.settlement().await);
    for round in 0..205 {
        let input = fields(json!({"description": format!("{round}")}));
        domain
            .update(gm, EntityKind::Settlement, &settlement, &input, EditPrecondition::default(), None)
            .await
            .unwrap();
    }
    let level = fields(json!({"level": 9}));
    let expecting = |version| EditPrecondition { version: Some(version), on_conflict: OnConflict::Merge };
    let old = domain.update(gm, EntityKind::Settlement, &settlement, &level, expecting(1), None).await;
    assert!(matches!(old, Err(DomainError::Conflict(_))), "nobody knows any more what it had seen: {old:?}");
    domain.update(gm, EntityKind::Settlement, &settlement, &level, expecting(7), None).await.unwrap();
    assert_short(&fixture, "an edit from long ago");
}

#[tokio::test]
async fn calendars_of_short_years_and_jumps_through_the_ages_are_bounded() {
    let fixture = DomainFixture::new().await;
    let (domain, gm, campaign) = (&fixture.domain, &fixture.gm, fixture.campaign().await);
    let calendar = |hours: u16, days: i64| {
        fields(json!({"calendar": {"name": "c", "anchor": {"instant": "1207-01-01T00:00:00Z", "year": 1207},
            "day": {"hours": hours, "minutes": 60}, "leap": {"every": 1_000_000}, "months": [{"name": "m", "days": days}],
            "intercalary": [{"name": "Rainmoon", "after": "m", "days": 0, "leap": 1}]}}))
    };
    let short =
        domain.update(gm, EntityKind::Campaign, &campaign, &calendar(1, 1), EditPrecondition::default(), None).await;
    refused(short, "year must last at least 24 hours");
    domain
        .update(gm, EntityKind::Campaign, &campaign, &calendar(24, 1), EditPrecondition::default(), None)
        .await
        .unwrap();
    let far = "9999-01-01T00:00:00Z";
    refused(domain.set_world_time(gm, &campaign, far, false, None).await, "smaller steps");
    let began = Timestamp::now();
    // A preview stops at what it shows.
    let _ = domain.due_effects(gm, &campaign, far, 1).await;
    assert!(Timestamp::now().duration_since(began).unsigned_abs() < MAX_WRITER_TIME);
    assert_short(&fixture, "years of a day");
    domain
        .update(
            gm,
            EntityKind::Campaign,
            &campaign,
            &fields(json!({"calendar": null})),
            EditPrecondition::default(),
            None,
        )
        .await
        .unwrap();
    for year in [2200, 3100] {
        let time = format!("{year}-01-01T00:00:00Z");
        domain.set_world_time(gm, &campaign, &time, false, None).await.unwrap();
    }
    assert_short(&fixture, "a jump of a thousand years");
}

#[tokio::test]
async fn kingdom_with_a_thousand_entities_is_deleted_quickly() {
    let fixture = DomainFixture::new().await;
    let (domain, gm, campaign) = (&fixture.domain, &fixture.gm, fixture.campaign().await);
    let kingdom = domain
        .create(gm, EntityKind::Kingdom, &fields(json!({"campaignId": campaign, "name": "Large"})), None)
        .await
        .unwrap()
        .id;
    let insert = |id: String, kind: &str, parent: &str, parent_field: &str| {
        let fields = json!({parent_field: parent, "level": 1, "variables": {}, "variableSchemas": {}, "type": "house",
            "description": "", "computed": {}, "conditions": []});
        format!(
            "INSERT INTO entities (id, campaign_id, kind, parent_id, name, version, created_at, updated_at, fields) \
             VALUES ('{id}', '{campaign}', '{kind}', '{parent}', '{id}', 1, '', '', '{fields}')"
        )
    };
    let mut rows = Vec::new();
    for settlement in 0..100 {
        rows.push(insert(format!("s{settlement}"), "settlement", kingdom.as_str(), "kingdomId"));
        rows.extend((0..10).map(|structure| {
            insert(format!("s{settlement}t{structure}"), "structure", &format!("s{settlement}"), "settlementId")
        }));
    }
    insert_rows(&fixture, rows).await;
    let place = fields(json!({"campaignId": campaign, "name": "Here", "kingdomId": kingdom, "settlementId": "s7"}));
    let place = domain.create(gm, EntityKind::Location, &place, None).await.unwrap();
    let before = domain.campaign(gm, &campaign).await.unwrap().unwrap().position.seq;
    domain.delete(gm, EntityKind::Kingdom, &kingdom, None, None).await.unwrap();
    assert_short(&fixture, "a kingdom of 1,101 entities");

    let events = domain.events(gm, &campaign, before, 1_000).await.unwrap();
    let told = |event: &scry_server::journal::JournalRow| -> Value { serde_json::from_str(&event.body).unwrap() };
    let first = told(&events[0]);
    assert_eq!(first["payload"]["entityId"], json!(place.id), "first what stays loses its pointers: {first}");
    assert_eq!(first["payload"]["changedFields"], json!(["kingdomId", "settlementId"]));
    assert_eq!(events.len(), 1_000);
    assert!(events.windows(2).all(|pair| pair[0].seq + 1 == pair[1].seq));
    let rest = domain.events(gm, &campaign, before + 1_000, 1_000).await.unwrap();
    assert_eq!(rest.len(), 102);
    assert_eq!(told(rest.last().unwrap())["payload"]["entityId"], json!(kingdom), "and the kingdom goes last");
    let heads = "SELECT COUNT(*) FROM room_heads WHERE room LIKE 'settlement:s%' OR room LIKE 'structure:s%'";
    let row = sqlx::query(heads).fetch_one(&fixture.core.db.reader).await.unwrap();
    assert_eq!(row.get::<i64, _>(0), 0);
}

#[tokio::test]
async fn campaign_that_is_full_takes_no_more_entities() {
    let fixture = DomainFixture::new().await;
    let campaign = fixture.campaign().await;
    let mut config = (*fixture.core.config).clone();
    config.max_campaign_entities = 40;
    let core = scry_server::AppState::open(config).await.unwrap();
    let domain = scry_server::domain::Domain::new(core);
    let kingdom = fields(json!({"campaignId": campaign, "name": "One more"}));
    let mut answers = Vec::new();
    for _ in 0..40 {
        answers.push(domain.create(&fixture.gm, EntityKind::Kingdom, &kingdom, None).await);
    }
    assert!(answers[0].is_ok(), "the bundled world has less than 40 entities: {:?}", answers[0]);
    refused(answers.remove(39), "as many as a campaign may have");
}

#[tokio::test]
async fn hundred_users_are_notified_quickly() {
    let fixture = DomainFixture::new().await;
    let campaign = fixture.campaign().await;
    let users: Vec<Id> = (0..100).map(|index| Id::parse(&format!("u{index}")).unwrap()).collect();
    let rows = users.iter().flat_map(|user| {
        [
            format!("INSERT INTO users (id, username, password_hash, created_at) VALUES ('{user}', '{user}', '', '')"),
            format!("INSERT INTO memberships VALUES ('m-{user}', '{campaign}', '{user}', 'VIEWER', 1, '', '')"),
        ]
    });
    insert_rows(&fixture, rows.collect()).await;
    let body = "x".repeat(4_000);
    assert_eq!(fixture.domain.notify(&fixture.gm, &users, "Come", &body, "info", None).await.unwrap(), 100);
    assert_short(&fixture, "a hundred notifications");
    assert_eq!(id(&fixture.core.db, "SELECT user_id FROM notifications WHERE user_id = 'u99'").await, users[99]);
}

/// Copies an entity so many times, by one statement.
fn copies(of: &Id, count: usize, name: &str) -> String {
    format!(
        "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count}) \
         INSERT INTO entities (id, campaign_id, kind, parent_id, name, version, created_at, updated_at, fields, bytes) \
         SELECT '{name}' || n, campaign_id, kind, parent_id, '{name} ' || n, 1, created_at, updated_at, fields, bytes \
         FROM numbers CROSS JOIN entities WHERE id = '{of}'"
    )
}

/// Returns the events of a campaign after a number, however many there are.
async fn events_after(fixture: &DomainFixture, campaign: &Id, since: u64) -> Vec<Value> {
    let mut told: Vec<Value> = Vec::new();
    loop {
        let events = fixture.domain.events(&fixture.gm, campaign, since + told.len() as u64, 1_000).await.unwrap();
        if events.is_empty() {
            return told;
        }
        told.extend(events.iter().map(|event| serde_json::from_str::<Value>(&event.body).unwrap()));
    }
}

#[tokio::test]
async fn clock_that_changes_two_thousand_entities_moves_quickly() {
    let fixture = DomainFixture::new().await;
    let (domain, gm, campaign) = (&fixture.domain, &fixture.gm, fixture.campaign().await);
    let settlement = fixture.settlement().await;
    let structure =
        id(&fixture.core.db, "SELECT id FROM entities WHERE kind = 'structure' ORDER BY name LIMIT 1").await;
    // As many as a campaign may have: half of them towns, half of them in one town.
    insert_rows(&fixture, vec![copies(&settlement, 950, "town"), copies(&structure, 950, "house")]).await;
    let position = async || domain.campaign(gm, &campaign).await.unwrap().unwrap().position.seq;
    // Whatever depends on the season or the hour is different then.
    let mut changed = 0;
    for days in [100, 100, 100] {
        let before = position().await;
        domain.advance_world_time(gm, &campaign, days * 24 * 3600 + 7 * 3600, false, None).await.unwrap();
        let events = events_after(&fixture, &campaign, before).await;
        let derived = events.iter().filter(|event| event["type"] == "state_invalidated").count();
        changed = changed.max(derived);
        let cause = events.iter().find(|event| event["type"] == "world_time_changed").unwrap();
        let caused = |event: &&Value| event["metadata"]["causedBy"] == cause["metadata"]["eventId"];
        assert!(
            events.iter().filter(|event| event["type"] == "state_invalidated").filter(caused).count() >= derived / 2
        );
    }
    assert!(changed >= 900, "only {changed} entities have changed with the clock");
    // What has been told is what is stored.
    let town = Id::parse("town7").unwrap();
    let stored = domain.entity(gm, EntityKind::Settlement, &town).await.unwrap().unwrap();
    let original = domain.entity(gm, EntityKind::Settlement, &settlement).await.unwrap().unwrap();
    assert_eq!(stored.version, 1, "values that follow from others have no versions");
    assert_eq!(stored.name, "town 7");
    assert_eq!(
        stored.fields["computed"].as_object().unwrap().len(),
        original.fields["computed"].as_object().unwrap().len()
    );
    let edit = an_edit(&fixture, &town).await;
    assert_cheaper(&fixture, "a clock that changes hundreds of entities", 400, edit);
}

#[tokio::test]
async fn kingdom_that_two_thousand_locations_point_at_is_deleted_quickly() {
    let fixture = DomainFixture::new().await;
    let (domain, gm, campaign) = (&fixture.domain, &fixture.gm, fixture.campaign().await);
    let make = |kind, value: Value| async move { domain.create(gm, kind, &fields(value), None).await.unwrap().id };
    let kingdom = make(EntityKind::Kingdom, json!({"campaignId": campaign, "name": "Pointed at"})).await;
    let place = json!({"campaignId": campaign, "name": "Here", "kingdomId": kingdom});
    let location = make(EntityKind::Location, place).await;
    insert_rows(&fixture, vec![copies(&location, 1_900, "place")]).await;
    let before = domain.campaign(gm, &campaign).await.unwrap().unwrap().position.seq;
    domain.delete(gm, EntityKind::Kingdom, &kingdom, None, None).await.unwrap();
    let events = events_after(&fixture, &campaign, before).await;
    assert_eq!(events.len(), 1_902, "each of them, then the kingdom");
    assert_eq!(events[0]["payload"]["changedFields"], json!(["kingdomId"]));
    assert_eq!(events[0]["metadata"]["version"], 2);
    assert_eq!(events[0]["metadata"]["changes"][0]["from"], json!(kingdom));
    assert_eq!(events.last().unwrap()["payload"]["entityId"], json!(kingdom));
    let stored = domain.entity(gm, EntityKind::Location, &Id::parse("place1234").unwrap()).await.unwrap().unwrap();
    assert_eq!((&stored.fields["kingdomId"], stored.version), (&Value::Null, 2));
    let edit = an_edit(&fixture, &fixture.settlement().await).await;
    assert_cheaper(&fixture, "a kingdom that 1,901 locations point at", 400, edit);
}

#[tokio::test]
async fn many_rows_of_one_user_are_changed_in_small_turns() {
    let fixture = DomainFixture::new().await;
    let (core, gm) = (&fixture.core, &fixture.gm);
    let many = |table: &str, columns: &str, values: &str| {
        format!(
            "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 1000) \
             INSERT INTO {table} ({columns}) SELECT {values} FROM numbers"
        )
    };
    let user = &gm.user_id;
    insert_rows(
        &fixture,
        vec![
            many(
                "notifications",
                "id, user_id, title, body, level, created_at",
                &format!("'n' || n, '{user}', 't', '', 'info', '2026-01-01T00:00:00.000Z'"),
            ),
            many("sessions", "id, user_id, created_ms", &format!("'s' || n, '{user}', n")),
            many("refresh_tokens", "digest, session_id, expires_ms", "'d' || n, 's' || n, 99999999999999"),
            many(
                "idempotency",
                "user_id, key, request, result, created_ms",
                &format!("'{user}', 'k' || n, '', '', 99999999999999"),
            ),
        ],
    )
    .await;
    let turns = core.db.turns();
    assert_eq!(fixture.domain.mark_all_notifications_read(gm).await.unwrap(), 1_000);
    assert_eq!(fixture.domain.unread_notifications(gm).await.unwrap(), 0);
    // Five of two hundred rows each, and one that finds nothing.
    assert!(core.db.turns() >= turns + 5, "{} turns", core.db.turns() - turns);

    let turns = core.db.turns();
    assert_eq!(sessions::end_all_of(&core.db, user, 5).await.unwrap(), 1_000);
    assert!(core.db.turns() >= turns + 5, "{} turns", core.db.turns() - turns);
    let open = "SELECT CAST(COUNT(*) AS BIGINT) FROM sessions WHERE revoked_ms IS NULL";
    let row = sqlx::query(open).fetch_one(&core.db.reader).await.unwrap();
    assert_eq!(row.get::<i64, _>(0), 0);

    let mut db = core.db.read().await.unwrap();
    let viewer = users::by_name(&mut db, "viewer").await.unwrap().unwrap();
    drop(db);
    insert_rows(
        &fixture,
        ["sessions", "idempotency", "notifications"]
            .map(|table| format!("UPDATE {table} SET user_id = '{}'", viewer.id))
            .into(),
    )
    .await;
    let turns = core.db.turns();
    lifecycle::delete(core, &viewer).await.unwrap();
    assert!(core.db.turns() >= turns + 15, "{} turns", core.db.turns() - turns);
    for table in ["notifications", "refresh_tokens", "idempotency"] {
        let row = sqlx::query(AssertSqlSafe(format!("SELECT CAST(COUNT(*) AS BIGINT) FROM {table}")));
        assert_eq!(row.fetch_one(&core.db.reader).await.unwrap().get::<i64, _>(0), 0, "{table}");
    }
    assert_short(&fixture, "a thousand rows of one user");
}

#[tokio::test]
async fn deletion_that_would_take_too_much_along_is_refused_and_names_its_limit() {
    let fixture = DomainFixture::new().await;
    let structure =
        id(&fixture.core.db, "SELECT id FROM entities WHERE kind = 'structure' ORDER BY name LIMIT 1").await;
    insert_rows(&fixture, vec![copies(&structure, 2_600, "house")]).await;
    let campaign = fixture.campaign().await;
    let error = fixture.domain.delete(&fixture.gm, EntityKind::Campaign, &campaign, None, None).await.unwrap_err();
    assert_eq!(error.limit(), Some(scry_server::limits::LimitKind::Deletions), "{error}");
    assert!(error.to_string().contains("at most 2500 at once"), "{error}");
    assert_short(&fixture, "a deletion that is refused");
}
