use std::collections::BTreeSet;

use serde_json::json;

use super::*;

fn error(from: &str, to: &str) -> String {
    assert!(EMBERFALL.contains(from), "{from}");
    World::parse(&EMBERFALL.replacen(from, to, 1)).unwrap_err().to_string()
}

#[test]
fn bundled_world_parses_with_expected_contents() {
    let world = World::bundled();
    let users: Vec<_> = world.users.iter().map(|user| (user.name.as_str(), user.service)).collect();
    assert_eq!(users, [("gm", false), ("player", false), ("viewer", false), ("outsider", false), ("bot", true)]);
    let [emberfall, saltmarch] = &world.campaigns[..] else { panic!("two campaigns") };
    assert_eq!((emberfall.name.as_str(), saltmarch.name.as_str()), ("Emberfall", "Saltmarch"));
    assert_eq!((emberfall.kingdoms.len(), emberfall.settlements.len(), emberfall.structures.len()), (2, 6, 18));
    assert_eq!((emberfall.locations.len(), emberfall.encounters.len()), (4, 3));
    assert_eq!(emberfall.calendar.date(&emberfall.world_time).unwrap().long(), "Duskday 14 Rainmoon 1207, 18:20");
    assert!(emberfall.members.iter().all(|member| member.user != "outsider"));
    assert!(saltmarch.members.iter().all(|member| member.user == "outsider"));
    assert!(world.users.iter().all(|user| user.password == "emberfall"));
    assert!(!format!("{world:?}").contains("password"), "a world's Debug output tells no password");
}

#[test]
fn every_kind_of_variable_is_used_and_some_are_secret() {
    let campaign = &World::bundled().campaigns[0];
    let sheets = campaign.settlements.iter().map(|it| &it.sheet).chain(campaign.structures.iter().map(|it| &it.sheet));
    let schemas: Vec<VariableSchema> = sheets.flat_map(|sheet| sheet.schemas.iter().map(|it| it.1.clone())).collect();
    let kinds: BTreeSet<String> = schemas.iter().map(|schema| format!("{:?}", schema.kind)).collect();
    assert_eq!(kinds.len(), 5, "{kinds:?}");
    assert!(schemas.iter().any(|schema| schema.secret));
}

#[test]
fn every_value_of_the_bundled_world_is_written_down_and_worked_out_alike() {
    let stripped: String = EMBERFALL
        .lines()
        .filter(|line| !line.starts_with("computed = ") && !line.starts_with("conditions = "))
        .map(|line| format!("{line}\n"))
        .collect();
    let mut without = String::new();
    let mut table = "";
    for line in stripped.lines() {
        table = if line.starts_with('[') { line } else { table };
        if !table.ends_with(".computed]") && !table.ends_with(".conditions]") {
            without.push_str(line);
            without.push('\n');
        }
    }
    assert!(without.len() + 1_000 < EMBERFALL.len());
    // Parsing compares what is written with what the rules give.
    assert_eq!(World::parse(&without).unwrap(), World::bundled());
}

#[test]
fn wire_json_has_the_expected_shape() {
    let campaign = &World::bundled().campaigns[0];
    let sheet = campaign.sheet("harrows-rest").unwrap();
    assert_eq!(
        sheet.schemas_json()["population"],
        json!({
            "type": "number", "label": "Population", "unit": "souls", "min": 0, "max": 20000,
        })
    );
    assert_eq!(sheet.schemas_json()["unrest"]["secret"], true);
    assert_eq!(sheet.computed_json()["defence"], json!({"value": 12, "formula": "towers * 4 + walls"}));
    assert_eq!(sheet.computed_json()["upkeepDue"]["dependsOnTime"], true);
    assert_eq!(
        sheet.conditions_json()[1],
        json!({
            "name": "defended", "holds": true, "expression": "defence >= level * 3",
            "because": "Defence is 12: 2 towers and walls of 4.",
        })
    );
    let order: Vec<&String> = sheet.variables.keys().collect();
    assert_eq!(order[..3], ["population", "morale", "treasury"], "the file's order is kept");
}

#[test]
fn rules_and_effects_are_there_to_be_stored() {
    let definitions = World::bundled().campaigns[0].definitions();
    let keys: BTreeSet<_> = definitions.iter().map(|definition| (definition.kind, &definition.slug)).collect();
    assert_eq!(keys.len(), definitions.len(), "a definition is found by kind and slug");
    let body = |slug: &str| &definitions.iter().find(|definition| definition.slug == slug).unwrap().body;
    assert_eq!(body("settlement.defence")["formula"], "towers * 4 + walls");
    assert_eq!(body("granary-finished")["when"], json!({"every": "once", "at": "1207-09-16T06:00:00.000Z"}));
    assert_eq!(body("harrows-rest-upkeep")["when"], json!({"every": "month", "day": 1}));
}

#[test]
fn error_names_line_table_and_key() {
    let line = EMBERFALL.lines().position(|line| line == "population = 1248").unwrap() + 1;
    assert_eq!(
        error("population = 1248", "population = -1"),
        format!("line {line}: settlement harrows-rest, variables.population: must be at least 0, not -1")
    );
    let cases = [
        ("population = 1248", "population = \"many\"", "variables.population: must be a number, not \"many\""),
        ("population = 1248", "people = 1248", "variables.people: has no schema"),
        ("population = 1248\n", "", "settlement harrows-rest, variables.population: is missing"),
        ("morale = \"steady\"", "morale = \"fine\"", "must be one of broken, low, steady"),
        ("besieged = false", "besieged = 0", "must be true or false"),
        ("trade = [\"barley\"", "trade = [{}", "must be a list of plain values"),
        ("slug = \"saltwick\"", "slug = \"harrows-rest\"", "settlement: \"harrows-rest\" is used twice"),
        ("slug = \"saltwick\"", "slug = \"Salt Wick\"", "must be made of a–z"),
        ("kingdom = \"vael\"", "kingdom = \"vale\"", "\"vale\" does not exist; there are free-marches, vael"),
        ("calendar = \"emberfall\"", "calendar = \"elvish\"", "known are gregorian, emberfall"),
        ("user = \"player\"", "user = \"nobody\"", "members, user: \"nobody\" does not exist"),
        ("role = \"EDITOR\"", "role = \"KING\"", "members, role: unknown role"),
        ("world_time = \"1207-09-14", "world_time = \"1207-19-14", "must be an RFC 3339 time"),
        ("target = \"granary\"", "target = \"barn\"", "effect granary-finished, target: \"barn\" is not a settlement"),
        ("add = { oil = -10 }", "add = { lit = 1 }", "must add a number to a number"),
        ("month = \"Ashmoon\"", "month = \"Mudmoon\"", "the calendar has no 30 Mudmoon"),
        ("every = \"month\"\n", "", "needs either at, or every"),
        ("level = 3", "level = 99", "level: must lie between 0 and 20"),
        (
            "defence = 12\n",
            "defence = 13\n",
            "computed.defence: is 13, but its rule gives 12; correct it or leave it out",
        ),
        ("solvent = true", "solvent = false", "conditions.solvent: is false, but its rule gives true"),
        ("formula = \"towers * 4", "formula = \"tower * 4", "rule defence: \"tower\" is unknown; did you mean towers?"),
        ("sum(structures.upkeep)", "sum(structures.price)", "rule upkeep: \"price\" is unknown; known are"),
        ("sum(structures.upkeep)", "sum(settlement.level)", "rule upkeep: is of a settlement"),
        ("round(population", "rnd(population", "rule income: there is no function rnd()"),
        (
            "towers * 4 + walls",
            "towers * 4 + defended",
            "rule defence: it depends on itself: defence → defended → defence",
        ),
        ("\"defence >= level * 3\"", "\"defence\"", "rule defended: a condition is true or false, not a number"),
        ("thirty are needed", "{fod} are needed", "rule provisioned: \"fod\" is unknown; did you mean food?"),
        ("depends_on_time = true\n", "", "rule upkeepDue: reads the clock"),
        ("name = \"defence\"", "name = \"walls\"", "rule walls: is already the name of a variable"),
        ("on = \"granary\"", "on = \"granry\"", "rule fill, on: \"granry\" is unknown; did you mean granary?"),
        ("values = [\"broken\"", "vaules = [], values = [\"broken\"", "schemas.morale: has an unknown key vaules"),
        ("provisioned = true", "fed = true\nprovisioned = true", "conditions.fed: has no rule"),
        ("formula = \"towers * 4 + walls\"\n", "", "needs either a formula"),
        ("[[campaigns.kingdoms]]", "[[campaigns.kingdom]]", "unknown field `kingdom`"),
    ];
    for (from, to, expected) in cases {
        let error = error(from, to);
        assert!(error.starts_with("line ") && error.contains(expected), "{error}");
    }
}
