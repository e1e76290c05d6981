//! Finding things: filters over the World and the Journal, the palette, the way back.

use scry_dashboard::app::{AppEffect, CampaignChoice, Msg};
use serde_json::json;

use scry_testkit::dashboard_fixture::{DashboardFixture, id, settlement_event};

#[test]
fn the_world_is_filtered_while_typing_and_left_as_it_was_on_cancel() {
    let mut dashboard = DashboardFixture::live(120, 40);
    dashboard.keys("/");
    dashboard.write("grana");
    let screen = dashboard.screen();
    assert!(screen.contains("Granary") && screen.contains("Harrow's Rest"), "what it stands under stays: {screen}");
    assert!(!screen.contains("Saltwick") && screen.contains("/grana (1)"), "{screen}");
    dashboard.keys("esc");
    assert!(dashboard.screen().contains("Saltwick"), "{}", dashboard.screen());
    dashboard.keys("/");
    dashboard.write("!a");
    dashboard.keys("enter");
    assert!(!dashboard.screen().contains("Granary"), "{}", dashboard.screen());
    dashboard.keys("esc");
    assert!(dashboard.screen().contains("Granary") && !dashboard.screen().contains("/!a"), "{}", dashboard.screen());
}

#[test]
fn an_expression_is_checked_as_it_is_typed() {
    let mut dashboard = DashboardFixture::live(120, 40);
    dashboard.keys("/");
    dashboard.write("=entity.level >= 3 && entity.entityType == 'settlement'");
    let screen = dashboard.screen();
    assert!(screen.contains("Harrow's Rest") && screen.contains("(2)") && !screen.contains("Saltwick"), "{screen}");
    dashboard.keys("ctrl-u");
    dashboard.write("=entity.levle =");
    insta::assert_snapshot!("filter_fault_120x40", dashboard.screen());
    dashboard.keys("enter");
    assert!(dashboard.app.typing().is_some(), "a faulty line is not accepted");
}

#[test]
fn the_journal_is_filtered_by_word_user_and_expression() {
    let mut dashboard = DashboardFixture::live(120, 40);
    dashboard.event(1_201, settlement_event("s1", json!([{"field": "level", "from": 3, "to": 4}])));
    dashboard.event(1_202, settlement_event("s2", json!([{"field": "variables.morale", "from": "low", "to": "high"}])));
    let rows = |dashboard: &DashboardFixture| {
        dashboard.app.journal().passing().map(|entry| entry.what.to_string()).collect::<Vec<_>>()
    };
    dashboard.keys("3");
    for (filter, expected) in [
        ("saltwick", vec!["morale low → high"]),
        ("mira", vec!["level 3 → 4", "morale low → high"]),
        ("!mira", vec![]),
        ("=payload.settlementId == 's1'", vec!["level 3 → 4"]),
        ("=metadata.changes.exists(c, c.to == 'high')", vec!["morale low → high"]),
    ] {
        dashboard.keys("/ ctrl-u");
        dashboard.write(filter);
        dashboard.keys("enter");
        assert_eq!(rows(&dashboard), expected, "{filter}");
    }
    dashboard.event(1_203, settlement_event("s2", json!([{"field": "level", "from": 2, "to": 3}])));
    dashboard.event(1_204, settlement_event("s2", json!([{"field": "variables.morale", "from": "low", "to": "high"}])));
    assert_eq!(rows(&dashboard).len(), 2, "what arrives is judged too");
    dashboard.keys("esc");
    assert_eq!(rows(&dashboard).len(), 4);
}

#[test]
fn the_palette_finds_commands_and_entities_by_a_few_letters() {
    let mut dashboard = DashboardFixture::live(80, 24);
    dashboard.keys(":");
    dashboard.write("tori");
    dashboard.keys("enter");
    assert_eq!(dashboard.app.selected().map(|entity| entity.name.to_string()).as_deref(), Some("砦の町 Toride"));
    dashboard.keys(":");
    dashboard.write("zoom this pane");
    insta::assert_snapshot!("palette_80x24", dashboard.screen());
    dashboard.keys("enter");
    assert!(dashboard.screen().contains("[2 Detail]"), "{}", dashboard.screen());
}

#[test]
fn another_campaign_is_switched_to_and_nothing_of_the_old_one_stays() {
    let mut dashboard = DashboardFixture::live(80, 24);
    dashboard.keys(":");
    assert_eq!(dashboard.effects.last(), Some(&AppEffect::LoadCampaigns));
    let choice = |name: &str| CampaignChoice {
        id: id(&name.to_lowercase()),
        name: name.to_owned(),
        description: String::new(),
        role: "OWNER".to_owned(),
    };
    dashboard.send(Msg::Campaigns(Ok(vec![choice("Emberfall"), choice("Saltmarch")])));
    dashboard.write("saltmarch");
    dashboard.keys("enter");
    assert_eq!(dashboard.effects.last(), Some(&AppEffect::Watch(id("saltmarch"))));
    assert!(dashboard.effects.iter().any(|effect| matches!(effect, AppEffect::SaveState(_))));
    let screen = dashboard.screen();
    assert!(!screen.contains("Harrow") && !screen.contains("Emberfall"), "{screen}");
}

#[test]
fn navigation_goes_back_and_forward() {
    let mut dashboard = DashboardFixture::live(80, 24);
    let selected = |dashboard: &DashboardFixture| dashboard.app.selected().map(|entity| entity.name.to_string());
    dashboard.keys("j j j");
    let before = selected(&dashboard);
    dashboard.keys(":");
    dashboard.write("watchtower");
    dashboard.keys("enter [");
    assert_eq!(selected(&dashboard), before);
    dashboard.keys("]");
    assert_eq!(selected(&dashboard).as_deref(), Some("Watchtower"));
    dashboard.keys("b g '");
    assert_eq!(selected(&dashboard).as_deref(), Some("Watchtower"), "the bookmark is found again");
}

#[test]
fn pasted_text_is_typed_and_never_a_command() {
    let mut dashboard = DashboardFixture::live(80, 24);
    dashboard.send(Msg::Paste("q".to_owned()));
    assert!(dashboard.effects.iter().all(|effect| *effect != AppEffect::Quit));
    dashboard.keys("/");
    dashboard.send(Msg::Paste("salt\n\u{1b}[2J".to_owned()));
    assert!(dashboard.screen().contains("World /salt �[2J"), "{}", dashboard.screen());
}
