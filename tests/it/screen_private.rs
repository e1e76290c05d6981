//! The players' view: a secret, and what follows from it, is nowhere.

use scry_dashboard::app::AppEffect;
use scry_model::outbox::{EditOutcome, EditRefusal};
use scry_protocol::ErrorCode;
use serde_json::json;

use crate::support::table::{Table, settlement_event};

/// Sits down at a town with a secret and a value that gives it away.
fn table(width: u16, height: u16) -> Table {
    let mut table = Table::live(width, height);
    table.edit("s1", |node| {
        node["variables"]["unrest"] = json!(777);
        node["variableSchemas"]["unrest"] = json!({"type": "number", "label": "Unrest", "secret": true});
        node["computed"]["calm"] = json!({"value": 7770, "formula": "unrest * 10"});
        node["conditions"]
            .as_array_mut()
            .unwrap()
            .push(json!({"name": "riot", "holds": true, "expression": "calm > 7000", "because": "calm is 7770"}));
    });
    let nodes = table.server.clone().unwrap();
    table.snapshot(nodes);
    table.keys("j j j j");
    let changes =
        json!([{"field": "variables.unrest", "from": 776, "to": 777}, {"field": "level", "from": 3, "to": 4}]);
    table.event(1_201, settlement_event("s1", changes));
    table
}

fn assert_hidden(table: &Table, place: &str) {
    let screen = table.screen();
    assert!(!screen.contains("777") && !screen.contains("776") && !screen.contains("7 770"), "{place}: {screen}");
    for effect in &table.effects {
        let copied = if let AppEffect::Copy { text, .. } = effect { Some(text.as_str()) } else { None };
        let written = if let AppEffect::Export { content, .. } = effect { content.as_deref() } else { None };
        let Some(text) = copied.or(written) else { continue };
        assert!(!text.contains("777") && !text.contains("776"), "{place} hands out: {text}");
    }
}

#[test]
fn without_it_everything_is_there() {
    let mut table = table(120, 40);
    assert!(table.screen().contains("777") && table.screen().contains("7 770"), "{}", table.screen());
    table.keys("e");
    assert!(table.screen().contains("Unrest"));
}

#[test]
fn no_pane_copy_export_or_sheet_shows_a_secret() {
    for (width, height) in [(60, 20), (120, 40), (200, 60)] {
        let mut table = table(width, height);
        table.keys("P");
        table.effects.clear();
        for place in [
            "1", "2", "2 G", "2 y", "2 Y", "3", "3 k y", "3 Y", "3 enter", "8 y", "8 Y", "4", "6", "1 Y", "ctrl-s",
            "1 e", "esc :",
        ] {
            table.keys(place);
            assert_hidden(&table, place);
        }
        table.write("unrest");
        assert_hidden(&table, "the palette");
        table.keys("esc :");
        table.write("export-journal");
        table.keys("enter");
        assert_hidden(&table, "the journal's rows");
        assert!(table.effects.iter().any(|effect| matches!(effect, AppEffect::Export { .. })), "something was written");
    }
}

#[test]
fn an_edit_of_a_secret_is_not_named_in_the_list_or_when_it_is_refused() {
    let mut table = table(120, 40);
    table.keys("2");
    for _ in 0..30 {
        table.keys("j");
    }
    table.keys("1 e");
    for _ in 0..30 {
        table.keys("j");
    }
    table.keys("k enter backspace backspace backspace");
    table.write("779");
    table.keys("enter esc");
    let edit = table.submitted().pop().expect("the secret was changed");
    assert!(format!("{:?}", edit.change).contains("unrest"), "{edit:?}");
    table.keys("P");
    let refusal = EditRefusal { code: ErrorCode::InvalidPayload, message: "no".to_owned(), conflict: None };
    table.outcome(EditOutcome::Refused { key: edit.key, refusal });
    assert_hidden(&table, "the toast");
    table.keys("E");
    let screen = table.screen();
    assert!(screen.contains("hidden from players") && !screen.contains("779"), "{screen}");
}
