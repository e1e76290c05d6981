//! Where a value comes from: its rule with the values in it, who changed it, and what led to that.

use scry_model::cache::Entity;
use scry_text as text;
use scry_text::json::Json;

use super::value::say;
use super::{App, inspector};

/// How many of the journal's latest rows are looked through for the change.
const MAX_ROWS_SEARCHED: usize = 5_000;

/// Explains a field by its dotted name, one sentence a line.
#[must_use]
pub(super) fn field(app: &App, entity: &Entity, name: &str) -> Vec<String> {
    let (table, key) = name.split_once('.').unwrap_or(("", name));
    let mut lines = match table {
        "variables" => schema(entity, key),
        "computed" => computed(entity, key),
        "conditions" => condition(entity, key),
        _ => Vec::new(),
    };
    lines.extend(change(app, entity, name));
    if lines.is_empty() {
        lines.push("no change of it is in the journal, and no rule computes it".to_owned());
    }
    lines
}

fn schema(entity: &Entity, key: &str) -> Vec<String> {
    let schema = entity.field("variableSchemas").and_then(|schemas| schemas.get(key));
    let said = |what: &str| schema.and_then(|schema| schema.get(what)).and_then(Json::as_str).map(text::line);
    let kind = said("type").map(|kind| format!("a variable of type {kind}"));
    [said("description").map(|text| text.into_owned()), kind].into_iter().flatten().collect()
}

fn computed(entity: &Entity, key: &str) -> Vec<String> {
    let Some(rule) = entity.field("computed").and_then(|computed| computed.get(key)) else { return Vec::new() };
    let said = |what: &str| rule.get(what).and_then(Json::as_str).map(text::line);
    let mut lines = Vec::new();
    if let Some(formula) = said("formula") {
        lines.push(format!("= {formula}{}", values(entity, &formula)));
    }
    lines.extend(said("reason").map(|reason| format!("cannot be computed: {reason}")));
    if rule.get("dependsOnTime").and_then(Json::as_bool) == Some(true) {
        lines.push("follows the campaign's clock".to_owned());
    }
    lines
}

fn condition(entity: &Entity, key: &str) -> Vec<String> {
    let conditions = entity.field("conditions").and_then(Json::as_array).into_iter().flatten();
    let mut named = conditions.filter(|condition| condition.get("name").and_then(Json::as_str) == Some(key));
    let Some(condition) = named.next() else { return Vec::new() };
    let said = |what: &str| condition.get(what).and_then(Json::as_str).map(text::line);
    let rule = said("expression").map(|rule| format!("holds if {rule}{}", values(entity, &rule)));
    let because = said("because").map(|because| format!("because {because}"));
    rule.into_iter().chain(because).collect()
}

/// Returns the values of the names in a rule: `, with towers 2, walls 4`.
fn values(entity: &Entity, rule: &str) -> String {
    let mut known: Vec<(&str, String)> = Vec::new();
    for name in rule.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|name| !name.is_empty()) {
        let variable = entity.field("variables").and_then(|variables| variables.get(name));
        let computed = || entity.field("computed")?.get(name)?.get("value");
        let own = || entity.field(name).filter(|value| value.is_number());
        if let Some(value) = variable.or_else(computed).or_else(own)
            && !known.iter().any(|(known, _)| *known == name)
        {
            known.push((name, say(value)));
        }
    }
    let said: Vec<_> = known.into_iter().map(|(name, value)| format!("{name} {value}")).collect();
    if said.is_empty() { String::new() } else { format!(", with {}", said.join(", ")) }
}

/// Returns who changed a field last, and the events that led to it.
fn change(app: &App, entity: &Entity, name: &str) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(change) = entity.changes.get(name) {
        let who = change.by.as_ref().map(|id| app.cache().user_name(id).unwrap_or(id.as_str()));
        let from = change.from.as_ref().map(|from| from.get("value").unwrap_or(from)).filter(|from| !from.is_object());
        let from = from.map(|from| format!(" from {}", say(from))).unwrap_or_default();
        let by = who.map(|who| format!(" by {who}")).unwrap_or_default();
        let at = change.at.to_zoned(app.zone().clone()).strftime("%Y-%m-%d %H:%M:%S");
        lines.push(format!("changed{from}{by} at {at}"));
    }
    let names = |entry: &&super::entry::JournalItem| {
        let fields = entry.record.iter().flat_map(|record| &record.fields);
        entry.subject.as_ref() == Some(&entity.key) && fields.into_iter().any(|held| &*held.field == name)
    };
    let entries: Vec<_> = app.journal().latest(MAX_ROWS_SEARCHED).collect();
    if let Some(entry) = entries.into_iter().rev().find(names) {
        lines.extend(inspector::reasons(app, entry).into_iter().map(|cause| format!("because of {cause}")));
        let seq = entry.seq.map(|seq| format!("#{seq}")).unwrap_or_default();
        lines.push(format!("it is event {seq} of the journal; enter there inspects it"));
    }
    lines
}
