//! What `entity` and `before` are: what they were at the event, however long ago that is.

use serde_json::Value;

use scry_testkit::programs::{ProgramFixture, told};

/// Everything that happens to one town after its founding.
const HISTORY: &str = "
    scry create settlement --campaign Emberfall --set kingdomId=KINGDOM --set name=Firstname --set level=1 >/dev/null
    scry update settlement Firstname --set level=2 >/dev/null
    scry update settlement Firstname --set name=Secondname >/dev/null
    scry update settlement Secondname --set description=@long.txt >/dev/null
    scry update settlement Secondname --set level=3 >/dev/null
    scry update settlement Secondname --set description=short >/dev/null
    scry update settlement Cinderford --set variables.unrest=98 >/dev/null
    scry update settlement Secondname --set level=4 --set name=Lastname >/dev/null
";

const ONE: &str =
    "{payload.operation} {before.name}/{entity.name} {before.level}/{entity.level} {before.version}/{entity.version}";

/// What the template says of each of its events.
const TOLD: [&str; 7] = [
    "create /Firstname /1 /1",
    "update Firstname/Firstname 1/2 1/2",
    "update Firstname/Secondname 2/2 2/3",
    "update Secondname/Secondname 2/2 3/4",
    "update Secondname/Secondname 2/3 4/5",
    "update Secondname/Secondname 3/3 5/6",
    "update Secondname/Lastname 3/4 6/7",
];

fn kingdom(programs: &ProgramFixture) -> String {
    let (_, stdout, stderr) = told(&programs.run(&["get", "kingdom", "--campaign", "Emberfall"]));
    let first = stdout.lines().next().unwrap_or_else(|| panic!("{stderr}"));
    let first: Value = serde_json::from_str(first).unwrap();
    first["name"].as_str().unwrap().to_owned()
}

fn settlement(programs: &ProgramFixture, name: &str) -> Value {
    let (_, stdout, stderr) = told(&programs.run(&["get", "settlement", name]));
    serde_json::from_str(&stdout).unwrap_or_else(|_| panic!("{stderr}"))
}

fn history(programs: &ProgramFixture) -> String {
    programs.write("long.txt", &"a long story ".repeat(40));
    let script = HISTORY.replace("KINGDOM", &format!("'{}'", kingdom(programs).replace('\'', "'\\''")));
    let (code, _, stderr) = told(&programs.script(&script));
    assert_eq!(code, Some(0), "{stderr}");
    settlement(programs, "Lastname")["id"].as_str().unwrap().to_owned()
}

/// Makes one more thing happen, and returns a condition that holds for it: the end of a watch over the past.
fn marked(programs: &ProgramFixture) -> String {
    let (code, stdout, stderr) =
        told(&programs.run(&["create", "location", "--campaign", "Emberfall", "--set", "name=Mark"]));
    assert_eq!(code, Some(0), "{stderr}");
    let mark: Value = serde_json::from_str(&stdout).unwrap();
    format!("type == 'entity_updated' && payload.entityId == '{}'", mark["id"].as_str().unwrap())
}

/// Prints the history of one settlement from the beginning by a template.
fn past(programs: &ProgramFixture, id: &str, more: &str, template: &str) -> (Vec<String>, String) {
    let filter = format!("type == 'settlement_updated' && payload.settlementId == '{id}'{more}");
    let until = marked(programs);
    let args = ["watch", "--campaign", "Emberfall", "--since", "beginning", "--for", "40s", "--until", &until];
    let (code, stdout, stderr) =
        told(&programs.run(&[&args[..], &["--filter", &filter, "--format", template]].concat()));
    assert_eq!(code, Some(0), "{stderr}");
    (stdout.lines().map(str::to_owned).collect(), stderr)
}

#[test]
fn the_past_is_shown_with_the_values_of_its_own_time() {
    let programs = ProgramFixture::start();
    let id = history(&programs);
    let (lines, stderr) = past(&programs, &id, "", ONE);
    assert_eq!(lines, TOLD, "{stderr}");

    // Gone, it is what its own history made of it.
    assert_eq!(told(&programs.run(&["delete", "settlement", "Lastname"])).0, Some(0));
    let (lines, stderr) = past(&programs, &id, "", ONE);
    assert_eq!(lines, [&TOLD[..], &["delete Lastname/ 4/ 7/"]].concat(), "{stderr}");
}

#[test]
fn the_room_of_one_town_shows_the_same() {
    let programs = ProgramFixture::start();
    let id = history(&programs);
    let last = "metadata.version == 7";
    let args = ["watch", "--settlement", &id, "--since", "1", "--for", "40s", "--until", last, "--format", ONE];
    let (_, stdout, stderr) = told(&programs.run(&args));
    let lines: Vec<&str> = stdout.lines().collect();
    assert!(lines.len() >= 6 && TOLD.ends_with(&lines), "{stdout}{stderr}");
}

#[test]
fn values_missing_from_an_event_are_looked_up_or_omitted_with_one_notice() {
    let programs = ProgramFixture::start();
    let id = history(&programs);
    let versions = |side: &str| past(&programs, &id, &format!(" && has({side}.description)"), "{metadata.version}");
    // Only the event of version 4 ever named the long text, and the next that touches it is too long as well.
    let (lines, stderr) = versions("entity");
    assert_eq!(lines, ["1", "2", "3", "6", "7"]);
    assert_eq!(stderr.matches("some values are not known").count(), 1, "{stderr}");
    assert_eq!(versions("before").0, ["2", "3", "4", "7"]);

    // The last long text is the one that stands there now.
    assert_eq!(told(&programs.run(&["update", "settlement", "Lastname", "--set", "description=@long.txt"])).0, Some(0));
    let (lines, _) = past(&programs, &id, "", "{metadata.version} {entity.description}");
    assert_eq!(lines.last().unwrap().trim_end(), format!("8 {}", "a long story ".repeat(40).trim_end()));
}

#[test]
fn a_filter_over_the_past_judges_the_values_of_that_time() {
    let programs = ProgramFixture::start();
    let before = settlement(&programs, "Cinderford")["variables"]["unrest"].clone();
    for unrest in [98, 7] {
        let set = format!("variables.unrest={unrest}");
        assert_eq!(told(&programs.run(&["update", "settlement", "Cinderford", "--set", &set])).0, Some(0));
    }
    let until = marked(&programs);
    let args =
        ["watch", "--campaign", "Emberfall", "--since", "beginning", "--for", "40s", "--until", &until, "--format"];
    let seen = |filter: &str, format: &str| {
        told(&programs.run(&[&args[..], &[format, "--filter", filter]].concat()))
            .1
            .lines()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let named = "type == 'settlement_updated' && entity.name == 'Cinderford'";
    let lines = seen(
        &format!("{named} && entity.variables.unrest > 90"),
        "{before.variables.unrest}>{entity.variables.unrest}",
    );
    assert_eq!(lines, [format!("{before}>98")], "only the one event");
    let lines = seen(named, "{before.variables.unrest}>{entity.variables.unrest}");
    assert_eq!(lines, [format!("{before}>98"), "98>7".to_owned()]);
}

/// Returns the values of an entity's computed fields.
fn computed(entity: &Value) -> Vec<(String, Value)> {
    entity.as_object().unwrap().iter().map(|(name, one)| (name.clone(), one["value"].clone())).collect()
}

#[test]
fn computed_values_are_those_of_their_events() {
    let programs = ProgramFixture::start();
    let now = |programs: &ProgramFixture| settlement(programs, "Cinderford");
    let id = now(&programs)["id"].as_str().unwrap().to_owned();
    let mut states = vec![computed(&now(&programs)["computed"])];
    for population in ["900", "4200", "50"] {
        let set = format!("variables.population={population}");
        assert_eq!(told(&programs.run(&["update", "settlement", "Cinderford", "--set", &set])).0, Some(0));
        states.push(computed(&now(&programs)["computed"]));
    }
    states.dedup();
    let expected: Vec<_> = states.windows(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
    let filter = format!("type == 'state_invalidated' && payload.entityId == '{id}'");
    let until = marked(&programs);
    let watch = ["watch", "--campaign", "Emberfall", "--since", "beginning", "--for", "40s", "--until", &until];
    let (_, stdout, stderr) = told(
        &programs
            .run(&[&watch[..], &["--filter", &filter, "--format", "[{before.computed},{entity.computed}]"]].concat()),
    );
    let seen: Vec<_> = stdout
        .lines()
        .map(|line| {
            let pair: Value = serde_json::from_str(line).unwrap();
            (computed(&pair[0]), computed(&pair[1]))
        })
        .collect();
    assert!(expected.len() > 1, "the values differ");
    assert_eq!(seen, expected, "{stderr}");
}

#[test]
fn an_entity_that_nobody_can_know_any_more_is_null_and_said_once() {
    let programs = ProgramFixture::start();
    let id = settlement(&programs, "Cinderford")["id"].as_str().unwrap().to_owned();
    for level in ["level=5", "level=6"] {
        assert_eq!(told(&programs.run(&["update", "settlement", "Cinderford", "--set", level])).0, Some(0));
    }
    assert_eq!(told(&programs.run(&["delete", "settlement", "Cinderford"])).0, Some(0));
    let (lines, stderr) = past(&programs, &id, "", "{payload.operation} [{before.level}{entity.level}]");
    assert_eq!(lines, ["update []", "update []", "delete []"]);
    assert_eq!(stderr.matches("it is not known what its entity was").count(), 1, "{stderr}");
}

#[test]
fn a_burst_while_watching_shows_each_event_at_its_own_moment() {
    let programs = ProgramFixture::start();
    let id = settlement(&programs, "Cinderford")["id"].as_str().unwrap().to_owned();
    programs.write("burst.sh", "for level in 13 14 15 16 17 18; do scry update settlement Cinderford --set level=$level >/dev/null & done; wait");
    let filter = format!("payload.settlementId == '{id}' && type == 'settlement_updated'");
    let script = format!(
        "scry watch --campaign Emberfall --filter \"{filter}\" --count 6 --for 20s --format '{{before.level}} {{entity.level}}' --status > lines & pid=$!; \
         until grep -q '\"live\"' lines || ! kill -0 $pid; do :; done; sh burst.sh; wait $pid; grep -v status lines"
    );
    let first = settlement(&programs, "Cinderford")["level"].to_string();
    let (code, stdout, stderr) = told(&programs.script(&script));
    assert_eq!(code, Some(0), "{stderr}");
    let mut level = first;
    for line in stdout.lines() {
        let (before, after) = line.split_once(' ').unwrap();
        assert_eq!(before, level, "{stdout}");
        level = after.to_owned();
    }
    assert_eq!(stdout.lines().count(), 6);
}

const RECORD: &str = "scry record --campaign Emberfall -o FILE --count 3 OPTIONS & pid=$!; \
    while kill -0 $pid 2>/dev/null; do for level in 4 5 6; do scry update settlement Cinderford --set level=$level >/dev/null; done; done; wait $pid";

fn record(programs: &ProgramFixture, file: &str, options: &str) {
    let (code, _, stderr) = told(&programs.script(&RECORD.replace("FILE", file).replace("OPTIONS", options)));
    assert_eq!(code, Some(0), "{stderr}");
}

#[test]
fn a_replay_knows_the_entities_from_the_recorded_state() {
    let programs = ProgramFixture::start();
    record(&programs, "a.jsonl", "");
    let town_only = "type == 'settlement_updated' && entity.name == 'Cinderford'";
    let replay = |file: &str, filter: &str, format: &str| {
        told(&programs.run(&["replay", file, "--speed", "max", "--filter", filter, "--format", format]))
    };
    let (code, stdout, stderr) =
        replay("a.jsonl", town_only, "{entity.name} {before.level} {entity.level} {metadata.changes}");
    assert_eq!(code, Some(0), "{stderr}");
    assert!(!stdout.is_empty(), "{stderr}");
    for line in stdout.lines() {
        let changes: Value = serde_json::from_str(&line[line.find('[').unwrap()..]).unwrap();
        let expected = format!("Cinderford {} {} {changes}", changes[0]["from"], changes[0]["to"]);
        assert_eq!(line, expected);
    }
    let (code, stdout, _) = replay("a.jsonl", "entity.level > 5 && type == 'settlement_updated'", "{entity.level}");
    assert!(code == Some(0) && stdout.lines().all(|line| line == "6"), "{stdout}");

    // A part of it lacks events; what its own events prove is known still.
    let part =
        told(&programs.run(&["replay", "a.jsonl", "--filter", "type == 'settlement_updated'", "-o", "part.jsonl"]));
    assert_eq!(part.0, Some(0));
    let (_, whole, _) = replay("a.jsonl", town_only, "{before.level} {entity.level}");
    assert_eq!(replay("part.jsonl", town_only, "{before.level} {entity.level}").1, whole);
}

#[test]
fn a_recording_without_a_state_refuses_what_needs_one() {
    let programs = ProgramFixture::start();
    record(&programs, "bare.jsonl", "--no-state");
    for option in [["--filter", "entity.level > 0"], ["--format", "{type} {before.name}"]] {
        let (code, stdout, stderr) =
            told(&programs.run(&[&["replay", "bare.jsonl", "--speed", "max"], &option[..]].concat()));
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{stderr}");
        assert!(stderr.contains("does not hold the state"), "{stderr}");
    }
    let (code, stdout, _) = told(&programs.run(&["replay", "bare.jsonl", "--speed", "max", "--filter", "type != ''"]));
    assert_eq!((code, stdout.lines().count()), (Some(0), 3), "what needs none is played");
}
