//! Walking Detail: the cursor among the fields, why a value is what it is, and what is done to it there.

use scry_dashboard::app::AppEffect;
use serde_json::json;

use scry_testkit::dashboard_fixture::{DashboardFixture, clock_event, settlement_event};

fn at_harrow(width: u16, height: u16) -> DashboardFixture {
    let mut dashboard = DashboardFixture::live(width, height);
    dashboard.keys("j j j j 2");
    dashboard
}

/// Walks down until the cursor is on the row that begins with a label.
fn go_to(dashboard: &mut DashboardFixture, label: &str) {
    for _ in 0..40 {
        dashboard.keys("y");
        let copied = dashboard
            .effects
            .iter()
            .rev()
            .find_map(|effect| if let AppEffect::Copy { text, .. } = effect { Some(text.clone()) } else { None });
        if copied.as_deref() == Some(label) {
            return;
        }
        dashboard.keys("j");
    }
    panic!("there is no {label}: {}", dashboard.screen());
}

#[test]
fn single_value_is_copied_and_edited_in_place() {
    let mut dashboard = at_harrow(120, 40);
    go_to(&mut dashboard, "18 gp a month");
    dashboard.keys("e");
    let screen = dashboard.screen();
    assert!(screen.contains("0 to 500"), "the editor of this field is open: {screen}");
    dashboard.keys("backspace backspace");
    dashboard.write("25");
    dashboard.keys("enter");
    let edit = dashboard.submitted().pop().unwrap();
    assert!(format!("{:?}", edit.change).contains("upkeep"), "{edit:?}");
}

#[test]
fn a_value_says_where_it_comes_from_and_what_led_to_it() {
    let mut dashboard = at_harrow(120, 40);
    let mut jump = clock_event("1207-09-14T15:20:00.000Z", "1207-09-14T18:20:00.000Z", 10_800);
    jump["metadata"]["eventId"] = json!("jump");
    dashboard.event(1_201, jump);
    let mut effect = settlement_event("s1", json!([{"field": "variables.population", "from": 1_260, "to": 1_284}]));
    effect["metadata"]["causedBy"] = json!("jump");
    dashboard.event(1_202, effect);
    dashboard.keys("g");
    go_to(&mut dashboard, "1 284 people");
    dashboard.keys("enter");
    let screen = dashboard.screen();
    assert!(screen.contains("changed from 1 260 by Mira at 2026-03-01 18:20:00"), "{screen}");
    assert!(screen.contains("because of #1201 world time"), "{screen}");
    dashboard.keys("enter");
    assert!(!dashboard.screen().contains("because of #1201"), "{}", dashboard.screen());
    dashboard.keys("G enter");
    let screen = dashboard.screen();
    assert!(
        screen.contains("holds if foodDays < 7, with foodDays 61.5") || screen.contains("no change of it"),
        "{screen}"
    );
}

#[test]
fn every_field_comes_into_view_at_every_size() {
    for (width, height) in [(60, 20), (80, 24), (120, 40), (200, 60)] {
        let mut dashboard = at_harrow(width, height);
        dashboard.keys("g");
        for _ in 0..40 {
            dashboard.keys("j");
            let cursor = dashboard.app.detail_place();
            let seen = cursor.row().checked_sub(cursor.offset()).is_some_and(|row| row < dashboard.app.detail_room());
            assert!(seen, "{width}x{height}: {cursor:?}\n{}", dashboard.screen());
        }
        assert!(dashboard.screen().contains("Starving"), "{width}x{height}: the last ones too\n{}", dashboard.screen());
        dashboard.keys("g");
        assert!(dashboard.screen().contains("Level"), "{width}x{height}: and the first again\n{}", dashboard.screen());
    }
}

#[test]
fn the_cursor_stays_on_its_field_when_rows_come_above() {
    let mut dashboard = at_harrow(120, 40);
    go_to(&mut dashboard, "18 gp a month");
    dashboard.edit("s1", |node| {
        node["variables"] = json!({"alms": 3, "population": 1284, "upkeep": 18});
        node["variableSchemas"] = json!({"alms": {"type": "number"}, "population": {"type": "number"}, "upkeep": {"type": "number", "unit": "gp a month"}});
    });
    let nodes = dashboard.server.clone().unwrap();
    dashboard.snapshot(nodes);
    dashboard.keys("y");
    let last = dashboard
        .effects
        .iter()
        .rev()
        .find_map(|effect| if let AppEffect::Copy { text, .. } = effect { Some(text.as_str()) } else { None });
    assert_eq!(last, Some("18 gp a month"));
}

#[test]
fn a_condition_that_turned_is_marked_with_when() {
    let mut dashboard = at_harrow(120, 40);
    dashboard.edit("s1", |node| {
        node["conditions"][0]["holds"] = json!(false);
        node["conditions"][0]["because"] = json!("defence is 9, needs 10");
    });
    let told = json!({"type": "state_invalidated", "metadata": {"source": "rules-engine"},
        "payload": {"scope": "entity", "campaignId": "c", "entityType": "settlement", "entityId": "s1",
                    "affectedFields": ["wellDefended"]}});
    dashboard.event(1_201, told);
    dashboard.wait(std::time::Duration::from_secs(2));
    let screen = dashboard.screen();
    let row = screen.lines().find(|line| line.contains("Well defended")).unwrap();
    assert!(row.contains("✕ does not hold   ●   defence is 9, needs 10") && row.ends_with(" s ago"), "{screen}");
    let other = screen.lines().find(|line| line.contains("Starving")).unwrap();
    assert!(!other.contains("ago"), "{screen}");
}

#[test]
fn narrow_detail_keeps_the_author_of_a_change() {
    let mut dashboard = at_harrow(60, 20);
    for (seq, from, to) in [(1_201, 1_260, 1_270), (1_202, 1_270, 1_279), (1_203, 1_279, 1_284)] {
        dashboard
            .event(seq, settlement_event("s1", json!([{"field": "variables.population", "from": from, "to": to}])));
        dashboard.edit("s1", |node| node["variables"]["population"] = json!(to));
        dashboard.wait(std::time::Duration::from_millis(100));
    }
    let row = |dashboard: &DashboardFixture| {
        dashboard.screen().lines().find(|line| line.contains("Population")).unwrap().to_owned()
    };
    assert!(row(&dashboard).contains("▲ from 1 279") && row(&dashboard).contains("Mira, "), "{}", dashboard.screen());
    dashboard.wait(std::time::Duration::from_secs(300));
    assert!(
        row(&dashboard).contains("was 1 279") && row(&dashboard).ends_with("Mira, at 18:20:00"),
        "{}",
        dashboard.screen()
    );
}
