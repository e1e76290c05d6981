//! Everything the API can do, from scripts.

use serde_json::{Value, json};

use scry_testkit::programs::{ProgramFixture, told};

fn lines(stdout: &str) -> Vec<Value> {
    stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn members_the_clock_and_messages_are_changed_from_scripts_too() {
    let programs = ProgramFixture::start();
    let script = "
        campaign=$(scry get campaign Emberfall | sed 's/.*\"id\":\"\\([^\"]*\\)\".*/\\1/')
        scry create member --set campaignId=Emberfall --set userId=outsider --set role=viewer
        outsider=$(SCRY_SERVER_DATA_DIR=server scry-server token outsider)
        tries=0
        until SCRY_TOKEN=$outsider scry invitations | grep -q Emberfall; do
            tries=$((tries + 1)); test $tries -lt 200
        done
        SCRY_TOKEN=$outsider scry invitations accept Emberfall
        scry update member outsider --campaign Emberfall --set role=editor
        scry delete member outsider --campaign Emberfall
        scry set-time Emberfall 1207-09-15T06:00:00Z
        scry notify player --title 'Supper is ready'
        scry update settlement Cinderford --set level=4 --idempotency-key once >/dev/null
        scry update settlement Cinderford --set level=5 >/dev/null
        scry update settlement Cinderford --set level=4 --idempotency-key once
    ";
    let (code, stdout, stderr) = told(&programs.script(script));
    assert_eq!(code, Some(0), "{stderr}");
    let lines: Vec<Value> = stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&lines[0]["invitee"], &lines[0]["role"]), (&"outsider".into(), &"VIEWER".into()), "{stdout}");
    assert!(stderr.contains("outsider was invited to Emberfall, and becomes a member by accepting"), "{stderr}");
    assert!(stderr.contains("you are now a member of Emberfall"), "{stderr}");
    assert_eq!((&lines[1]["role"], &lines[2]["role"]), (&"VIEWER".into(), &"EDITOR".into()), "{stdout}");
    assert_eq!(lines[3]["newTime"], "1207-09-15T06:00:00.000Z");
    assert_eq!(lines[4]["notified"], 1);
    assert_eq!(lines[5]["level"], 4, "the repeated command tells its first result");
    let (_, stdout, _) = told(&programs.run(&["get", "settlement", "Cinderford"]));
    assert!(stdout.contains("\"level\":5"), "and changes nothing: {stdout}");
    let (code, _, stderr) = told(&programs.run(&[
        "update",
        "settlement",
        "Cinderford",
        "--set",
        "level=9",
        "--expected-version",
        "1",
        "--on-conflict",
        "reject",
    ]));
    assert_eq!(code, Some(2), "{stderr}");
    assert!(stderr.contains("level: it was 4, yours is 9, theirs is 5"), "{stderr}");
}

#[test]
fn notifications_are_listed_and_read_and_preferences_chosen() {
    let programs = ProgramFixture::start();
    let gm = |args: &[&str]| {
        let (code, stdout, stderr) = told(&programs.run(args));
        assert_eq!(code, Some(0), "{args:?}: {stderr}");
        lines(&stdout)
    };
    gm(&["notify", "gm", "--title", "Supper is ready", "--level", "warning"]);
    gm(&["notify", "gm", "--title", "Bring dice"]);
    let told_so = gm(&["get", "notifications", "--unread"]);
    let titles: Vec<_> = told_so.iter().map(|one| (&one["title"], &one["level"], &one["kind"])).collect();
    assert_eq!(
        titles,
        [
            (&json!("Bring dice"), &json!("info"), &json!("message")),
            (&json!("Supper is ready"), &json!("warning"), &json!("message"))
        ]
    );
    let id = told_so[1]["id"].as_str().unwrap();
    assert_eq!(gm(&["update", "notification", id, "--set", "read=true"])[0]["read"], true);
    assert_eq!(gm(&["get", "notification", "--unread"]).len(), 1);
    assert_eq!(gm(&["get", "notification", id])[0]["title"], "Supper is ready");
    assert_eq!(gm(&["update", "notification", "all", "--set", "read=true"])[0]["marked"], 1);
    assert!(gm(&["get", "notification", "--unread"]).is_empty());

    gm(&["update", "preferences", "--set", "levels=warning,error"]);
    let chosen = &gm(&["get", "preferences"])[0];
    assert_eq!(chosen["levels"], json!(["warning", "error"]));
    assert_eq!(chosen["kinds"].as_array().unwrap().len(), 4, "what is not named stays");
    let refused: [&[&str]; 4] = [
        &["update", "preferences", "--set", "levels=loud"],
        &["update", "preferences", "--set", "sound=off"],
        &["update", "notification", "--set", "read=true"],
        &["update", "settlement", "--set", "level=3"],
    ];
    for args in refused {
        assert_eq!(told(&programs.run(args)).0, Some(2), "{args:?}");
    }
}

#[test]
fn due_effects_and_past_events_are_listed() {
    let programs = ProgramFixture::start();
    for _ in 0..3 {
        assert!(programs.script("scry advance-time Emberfall 1m >/dev/null").status.success());
    }
    let (code, stdout, stderr) = told(&programs.run(&["get", "event", "--campaign", "Emberfall", "--limit", "2"]));
    let events = lines(&stdout);
    assert_eq!((code, events.len()), (Some(0), 2), "{stderr}");
    assert_eq!((&events[0]["seq"], &events[1]["type"]), (&json!(1), &json!("world_time_changed")));
    let (_, stdout, _) =
        told(&programs.run(&["get", "events", "--campaign", "Emberfall", "--since", "2", "-o", "table"]));
    assert!(stdout.lines().next().unwrap().starts_with("SEQ"), "{stdout}");
    assert!(stdout.lines().nth(1).unwrap().starts_with('3'), "{stdout}");
    assert_eq!(told(&programs.run(&["get", "event"])).0, Some(0), "the game master plays in one campaign alone");

    let (code, stdout, stderr) = told(&programs.run(&["get", "effects", "--campaign", "Emberfall", "--until", "400d"]));
    assert_eq!(code, Some(0), "{stderr}");
    let effects = lines(&stdout);
    assert!(!effects.is_empty() && effects.iter().all(|effect| effect["at"].is_string()), "{stdout}");
    assert!(effects.is_sorted_by_key(|effect| effect["at"].as_str().unwrap()), "{stdout}");
    let (_, soon, _) = told(&programs.run(&["get", "effect", "--campaign", "Emberfall", "--until", "1d"]));
    assert!(soon.lines().count() < effects.len());
}

#[test]
fn entity_is_created_under_a_named_parent_and_wrong_field_is_named() {
    let programs = ProgramFixture::start();
    let create = ["create", "structure", "--set", "name=Lighthouse", "--set", "settlementId=Saltwick"];
    let (code, stdout, stderr) = told(&programs.run(&create));
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(lines(&stdout)[0]["name"], "Lighthouse");
    let (code, stdout, stderr) =
        told(&programs.run(&["create", "kingdom", "--campaign", "Emberfall", "--set", "name=Oth"]));
    assert_eq!((code, &lines(&stdout)[0]["name"]), (Some(0), &json!("Oth")), "{stderr}");
    let moved = ["update", "settlement", "Saltwick", "--set", "kingdomId=Oth"];
    assert_eq!(told(&programs.run(&moved)).0, Some(0));
    for (args, sentence) in [
        (
            &["create", "structure", "--set", "name=Mill"][..],
            "a structure needs settlementId; add --set settlementId=…",
        ),
        (&["update", "structure", "Lighthouse", "--set", "levl=2"], "did you mean “level”?"),
        (&["create", "structure", "--set", "name=Mill", "--set", "settlementId=Saltwik"], "no settlement “Saltwik”"),
    ] {
        let (code, _, stderr) = told(&programs.run(args));
        assert_eq!(code, Some(2), "{stderr}");
        assert!(stderr.contains(sentence), "{stderr}");
    }
}

#[test]
fn invitations_are_listed_declined_withdrawn_and_blocked_from_scripts() {
    let programs = ProgramFixture::start();
    let script = "
        outsider=$(SCRY_SERVER_DATA_DIR=server scry-server token outsider)
        theirs() { SCRY_TOKEN=$outsider scry invitations \"$@\"; }
        wanted() { tries=0; until test \"$(theirs | wc -l)\" -eq $1; do tries=$((tries + 1)); test $tries -lt 200; done; }
        invite() { scry create member --set campaignId=Emberfall --set userId=$1 --set role=editor; }
        invite outsider >/dev/null
        wanted 1
        theirs decline Emberfall
        wanted 0
        theirs block gm
        theirs blocked
        nobody=$(invite nobody | sed 's/.*\"id\":\"\\([^\"]*\\)\".*/\\1/')
        scry invitations list --campaign Emberfall
        scry invitations withdraw $nobody
        theirs unblock gm
        theirs blocked
        if theirs accept Emberfall; then exit 9; fi
    ";
    let (code, stdout, stderr) = told(&programs.script(script));
    assert_eq!(code, Some(0), "{stderr}");
    let lines = lines(&stdout);
    assert_eq!((&lines[0]["campaignName"], &lines[0]["role"]), (&"Emberfall".into(), &"EDITOR".into()), "{stdout}");
    assert_eq!((&lines[1]["user"], &lines[2]["user"]), (&"gm".into(), &"gm".into()), "{stdout}");
    assert_eq!((&lines[3]["invitee"], &lines[4]["invitee"]), (&"nobody".into(), &"nobody".into()), "{stdout}");
    assert_eq!((&lines[5]["unblocked"], lines.len()), (&"gm".into(), 6), "{stdout}");
    assert!(stderr.contains("no open invitation Emberfall to you"), "{stderr}");
}
