use serde_json::json;

use super::*;

fn now(seconds: u64) -> Now {
    let wall = Timestamp::from_second(1_700_000_000 + i64::try_from(seconds).unwrap()).unwrap();
    Now { mono: base() + Duration::from_secs(seconds), wall }
}

fn base() -> Instant {
    use std::sync::LazyLock;
    static BASE: LazyLock<Instant> = LazyLock::new(Instant::now);
    *BASE
}

fn id(text: &str) -> Id {
    Id::parse(text).unwrap()
}

fn town() -> EntityRef {
    EntityRef::new(scry_protocol::EntityType::Settlement, id("s"))
}

fn hear(people: &mut People, at: u64, name: &str, payload: serde_json::Value) {
    let event = EphemeralEvent::from_parts(name, &payload).unwrap();
    assert!(people.hear(&event, &id("c"), now(at)));
}

fn editing(people: &mut People, at: u64) {
    let resources = json!([{"type": "settlement", "id": "s", "state": "editing"}]);
    hear(
        people,
        at,
        "presence:change",
        json!({"campaignId": "c", "userId": "u", "name": "Mi\u{1b}ra", "status": "online",
        "resources": resources}),
    );
}

fn typing(people: &mut People, at: u64, on: bool) {
    hear(
        people,
        at,
        "user:typing",
        json!({"campaignId": "c", "userId": "u", "name": "Mira", "entityType": "settlement",
        "entityId": "s", "field": "level", "typing": on}),
    );
}

#[test]
fn editing_user_is_shown_at_the_entity_and_field() {
    let mut people = People::default();
    editing(&mut people, 0);
    typing(&mut people, 1, true);
    let (person, activity) = people.at(&town(), Some(&id("me")))[0];
    assert_eq!((person.name.as_str(), activity), ("Mi\u{fffd}ra", Activity::Editing));
    assert_eq!(people.typed_field(&id("u"), &town()), Some("level"));
    assert!(people.at(&town(), Some(&id("u"))).is_empty(), "nobody is told about themselves");
}

#[test]
fn typing_ends_by_itself_and_the_field_is_known_as_long_as_it_is_edited() {
    let mut people = People::default();
    editing(&mut people, 0);
    typing(&mut people, 1, true);
    assert_eq!(people.deadline(), Some(now(7).mono));
    assert!(!people.expire(now(6).mono) && people.expire(now(7).mono));
    assert_eq!(people.typed_field(&id("u"), &town()), None);
    assert_eq!(people.all()[0].field, Some((town(), "level".to_owned())));
    hear(
        &mut people,
        8,
        "presence:change",
        json!({"campaignId": "c", "userId": "u", "name": "Mira", "status": "online"}),
    );
    assert_eq!(people.all()[0].field, None);
}

#[test]
fn a_whole_state_leaves_no_ghosts_and_other_campaigns_do_not_matter() {
    let mut people = People::default();
    editing(&mut people, 0);
    typing(&mut people, 0, true);
    let user = json!({"userId": "v", "name": "Tor", "status": "idle", "since": "2026-03-01T18:00:00.000Z"});
    hear(&mut people, 1, "presence:state", json!({"campaignId": "c", "users": [user]}));
    assert_eq!(people.all().iter().map(|person| person.name.as_str()).collect::<Vec<_>>(), ["Tor"]);
    assert_eq!(people.deadline(), None);
    hear(
        &mut people,
        2,
        "presence:change",
        json!({"campaignId": "other", "userId": "w", "name": "W", "status": "online"}),
    );
    assert_eq!(people.all().len(), 1);
}

#[test]
fn offline_user_is_shown_with_the_time_of_leaving() {
    let mut people = People::default();
    editing(&mut people, 0);
    hear(&mut people, 5, "user:offline", json!({"userId": "u", "name": "Mira"}));
    let person = people.all()[0].clone();
    assert_eq!((person.status, person.since, person.places.len()), (Presence::Offline, Some(now(5).wall), 0));
    assert!(people.others(None).is_empty());
}
