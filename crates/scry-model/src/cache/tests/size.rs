//! How much a campaign takes: counted in bytes, each piece once however many share it.

use std::collections::BTreeSet;
use std::sync::Arc;

use scry_text::json::Json;

use super::*;

/// Returns a settlement with all that a real world's rules say of one; hardly two have the same values.
fn town(number: usize) -> Value {
    let (towers, walls, level, treasury) = (number % 7, number % 13, number % 9 + 1, number * 37 % 5_000);
    let (defence, morale) = (towers * 4 + walls, ["low", "steady", "high"][number % 3]);
    json!({
        "__typename": "Settlement", "id": format!("01970000-0000-7000-8000-{number:012x}"), "campaignId": "c",
        "name": format!("Market Town {number}"), "version": number, "createdAt": "2026-01-01T00:00:00.000Z",
        "updatedAt": format!("2026-01-01T00:{:02}:{:02}.{:03}Z", number / 60 % 60, number % 60, number % 1_000),
        "kingdomId": "01970000-0000-7000-8000-00000000000k", "level": level,
        "description": format!("A walled market town where the road meets the river, {number} miles from the coast."),
        "variables": {"population": number * 11 % 9_000, "morale": morale,
            "treasury": treasury, "food": number % 365, "towers": towers, "walls": walls,
            "ruler": format!("Osric the {number}th"), "trade": ["barley", "wool"], "besieged": number.is_multiple_of(5),
            "unrest": number % 100},
        "variableSchemas": {
            "population": {"type": "number", "label": "Population", "unit": "souls", "min": 0, "max": 20000},
            "morale": {"type": "choice", "label": "Morale", "values": ["broken", "low", "steady", "high", "jubilant"]},
            "treasury": {"type": "number", "label": "Treasury", "unit": "gp", "min": 0, "max": 50000},
            "food": {"type": "number", "label": "Food stores", "unit": "days", "min": 0, "max": 365,
                "description": "How long the town eats if the gates are shut today."},
            "towers": {"type": "number", "label": "Towers", "min": 0, "max": 12},
            "walls": {"type": "number", "label": "Walls", "min": 0, "max": 20,
                "description": "From 0, open fields, to 20, a fortress no army has taken."},
            "ruler": {"type": "text", "label": "Ruler"}, "trade": {"type": "list", "label": "Trade goods"},
            "besieged": {"type": "flag", "label": "Besieged"},
            "unrest": {"type": "number", "label": "Unrest", "unit": "%", "min": 0, "max": 100, "secret": true,
                "description": "How near the town is to a riot. Players see morale, not this."}},
        "computed": {
            "defence": {"value": defence, "formula": "towers * 4 + walls", "dependsOnTime": false},
            "upkeep": {"value": number % 90, "formula": "sum(structures.upkeep)", "unit": "gp a month",
                "dependsOnTime": false},
            "income": {"value": number * 11 % 900, "formula": "round(population * level / 100)", "unit": "gp a month",
                "dependsOnTime": false},
            "upkeepDue": {"value": "1207-10-01T00:00:00.000Z", "formula": "first_of_next_month()",
                "dependsOnTime": true}},
        "conditions": [
            {"name": "provisioned", "holds": true, "expression": "food >= 30 && !besieged",
                "because": format!("The stores last {} days; thirty are needed, and an open road.", number % 365)},
            {"name": "defended", "holds": defence >= level * 3, "expression": "defence >= level * 3",
                "because": format!("Defence is {defence}: {towers} towers and walls of {walls}.")},
            {"name": "solvent", "holds": true, "expression": "treasury >= upkeep", "because":
                format!("The treasury holds {treasury} gp against an upkeep of {} gp a month.", number % 90)}],
    })
}

/// Counts what a value takes beside itself; what has been `seen` is paid for already.
fn weight(value: &Json, seen: &mut BTreeSet<usize>) -> usize {
    const ARC_COUNTER_BYTES: usize = 2 * size_of::<usize>();
    let mut new = |address: usize| seen.insert(address);
    match value {
        Json::Null | Json::Bool(_) | Json::Number(_) => 0,
        Json::Text(text) => {
            if new(Arc::as_ptr(text).addr()) {
                ARC_COUNTER_BYTES + text.len()
            } else {
                0
            }
        }
        Json::List(items) => {
            let own =
                if new(Arc::as_ptr(items).addr()) { ARC_COUNTER_BYTES + size_of_val(&**items) } else { return 0 };
            own + items.iter().map(|item| weight(item, seen)).sum::<usize>()
        }
        Json::Object(object) => {
            let own = ARC_COUNTER_BYTES + size_of_val(&**object) + object.len() * size_of::<Json>();
            if !new(Arc::as_ptr(object).addr()) {
                return 0;
            }
            own + object.iter().map(|(_, item)| weight(item, seen)).sum::<usize>()
        }
    }
}

fn each(count: usize, node: impl Fn(usize) -> Value) -> usize {
    let nodes = json::intern_all(&(0..count).map(node).collect::<Vec<_>>());
    let mut cache = Cache::default();
    cache.snapshot(Snapshot { campaign_id: id("c"), position: None, nodes }, at());
    assert_eq!(cache.len(), count);
    let mut seen = BTreeSet::new();
    let values = cache.entities.values().map(|entity| {
        size_of_val(entity) + size_of::<EntityRef>() + weight(&Json::Object(Arc::clone(&entity.fields)), &mut seen)
    });
    values.sum::<usize>() / count
}

#[test]
fn ten_thousand_settlements_fit_into_the_memory_budget() {
    // A tree of serde_json's values takes more than 30 KB for one of these.
    let each = each(2_000, town);
    assert!(each < 2_600, "{each} bytes for a settlement");
}

#[test]
fn latest_changes_take_only_the_size_of_their_values() {
    assert!(size_of::<Json>() <= 24 && size_of::<LatestChange>() <= 80, "{}", size_of::<LatestChange>());
    assert!(size_of::<Entity>() <= 192, "{}", size_of::<Entity>());
}
