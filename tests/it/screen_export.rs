//! What leaves the dashboard and what stays: copies, exports, secrets, alerts, the sitting.

use clap::Parser;
use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use scry::cli::args::Cli;
use scry_config::alerts::{AlertConfig, AlertLevel};
use scry_dashboard::app::{App, AppEffect, AppOptions, Msg};
use scry_model::event::{Phase, Status};
use serde_json::json;

use scry_testkit::dashboard_fixture::{DashboardFixture, clock_event, settlement_event, status};

fn copied(dashboard: &DashboardFixture) -> String {
    match dashboard.effects.last() {
        Some(AppEffect::Copy { text, .. }) => text.clone(),
        other => panic!("nothing was copied: {other:?}"),
    }
}

#[test]
fn rows_json_and_commands_are_copied() {
    let mut dashboard = DashboardFixture::live(120, 40);
    dashboard.event(1_201, settlement_event("s1", json!([{"field": "level", "from": 3, "to": 4}])));
    dashboard.keys("j j j j y");
    assert_eq!(copied(&dashboard), "Harrow's Rest");
    dashboard.keys("Y");
    assert_eq!(serde_json::from_str::<serde_json::Value>(&copied(&dashboard)).unwrap()["id"], "s1");
    dashboard.keys("ctrl-y");
    assert_eq!(copied(&dashboard), "scry get settlement s1");
    dashboard.keys("3 y");
    assert!(copied(&dashboard).ends_with("settlement  Harrow's Rest  level 3 → 4  Mira"), "{}", copied(&dashboard));
    dashboard.keys("ctrl-y");
    let command = copied(&dashboard);
    assert!(command.starts_with("scry watch --campaign c --filter '"), "{command}");
    let quoted = command.split_once("--filter '").unwrap().1.strip_suffix('\'').unwrap();
    let filter = quoted.replace("'\\''", "'");
    assert!(scry_query::expr::Expr::parse(&filter).is_ok(), "{filter}");
}

/// Splits a command line as a shell does where nothing but single quotes is special.
fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut is_quoted = false;
    for c in command.chars() {
        match c {
            '\'' => is_quoted = !is_quoted,
            ' ' if !is_quoted => words.push(String::new()),
            _ => words.last_mut().unwrap().push(c),
        }
    }
    words
}

#[test]
fn each_pane_has_a_command_line_that_scry_understands() {
    let mut dashboard = DashboardFixture::live(120, 40);
    let jump = clock_event("1207-09-14T15:20:00.000Z", "1207-09-14T18:20:00.000Z", 10_800);
    dashboard.event(1_201, jump);
    dashboard.event(1_202, settlement_event("s1", json!([{"field": "level", "from": 3, "to": 4}])));
    for (keys, expected) in [
        ("1", "scry get campaign c"),
        ("2", "scry get campaign c"),
        ("3 k", "scry watch --campaign c --filter 'type == \"world_time_changed\"'"),
        ("3 G", "scry watch --campaign c --filter 'type == \"settlement_updated\" && payload.settlementId == \"s1\"'"),
        ("enter", "scry get event --campaign c --since 1201 --limit 1"),
        ("4", "scry get campaign c"),
        ("5", "scry get member --campaign c"),
        ("6", "scry get notification"),
        ("7", "scry doctor --campaign c"),
    ] {
        dashboard.keys(keys);
        dashboard.keys("ctrl-y");
        let command = copied(&dashboard);
        assert_eq!(command, expected, "{keys}");
        Cli::try_parse_from(words(&command)).unwrap_or_else(|error| panic!("{command}: {error}"));
    }
}

#[test]
fn a_command_line_leads_to_the_server_that_is_looked_at() {
    let sit = |profile: &str, address: Option<&str>| {
        let mut dashboard = DashboardFixture::live(80, 24);
        let options = AppOptions {
            profile: profile.to_owned(),
            profiles: vec!["local".to_owned()],
            address: address.map(ToOwned::to_owned),
            ..AppOptions::default()
        };
        dashboard.app.apply_settings(options, scry_dashboard::app::Keymap::default());
        dashboard.keys("6 ctrl-y");
        copied(&dashboard)
    };
    assert_eq!(sit("local", None), "scry get notification --profile local");
    assert_eq!(sit("local", Some("http://h:1")), "scry get notification --profile local --url http://h:1");
    assert_eq!(sit("demo", Some("http://127.0.0.1:4711")), "scry get notification --url http://127.0.0.1:4711");
}

#[test]
fn a_secret_is_nowhere_on_the_players_screen_nor_in_what_is_taken_from_it() {
    let mut dashboard = DashboardFixture::live(120, 40);
    dashboard.edit("s1", |node| {
        node["variables"]["traitor"] = json!("Reeve Osric");
        node["variableSchemas"]["traitor"] = json!({"type": "text", "secret": true});
    });
    let told = json!([{"field": "variables.traitor", "from": "Maud the Miller", "to": "Reeve Osric"}]);
    dashboard.event(1_201, settlement_event("s1", told));
    dashboard.wait(std::time::Duration::from_millis(100));
    dashboard.keys("j j j j");
    assert!(dashboard.screen().contains("Reeve Osric"), "{}", dashboard.screen());
    dashboard.keys("P");
    for keys in ["1", "2", "3", "4", "7", "3 enter"] {
        dashboard.keys(keys);
        let screen = dashboard.screen();
        assert!(!screen.contains("Osric") && !screen.contains("Maud"), "{keys}: {screen}");
        assert!(screen.contains("players' view"), "{screen}");
        dashboard.keys("y Y");
    }
    dashboard.keys("1 Y");
    let taken: Vec<_> = dashboard.effects.iter().filter(|effect| matches!(effect, AppEffect::Copy { .. })).collect();
    assert!(!format!("{taken:?}").contains("Osric"), "{taken:?}");
    dashboard.keys("P 2");
    assert!(dashboard.screen().contains("Reeve Osric"));
}

#[test]
fn the_next_start_begins_where_the_last_one_ended() {
    let mut dashboard = DashboardFixture::live(120, 40);
    dashboard.keys("j j j j b 4 /");
    dashboard.write("a");
    dashboard.keys("enter 7");
    let sitting = dashboard.app.ui_state();
    let kept = serde_json::to_string(&sitting).unwrap();

    let mut next = DashboardFixture::new(120, 40);
    next.app.resume(serde_json::from_str(&kept).unwrap());
    next.status(status(Phase::Live));
    next.snapshot(scry_testkit::dashboard_fixture::nodes());
    assert_eq!(next.app.ui_state(), sitting);
    assert!(next.screen().contains("━ Health") && next.screen().contains("/a ("), "{}", next.screen());
}

#[test]
fn the_mouse_selects_and_scrolls() {
    let mut dashboard = DashboardFixture::live(120, 40);
    let event = |kind, column, row| Msg::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE });
    dashboard.send(event(MouseEventKind::Down(MouseButton::Left), 10, 6));
    assert_eq!(dashboard.app.selected().map(|entity| entity.name.to_string()).as_deref(), Some("Harrow's Rest"));
    dashboard.send(event(MouseEventKind::ScrollDown, 10, 6));
    assert_eq!(dashboard.app.selected().map(|entity| entity.name.to_string()).as_deref(), Some("Watchtower"));
    dashboard.keys("ctrl-o");
    assert_eq!(dashboard.effects.last(), Some(&AppEffect::Mouse(true)));
    dashboard.keys("v");
    assert_eq!(
        dashboard.effects.last(),
        Some(&AppEffect::Mouse(false)),
        "a bare view leaves the mouse to the terminal"
    );
    assert!(!dashboard.screen().contains("help"), "{}", dashboard.screen());
}

#[test]
fn unfocused_terminal_gets_alerts_of_the_configured_level() {
    let alerts = |dashboard: &DashboardFixture| {
        dashboard.effects.iter().filter(|effect| matches!(effect, AppEffect::Alert(_))).count()
    };
    let sit = |level: AlertLevel, quiet: &str| {
        let mut config: AlertConfig = toml::from_str(&format!("quiet = [{quiet}]")).unwrap();
        config.level = level;
        let mut dashboard = DashboardFixture::new(80, 24);
        dashboard.app = App::new(AppOptions { alerts: config, ..AppOptions::default() }, (80, 24), dashboard.now);
        let _ = dashboard.app.start(Some("c".parse().unwrap()));
        dashboard.status(status(Phase::Live));
        dashboard.snapshot(scry_testkit::dashboard_fixture::nodes());
        dashboard.send(Msg::Attention(false));
        dashboard
    };
    let change = || settlement_event("s1", json!([{"field": "level", "from": 3, "to": 4}]));
    for (level, expected) in
        [(AlertLevel::Off, 0), (AlertLevel::Trouble, 2), (AlertLevel::Bookmarks, 2), (AlertLevel::All, 3)]
    {
        let mut dashboard = sit(level, "");
        dashboard.event(1_201, change());
        dashboard.status(Status { attempt: 1, ..status(Phase::Backoff) });
        dashboard.status(status(Phase::Live));
        assert_eq!(alerts(&dashboard), expected, "{level:?}");
    }
    let mut dashboard = sit(AlertLevel::Bookmarks, "");
    dashboard.keys("j j j j b");
    dashboard.event(1_201, change());
    assert_eq!(alerts(&dashboard), 1, "a bookmarked thing has changed");
    dashboard.send(Msg::Attention(true));
    dashboard.event(1_202, change());
    assert_eq!(alerts(&dashboard), 1, "whoever is looking needs no bell");
    let mut dashboard = sit(AlertLevel::All, "\"18:00-19:00\"");
    dashboard.event(1_201, change());
    assert_eq!(alerts(&dashboard), 0, "it is 18:20, the time to be quiet");
}

#[test]
fn a_burst_of_changes_calls_once_and_then_says_how_many_there_were() {
    let mut dashboard = DashboardFixture::live(80, 24);
    let alerts = AlertConfig { level: AlertLevel::All, ..AlertConfig::default() };
    dashboard
        .app
        .apply_settings(AppOptions { alerts, ..AppOptions::default() }, scry_dashboard::app::Keymap::default());
    dashboard.send(Msg::Attention(false));
    for seq in 1_201..1_231 {
        dashboard.event(seq, settlement_event("s1", json!([{"field": "level", "from": 3, "to": 4}])));
    }
    dashboard.wait(std::time::Duration::from_secs(3));
    let calls = |dashboard: &DashboardFixture| -> Vec<String> {
        let call = |effect: &AppEffect| if let AppEffect::Alert(said) = effect { Some(said.clone()) } else { None };
        dashboard.effects.iter().filter_map(call).collect()
    };
    assert_eq!(calls(&dashboard), ["Harrow's Rest has changed", "Harrow's Rest has changed, and 28 more changes"]);
    for seq in 1_231..1_234 {
        dashboard.event(seq, settlement_event("s1", json!([{"field": "level", "from": 3, "to": 4}])));
    }
    dashboard.send(Msg::Attention(true));
    dashboard.wait(std::time::Duration::from_secs(10));
    assert_eq!(calls(&dashboard).len(), 2, "whoever has come to see needs no more calls");
}

#[test]
fn unfocused_terminal_schedules_no_ticks() {
    let mut dashboard = DashboardFixture::live(120, 40);
    dashboard.raise_settlement(1_201);
    dashboard.keys("j j j j");
    dashboard.send(Msg::Attention(false));
    dashboard.wait(std::time::Duration::from_secs(5));
    assert_eq!(dashboard.wait(std::time::Duration::from_secs(30)), 0);
    dashboard.send(Msg::Attention(true));
    assert!(dashboard.app.take_redraw() && dashboard.screen().contains("Mira, 35 s ago"), "{}", dashboard.screen());
}

#[test]
fn the_journal_is_written_as_it_is_filtered() {
    let mut dashboard = DashboardFixture::live(120, 40);
    dashboard.event(1_201, settlement_event("s1", json!([{"field": "level", "from": 3, "to": 4}])));
    dashboard.event(1_202, settlement_event("s2", json!([{"field": "level", "from": 2, "to": 3}])));
    dashboard.keys("3 /");
    dashboard.write("saltwick");
    dashboard.keys("enter :");
    dashboard.write("export-journal");
    dashboard.keys("enter");
    let Some(AppEffect::Export { content: Some(lines), .. }) = dashboard.effects.last() else {
        panic!("nothing exported")
    };
    let events: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["payload"]["settlementId"], "s2");
}
