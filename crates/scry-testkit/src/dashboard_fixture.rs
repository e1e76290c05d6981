//! A dashboard in front of a small campaign, driven like the real one: by messages alone.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::{SignedDuration, Timestamp};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use scry_dashboard::app::{App, AppEffect, AppOptions, Keymap, Msg, Now};
use scry_dashboard::ui::{self, Appearance};
use scry_model::event::{ClientEvent, Delivery, LoadedState, Phase, SavedState, Snapshot, Status};
use scry_model::outbox::{Edit, EditOutcome};
use scry_protocol::{Event, Id, Position, Room};
use scry_text::json::{self, Json};
use serde_json::{Value, json};

/// A dashboard, its clock and its screen.
pub struct DashboardFixture {
    /// The dashboard's state.
    pub app: App,
    /// Its clock.
    pub now: Now,
    /// Its looks.
    pub appearance: Appearance,
    /// What it has asked for and nobody has taken yet.
    pub effects: Vec<AppEffect>,
    /// What a refetch is answered from; without a server it stays unanswered.
    pub server: Option<Vec<Value>>,
}

impl DashboardFixture {
    /// Sits down in front of a dashboard of this size, which follows campaign `c`.
    pub fn new(width: u16, height: u16) -> Self {
        let now = Now { mono: Instant::now(), wall: "2026-03-01T18:20:00.000Z".parse().unwrap() };
        Self::with(AppOptions { me: Some(id("u1")), ..AppOptions::default() }, width, height, now)
    }

    /// Sits down as somebody who may look and not touch.
    pub fn reading(width: u16, height: u16, read_only: bool, role: &str) -> Self {
        let now = Now { mono: Instant::now(), wall: "2026-03-01T18:20:00.000Z".parse().unwrap() };
        let mut dashboard = Self::with(AppOptions { read_only, ..AppOptions::default() }, width, height, now);
        dashboard.edit("c", |node| node["myRole"] = json!(role));
        dashboard.status(status(Phase::Live));
        let nodes = dashboard.server.clone().unwrap();
        dashboard.snapshot(nodes);
        dashboard
    }

    fn with(options: AppOptions, width: u16, height: u16, now: Now) -> Self {
        let mut app = App::new(options, (width, height), now);
        let effects = app.start(Some(id("c")));
        Self { app, now, appearance: Appearance::new(true, false), effects, server: Some(nodes()) }
    }

    /// Sits down without a screen: everything is told in sentences.
    pub fn screen_reader() -> Self {
        let now = Now { mono: Instant::now(), wall: "2026-03-01T18:20:00.000Z".parse().unwrap() };
        let options = AppOptions { me: Some(id("u1")), screen_reader: true, ..AppOptions::default() };
        let mut dashboard = Self::with(options.clone(), 120, 40, now);
        dashboard.app.apply_settings(options, Keymap::default());
        dashboard
    }

    /// Types a line and returns the answers.
    pub fn line(&mut self, typed: &str) -> Vec<String> {
        self.send(Msg::Line(typed.to_owned()));
        self.app.take_answers()
    }

    /// Sits down at one that is live and shows the whole campaign.
    pub fn live(width: u16, height: u16) -> Self {
        let mut dashboard = Self::new(width, height);
        dashboard.status(Status { round_trip: Some(Duration::from_millis(12)), ..status(Phase::Live) });
        dashboard.snapshot(nodes());
        dashboard
    }

    /// Hands the dashboard a message, and what follows from it.
    pub fn send(&mut self, msg: Msg) {
        let effects = self.app.update(self.now, msg);
        for effect in &effects {
            if let (AppEffect::Refetch(refetch), Some(nodes)) = (effect, &self.server) {
                let asked = |node: &&Value| refetch.ids.iter().any(|id| node["id"] == id.as_str());
                let answer = nodes.iter().filter(asked).map(Json::from).collect();
                self.app.update(self.now, Msg::Refetched { request_id: refetch.request_id, result: Ok(answer) });
            }
        }
        self.effects.extend(effects);
    }

    /// Hands it an event of the client.
    pub fn client(&mut self, event: ClientEvent) {
        self.send(Msg::Client(event));
    }

    /// Hands it a state of the connection.
    pub fn status(&mut self, status: Status) {
        self.client(ClientEvent::Status(status));
    }

    /// Hands it the state of the campaign.
    pub fn snapshot(&mut self, nodes: Vec<Value>) {
        let (position, nodes) = (Some(Position::new("x", 1_200)), json::intern_all(&nodes));
        self.client(ClientEvent::Snapshot(Box::new(Snapshot { campaign_id: id("c"), position, nodes })));
    }

    /// Finds the campaign on disk, saved this long ago.
    pub fn find_on_disk(&mut self, age: Duration) {
        let at = self.now.wall.checked_sub(SignedDuration::try_from(age).unwrap()).unwrap();
        let (position, nodes) = (Some(Position::new("x", 1_150)), json::intern_all(&nodes()));
        let snapshot = Snapshot { campaign_id: id("c"), position, nodes };
        self.send(Msg::State(Ok(LoadedState::State(Box::new(SavedState { at, snapshot })))));
    }

    /// Types keys by name, for example `j`, `enter`, `ctrl-c`.
    pub fn keys(&mut self, keys: &str) {
        for key in keys.split_whitespace() {
            self.send(Msg::Key(key_event(key)));
        }
    }

    /// Types a text, character by character.
    pub fn write(&mut self, text: &str) {
        for c in text.chars() {
            self.send(Msg::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE)));
        }
    }

    /// Tells what became of an edit.
    pub fn outcome(&mut self, outcome: EditOutcome) {
        self.send(Msg::Outbox(outcome));
    }

    /// Returns the edits that were submitted.
    pub fn submitted(&self) -> Vec<Edit> {
        let edit = |effect: &AppEffect| {
            let AppEffect::Submit { edit, .. } = effect else { return None };
            Some((**edit).clone())
        };
        self.effects.iter().filter_map(edit).collect()
    }

    /// Delivers what is not in the journal.
    pub fn ephemeral(&mut self, name: &str, payload: Value) {
        let body = json!({"type": name, "payload": payload});
        let mut delivery = delivery(self.now.wall, body);
        delivery.raw = Arc::new(payload);
        delivery.event = None;
        self.client(ClientEvent::Delivered(delivery));
    }

    /// Lets time pass, waking the dashboard exactly when it asks for it; returns how often that was.
    pub fn wait(&mut self, time: Duration) -> usize {
        let end = self.now.mono + time;
        let mut wakes = 0;
        while let Some(next) = self.app.deadline().filter(|next| *next <= end) {
            let step = next.saturating_duration_since(self.now.mono).max(Duration::from_millis(1));
            self.pass(step);
            self.send(Msg::Tick);
            wakes += 1;
            assert!(wakes < 10_000, "the dashboard asks to be woken without end");
        }
        self.pass(end.saturating_duration_since(self.now.mono));
        wakes
    }

    fn pass(&mut self, time: Duration) {
        self.now.mono += time;
        self.now.wall = self.now.wall.checked_add(SignedDuration::try_from(time).unwrap()).unwrap();
    }

    /// Delivers a durable event, sent just now.
    pub fn event(&mut self, seq: u64, mut event: Value) {
        let metadata = event["metadata"].as_object_mut().unwrap();
        metadata.insert("epoch".to_owned(), json!("x"));
        metadata.insert("seq".to_owned(), json!(seq));
        metadata.insert("timestamp".to_owned(), json!(format!("{:.3}", self.now.wall)));
        let delivery = delivery(self.now.wall, event);
        self.client(ClientEvent::Delivered(delivery));
    }

    /// Changes an entity on the server.
    pub fn edit(&mut self, entity: &str, edit: impl Fn(&mut Value)) {
        self.server.iter_mut().flatten().filter(|node| node["id"] == entity).for_each(edit);
    }

    /// Raises Harrow's Rest from level 3, as Mira does, and waits for the refetch that this leads to.
    pub fn raise_settlement(&mut self, seq: u64) {
        self.edit("s1", |node| {
            node["level"] = json!(4);
            node["version"] = json!(31);
            node["computed"]["defence"]["value"] = json!(16);
        });
        self.event(seq, settlement_event("s1", json!([{"field": "level", "from": 3, "to": 4}])));
        self.wait(Duration::from_millis(100));
    }

    /// Draws the screen and returns its text, trailing spaces removed.
    pub fn screen(&self) -> String {
        let (width, height) = self.app.size();
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| ui::render(frame, &self.app, &self.appearance)).unwrap();
        let buffer = terminal.backend().buffer();
        let mut text = String::new();
        for y in 0..height {
            let mut line = String::new();
            let mut skip = 0;
            for x in 0..width {
                let symbol = buffer[(x, y)].symbol();
                if skip == 0 {
                    line.push_str(symbol);
                    skip = scry_dashboard::app::measure::width(symbol).max(1);
                }
                skip -= 1;
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

/// Returns an id.
pub fn id(text: &str) -> Id {
    Id::parse(text).unwrap()
}

/// Returns a state of the connection.
pub fn status(phase: Phase) -> Status {
    Status { phase, ..Status::disconnected() }
}

/// Returns the press of a key, named as in the configuration.
pub fn key_event(name: &str) -> KeyEvent {
    let (name, modifiers) =
        name.strip_prefix("ctrl-").map_or((name, KeyModifiers::NONE), |name| (name, KeyModifiers::CONTROL));
    let (name, modifiers) = name.strip_prefix("alt-").map_or((name, modifiers), |name| (name, KeyModifiers::ALT));
    let code = match name {
        "enter" => KeyCode::Enter,
        "esc" => KeyCode::Esc,
        "tab" => KeyCode::Tab,
        "pgup" => KeyCode::PageUp,
        "pgdn" => KeyCode::PageDown,
        "space" => KeyCode::Char(' '),
        "up" => KeyCode::Up,
        "down" => KeyCode::Down,
        "left" => KeyCode::Left,
        "right" => KeyCode::Right,
        "home" => KeyCode::Home,
        "end" => KeyCode::End,
        "delete" => KeyCode::Delete,
        "shift-tab" => KeyCode::BackTab,
        "f1" => KeyCode::F(1),
        "backspace" => KeyCode::Backspace,
        one => KeyCode::Char(one.chars().next().unwrap()),
    };
    KeyEvent::new(code, modifiers)
}

/// Returns an event as the client delivers it.
pub fn delivery(received_at: Timestamp, event: Value) -> Delivery {
    Delivery {
        received_at,
        room: Some(Room::Campaign(id("c"))),
        name: event["type"].as_str().unwrap_or("unnamed").into(),
        event: Event::from_value(&event).map(Arc::new),
        raw: Arc::new(event),
    }
}

/// Returns an event that changes fields of a settlement.
pub fn settlement_event(settlement: &str, changes: Value) -> Value {
    let fields: Vec<_> = changes.as_array().unwrap().iter().map(|change| change["field"].clone()).collect();
    json!({
        "type": "settlement_updated",
        "payload": {"settlementId": settlement, "campaignId": "c", "operation": "update", "changedFields": fields},
        "metadata": {"v": 1, "userId": "u2", "source": "api", "changes": changes},
    })
}

/// Returns an event that moves the clock.
pub fn clock_event(from: &str, to: &str, seconds: i64) -> Value {
    json!({
        "type": "world_time_changed",
        "payload": {"campaignId": "c", "previousTime": from, "newTime": to, "elapsedSeconds": seconds},
        "metadata": {"v": 1, "userId": "u1", "source": "api"},
    })
}

fn structure(id: &str, settlement: &str, name: &str, level: i64, state: &str) -> Value {
    json!({"__typename": "Structure", "id": id, "campaignId": "c", "settlementId": settlement, "name": name, "type": "works",
           "version": 2, "level": level, "description": "", "variables": {"status": state}, "variableSchemas":
           {"status": {"type": "choice", "values": ["sound", "building", "damaged", "destroyed"]}}})
}

fn settlement(id: &str, kingdom: &str, name: &str, level: i64) -> Value {
    json!({"__typename": "Settlement", "id": id, "campaignId": "c", "kingdomId": kingdom, "name": name, "level": level, "version": 4})
}

/// Returns the campaign's entities as the API sends them.
pub fn nodes() -> Vec<Value> {
    let calendar = scry_calendar::Calendar::from_toml(scry_calendar::BUNDLED[1].1).unwrap().to_json();
    let harrow = json!({
        "__typename": "Settlement", "id": "s1", "campaignId": "c", "kingdomId": "k1", "name": "Harrow's Rest",
        "version": 30, "level": 3,
        "description": "A fishing town on the grey estuary, grown around the inn where the old king's courier died. Its bridge is the only crossing for two days' ride.",
        "variables": {"population": 1284, "morale": "steady", "upkeep": 18, "walled": true, "trades": ["salt", "herring"]},
        "variableSchemas": {
            "population": {"type": "number", "unit": "people", "min": 0},
            "morale": {"type": "choice", "values": ["broken", "wary", "steady", "high"]},
            "upkeep": {"type": "number", "label": "Upkeep", "unit": "gp a month", "min": 0, "max": 500},
            "walled": {"type": "flag"},
            "trades": {"type": "list"},
        },
        "computed": {"defence": {"value": 12, "formula": "towers × 4 + walls"},
                     "foodDays": {"value": 61.5, "formula": "stores ÷ population", "unit": "days", "dependsOnTime": true}},
        "conditions": [
            {"name": "wellDefended", "holds": true, "expression": "defence >= 10", "because": "defence is 12, needs 10"},
            {"name": "starving", "holds": false, "expression": "foodDays < 7", "because": "food lasts 61.5 days, needs less than 7"},
        ],
        "updatedAt": "2026-03-01T18:00:00.000Z",
    });
    vec![
        json!({"__typename": "Campaign", "id": "c", "name": "Emberfall", "version": 9, "myRole": "OWNER", "calendar": calendar,
               "description": "A borderland of salt, embers and old debts.", "worldTime": "1207-09-14T18:20:00.000Z"}),
        json!({"__typename": "Kingdom", "id": "k1", "campaignId": "c", "name": "Kingdom of Vael", "version": 1,
               "description": "The old crown lands."}),
        json!({"__typename": "Kingdom", "id": "k2", "campaignId": "c", "name": "Free Marches", "version": 1}),
        harrow,
        settlement("s2", "k1", "Saltwick", 2),
        settlement("s3", "k2", "砦の町 Toride", 5),
        structure("t1", "s1", "Watchtower", 2, "building"),
        structure("t2", "s1", "Granary", 1, "sound"),
        structure("t3", "s1", "Old Bridge", 1, "destroyed"),
        structure("t4", "s2", "Salt Pans", 3, "sound"),
        json!({"__typename": "Location", "id": "l1", "campaignId": "c", "name": "The Drowned Chapel", "type": "ruin", "version": 1}),
        json!({"__typename": "Encounter", "id": "e1", "campaignId": "c", "name": "Toll at the bridge", "status": "active", "version": 3, "locationId": "l1"}),
        json!({"__typename": "Member", "id": "m1", "campaignId": "c", "userId": "u1", "name": "Ana", "role": "OWNER", "version": 1}),
        json!({"__typename": "Member", "id": "m2", "campaignId": "c", "userId": "u2", "name": "Mira", "role": "EDITOR", "version": 1}),
    ]
}
