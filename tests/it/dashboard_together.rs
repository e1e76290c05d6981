//! Two people at two dashboards change one campaign, the network between them good or gone.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::pty::Pty;
use crate::support::server::TestServer;

const SCRY: &str = env!("CARGO_BIN_EXE_scry");
const ENTER: &str = "\r";
const ERASE: &str = "\u{15}";

/// Holds a server, the town everybody works on, and each person's own directory.
struct Evening {
    server: TestServer,
    homes: Vec<TempDir>,
    town: String,
}

impl Evening {
    async fn begin() -> Self {
        let server = TestServer::start().await;
        let token = server.login("gm").await;
        let found = server.graphql(&token, "{campaigns {id name}}", json!({})).await;
        let campaigns = found["campaigns"].as_array().unwrap();
        let campaign = campaigns.iter().find(|campaign| campaign["name"] == "Emberfall").unwrap()["id"].clone();
        let query = "query($id: ID!) {snapshot(campaignId: $id) {settlements {id name}}}";
        let found = server.graphql(&token, query, json!({"id": campaign})).await;
        let towns = found["snapshot"]["settlements"].as_array().unwrap();
        let town = towns.iter().find(|town| town["name"] == "Cinderford").unwrap()["id"].as_str().unwrap().to_owned();
        Self { server, homes: Vec::new(), town }
    }

    /// Opens a dashboard as somebody, on Cinderford, and waits until it is live.
    async fn open(&mut self, user: &str) -> Pty {
        let token = self.server.login(user).await;
        let home = tempfile::tempdir().unwrap();
        let path = home.path().to_str().unwrap();
        let env = [
            ("HOME", path),
            ("SCRY_CONFIG_DIR", path),
            ("SCRY_DATA_DIR", path),
            ("SCRY_URL", &self.server.url),
            ("SCRY_TOKEN", &token),
        ];
        let mut dashboard = Pty::spawn(SCRY, &["--campaign", "Emberfall"], &env, (120, 40));
        self.homes.push(home);
        dashboard.wait_for("Free Marches");
        dashboard.wait_until("a live connection", |pty| pty.screen().contains("● "));
        dashboard.type_keys("jj");
        dashboard.wait_for("─ Cinderford ─");
        dashboard
    }

    async fn level(&self) -> Value {
        let token = self.server.login("player").await;
        let query = "query($id: ID!) {settlement(id: $id) {level}}";
        self.server.graphql(&token, query, json!({"id": self.town})).await["settlement"]["level"].clone()
    }

    async fn set_level(&self, level: i64) {
        let token = self.server.login("player").await;
        let mutation = "mutation($id: ID!, $level: Int!) {updateSettlement(id: $id, input: {level: $level}) {level}}";
        self.server.graphql(&token, mutation, json!({"id": self.town, "level": level})).await;
    }
}

/// Opens the level's editor and empties it.
fn open_level(dashboard: &mut Pty) {
    dashboard.type_keys("ej");
    dashboard.wait_for("▌ Level");
    dashboard.type_keys(ENTER);
    dashboard.type_keys(ERASE);
}

/// Leaves the sheet and waits until it has gone: a key right behind an escape would be read as one with Alt.
fn close(dashboard: &mut Pty) {
    dashboard.type_keys("\u{1b}");
    dashboard.wait_until("the dashboard without a sheet", |pty| !pty.screen().contains("esc close"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_changes_the_other_sees() {
    let mut evening = Evening::begin().await;
    let mut gm = evening.open("gm").await;
    let player = evening.open("player").await;
    open_level(&mut gm);
    gm.type_keys("6");
    gm.type_keys(ENTER);
    player.wait_for("level 4 → 6");
    gm.wait_until("an edit that is over", |pty| {
        let screen = pty.screen();
        screen.contains("level 4 → 6") && !screen.contains("pending") && !screen.contains("sending")
    });
    assert_eq!(evening.level().await, json!(6));
    gm.type_keys("\u{1b}");
    gm.wait_for("▲ from 4");
    gm.type_keys("u");
    player.wait_for("level 6 → 4");
    assert_eq!(evening.level().await, json!(4));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_changed_without_a_network_waits_and_is_sent_when_it_is_back() {
    let mut evening = Evening::begin().await;
    let mut gm = evening.open("gm").await;
    evening.server.stop().await;
    gm.wait_for("Connecting");
    open_level(&mut gm);
    gm.type_keys("9");
    gm.type_keys(ENTER);
    gm.wait_for("1 pending");
    close(&mut gm);
    gm.type_keys("E");
    gm.wait_for("kept on disk");
    gm.type_keys("\u{1b}");
    evening.server.restart().await;
    gm.wait_for("level 4 → 9");
    gm.wait_until("nothing that waits", |pty| !pty.screen().contains("pending"));
    assert_eq!(evening.level().await, json!(9));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_is_resolved_by_hand() {
    let mut evening = Evening::begin().await;
    let mut gm = evening.open("gm").await;
    open_level(&mut gm);
    evening.set_level(7).await;
    gm.wait_for("player has changed it to 7 meanwhile");
    gm.type_keys("5");
    gm.type_keys(ENTER);
    gm.wait_for("1 refused");
    close(&mut gm);
    gm.type_keys("E");
    gm.wait_for("somebody else changed level meanwhile");
    gm.type_keys(ENTER);
    gm.wait_for("t theirs");
    gm.wait_for("[5]");
    assert_eq!(evening.level().await, json!(7));
    gm.type_keys(ENTER);
    gm.wait_for("level 7 → 5");
    gm.wait_until("nothing that waits", |pty| !pty.screen().contains("refused"));
    assert_eq!(evening.level().await, json!(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_only_look_is_offered_nothing_else() {
    let mut evening = Evening::begin().await;
    let mut viewer = evening.open("viewer").await;
    viewer.type_keys("ec");
    viewer.type_keys("?");
    viewer.wait_for("Help: World");
    let screen = viewer.screen();
    assert!(!screen.contains("change the fields") && !screen.contains("move or set the clock"), "{screen}");
}
