use std::time::Instant;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn settlement_event() -> (Value, Value) {
    (
        json!({"settlementId": "s1", "operation": "update", "campaignId": "c1", "changedFields": ["level", "variables.population"]}),
        json!({"v": 1, "seq": 7, "source": "api", "changes": [{"field": "level", "from": 2, "to": 3}]}),
    )
}

fn verdict(source: &str) -> MatchResult {
    let (payload, metadata) = settlement_event();
    let entity = json!({"id": "s1", "name": "Harrow's Rest", "level": 3, "variables": {"population": 1200}});
    let before = json!({"id": "s1", "name": "Harrow's Rest", "level": 2, "variables": {"population": 900}});
    let vars = Vars::from([("town".to_owned(), json!("s1")), ("limit".to_owned(), json!(1000))]);
    let view = EventView::new("settlement_updated", &payload, Some(&metadata))
        .in_room("campaign:c1")
        .with_entity(Some(&entity), Some(&before))
        .with_vars(&vars);
    let declared = ["town".to_owned(), "limit".to_owned()];
    Expr::parse_with(source, &declared).unwrap_or_else(|error| panic!("{error}")).matches(&view)
}

#[test]
fn every_part_of_an_event_can_be_matched() {
    for source in [
        "true",
        r#"type == "settlement_updated" && "level" in payload.changedFields"#,
        r#"type == "settlement_updated" && payload.operation != "delete" && metadata.seq > 6"#,
        r#"room == "campaign:c1""#,
        "entity.level > before.level",
        "entity.variables.population - before.variables.population == 300",
        "entity.variables.population > $limit && payload.settlementId == $town",
        r#"payload.changedFields.exists(f, f.startsWith("variables."))"#,
        r#"metadata.changes.exists(c, c.field == "level" && c.to > c.from)"#,
        "has(metadata.source) && !has(metadata.correlationId)",
        r#"payload["operation"] in ["create", "update"]"#,
        r#"type in ["structure_updated", "settlement_updated"] ? true : false"#,
        "size(payload.changedFields) == 2",
        "1.0 == 1 && 1 < 2.5",
    ] {
        assert_eq!(verdict(source), MatchResult::True, "{source}");
    }
}

#[test]
fn missing_value_makes_an_expression_false() {
    for source in [
        r#"metadata.correlationId == "x""#,
        r#"!(metadata.correlationId == "x")"#,
        "payload.elapsedSeconds > 3",
        "metadata.prev.settlement > 0",
        "entity.variables.gold > 3",
        r#"type == "structure_updated" && payload.structureId == "t""#,
    ] {
        assert_eq!(verdict(source), MatchResult::False, "{source}");
    }
    let payload = json!({"campaignId": "c"});
    let unknown_entity = EventView::new("world_time_changed", &payload, None);
    for source in ["entity.level > 3", "before.name != entity.name", "has(entity.level)", "entity.level + 1 > 2"] {
        assert_eq!(Expr::parse(source).unwrap().matches(&unknown_entity), MatchResult::False, "{source}");
    }
    assert!(Expr::parse("entity == null && room == null").unwrap().holds(&unknown_entity));
}

#[test]
fn type_error_at_run_time_is_reported() {
    let MatchResult::Error(message) = verdict("entity.variables.population.size() > 3") else { panic!("no error") };
    assert!(message.contains("size"), "{message}");
    let MatchResult::Error(message) = verdict("entity.variables.population") else { panic!("no error") };
    assert_eq!(message, "the expression is a number, not true or false");
}

#[test]
fn durations_and_dates_can_be_compared() {
    let payload = json!({"campaignId": "c", "previousTime": "1207-09-14T18:20:00.000Z",
        "newTime": "1207-09-15T00:20:00.000Z", "elapsedSeconds": 21600});
    let view = EventView::new("world_time_changed", &payload, None);
    for source in [
        "seconds(payload.elapsedSeconds) >= hours(6)",
        "seconds(payload.elapsedSeconds) < days(1)",
        r#"timestamp(payload.newTime) - timestamp(payload.previousTime) == duration("6h")"#,
        r#"seconds(payload.elapsedSeconds) == minutes(360)"#,
        r#"world_date(payload.newTime).day == 15 && world_date(payload.newTime).year == 1207"#,
        r#"world_date(payload.previousTime).month == "September""#,
    ] {
        assert_eq!(Expr::parse(source).unwrap().matches(&view), MatchResult::True, "{source}");
    }
    let bad = json!({"campaignId": "c", "newTime": "soon"});
    let verdict =
        Expr::parse("world_date(payload.newTime).day == 1").unwrap().matches(&EventView::new("x", &bad, None));
    assert!(matches!(verdict, MatchResult::Error(_)), "{verdict:?}");
}

#[test]
fn custom_event_payload_is_unchecked_once_its_type_is_named() {
    let payload = json!({"amount": 30, "by": {"name": "Ada"}});
    let view = EventView::new("invoice:paid", &payload, None);
    assert!(
        Expr::parse(r#"type == "invoice:paid" && payload.amount > 20 && payload.by.name == "Ada""#)
            .unwrap()
            .holds(&view)
    );
    assert!(Expr::parse("payload.amount > 20").is_err());
}

#[test]
fn a_value_can_be_taken_out_of_an_event() {
    let (payload, metadata) = settlement_event();
    let view = EventView::new("settlement_updated", &payload, Some(&metadata));
    let value = |source| Expr::value(source, &[]).unwrap().evaluate(&view);
    assert_eq!(value("payload.settlementId"), Ok(Some(json!("s1"))));
    assert_eq!(value("metadata.changes[0]"), Ok(Some(json!({"field": "level", "from": 2, "to": 3}))));
    assert_eq!(value("metadata.seq + 1"), Ok(Some(json!(8))));
    assert_eq!(value("metadata.correlationId"), Ok(None));
}

#[test]
fn invalid_expressions_are_refused_at_parse_time() {
    let sources = [
        r#"type == "settlement_updated" && payload.setlementId == "x""#,
        "payload.structurId == 'x'",
        r#"type == "settlement_updated" && payload.structureId == "x""#,
        r#"type == "settlment_updated""#,
        r#"payload.operation == "updated""#,
        r#"payload.operation == "rename""#,
        r#"type == "structure_updated" && "levl" in payload.changedFields"#,
        r#"metadata.sequence > 3"#,
        r#"metadata.prev.setlement > 3"#,
        r#"payload.elapsedSeconds > "3""#,
        r#"payload.elapsedSeconds == "3""#,
        r#""level" in payload.operation"#,
        r#"3 in payload.changedFields"#,
        "settlementId == 'x'",
        "typ == 'x'",
        "payload.operation",
        "payload.changedFields && true",
        "payload.operation.length() > 3",
        "payload.changedFields.exist(f, f == 'level')",
        "siz(payload.changedFields) > 1",
        "$tower == payload.structureId",
        "world_date(payload.newTime).moth == 'x'",
        r#"type == "settlement_updated" && type == "structure_updated""#,
        "type = 'x'",
        "(type == 'x'",
        "type == 'x' &",
        "type == 'x",
        "",
        "metadata.seq > 3 &&\n  payload.operatoin == \"update\"",
        "room == \"é\" && payload.operatoin == \"update\"",
        "payload[\"operatoin\"] == \"update\"",
        "has(payload.operatoin)",
        "payload.amount > 3",
    ];
    let told: Vec<String> = sources
        .iter()
        .map(|source| {
            Expr::parse(source).err().map_or_else(|| format!("no error: {source}"), |error| error.to_string())
        })
        .collect();
    insta::assert_snapshot!(told.join("\n\n"));
}

#[test]
fn narrowed_event_types_are_accepted() {
    for source in [
        r#"(type == "settlement_updated" || type == "structure_updated") && payload.settlementId == "x""#,
        r#"payload.structureId == "x" && type == "structure_updated""#,
        r#"type != "world_time_changed" || payload.elapsedSeconds > 3"#,
        r#"!(type == "settlement_updated") || payload.settlementId == "x""#,
        r#"type == "world_time_changed" ? payload.elapsedSeconds > 3 : payload.operation == "update""#,
        r#"type.startsWith("settlement")"#,
        r#"type == "weather:changed""#,
        r#""variables.gold" in payload.changedFields"#,
        r#"payload.entityType == "dragon""#,
        r#"entity.computed.defence.value > 3"#,
    ] {
        if let Err(error) = Expr::parse(source) {
            panic!("{error}");
        }
    }
}

#[test]
fn every_part_of_a_conjunction_is_explained() {
    let (payload, metadata) = settlement_event();
    let vars = Vars::from([("town".to_owned(), json!("s2"))]);
    let view = EventView::new("settlement_updated", &payload, Some(&metadata)).with_vars(&vars);
    let expr = Expr::parse_with(
        r#"type == "settlement_updated" && payload.settlementId == $town && metadata.causedBy != """#,
        &["town".to_owned()],
    )
    .unwrap();
    let clauses = expr.explain(&view);
    let verdicts: Vec<bool> = clauses.iter().map(|clause| clause.verdict == MatchResult::True).collect();
    assert_eq!(verdicts, [true, false, false]);
    assert_eq!(
        clauses[1].values,
        [("payload.settlementId".to_owned(), Some(json!("s1"))), ("$town".to_owned(), Some(json!("s2")))]
    );
    assert_eq!(clauses[2].values, [("metadata.causedBy".to_owned(), None)]);
}

#[test]
fn expression_reports_its_dependencies() {
    assert!(Expr::parse("before.level < entity.level").unwrap().uses_entities());
    assert!(!Expr::parse("payload.operation == 'update'").unwrap().uses_entities());
    let declared = ["a".to_owned()];
    assert_eq!(Expr::parse_with("room == $a || '$b' == room", &declared).unwrap().variables(), ["a"]);
}

/// Judges an event of another application, whose numbers come as they like.
fn judged(source: &str, payload: &Value) -> MatchResult {
    let source = format!("type == \"stock:updated\" && {source}");
    let expr = Expr::parse(&source).unwrap_or_else(|error| panic!("{error}"));
    expr.matches(&EventView::new("stock:updated", payload, None))
}

#[test]
fn integers_and_fractions_mix() {
    for amount in [json!(1310), json!(1310.0), json!(1310.5), json!(-3), json!(4_503_599_627_370_497_i64)] {
        let payload = json!({"amount": amount, "half": 0.5, "whole": 2});
        for source in [
            "payload.amount * 2 == payload.amount + payload.amount",
            "payload.amount * 1.5 != payload.amount",
            "payload.amount / 2 * 2 == payload.amount",
            "payload.amount - 0.5 < payload.amount",
            "payload.amount > -10 && payload.amount > -10.5",
            "-payload.amount < 10",
            "payload.amount % 2 >= 0",
            "payload.half + payload.half == 1 && payload.half + payload.half == 1.0",
            "payload.whole in [1.0, 2.0] && 2.0 in [payload.whole]",
            "[10, 20][payload.half * 2] == 20",
            "seconds(payload.half * 3) == duration(\"1500ms\") && hours(1.5) == minutes(90)",
        ] {
            assert_eq!(judged(source, &payload), MatchResult::True, "{source} with {amount}");
        }
    }
}

#[test]
fn division_matches_world_formulas() {
    let payload = json!({"five": 5, "zero": 0, "none": 0.0});
    for source in
        ["payload.five / 2 == 2.5", "6 / 3 == 2", "payload.five % 3 == 2", "-payload.five % 3 == 1", "5.5 % 2 == 1.5"]
    {
        assert_eq!(judged(source, &payload), MatchResult::True, "{source}");
    }
    for source in ["payload.five / payload.zero > 1", "payload.five % payload.none > 1", "1.5 / payload.zero > 1"] {
        assert_eq!(judged(source, &payload), MatchResult::Error("division by zero".to_owned()), "{source}");
    }
}

#[test]
fn large_whole_numbers_stay_exact() {
    let payload = json!({"id": 9_007_199_254_740_993_u64, "top": i64::MAX, "max": u64::MAX});
    for source in [
        "payload.id == 9007199254740993 && payload.id != 9007199254740992",
        "payload.id + 1 == 9007199254740994",
        "payload.top + 1 > payload.top && payload.top + 1 == 9223372036854775808u",
        "payload.max - 1 < payload.max && payload.max - payload.max == 0",
        // Beyond 64 bits a product is as exact as a fraction is.
        "payload.max * 2 > payload.max",
    ] {
        assert_eq!(judged(source, &payload), MatchResult::True, "{source}");
    }
}

#[test]
fn type_mismatch_is_explained() {
    let payload = json!({"amount": 3, "item": "salt"});
    let told = |source: &str| match judged(source, &payload) {
        MatchResult::Error(error) => error,
        verdict @ (MatchResult::True | MatchResult::False) => panic!("{source}: {verdict:?}"),
    };
    assert_eq!(told("payload.amount + payload.item == 3"), "“+” does not go with a number and a text");
    assert_eq!(told("payload.amount > payload.item"), "“>” does not go with a number and a text");
    assert_eq!(told("payload.item * 2 > 3"), "“*” does not go with a text and a number");
    assert_eq!(judged("payload.item + \"s\" == \"salts\"", &payload), MatchResult::True);
}

#[test]
fn literals_are_checked_before_any_event_has_come() {
    for (source, wanted) in [
        ("type.matches(\"[\")", "“[” is not a regular expression"),
        ("matches(type, \"(\")", "“(” is not a regular expression"),
        ("timestamp(\"nonsense\") < timestamp(payload.newTime)", "“nonsense” is not a time; write one like"),
        ("seconds(3) > duration(\"nonsense\")", "“nonsense” is not a duration; write one like 90s"),
        ("metadata.seq > int(\"many\")", "int cannot take “many”"),
        ("hours(\"3\") > seconds(1)", "hours"),
        ("world_date(\"soon\").day == 1", "soon"),
        ("timestamp(payload.newTime).getHours(\"Mars/Base\") == 1", "Mars/Base"),
        ("metadata.seq / 0 > 1", "division by zero"),
        ("metadata.seq % 0.0 > 1", "division by zero"),
        ("payload.changedFields.exists(payload, payload == \"x\")", "another name"),
    ] {
        let error = Expr::parse(source).err().unwrap_or_else(|| panic!("no error: {source}")).to_string();
        assert!(error.contains(wanted) && error.contains('^'), "{source}: {error}");
    }
    for source in [
        "type.matches(\"^[a-z]+$\")",
        "seconds(3) > duration(\"1h30m\")",
        "timestamp(\"2026-02-03T04:05:06Z\") < timestamp(payload.newTime)",
    ] {
        Expr::parse(source).unwrap_or_else(|error| panic!("{error}"));
    }
}

fn names() -> KnownNames {
    let mut names = KnownNames::default();
    names.learn(&json!({"__typename": "Settlement", "variables": {"unrest": 3, "treasury": 1310.5},
        "variableSchemas": {"unrest": {}}, "computed": {"defence": {"value": 3}}}));
    names.learn(&json!({"__typename": "Structure", "variables": {"garrison": 3}}));
    names
}

#[test]
fn names_of_variables_and_computed_values_are_checked_against_those_in_use() {
    for (source, wanted) in [
        ("entity.variables.unrst > 50", "did you mean “unrest”?"),
        ("before.variables[\"unrst\"] > 50", "did you mean “unrest”?"),
        (
            "entity.variables.mana > 50",
            "known are garrison, treasury, unrest; for one that may be added later write has(",
        ),
        ("entity.computed.defense.value > 50", "did you mean “defence”?"),
        ("type == \"structure_updated\" && entity.variables.unrest > 50", "known are garrison"),
        ("has(entity.variables.unrst) && entity.variables.unrst > 50", "\"unrst\" in entity.variables"),
        ("\"variables.unrst\" in payload.changedFields", "did you mean “variables.unrest”?"),
        ("metadata.changes.exists(c, c.field == \"variables.unrst\")", "did you mean “variables.unrest”?"),
    ] {
        let expr = Expr::parse(source).unwrap_or_else(|error| panic!("{error}"));
        let error = expr.bind(Some(&names())).err().unwrap_or_else(|| panic!("no error: {source}")).to_string();
        assert!(error.contains(wanted) && error.contains('^'), "{source}: {error}");
    }
    assert!(Expr::parse("entity.computed.defence.valeu > 50").is_err());
    for source in [
        "entity.variables.unrest > 50 || entity.variables.garrison > 3",
        "type == \"settlement_updated\" && entity.variables.treasury > 50",
        "has(entity.variables.mana) && entity.variables.mana > 50",
        "!has(entity.variables.mana) || entity.variables.mana > 50",
        "\"mana\" in entity.variables",
        "\"variables.treasury\" in payload.changedFields",
        "entity.computed.defence.value > entity.level",
        // Nothing is known of kings.
        "type == \"world_time_changed\" && entity.variables.anything > 1",
    ] {
        Expr::parse(source).unwrap().bind(Some(&names())).unwrap_or_else(|error| panic!("{error}"));
    }
}

#[test]
fn unknown_missing_value_is_an_error_unless_tested_with_has() {
    let (salt, nothing) = (json!({"amount": 3, "by": {"name": "Ada"}, "items": [{"sku": "a"}]}), json!({}));
    let judge = |source: &str, names: Option<&KnownNames>, name: &str, payload: &Value| {
        Expr::parse(source).unwrap().bind(names).unwrap().matches(&EventView::new(name, payload, None))
    };
    let is_error = |verdict: MatchResult| matches!(verdict, MatchResult::Error(_));
    for source in [
        "type == \"stock:updated\" && payload.amont > 2",
        "type == \"stock:updated\" && !(payload.amont > 2)",
        "type == \"stock:updated\" && payload.by.nam == \"Ada\"",
        "type == \"stock:updated\" && payload[\"amont\"] > 2",
        "type == \"stock:updated\" && payload.items.exists(i, i.sk == \"a\")",
        "type == \"stock:updated\" && payload.items[3].sku == \"a\"",
        "type == \"stock:updated\" && metadata.seq > 1",
    ] {
        assert!(is_error(judge(source, Some(&names()), "stock:updated", &salt)), "{source}");
        assert_eq!(judge(source, Some(&names()), "other", &salt), MatchResult::False, "{source}");
    }
    for source in [
        "type == \"stock:updated\" && has(payload.amount) && payload.amount > 2",
        "type == \"stock:updated\" && has(payload.by.name) && payload.by.name == \"Ada\"",
        "type == \"stock:updated\" && payload.items.exists(i, has(i.sku) && i.sku == \"a\")",
    ] {
        assert_eq!(judge(source, None, "stock:updated", &salt), MatchResult::True, "{source}");
        assert!(
            matches!(judge(source, None, "stock:updated", &nothing), MatchResult::False | MatchResult::Error(_)),
            "{source}"
        );
    }
    let guarded = "type == \"stock:updated\" && has(payload.by.name) && payload.by.name == \"Ada\"";
    assert_eq!(judge(guarded, None, "stock:updated", &nothing), MatchResult::False);
    // What the five lack is no mistake, and an entity is unknown now and then; but not where none can be asked for.
    let clock = json!({"campaignId": "c"});
    for source in ["payload.elapsedSeconds > 3", "metadata.correlationId == \"x\"", "entity.variables.unrest > 3"] {
        assert_eq!(judge(source, Some(&names()), "world_time_changed", &clock), MatchResult::False, "{source}");
    }
    assert!(is_error(judge("entity.level > 3", None, "world_time_changed", &clock)));
    assert_eq!(judge("has(entity.level) && entity.level > 3", None, "world_time_changed", &clock), MatchResult::False);
}

/// The bound is far above what a debug build needs (about 8 µs) and far below what a rebuilt context would.
#[test]
fn a_filter_is_fast() {
    let (payload, metadata) = settlement_event();
    let view = EventView::new("settlement_updated", &payload, Some(&metadata));
    let expr = Expr::parse(r#"type == "settlement_updated" && "level" in payload.changedFields"#).unwrap();
    let started = Instant::now();
    let held = (0..20_000).filter(|_| expr.holds(&view)).count();
    assert_eq!(held, 20_000);
    let each = started.elapsed() / 20_000;
    assert!(each.as_micros() < 200, "{each:?} each");
}

proptest! {
    #[test]
    fn no_text_panics_the_parser(source in "\\PC{0,60}") {
        if let Err(error) = Expr::parse(&source) {
            prop_assert!(!error.to_string().is_empty());
        }
    }

    #[test]
    fn no_expression_like_text_panics_the_parser(
        words in prop::collection::vec(prop::sample::select(vec![
            "type", "payload", ".", "operation", "==", "\"update\"", "&&", "||", "!", "(", ")", "[", "]", "in", "$x", "1", "-",
            "exists", "f", ",", "'", "é", "has", "null", "?", ":", "{", "}", "entity", "<",
        ]), 0..14),
    ) {
        let source = words.join(" ");
        if let Ok(expr) = Expr::parse_with(&source, &["x".to_owned()]) {
            let (payload, metadata) = settlement_event();
            let view = EventView::new("settlement_updated", &payload, Some(&metadata));
            let _ = expr.matches(&view);
            let _ = expr.explain(&view);
        }
    }
}
