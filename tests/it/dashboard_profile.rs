//! Going over to another profile, and so to another server, without leaving the dashboard.

use serde_json::json;

use scry_testkit::e2e_session::{E2eSession, UserMachine, WIDE_TERMINAL};
use scry_testkit::emberfall::Emberfall;

#[tokio::test(flavor = "multi_thread")]
async fn the_palette_leads_to_another_server_and_back() {
    let (here, there) = (E2eSession::begin().await, E2eSession::begin().await);
    let away = Emberfall::on(&there.server).await;
    let harrow = away.entity("Harrow's Rest").await;
    let rename = "mutation ($id: ID!) {updateCampaign(id: $id, input: {name: \"Elsewhere\"}) {id}}";
    there.server.graphql(&away.gm, rename, json!({"id": away.id})).await;
    let seat = UserMachine::at(&here.server.url).without("SCRY_URL");
    let config = format!(
        "profile = \"home\"\n[profiles.home]\nurl = \"{}\"\n[profiles.away]\nurl = \"{}\"\n",
        here.server.url, there.server.url
    );
    std::fs::write(seat.home.path().join("config.toml"), config).unwrap();
    for profile in ["home", "away"] {
        let mut login =
            seat.scry(&["login", "--profile", profile, "--username", "gm", "--store", "file"], WIDE_TERMINAL);
        login.wait_for("assword");
        login.type_keys("emberfall\r");
        assert!(login.wait_for_exit().success(), "{}", login.screen());
    }
    let mut dashboard = seat.scry(&["--campaign", "Emberfall"], WIDE_TERMINAL);
    dashboard.wait_for("◆ Emberfall");
    dashboard.wait_until("a live connection", |pty| pty.screen().contains("● "));
    dashboard.type_keys(":");
    dashboard.type_keys("profile: away");
    dashboard.wait_for("another server");
    dashboard.type_keys("\r");
    dashboard.wait_for("◆ Elsewhere");
    away.update("Settlement", &harrow["id"], json!({"level": 4})).await;
    dashboard.wait_for("level 3 → 4");
    dashboard.type_keys(":");
    dashboard.type_keys("profile: home");
    dashboard.wait_for("another server");
    dashboard.type_keys("\r");
    dashboard.wait_for("◆ Emberfall");
    dashboard.type_keys("q");
    assert!(dashboard.wait_for_exit().success());
}
