//! The mouse: what is clicked is what is meant, tabs and wrapped rows included.

use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use scry_dashboard::app::{Msg, Pane};
use serde_json::json;

use scry_testkit::dashboard_fixture::{DashboardFixture, settlement_event};

/// Clicks on the first character of a text on the screen.
fn click(dashboard: &mut DashboardFixture, text: &str) {
    let screen = dashboard.screen();
    let found = screen.lines().enumerate().find_map(|(row, line)| Some((row, line.find(text)?, line)));
    let (row, byte, line) = found.unwrap_or_else(|| panic!("{text} is not on the screen:\n{screen}"));
    let column = scry_dashboard::app::measure::width(&line[..byte]);
    let kind = MouseEventKind::Down(MouseButton::Left);
    let (column, row) = (u16::try_from(column).unwrap(), u16::try_from(row).unwrap());
    dashboard.send(Msg::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }));
}

#[test]
fn a_tab_leads_to_its_pane() {
    let mut dashboard = DashboardFixture::live(60, 20);
    for (tab, pane) in [("3 Journal", Pane::Journal), ("2 Detail", Pane::Detail), ("1 World", Pane::World)] {
        click(&mut dashboard, tab);
        assert_eq!(dashboard.app.focus(), pane, "{tab}");
    }
}

#[test]
fn the_clicked_row_of_a_journal_is_selected_wrapped_or_not() {
    for wrap in [false, true] {
        let mut dashboard = DashboardFixture::live(80, 40);
        for seq in 1_201..1_206 {
            let long = format!("row {seq} {}", "and more words ".repeat(9));
            dashboard.event(
                seq,
                settlement_event("s1", json!([{"field": "variables.ruler", "from": long, "to": format!("end {seq}")}])),
            );
        }
        if wrap {
            dashboard.keys("3 w");
        }
        click(&mut dashboard, "row 1203");
        let selected = dashboard.app.journal().selected().and_then(|entry| entry.seq);
        assert_eq!(selected, Some(1_203), "wrapped: {wrap}\n{}", dashboard.screen());
    }
}

#[test]
fn a_field_is_selected_by_a_click() {
    let mut dashboard = DashboardFixture::live(120, 40);
    dashboard.keys("j j j j");
    click(&mut dashboard, "Upkeep");
    dashboard.keys("enter");
    assert!(dashboard.screen().contains("a variable of type number"), "{}", dashboard.screen());
}
