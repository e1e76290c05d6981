//! Rows as sentences: no columns, no symbols, nothing that is clear only to the eye.

use std::borrow::Cow;

use scry_protocol::Source;
use scry_protocol::catalogue::Severity;
use scry_text as text;

use crate::app::detail::{self, DetailField};
use crate::app::entry::{JournalItem, RowKind};
use crate::app::pending::PendingMark;
use crate::app::value::Direction;
use crate::app::{App, CampaignChoice};

/// Returns the choices that the user has.
#[must_use]
pub(super) fn choices(choices: &[CampaignChoice]) -> Vec<String> {
    let name = |(index, choice): (usize, &CampaignChoice)| {
        let description = text::line(&choice.description);
        let colon = if description.is_empty() { "" } else { ": " };
        format!("{}. {}, as {}{colon}{description}", index + 1, text::line(&choice.name), choice.role.to_lowercase())
    };
    let lines = choices.iter().enumerate().map(name);
    ["Which campaign? Type its number or its name.".to_owned()].into_iter().chain(lines).collect()
}

/// Returns a row of the journal as a sentence: its subject, what happened, and who did it.
#[must_use]
pub(super) fn entry(app: &App, entry: &JournalItem) -> String {
    let what = app.what(entry);
    let what = spelt(&what);
    let name = entry.subject_name(app.cache()).unwrap_or_default();
    let number = entry.seq.map(|seq| format!(" Number {seq}.")).unwrap_or_default();
    let by = by(app, entry);
    match entry.kind {
        RowKind::Changed(_) => format!("{name}, {}: {what}.{by}{number}", entry.kind_word()),
        RowKind::Invalidated if what.contains(" to ") => format!("{name}, recomputed: {what}.{by}{number}"),
        RowKind::Invalidated => format!("{name}: {what} to be recomputed.{by}{number}"),
        RowKind::WorldTime => format!("World time: {what}.{by}{number}"),
        RowKind::Foreign => format!("Event {name}: {what}"),
        RowKind::Custom(severity) => {
            let warning =
                if severity >= Severity::Warning { format!("{}, ", severity.as_str()) } else { String::new() };
            sentence(&format!("{warning}{name}: {what}."))
        }
        RowKind::Gap => format!("Gap: {what}."),
        RowKind::GapRecovered => format!("Gap closed: {what}."),
        RowKind::Notice => sentence(&what),
        RowKind::Marker => format!("{what}."),
    }
}

fn by(app: &App, entry: &JournalItem) -> String {
    let who = entry.who.as_ref().map(|id| app.cache().user_name(id).unwrap_or(id.as_str()));
    let source = entry.source.as_ref().filter(|source| **source != Source::Api).map(Source::as_str);
    match (who, source) {
        (Some(who), None) => format!(" By {who}."),
        (Some(who), Some(source)) => format!(" By {who}, through {source}."),
        (None, Some(source)) => format!(" By {source}."),
        (None, None) => String::new(),
    }
}

/// Returns a row of Detail as a sentence; `None` for a blank one.
#[must_use]
pub(super) fn detail(app: &App, row: &detail::DetailRow) -> Option<String> {
    match row {
        detail::DetailRow::Blank => None,
        detail::DetailRow::Heading(heading) => Some(format!("{heading}:")),
        detail::DetailRow::Text(text) => Some(sentence(text)),
        detail::DetailRow::Why(text) => Some(sentence(&spelt(text))),
        detail::DetailRow::Field(field) => Some(self::field(app, field)),
        detail::DetailRow::Condition { name, holds, because, stale, .. } => {
            let holds = if *holds { "holds" } else { "does not hold" };
            let because = if because.is_empty() { String::new() } else { format!(", because {because}") };
            let stale = if *stale { ", stale" } else { "" };
            Some(sentence(&spelt(&format!("{name} {holds}{because}{stale}"))))
        }
    }
}

fn field(app: &App, field: &DetailField) -> String {
    let mut said = format!("{}: {}", field.label, spelt(&field.value));
    if !field.unit.is_empty() {
        said = format!("{said} {}", field.unit);
    }
    if !field.note.is_empty() {
        let note = field.note.strip_prefix("= ").map_or_else(
            || format!("may be {}", field.note.replace(" | ", ", ")),
            |formula| format!("computed as {formula}"),
        );
        // What things hold is a list of names, not a range.
        said = if field.name.is_empty() { format!("{said}: {}", field.note) } else { format!("{said}, {note}") };
    }
    if let Some(change) = &field.change {
        let verb = match change.direction {
            Direction::Up => "up",
            Direction::Down => "down",
            Direction::Other => "changed",
        };
        let from = change.from.as_ref().map(|from| format!(" from {}", spelt(from))).unwrap_or_default();
        let who = if change.who.is_empty() { String::new() } else { format!(" by {}", change.who) };
        said = format!("{said}, {verb}{from}{who} {} ago", app.now().age(change.at));
    }
    if field.stale {
        said = format!("{said}, stale");
    }
    match field.mark {
        None => said + ".",
        Some(mark) => format!("{said}, {}.", self::mark(mark)),
    }
}

/// Returns the progress of the user's own edit.
#[must_use]
pub(super) const fn mark(mark: PendingMark) -> &'static str {
    match mark {
        PendingMark::Waiting => "waiting to be sent",
        PendingMark::Sending => "being sent",
        PendingMark::Applied => "saved",
    }
}

/// Begins with a capital letter and ends with a full stop.
#[must_use]
pub(crate) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let begun: String = chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect());
    if begun.is_empty() || begun.ends_with(['.', '!', '?', ':']) { begun } else { begun + "." }
}

/// Writes out what a voice would leave out or call by a strange name.
#[must_use]
pub(crate) fn spelt(text: &str) -> Cow<'_, str> {
    if !text.contains(['→', '–', '·']) && !text.contains("  ") {
        return Cow::Borrowed(text);
    }
    let words = text.replace('→', "to").replace('–', "nothing").replace(" ·", ",");
    Cow::Owned(words.split_whitespace().collect::<Vec<_>>().join(" "))
}
