use proptest::prelude::*;
use serde_json::json;

use super::*;

fn facts(value: Value) -> Facts {
    value.as_object().cloned().unwrap()
}

fn work_out(formula: &str, own: Value) -> Result<Value, EvalError> {
    let structures = [facts(json!({"type": "inn", "upkeep": 8})), facts(json!({"upkeep": 3, "lit": true}))];
    let calendar = Calendar::from_toml(scry_calendar::BUNDLED[1].1).unwrap();
    let clock = WorldClock { calendar: &calendar, now: "1207-09-14T18:20:00Z".parse().unwrap() };
    let own = facts(own);
    let scope = EvalScope { own: &own, structures: &structures, settlement: None, clock };
    Formula::parse(formula).unwrap_or_else(|fault| panic!("{formula}: {fault}")).evaluate(&scope)
}

#[test]
fn formulas_evaluate_as_written() {
    let own = || json!({"towers": 2, "walls": 4, "food": 41, "besieged": false, "trade": ["salt"], "mood": "low"});
    let table = [
        ("towers * 4 + walls", json!(12)),
        ("walls / towers / 4", json!(0.5)),
        ("5 / 2", json!(2.5)),
        ("3 == 3.0", json!(true)),
        ("0.1 + 0.2", json!(0.3)),
        ("1.0 * 7", json!(7)),
        ("-towers + 1", json!(-1)),
        ("7 % 4", json!(3)),
        ("-1 % 4", json!(3)),
        ("round(2.5) + round(-2.5)", json!(0)),
        ("round(2.71428, 2)", json!(2.71)),
        ("floor(2.9) + ceil(2.1) + abs(-1)", json!(6)),
        ("sum(structures.upkeep)", json!(11)),
        ("average(structures.upkeep)", json!(5.5)),
        ("max(structures.upkeep) - min(3, towers)", json!(6)),
        ("count(structures)", json!(2)),
        ("sum(structures.nothing)", json!(0)),
        ("any(structures.lit)", json!(true)),
        ("clamp(food, 0, 30)", json!(30)),
        ("food >= 30 && !besieged", json!(true)),
        ("besieged || food < 30 ? \"hungry\" : \"fed\"", json!("fed")),
        ("\"salt\" in trade && mood != \"high\"", json!(true)),
        ("mood + \"er\"", json!("lower")),
        ("first_of_next_month()", json!("1 Frostmoon 1207")),
        ("string_free() ", Value::Null),
        ("year() * 100 + day()", json!(120714)),
    ];
    for (formula, expected) in table {
        if expected.is_null() {
            assert!(Formula::parse(formula).is_err());
            continue;
        }
        assert_eq!(work_out(formula, own()), Ok(expected), "{formula}");
    }
}

#[test]
fn evaluation_error_names_the_reason() {
    let table = [
        ("towers + 1", "towers has no value"),
        ("walls / nothing", "division by zero"),
        ("walls % 0", "division by zero"),
        ("min(structures.absent)", "there is nothing to take the min of"),
        ("walls + mood", "expected a number, found a text"),
        ("!walls", "expected true or false, found a number"),
        ("structures", "an entity is not a value; name one of its fields"),
        ("walls.height", "stands only after"),
        ("mood ? 1 : 2", "expected true or false"),
    ];
    for (formula, sentence) in table {
        let told = match Formula::parse(formula) {
            Err(fault) => fault,
            Ok(_) => work_out(formula, json!({"walls": 4, "nothing": 0, "mood": "low"})).unwrap_err().to_string(),
        };
        assert!(told.contains(sentence), "{formula}: {told}");
    }
}

#[test]
fn a_formula_that_cannot_be_read_is_refused_with_the_place_or_a_guess() {
    let table = [
        ("towers *", "cannot be read at character"),
        ("rond(2)", "there is no function rond(); did you mean round?"),
        ("exec(2)", "there is no function exec(); there are round, floor"),
        ("round()", "round() takes 1 arguments, not 0"),
        ("year(2)", "year() takes no arguments"),
        ("structures.exists(s, s.lit)", "loops are not allowed in a formula"),
        ("{\"a\": 1}", "not allowed in a formula"),
        ("name.size()", "write size(…)"),
        ("structures[0]", "there is no function"),
    ];
    for (formula, sentence) in table {
        let fault = Formula::parse(formula).unwrap_err();
        assert!(fault.contains(sentence), "{formula}: {fault}");
    }
    assert!(Formula::parse(&"(".repeat(3_000)).unwrap_err().contains("at most"));
}

fn rule(name: &str, on: &str, formula: &str) -> Rule {
    let kind = RuleKind::Computed { formula: formula.to_owned(), unit: None, depends_on_time: false };
    Rule { name: name.to_owned(), on: on.to_owned(), kind }
}

fn values(rule_set: &RuleSet, family: SettlementFacts) -> Vec<(String, Value)> {
    let calendar = Calendar::gregorian();
    let clock = WorldClock { calendar: &calendar, now: "1207-09-14T18:20:00Z".parse().unwrap() };
    let results = rule_set.derive(family, clock);
    results.settlement.into_iter().chain(results.structures.into_iter().flatten()).map(value).collect()
}

fn value(derived: Derived) -> (String, Value) {
    match derived.outcome {
        RuleOutcome::Computed(computed) => (derived.name, computed.value),
        RuleOutcome::Condition(condition) => (derived.name, json!(condition.holds)),
    }
}

#[test]
fn rules_see_the_results_of_others_in_whatever_order_they_are_written() {
    let rule_set = RuleSet::new(vec![
        rule("wealth", "settlement", "treasury - burden"),
        rule("burden", "settlement", "sum(structures.cost)"),
        rule("cost", "structure", "upkeep * settlement.prices"),
        rule("prices", "settlement", "level + 1"),
        rule("beds", "inn", "cost * 2"),
    ]);
    assert_eq!(rule_set.errors().next(), None);
    let family = SettlementFacts {
        settlement: facts(json!({"level": 1, "treasury": 100})),
        structures: vec![facts(json!({"type": "inn", "upkeep": 3})), facts(json!({"type": "wall", "upkeep": 4}))],
    };
    let expected = [("wealth", 86), ("burden", 14), ("prices", 2), ("cost", 6), ("beds", 12), ("cost", 8)];
    assert_eq!(values(&rule_set, family), expected.map(|(name, value)| (name.to_owned(), json!(value))));
}

#[test]
fn cyclic_rules_have_no_value_and_name_the_cycle() {
    let rule_set = RuleSet::new(vec![
        rule("a", "settlement", "sum(structures.b)"),
        rule("b", "structure", "settlement.c"),
        rule("c", "settlement", "a + 1"),
        rule("sound", "settlement", "1"),
        rule("level", "settlement", "1"),
    ]);
    let faults: Vec<_> = rule_set.errors().map(|fault| (fault.index, fault.text)).collect();
    assert_eq!(faults[0], (0, "it depends on itself: a → b → c → a".to_owned()));
    assert_eq!(faults[3], (4, "level is a reserved name; choose another".to_owned()));
    let family = SettlementFacts { settlement: facts(json!({})), structures: vec![] };
    let got = values(&rule_set, family);
    assert_eq!(got[1..3], [("c".to_owned(), Value::Null), ("sound".to_owned(), json!(1))]);
}

#[test]
fn clock_use_is_found_through_other_rules() {
    let rule_set = RuleSet::new(vec![
        rule("due", "settlement", "first_of_next_month()"),
        rule("note", "settlement", "due + \"!\""),
        rule("plain", "settlement", "1"),
    ]);
    assert_eq!(rule_set.rules().map(|(.., timed)| timed).collect::<Vec<_>>(), [true, true, false]);
}

#[test]
fn a_sentence_is_filled_with_values() {
    let template = FormulaTemplate::parse("{gold} of {gold * 2}, {ships}, {shut}, {nothing}").unwrap();
    let own = facts(json!({"gold": 1.5, "ships": ["a", "b"], "shut": true}));
    let calendar = Calendar::gregorian();
    let clock = WorldClock { calendar: &calendar, now: scry_calendar::WorldTime::UNIX_EPOCH };
    let scope = EvalScope { own: &own, structures: &[], settlement: None, clock };
    assert_eq!(template.fill(&scope), "1.5 of 3, a, b, yes, –");
    assert!(FormulaTemplate::parse("{gold").unwrap_err().contains("without a }"));
    assert!(FormulaTemplate::parse("{gold +}").unwrap_err().starts_with("{gold +}: cannot be read"));
}

proptest! {
    /// Whatever is written, reading and working it out ends with a value or a sentence.
    #[test]
    fn no_formula_panics(source in "[a-c0-9 +*/%()<>=!&|?:.,\"]{0,40}", a in -5.0..5.0f64) {
        if let Ok(formula) = Formula::parse(&source) {
            let own = facts(json!({"a": a, "b": 0, "c": "text"}));
            let calendar = Calendar::gregorian();
            let clock = WorldClock { calendar: &calendar, now: scry_calendar::WorldTime::UNIX_EPOCH };
            let scope = EvalScope { own: &own, structures: &[], settlement: None, clock };
            if let Ok(Value::Number(number)) = formula.evaluate(&scope) {
                prop_assert!(number.as_f64().unwrap().is_finite());
            }
        }
    }
}
