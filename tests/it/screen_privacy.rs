//! The players' view: a secret, and what follows from it, is nowhere.

use scry_dashboard::app::AppEffect;
use scry_model::outbox::{EditOutcome, EditRefusal};
use scry_protocol::ErrorCode;
use serde_json::json;

use scry_testkit::dashboard_fixture::{DashboardFixture, settlement_event};

/// Sits down at a town with a secret and a value that gives it away.
fn dashboard(width: u16, height: u16) -> DashboardFixture {
    let mut dashboard = DashboardFixture::live(width, height);
    dashboard.edit("s1", |node| {
        node["variables"]["unrest"] = json!(777);
        node["variableSchemas"]["unrest"] = json!({"type": "number", "label": "Unrest", "secret": true});
        node["computed"]["calm"] = json!({"value": 7770, "formula": "unrest * 10"});
        node["conditions"]
            .as_array_mut()
            .unwrap()
            .push(json!({"name": "riot", "holds": true, "expression": "calm > 7000", "because": "calm is 7770"}));
    });
    let nodes = dashboard.server.clone().unwrap();
    dashboard.snapshot(nodes);
    dashboard.keys("j j j j");
    let changes =
        json!([{"field": "variables.unrest", "from": 776, "to": 777}, {"field": "level", "from": 3, "to": 4}]);
    dashboard.event(1_201, settlement_event("s1", changes));
    dashboard
}

fn assert_hidden(dashboard: &DashboardFixture, place: &str) {
    let screen = dashboard.screen();
    assert!(!screen.contains("777") && !screen.contains("776") && !screen.contains("7 770"), "{place}: {screen}");
    for effect in &dashboard.effects {
        let copied = if let AppEffect::Copy { text, .. } = effect { Some(text.as_str()) } else { None };
        let written = if let AppEffect::Export { content, .. } = effect { content.as_deref() } else { None };
        let Some(text) = copied.or(written) else { continue };
        assert!(!text.contains("777") && !text.contains("776"), "{place} hands out: {text}");
    }
}

#[test]
fn secrets_are_shown_without_private_mode() {
    let mut dashboard = dashboard(120, 40);
    assert!(dashboard.screen().contains("777") && dashboard.screen().contains("7 770"), "{}", dashboard.screen());
    dashboard.keys("e");
    assert!(dashboard.screen().contains("Unrest"));
}

#[test]
fn no_pane_copy_export_or_sheet_shows_a_secret() {
    for (width, height) in [(60, 20), (120, 40), (200, 60)] {
        let mut dashboard = dashboard(width, height);
        dashboard.keys("P");
        dashboard.effects.clear();
        for place in [
            "1", "2", "2 G", "2 y", "2 Y", "3", "3 k y", "3 Y", "3 enter", "8 y", "8 Y", "4", "6", "1 Y", "ctrl-s",
            "1 e", "esc :",
        ] {
            dashboard.keys(place);
            assert_hidden(&dashboard, place);
        }
        dashboard.write("unrest");
        assert_hidden(&dashboard, "the palette");
        dashboard.keys("esc :");
        dashboard.write("export-journal");
        dashboard.keys("enter");
        assert_hidden(&dashboard, "the journal's rows");
        assert!(
            dashboard.effects.iter().any(|effect| matches!(effect, AppEffect::Export { .. })),
            "something was written"
        );
    }
}

#[test]
fn an_edit_of_a_secret_is_not_named_in_the_list_or_when_it_is_refused() {
    let mut dashboard = dashboard(120, 40);
    dashboard.keys("2");
    for _ in 0..30 {
        dashboard.keys("j");
    }
    dashboard.keys("1 e");
    for _ in 0..30 {
        dashboard.keys("j");
    }
    dashboard.keys("k enter backspace backspace backspace");
    dashboard.write("779");
    dashboard.keys("enter esc");
    let edit = dashboard.submitted().pop().expect("the secret was changed");
    assert!(format!("{:?}", edit.change).contains("unrest"), "{edit:?}");
    dashboard.keys("P");
    let refusal = EditRefusal { code: ErrorCode::InvalidPayload, message: "no".to_owned(), conflict: None };
    dashboard.outcome(EditOutcome::Refused { key: edit.key, refusal });
    assert_hidden(&dashboard, "the toast");
    dashboard.keys("E");
    let screen = dashboard.screen();
    assert!(screen.contains("hidden from players") && !screen.contains("779"), "{screen}");
}
