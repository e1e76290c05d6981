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

fn verdict(source: &str) -> Verdict {
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
fn an_event_is_looked_at_from_every_side() {
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
        assert_eq!(verdict(source), Verdict::True, "{source}");
    }
}

#[test]
fn what_is_missing_makes_an_expression_false() {
    for source in [
        r#"metadata.correlationId == "x""#,
        r#"!(metadata.correlationId == "x")"#,
        "payload.elapsedSeconds > 3",
        "metadata.prev.settlement > 0",
        "entity.variables.gold > 3",
        r#"type == "structure_updated" && payload.structureId == "t""#,
    ] {
        assert_eq!(verdict(source), Verdict::False, "{source}");
    }
    let payload = json!({"campaignId": "c"});
    let unknown_entity = EventView::new("world_time_changed", &payload, None);
    for source in ["entity.level > 3", "before.name != entity.name", "has(entity.level)", "entity.level + 1 > 2"] {
        assert_eq!(Expr::parse(source).unwrap().matches(&unknown_entity), Verdict::False, "{source}");
    }
    assert!(Expr::parse("entity == null && room == null").unwrap().holds(&unknown_entity));
}

#[test]
fn a_mistake_of_types_that_shows_only_at_run_time_is_told() {
    let Verdict::Error(message) = verdict("entity.variables.population.size() > 3") else { panic!("no error") };
    assert!(message.contains("size"), "{message}");
    let Verdict::Error(message) = verdict("entity.variables.population") else { panic!("no error") };
    assert!(message.contains("int"), "{message}");
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
        assert_eq!(Expr::parse(source).unwrap().matches(&view), Verdict::True, "{source}");
    }
    let bad = json!({"campaignId": "c", "newTime": "soon"});
    let verdict =
        Expr::parse("world_date(payload.newTime).day == 1").unwrap().matches(&EventView::new("x", &bad, None));
    assert!(matches!(verdict, Verdict::Error(_)), "{verdict:?}");
}

#[test]
fn the_payload_of_another_event_is_free_once_its_type_is_named() {
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
fn mistakes_are_found_at_the_start() {
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
fn what_is_right_for_the_events_that_are_left_is_accepted() {
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
    let verdicts: Vec<bool> = clauses.iter().map(|clause| clause.verdict == Verdict::True).collect();
    assert_eq!(verdicts, [true, false, false]);
    assert_eq!(
        clauses[1].values,
        [("payload.settlementId".to_owned(), Some(json!("s1"))), ("$town".to_owned(), Some(json!("s2")))]
    );
    assert_eq!(clauses[2].values, [("metadata.causedBy".to_owned(), None)]);
}

#[test]
fn an_expression_knows_what_it_needs() {
    assert!(Expr::parse("before.level < entity.level").unwrap().looks_at_entities());
    assert!(!Expr::parse("payload.operation == 'update'").unwrap().looks_at_entities());
    let declared = ["a".to_owned()];
    assert_eq!(Expr::parse_with("room == $a || '$b' == room", &declared).unwrap().variables(), ["a"]);
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
    fn no_text_breaks_the_parser(source in "\\PC{0,60}") {
        if let Err(error) = Expr::parse(&source) {
            prop_assert!(!error.to_string().is_empty());
        }
    }

    #[test]
    fn no_expression_like_text_breaks_the_parser(
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
