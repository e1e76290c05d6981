//! Who is here and what they are at; what the others are told of us; what we are told.

use std::time::Duration;

use scry_dashboard::app::{AppEffect, Msg};
use scry_model::event::{Notification, NotificationInbox, Phase, PushPreferences};
use scry_protocol::messages::NotificationNew;
use scry_protocol::presence::Activity;
use scry_protocol::{ClientRequest, EntityType};
use serde_json::{Value, json};

use scry_testkit::dashboard_fixture::{DashboardFixture, id, status};

const SIZES: [(u16, u16); 4] = [(60, 20), (80, 24), (120, 40), (200, 60)];

/// Seats Mira, who edits Harrow's Rest, and Tor, who has gone quiet at Saltwick.
pub fn company(dashboard: &mut DashboardFixture) {
    let at = |kind: &str, id: &str, state: &str| json!([{"type": kind, "id": id, "state": state}]);
    let user = |id: &str, name: &str, status: &str, resources: Value| json!({"userId": id, "name": name, "status": status, "resources": resources, "since": "2026-03-01T18:02:00.000Z"});
    let users = json!([
        user("u1", "Ana", "online", at("settlement", "s1", "viewing")),
        user("u2", "Mira", "online", at("settlement", "s1", "editing")),
        user("u3", "Tor", "idle", at("settlement", "s2", "viewing")),
    ]);
    dashboard.ephemeral("presence:state", json!({"campaignId": "c", "users": users}));
    typing(dashboard, true);
}

fn typing(dashboard: &mut DashboardFixture, typing: bool) {
    dashboard.ephemeral(
        "user:typing",
        json!({"campaignId": "c", "userId": "u2", "name": "Mira", "entityType": "settlement", "entityId": "s1",
               "field": "level", "typing": typing}),
    );
}

fn told(dashboard: &mut DashboardFixture) -> Vec<ClientRequest> {
    let told = dashboard.effects.iter().filter_map(|effect| {
        let AppEffect::Emit(request) = effect else { return None };
        Some(request.clone())
    });
    let told = told.collect();
    dashboard.effects.clear();
    told
}

#[test]
fn presence_is_shown_in_header_tree_detail_and_people_pane() {
    for (width, height) in SIZES {
        let mut dashboard = DashboardFixture::live(width, height);
        dashboard.keys("j j j j");
        company(&mut dashboard);
        insta::assert_snapshot!(format!("company_{width}x{height}"), dashboard.screen());
        dashboard.keys("5");
        insta::assert_snapshot!(format!("people_{width}x{height}"), dashboard.screen());
    }
}

#[test]
fn typing_is_shown_until_it_ends_by_itself_and_editing_until_it_is_over() {
    let mut dashboard = DashboardFixture::live(120, 40);
    dashboard.keys("j j j j");
    company(&mut dashboard);
    assert!(dashboard.screen().contains("Mira is typing in level"), "{}", dashboard.screen());
    dashboard.wait(Duration::from_secs(7));
    assert!(dashboard.screen().contains("Mira is editing level"), "{}", dashboard.screen());
    let change = json!({"campaignId": "c", "userId": "u2", "name": "Mira", "status": "online", "resources": []});
    dashboard.ephemeral("presence:change", change);
    assert!(!dashboard.screen().contains("is editing"), "{}", dashboard.screen());
    assert!(!dashboard.screen().contains("presence:"), "it is no event of the campaign: {}", dashboard.screen());
}

#[test]
fn the_others_are_told_where_one_is_at_most_once_a_second() {
    let mut dashboard = DashboardFixture::live(120, 40);
    assert!(matches!(told(&mut dashboard).as_slice(), [ClientRequest::Presence(_)]));
    dashboard.keys("j j j j j");
    assert_eq!(told(&mut dashboard), [], "a walk through the tree is one word, a second later");
    dashboard.wait(Duration::from_secs(2));
    let said = told(&mut dashboard);
    let [ClientRequest::Presence(update)] = said.as_slice() else { panic!("{said:?}") };
    assert_eq!(update.state, Activity::Viewing);
    assert!(update.resource.is_some());
    dashboard.wait(Duration::from_secs(600));
    let said = told(&mut dashboard);
    assert!(matches!(said.as_slice(), [ClientRequest::Presence(update)] if update.state == Activity::Idle), "{said:?}");
}

#[test]
fn editing_and_typing_are_told_and_end() {
    let mut dashboard = DashboardFixture::live(120, 40);
    dashboard.keys("j j j j");
    dashboard.wait(Duration::from_secs(2));
    told(&mut dashboard);
    dashboard.keys("e j enter");
    dashboard.wait(Duration::from_secs(2));
    let said = told(&mut dashboard);
    assert!(
        said.iter().any(|it| matches!(it, ClientRequest::Presence(at) if at.state == Activity::Editing)),
        "{said:?}"
    );
    assert!(said.iter().any(|it| matches!(it, ClientRequest::TypingStart(at) if at.field == "level")), "{said:?}");
    dashboard.wait(Duration::from_secs(10));
    let said = told(&mut dashboard);
    assert!(said.iter().any(|it| matches!(it, ClientRequest::TypingStop(_))), "{said:?}");
    dashboard.write("5");
    dashboard.keys("esc esc esc");
    dashboard.wait(Duration::from_secs(2));
    let said = told(&mut dashboard);
    assert!(matches!(said.last(), Some(ClientRequest::Presence(at)) if at.state == Activity::Viewing), "{said:?}");
}

#[test]
fn a_new_connection_is_told_everything_again() {
    let mut dashboard = DashboardFixture::live(120, 40);
    told(&mut dashboard);
    dashboard.status(status(Phase::Backoff));
    dashboard.keys("j j j j");
    dashboard.wait(Duration::from_secs(5));
    assert_eq!(told(&mut dashboard), []);
    dashboard.status(status(Phase::Live));
    assert!(matches!(told(&mut dashboard).as_slice(), [ClientRequest::Presence(_)]));
}

/// Tells a table what waits for its user.
pub fn inbox(dashboard: &mut DashboardFixture) {
    let notification = |id_text: &str, title: &str, body: &str, level: &str, minute: u32, read: bool| Notification {
        told: NotificationNew {
            id: id(id_text),
            title: title.to_owned(),
            body: body.to_owned(),
            level: level.to_owned(),
            created_at: format!("2026-03-01T18:{minute:02}:00.000Z"),
            kind: None,
            entity_type: None,
            entity_id: None,
        },
        read,
    };
    let notifications = vec![
        notification("n2", "Session moved", "We begin at eight instead of seven.", "warning", 15, false),
        notification("n1", "Welcome", "Ana has added you to Emberfall.", "info", 1, true),
    ];
    let preferences = PushPreferences {
        levels: vec!["info".to_owned(), "warning".to_owned(), "error".to_owned()],
        kinds: vec!["message".to_owned(), "conflict".to_owned()],
    };
    dashboard.send(Msg::Inbox(Ok(NotificationInbox { notifications, preferences: Some(preferences) })));
}

#[test]
fn notifications_are_listed_read_and_chosen() {
    for (width, height) in SIZES {
        let mut dashboard = DashboardFixture::live(width, height);
        inbox(&mut dashboard);
        dashboard.ephemeral(
            "document:conflict",
            json!({"entityType": "settlement", "entityId": "s1", "strategy": "LAST_WRITE_WINS",
                   "conflictedFields": ["level"], "originalValue": {"level": 4}, "incomingValue": {"level": 6},
                   "resolvedValue": {"level": 6}, "by": "u2"}),
        );
        assert!(dashboard.screen().contains("Mira replaced what you wrote in"), "{}", dashboard.screen());
        dashboard.wait(Duration::from_secs(7));
        dashboard.keys("6");
        insta::assert_snapshot!(format!("notifications_{width}x{height}"), dashboard.screen());
        dashboard.keys("enter");
        assert_eq!(dashboard.app.selected().unwrap().name.to_string(), "Harrow's Rest");
        dashboard.keys("6 j m");
        assert!(dashboard.effects.contains(&AppEffect::MarkRead(id("n2"))));
        dashboard.keys("p j space");
        insta::assert_snapshot!(format!("preferences_{width}x{height}"), dashboard.screen());
        dashboard.keys("enter");
        let chosen = dashboard.effects.iter().find_map(|effect| {
            let AppEffect::SetPreferences(chosen) = effect else { return None };
            Some(chosen.levels.clone())
        });
        assert_eq!(chosen.unwrap(), ["info", "warning", "error", "success"]);
    }
}

#[test]
fn a_replaced_value_is_listed_once_rings_and_is_found_again_after_a_restart() {
    let listed = |dashboard: &mut DashboardFixture| {
        let told = NotificationNew {
            id: id("n7"),
            title: "Mira replaced what you wrote in Harrow's Rest".to_owned(),
            body: "level: yours was 4, now it is 6".to_owned(),
            level: "warning".to_owned(),
            created_at: "2026-03-01T18:15:00.000Z".to_owned(),
            kind: Some("conflict".to_owned()),
            entity_type: Some(EntityType::Settlement),
            entity_id: Some(id("s1")),
        };
        let notification = Notification { told, read: false };
        dashboard.send(Msg::Inbox(Ok(NotificationInbox { notifications: vec![notification], preferences: None })));
    };
    let mut dashboard = DashboardFixture::live(120, 40);
    dashboard.ephemeral(
        "document:conflict",
        json!({"entityType": "settlement", "entityId": "s1", "strategy": "LAST_WRITE_WINS",
               "conflictedFields": ["level"], "originalValue": {"level": 4}, "incomingValue": {"level": 6},
               "resolvedValue": {"level": 6}, "by": "u2", "notificationId": "n7"}),
    );
    let rung =
        |effect: &AppEffect| matches!(effect, AppEffect::Alert(said) if said.contains("replaced what you wrote"));
    assert!(dashboard.effects.iter().any(rung), "{:?}", dashboard.effects);
    listed(&mut dashboard);
    assert_eq!(dashboard.app.inbox().notices().len(), 1);
    let mut anew = DashboardFixture::live(120, 40);
    listed(&mut anew);
    anew.keys("6 enter");
    assert_eq!(anew.app.selected().unwrap().name.to_string(), "Harrow's Rest");
    assert!(anew.effects.contains(&AppEffect::MarkRead(id("n7"))));
}

#[test]
fn an_invitation_stands_in_people_and_notifications_and_is_answered_with_a_key() {
    let mut dashboard = DashboardFixture::live(120, 40);
    dashboard.ephemeral(
        "notification:new",
        json!({"id": "n9", "title": "mallory invites you to “Trap”", "body": "You would be a member with the role viewer.",
               "level": "info", "createdAt": "2026-03-01T18:15:00.000Z", "kind": "invitation",
               "entityType": "invitation", "entityId": "i1"}),
    );
    dashboard.wait(Duration::from_secs(7));
    for pane in ["5", "6"] {
        dashboard.keys(pane);
        let screen = dashboard.screen();
        assert!(screen.contains("mallory invites you to “Trap”"), "{screen}");
        assert!(screen.contains("A accepts, R declines"), "{screen}");
    }
    dashboard.keys("R");
    assert!(dashboard.effects.contains(&AppEffect::AnswerInvitation { id: id("i1"), accept: false }));
    dashboard.keys("5 A");
    assert!(dashboard.effects.contains(&AppEffect::AnswerInvitation { id: id("i1"), accept: true }));
    dashboard.send(Msg::InvitationAnswered { id: id("i1"), result: Ok(Some("viewer".to_owned())) });
    assert!(dashboard.screen().contains("you are now a member with the role viewer"), "{}", dashboard.screen());
    dashboard.wait(Duration::from_secs(7));
    assert!(!dashboard.screen().contains("A accepts"), "{}", dashboard.screen());
    dashboard.keys("A");
    assert!(dashboard.screen().contains("you have no open invitation"), "{}", dashboard.screen());
}
