//! The Detail pane's content: every field of an entity, as rows that say what they mean.

mod position;

use std::collections::BTreeMap;

use jiff::Timestamp;
pub(crate) use position::DetailPosition;

use scry_model::cache::{Entity, LatestChange};
use scry_protocol::{EntityRef, EntityType, Id};
use scry_text as text;
use scry_text::json::{Json, Object};

use super::clock::Clock;
use super::entry::JournalItem;
use super::journal::JournalView;
use super::merged_view::MergedView;
use super::pending::PendingMark;
use super::privacy::{HIDDEN_TEXT, SecretFields};
use super::value::{self, Direction, direction, label, say};

/// Fields that have a place of their own, or say nothing to a person.
const HIDDEN_FIELDS: [&str; 20] = [
    "__typename",
    "id",
    "campaignId",
    "kingdomId",
    "settlementId",
    "locationId",
    "userId",
    "name",
    "version",
    "createdAt",
    "updatedAt",
    "description",
    "variables",
    "variableSchemas",
    "computed",
    "conditions",
    "calendar",
    "position",
    "worldTime",
    "myRole",
];

/// How many of the journal's latest entries are looked through for earlier values.
const MAX_ROWS_SEARCHED: usize = 3_000;

/// A row of the Detail pane.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum DetailRow {
    Blank,
    Heading(&'static str),
    /// Prose, to be wrapped.
    Text(String),
    /// A line of what explains the row above.
    Why(String),
    Field(DetailField),
    Condition {
        /// The name in the data, and the one that is shown.
        key: String,
        name: String,
        holds: bool,
        because: String,
        /// When it began or ceased to hold, where that is the latest that changed about conditions here.
        change: Option<DetailChange>,
        stale: bool,
    },
}

impl DetailRow {
    /// Returns the dotted name of the field that the row shows.
    #[must_use]
    pub(crate) fn field(&self) -> Option<&str> {
        match self {
            Self::Field(field) => Some(field.name.as_str()).filter(|name| !name.is_empty()),
            Self::Condition { key, .. } => Some(key),
            Self::Blank | Self::Heading(_) | Self::Text(_) | Self::Why(_) => None,
        }
    }

    /// Returns the latest change of what the row shows.
    #[must_use]
    pub(crate) const fn change(&self) -> Option<&DetailChange> {
        match self {
            Self::Field(DetailField { change, .. }) | Self::Condition { change, .. } => change.as_ref(),
            Self::Blank | Self::Heading(_) | Self::Text(_) | Self::Why(_) => None,
        }
    }
}

/// A value.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct DetailField {
    /// The dotted name in the data; empty where there is no such field, or it is hidden.
    pub name: String,
    pub label: String,
    pub value: String,
    /// Whether the value is a number, and aligns as one.
    pub numeric: bool,
    pub unit: String,
    /// What else there is to know: a range, a formula.
    pub note: String,
    pub change: Option<DetailChange>,
    pub stale: bool,
    /// The values a number had, the latest last.
    pub past: Vec<f64>,
    /// How far the person's own edit of it has come, while that is what is shown.
    pub mark: Option<PendingMark>,
}

/// The latest change of a value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DetailChange {
    pub direction: Direction,
    /// The value before, if it was known.
    pub from: Option<String>,
    pub who: String,
    pub at: Timestamp,
}

/// The sources that rows are made from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DetailSource<'a> {
    pub seen: MergedView<'a>,
    pub clock: &'a Clock,
    pub series: &'a ValueSeries,
    /// What stays hidden.
    pub secrets: &'a SecretFields,
}

/// The values that numeric fields had, by dotted name, the latest last.
pub(crate) type ValueSeries = BTreeMap<Box<str>, Vec<f64>>;

/// Gathers from the journal which values an entity's numeric fields had.
#[must_use]
pub(crate) fn series(entity: &Entity, journal: &JournalView) -> ValueSeries {
    let about = |entry: &&JournalItem| entry.subject.as_ref() == Some(&entity.key);
    let recent = journal.latest(MAX_ROWS_SEARCHED).filter(about).filter_map(|entry| entry.record.as_ref());
    let mut series = ValueSeries::new();
    for held in recent.flat_map(|record| &record.fields) {
        let number =
            |value: &Option<Json>| value.as_ref().and_then(|value| value.get("value").unwrap_or(value).as_f64());
        let Some(after) = number(&held.after) else { continue };
        let values = series.entry(held.field.clone()).or_default();
        if values.is_empty() {
            values.extend(number(&held.before));
        }
        values.push(after);
    }
    series
}

/// Returns the rows of an entity, in full.
#[must_use]
pub(crate) fn rows(entity: &Entity, known: &DetailSource<'_>) -> Vec<DetailRow> {
    let view =
        DetailView { entity, seen: known.seen, clock: known.clock, series: known.series, secrets: known.secrets };
    let mut rows = view.own_fields();
    if let Some(description) = entity.field("description").and_then(Json::as_str).filter(|text| !text.is_empty()) {
        rows.extend([DetailRow::Blank, DetailRow::Text(text::block(description).into_owned())]);
    }
    section(&mut rows, "Variables", view.variables());
    section(&mut rows, "Computed", view.computed());
    section(&mut rows, "Conditions", view.conditions());
    section(&mut rows, "Holds", view.contents());
    rows
}

fn section(rows: &mut Vec<DetailRow>, heading: &'static str, content: Vec<DetailRow>) {
    if !content.is_empty() {
        rows.extend([DetailRow::Blank, DetailRow::Heading(heading)]);
        rows.extend(content);
    }
}

struct DetailView<'a> {
    entity: &'a Entity,
    seen: MergedView<'a>,
    clock: &'a Clock,
    series: &'a ValueSeries,
    secrets: &'a SecretFields,
}

impl DetailView<'_> {
    /// Returns the values a field had, where there are enough to see how it went.
    fn past(&self, name: &str) -> Vec<f64> {
        self.series.get(name).filter(|values| values.len() > 2).cloned().unwrap_or_default()
    }

    fn own_fields(&self) -> Vec<DetailRow> {
        let mut rows = Vec::new();
        if let Some(time) = self.entity.field("worldTime").and_then(Json::as_str) {
            rows.push(self.field("worldTime", "World time", text::line(&self.clock.long(time)).into_owned()));
        }
        for (name, value) in self.entity.fields.iter().filter(|(name, _)| !HIDDEN_FIELDS.contains(name)) {
            rows.push(self.plain(name, value));
        }
        for (name, id_field, kind) in [
            ("Kingdom", "kingdomId", EntityType::Kingdom),
            ("Settlement", "settlementId", EntityType::Settlement),
            ("Location", "locationId", EntityType::Location),
        ] {
            if let Some(id) = self.entity.field(id_field).and_then(Json::as_str) {
                let found = Id::parse(id).ok().and_then(|id| self.seen.cache.get(&EntityRef::new(kind, id)));
                let said = found.map_or_else(|| text::line(id).into_owned(), |entity| entity.name.to_string());
                rows.push(self.field(id_field, name, said));
            }
        }
        if let Some(role) = self.entity.field("myRole").and_then(Json::as_str) {
            rows.push(self.field("myRole", "Your role", text::line(role).to_lowercase()));
        }
        rows
    }

    fn plain(&self, name: &str, value: &Json) -> DetailRow {
        DetailRow::Field(DetailField { numeric: value.is_number(), ..self.described(name, &label(name), say(value)) })
    }

    fn field(&self, name: &str, label: &str, value: String) -> DetailRow {
        DetailRow::Field(self.described(name, label, value))
    }

    fn described(&self, name: &str, label: &str, value: String) -> DetailField {
        DetailField {
            name: name.to_owned(),
            label: label.to_owned(),
            value,
            change: self.change(name),
            stale: self.entity.is_field_stale(name),
            past: self.past(name),
            mark: self.mark(name),
            ..DetailField::default()
        }
    }

    fn mark(&self, name: &str) -> Option<PendingMark> {
        self.seen.pending.mark(&self.entity.key, name)
    }

    fn change(&self, name: &str) -> Option<DetailChange> {
        let LatestChange { from, at, by, .. } = self.entity.changes.get(name)?;
        let now = self.entity.field(name);
        let unwrap = |value: &Json| value.get("value").unwrap_or(value).clone();
        let (from, to) = (from.as_ref().map(unwrap), now.map(unwrap));
        let words = |value: &Json| match value.as_str() {
            Some(time) if name == "worldTime" => text::line(&self.clock.long(time)).into_owned(),
            Some(_) | None => say(value),
        };
        let who = by.as_ref().map(|id| self.seen.cache.user_name(id).unwrap_or(id.as_str()).to_owned());
        Some(DetailChange {
            direction: direction(from.as_ref(), to.as_ref()),
            from: from.as_ref().filter(|value| !value.is_object()).map(words),
            who: who.unwrap_or_default(),
            at: *at,
        })
    }

    fn object(&self, name: &str) -> Option<&Object> {
        self.entity.field(name).and_then(Json::as_object).filter(|map| !map.is_empty())
    }

    fn variables(&self) -> Vec<DetailRow> {
        let nothing = Object::default();
        let values = self.object("variables").unwrap_or(&nothing);
        let schemas = self.object("variableSchemas").unwrap_or(&nothing);
        // The schemas say what there is and in which order; values without one come after.
        let described = schemas.keys();
        let bare = values.keys().filter(|key| !schemas.contains_key(key));
        described
            .chain(bare)
            .map(|key| self.variable(key, values.get(key).unwrap_or(&Json::Null), schemas.get(key)))
            .collect()
    }

    fn variable(&self, key: &str, value: &Json, schema: Option<&Json>) -> DetailRow {
        let name = format!("variables.{key}");
        let named = || schema.and_then(|schema| schema.get("label")).and_then(Json::as_str).map(text::line);
        if self.secrets.hide(&name) {
            let label = named().map_or_else(|| label(key), |label| label.into_owned());
            return DetailRow::Field(DetailField { label, value: HIDDEN_TEXT.to_owned(), ..DetailField::default() });
        }
        let said = |what: &str| schema.and_then(|schema| schema.get(what)).and_then(Json::as_str).map(text::line);
        DetailRow::Field(DetailField {
            label: said("label").map_or_else(|| label(key), |label| label.into_owned()),
            value: say(value),
            numeric: value.is_number(),
            unit: said("unit").map(|unit| unit.into_owned()).unwrap_or_default(),
            note: schema.map(range).unwrap_or_default(),
            change: self.change(&name),
            stale: self.entity.is_field_stale(&name),
            past: self.past(&name),
            mark: self.mark(&name),
            name,
        })
    }

    fn computed(&self) -> Vec<DetailRow> {
        let rows = self.object("computed").into_iter().flat_map(Object::iter).map(|(key, rule)| {
            let name = format!("computed.{key}");
            let value = rule.get("value").unwrap_or(rule);
            let said = |what: &str| rule.get(what).and_then(Json::as_str).map(text::line);
            if self.secrets.hide(&name) {
                return DetailRow::Field(DetailField {
                    label: label(key),
                    value: HIDDEN_TEXT.to_owned(),
                    ..DetailField::default()
                });
            }
            DetailRow::Field(DetailField {
                label: label(key),
                value: say(value),
                numeric: value.is_number(),
                unit: said("unit").map(|unit| unit.into_owned()).unwrap_or_default(),
                note: said("formula").map(|formula| format!("= {formula}")).unwrap_or_default(),
                change: self.change(&name),
                stale: self.entity.is_field_stale(&name),
                past: self.past(&name),
                mark: None,
                name,
            })
        });
        rows.collect()
    }

    fn conditions(&self) -> Vec<DetailRow> {
        let conditions = self.entity.field("conditions").and_then(Json::as_array).into_iter().flatten();
        let stale = self.entity.is_field_stale("conditions");
        let rows = conditions.filter_map(|condition| {
            let said = |what: &str| condition.get(what).and_then(Json::as_str).map(text::line);
            let key = format!("conditions.{}", said("name")?);
            if self.secrets.hide(&key) {
                let label = label(&key);
                return Some(DetailRow::Field(DetailField {
                    label,
                    value: HIDDEN_TEXT.to_owned(),
                    ..DetailField::default()
                }));
            }
            let holds = condition.get("holds").and_then(Json::as_bool).unwrap_or_default();
            Some(DetailRow::Condition {
                name: label(&key),
                change: self.turned(condition.get("name"), holds),
                key,
                holds,
                because: said("because").or_else(|| said("expression")).map(|why| why.into_owned()).unwrap_or_default(),
                stale,
            })
        });
        rows.collect()
    }

    /// Returns who made a condition hold or cease to hold, and when.
    fn turned(&self, name: Option<&Json>, holds: bool) -> Option<DetailChange> {
        let change = self.change("conditions")?;
        let before = self.entity.changes.get("conditions")?.from.as_ref()?.as_array()?;
        let before = before.iter().find(|condition| condition.get("name") == name)?;
        let held = before.get("holds").and_then(Json::as_bool)?;
        // There are only two ways to be: the one before goes without saying.
        (held != holds).then_some(DetailChange { from: None, ..change })
    }

    fn contents(&self) -> Vec<DetailRow> {
        let inside = match self.entity.key.entity_type {
            EntityType::Campaign => {
                vec![EntityType::Kingdom, EntityType::Location, EntityType::Encounter, EntityType::Member]
            }
            EntityType::Kingdom => vec![EntityType::Settlement],
            EntityType::Settlement => vec![EntityType::Structure],
            EntityType::Structure
            | EntityType::Location
            | EntityType::Encounter
            | EntityType::Member
            | EntityType::Other(_) => Vec::new(),
        };
        let count = |kind: &EntityType| {
            let names: Vec<_> =
                self.seen.children(&self.entity.key.id, kind).iter().map(|e| e.name.to_string()).collect();
            (!names.is_empty()).then(|| {
                DetailRow::Field(DetailField {
                    label: plural(kind).to_owned(),
                    value: names.len().to_string(),
                    numeric: true,
                    note: names.join(", "),
                    ..DetailField::default()
                })
            })
        };
        inside.iter().filter_map(count).collect()
    }
}

/// Returns the heading for everything of one type.
#[must_use]
pub(crate) fn plural(kind: &EntityType) -> &str {
    match kind {
        EntityType::Campaign => "Campaigns",
        EntityType::Kingdom => "Kingdoms",
        EntityType::Settlement => "Settlements",
        EntityType::Structure => "Structures",
        EntityType::Location => "Locations",
        EntityType::Encounter => "Encounters",
        EntityType::Member => "Members",
        EntityType::Other(name) => name,
    }
}

/// Returns the values that a schema allows: `0 to 100`, `at least 1`, `calm | wary | afraid`.
fn range(schema: &Json) -> String {
    let bound = |what: &str| schema.get(what).filter(|value| value.is_number()).map(value::say);
    let values = schema.get("values").and_then(Json::as_array);
    match (bound("min"), bound("max"), values) {
        (_, _, Some(values)) => values.iter().map(say).collect::<Vec<_>>().join(" | "),
        (Some(min), Some(max), None) => format!("{min} to {max}"),
        (Some(min), None, None) => format!("at least {min}"),
        (None, Some(max), None) => format!("at most {max}"),
        (None, None, None) => String::new(),
    }
}
