//! What the Inspector says of an event, line by line.

use std::collections::BTreeSet;

use scry_protocol::{Id, Source};
use scry_text::json::Json;

use super::json::{self, JsonLine};
use crate::app::entry::JournalItem;
use crate::app::value::{field_name, say};
use crate::app::{App, record};

/// How far a chain of causes is followed, and how many effects are listed.
const MAX_CAUSES: usize = 16;
const MAX_EFFECTS: usize = 64;
/// How many entries after a cause are looked through for its effects.
const MAX_ROWS_SEARCHED: usize = 5_000;

/// A line of the Inspector.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum InspectorLine {
    Blank,
    Heading(&'static str),
    Text(String),
    Pair {
        label: &'static str,
        value: String,
    },
    /// A field with what the cache held before the event and after it.
    Diff {
        field: String,
        before: Option<String>,
        /// `None` while the server has not told it yet.
        after: Option<String>,
    },
    Cause(CauseLine),
    Json(JsonLine),
}

/// An event in the chain of causes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CauseLine {
    /// The journal's entry, where it is held.
    pub number: Option<u64>,
    pub depth: usize,
    /// Whether it is the inspected event itself.
    pub is_this: bool,
    pub what: String,
}

/// Lists everything about an entry.
pub(super) fn of(app: &App, number: u64, folded: &BTreeSet<String>) -> Vec<InspectorLine> {
    let Some(entry) = app.journal().entry(number) else {
        return vec![InspectorLine::Text("This event has left the journal.".to_owned())];
    };
    let mut lines = summary(app, entry);
    let Some(record) = &entry.record else {
        if entry.is_event() {
            lines.extend([
                InspectorLine::Blank,
                InspectorLine::Text("Its text has been dropped to make room for newer events.".to_owned()),
            ]);
        }
        return lines;
    };
    if app.hides(entry) {
        lines
            .extend([InspectorLine::Blank, InspectorLine::Text("The rest is hidden in the players' view.".to_owned())]);
        return lines;
    }
    lines.extend(heading("Changes", changes(record)));
    lines.extend(heading("Causes", causes(app, number, entry)));
    let json = record.value().map(|value| json::lines(&value, folded)).unwrap_or_default();
    lines.extend(heading("Event", json.into_iter().map(InspectorLine::Json).collect()));
    lines
}

fn heading(title: &'static str, content: Vec<InspectorLine>) -> Vec<InspectorLine> {
    if content.is_empty() {
        return content;
    }
    [InspectorLine::Blank, InspectorLine::Heading(title)].into_iter().chain(content).collect()
}

fn summary(app: &App, entry: &JournalItem) -> Vec<InspectorLine> {
    let pair = |label, value: Option<String>| {
        value.filter(|value| !value.is_empty()).map(|value| InspectorLine::Pair { label, value })
    };
    let who = entry.who.as_ref().map(|id| app.cache().user_name(id).unwrap_or(id.as_str()).to_owned());
    let source = entry.source.as_ref().map(Source::as_str);
    let who = match (who, source) {
        (Some(who), Some(source)) => Some(format!("{who}, through {source}")),
        (Some(who), None) => Some(who),
        (None, source) => source.map(ToOwned::to_owned),
    };
    let when = entry.at.to_zoned(app.zone().clone()).strftime("%Y-%m-%d %H:%M:%S%.3f").to_string();
    let world = entry.world_time.map(|time| app.clock().calendar().date_of(time.into()).long());
    let seq =
        entry.seq.map(|seq| format!("#{seq}{}", if entry.replayed { ", sent again after a reconnect" } else { "" }));
    [
        pair("What", Some(app.what(entry).into_owned())),
        pair("Where", entry.subject_name(app.cache())),
        pair("Who", who),
        pair("When", Some(when)),
        pair("In the world", world),
        pair("Position", seq),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn changes(record: &record::EventRecord) -> Vec<InspectorLine> {
    let value = |value: &Json| say(value.get("value").unwrap_or(value));
    let diff = |held: &record::FieldRecord| InspectorLine::Diff {
        field: field_name(&held.field),
        before: held.before.as_ref().map(value),
        after: held.after.as_ref().map(value),
    };
    record.fields.iter().map(diff).collect()
}

/// Lists what led to the event, the event, and what it led to.
fn causes(app: &App, number: u64, entry: &JournalItem) -> Vec<InspectorLine> {
    let above = above(app, entry);
    let below = below(app, number, entry);
    if above.is_empty() && below.is_empty() {
        return Vec::new();
    }
    let depth = above.len();
    let chain = above.into_iter().rev().enumerate().map(|(depth, (number, what))| CauseLine {
        number,
        depth,
        is_this: false,
        what,
    });
    let this = CauseLine { number: Some(number), depth, is_this: true, what: said(app, entry) };
    let effects = below.into_iter().map(|(number, steps, what)| CauseLine {
        number: Some(number),
        depth: depth + steps,
        is_this: false,
        what,
    });
    chain.chain([this]).chain(effects).map(InspectorLine::Cause).collect()
}

/// Returns what an entry led to, one sentence each.
pub(crate) fn effects(app: &App, number: u64) -> Vec<String> {
    let found = app.journal().entry(number).map(|entry| below(app, number, entry)).unwrap_or_default();
    found.into_iter().map(|(_, _, what)| what).collect()
}

/// Returns what led to an entry, the nearest first.
pub(crate) fn reasons(app: &App, entry: &JournalItem) -> Vec<String> {
    above(app, entry).into_iter().map(|(_, what)| what).collect()
}

/// Follows `causedBy` upwards, the nearest first.
fn above(app: &App, entry: &JournalItem) -> Vec<(Option<u64>, String)> {
    let mut found: Vec<(Option<u64>, String)> = Vec::new();
    let mut next = entry.record.as_ref().and_then(|record| record.caused_by.clone());
    while let Some(id) = next.filter(|_| found.len() < MAX_CAUSES) {
        let cause = app.journal().numbered().rev().find(|(_, entry)| event_id(entry) == Some(&id));
        match cause {
            Some((number, cause)) => {
                found.push((Some(number), said(app, cause)));
                next = cause.record.as_ref().and_then(|record| record.caused_by.clone());
            }
            None => {
                found.push((None, format!("event {id}, which has left the journal")));
                next = None;
            }
        }
    }
    found
}

/// Follows `causedBy` downwards, each effect with how many steps lead to it.
fn below(app: &App, after: u64, entry: &JournalItem) -> Vec<(u64, usize, String)> {
    let mut known: Vec<(Id, usize)> = event_id(entry).map(|id| (id.clone(), 0)).into_iter().collect();
    let mut found = Vec::new();
    // An effect is always later than its cause, and rarely much later: one walk finds all of them.
    let later = app.journal().numbered_after(after).take(MAX_ROWS_SEARCHED);
    for (number, other) in later.filter(|(_, other)| other.record.is_some()) {
        let Some(cause) = other.record.as_ref().and_then(|record| record.caused_by.as_ref()) else { continue };
        let Some(steps) = known.iter().find(|(id, _)| id == cause).map(|(_, steps)| steps + 1) else { continue };
        if let Some(id) = event_id(other) {
            known.push((id.clone(), steps));
        }
        found.push((number, steps, said(app, other)));
        if found.len() == MAX_EFFECTS {
            break;
        }
    }
    found
}

fn event_id(entry: &JournalItem) -> Option<&Id> {
    entry.record.as_ref()?.event_id.as_ref()
}

fn said(app: &App, entry: &JournalItem) -> String {
    let seq = entry.seq.map(|seq| format!("#{seq} ")).unwrap_or_default();
    let name = entry.subject_name(app.cache()).map(|name| format!("{name}: ")).unwrap_or_default();
    format!("{seq}{} {name}{}", entry.kind_word(), app.what(entry))
}
