use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn read(text: &str) -> Json {
    serde_json::from_str(text).unwrap()
}

#[test]
fn repeated_values_are_interned() {
    let town = |id: &str, morale: &str| {
        json!({"id": id, "variables": {"morale": morale, "gold": 18},
            "variableSchemas": {"gold": {"type": "number", "unit": "gp"}}, "conditions": [{"holds": true}]})
    };
    let towns = Json::from(json!([town("a", "high"), town("b", "high"), town("c", "low")]));
    let [first, second, third] = towns.as_array().unwrap() else { panic!("{towns}") };
    let place = |town: &Json, key: &str| match town.get(key).unwrap() {
        Json::Object(object) => Arc::as_ptr(object).addr(),
        Json::List(items) => Arc::as_ptr(items).addr(),
        other @ (Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_)) => panic!("{other}"),
    };
    for key in ["variables", "variableSchemas", "conditions"] {
        assert_eq!(place(first, key), place(second, key), "{key}");
    }
    assert_ne!(place(first, "variables"), place(third, "variables"));
    assert_eq!(place(first, "variableSchemas"), place(third, "variableSchemas"));
    let shape = |town: &Json| Arc::as_ptr(town.as_object().unwrap().shape());
    assert_eq!(shape(first), shape(third), "its keys are the others'");
}

#[test]
fn equal_parts_are_shared_with_the_old_value() {
    let old = read(r#"{"level": 3, "schemas": {"gold": {"unit": "gp"}}, "rules": [{"formula": "a + b", "value": 1}]}"#);
    let new = read(r#"{"level": 4, "schemas": {"gold": {"unit": "gp"}}, "rules": [{"formula": "a + b", "value": 2}]}"#);
    let shared = new.sharing(&old);
    assert_eq!(shared, new);
    let same = |key: &str| match (shared.get(key), old.get(key)) {
        (Some(Json::Object(new)), Some(Json::Object(old))) => Arc::ptr_eq(new, old),
        other => panic!("{other:?}"),
    };
    assert!(same("schemas"));
    let formula = |json: &Json| match json.get("rules").and_then(|rules| rules.as_array()?.first()?.get("formula")) {
        Some(Json::Text(text)) => Arc::as_ptr(text),
        other => panic!("{other:?}"),
    };
    assert_eq!(formula(&shared), formula(&old));
}

#[test]
fn texts_are_made_safe_on_entry() {
    let json = read("{\"a\\u001b\": [\"\\u202ex\", \"one\\ntwo\", 1, null], \"b\\nc\": true}");
    assert_eq!(json, json!({"a�": ["x", "one\ntwo", 1, null], "b c": true}));
    assert_eq!(Json::from(json!({"\u{1b}": "\u{9b}"})), json!({"�": "�"}));
}

#[test]
fn last_value_of_a_repeated_key_wins() {
    let text = r#"{"a": 1, "b": 2, "a": 3}"#;
    assert_eq!(read(text), serde_json::from_str::<Value>(text).unwrap());
    assert_eq!(read(text).to_string(), r#"{"a":3,"b":2}"#);
    // What makes keys safe may make two of them one.
    assert_eq!(read("{\"a\\u200b\": 1, \"a\": 2}"), json!({"a": 2}));
}

#[test]
fn an_object_is_changed_by_making_another() {
    let json = read(r#"{"b": 1, "a": 2}"#);
    let object = json.as_object().unwrap();
    assert_eq!(Json::Object(object.with("a", Some(Json::Bool(true))).into()).to_string(), r#"{"b":1,"a":true}"#);
    assert_eq!(Json::Object(object.with("c", Some(Json::Null)).into()).to_string(), r#"{"b":1,"a":2,"c":null}"#);
    assert_eq!(Json::Object(object.with("b", None).into()).to_string(), r#"{"a":2}"#);
    assert_eq!(json, json!({"a": 2, "b": 1}), "and the first is as it was");
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-zé砦]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec(("[a-d]{1,2}", inner), 0..6)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn json_round_trips_without_loss(value in values(), other in values()) {
        let json = Json::from(&value);
        prop_assert!(json == value);
        prop_assert_eq!(&Value::from(&json), &value);
        prop_assert_eq!(json.to_string(), value.to_string());
        let text = value.to_string();
        prop_assert!(read(&text) == serde_json::from_str::<Value>(&text).unwrap());
        let other = Json::from(&other);
        prop_assert_eq!(json.sharing(&other), json);
    }

    #[test]
    fn every_key_is_found(keys in prop::collection::btree_set("[a-z]{1,3}", 0..80)) {
        let value: Value = Value::Object(keys.iter().map(|key| (key.clone(), key.clone().into())).collect());
        let json = Json::from(&value);
        let object = json.as_object().unwrap();
        prop_assert!(keys.iter().all(|key| object.get(key).and_then(Json::as_str) == Some(key)));
        prop_assert!(object.get("0").is_none() && !object.contains_key(""));
        prop_assert_eq!(object.keys().collect::<Vec<_>>(), keys.iter().collect::<Vec<_>>());
    }
}
