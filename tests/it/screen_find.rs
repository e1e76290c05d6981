//! Finding things: filters over the World and the Journal, the palette, the way back.

use scry_dashboard::app::{AppEffect, CampaignChoice, Msg};
use serde_json::json;

use crate::support::table::{Table, id, settlement_event};

#[test]
fn the_world_is_filtered_while_typing_and_left_as_it_was_on_cancel() {
    let mut table = Table::live(120, 40);
    table.keys("/");
    table.write("grana");
    let screen = table.screen();
    assert!(screen.contains("Granary") && screen.contains("Harrow's Rest"), "what it stands under stays: {screen}");
    assert!(!screen.contains("Saltwick") && screen.contains("/grana (1)"), "{screen}");
    table.keys("esc");
    assert!(table.screen().contains("Saltwick"), "{}", table.screen());
    table.keys("/");
    table.write("!a");
    table.keys("enter");
    assert!(!table.screen().contains("Granary"), "{}", table.screen());
    table.keys("esc");
    assert!(table.screen().contains("Granary") && !table.screen().contains("/!a"), "{}", table.screen());
}

#[test]
fn an_expression_is_checked_as_it_is_typed() {
    let mut table = Table::live(120, 40);
    table.keys("/");
    table.write("=entity.level >= 3 && entity.entityType == 'settlement'");
    let screen = table.screen();
    assert!(screen.contains("Harrow's Rest") && screen.contains("(2)") && !screen.contains("Saltwick"), "{screen}");
    table.keys("ctrl-u");
    table.write("=entity.levle =");
    insta::assert_snapshot!("filter_fault_120x40", table.screen());
    table.keys("enter");
    assert!(table.app.typing().is_some(), "a faulty line is not accepted");
}

#[test]
fn the_journal_is_filtered_by_word_user_and_expression() {
    let mut table = Table::live(120, 40);
    table.event(1_201, settlement_event("s1", json!([{"field": "level", "from": 3, "to": 4}])));
    table.event(1_202, settlement_event("s2", json!([{"field": "variables.morale", "from": "low", "to": "high"}])));
    let rows = |table: &Table| table.app.journal().passing().map(|entry| entry.what.to_string()).collect::<Vec<_>>();
    table.keys("3");
    for (filter, expected) in [
        ("saltwick", vec!["morale low → high"]),
        ("mira", vec!["level 3 → 4", "morale low → high"]),
        ("!mira", vec![]),
        ("=payload.settlementId == 's1'", vec!["level 3 → 4"]),
        ("=metadata.changes.exists(c, c.to == 'high')", vec!["morale low → high"]),
    ] {
        table.keys("/ ctrl-u");
        table.write(filter);
        table.keys("enter");
        assert_eq!(rows(&table), expected, "{filter}");
    }
    table.event(1_203, settlement_event("s2", json!([{"field": "level", "from": 2, "to": 3}])));
    table.event(1_204, settlement_event("s2", json!([{"field": "variables.morale", "from": "low", "to": "high"}])));
    assert_eq!(rows(&table).len(), 2, "what arrives is judged too");
    table.keys("esc");
    assert_eq!(rows(&table).len(), 4);
}

#[test]
fn the_palette_finds_commands_and_entities_by_a_few_letters() {
    let mut table = Table::live(80, 24);
    table.keys(":");
    table.write("tori");
    table.keys("enter");
    assert_eq!(table.app.selected().map(|entity| entity.name.to_string()).as_deref(), Some("砦の町 Toride"));
    table.keys(":");
    table.write("whole screen");
    insta::assert_snapshot!("palette_80x24", table.screen());
    table.keys("enter");
    assert!(table.screen().contains("[2 Detail]"), "{}", table.screen());
}

#[test]
fn another_campaign_is_switched_to_and_nothing_of_the_old_one_stays() {
    let mut table = Table::live(80, 24);
    table.keys(":");
    assert_eq!(table.effects.last(), Some(&AppEffect::LoadCampaigns));
    let choice = |name: &str| CampaignChoice {
        id: id(&name.to_lowercase()),
        name: name.to_owned(),
        description: String::new(),
        role: "OWNER".to_owned(),
    };
    table.send(Msg::Campaigns(Ok(vec![choice("Emberfall"), choice("Saltmarch")])));
    table.write("saltmarch");
    table.keys("enter");
    assert_eq!(table.effects.last(), Some(&AppEffect::Watch(id("saltmarch"))));
    assert!(table.effects.iter().any(|effect| matches!(effect, AppEffect::SaveState(_))));
    let screen = table.screen();
    assert!(!screen.contains("Harrow") && !screen.contains("Emberfall"), "{screen}");
}

#[test]
fn one_goes_back_to_where_one_was_and_forward_again() {
    let mut table = Table::live(80, 24);
    let selected = |table: &Table| table.app.selected().map(|entity| entity.name.to_string());
    table.keys("j j j");
    let before = selected(&table);
    table.keys(":");
    table.write("watchtower");
    table.keys("enter [");
    assert_eq!(selected(&table), before);
    table.keys("]");
    assert_eq!(selected(&table).as_deref(), Some("Watchtower"));
    table.keys("b g '");
    assert_eq!(selected(&table).as_deref(), Some("Watchtower"), "the bookmark is found again");
}

#[test]
fn what_is_pasted_is_typed_and_never_a_command() {
    let mut table = Table::live(80, 24);
    table.send(Msg::Paste("q".to_owned()));
    assert!(table.effects.iter().all(|effect| *effect != AppEffect::Quit));
    table.keys("/");
    table.send(Msg::Paste("salt\n\u{1b}[2J".to_owned()));
    assert!(table.screen().contains("World /salt �[2J"), "{}", table.screen());
}
