//! The Journal pane: what happened, the newest at the bottom.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use scry_protocol::Source;

use super::appearance::Appearance;
use super::line_builder::LineBuilder;
use super::pane::{empty, frame, line};
use crate::app::App;
use crate::app::columns::Columns;
use crate::app::entry::{JournalItem, RowKind};
use crate::app::keymap::{Action, KeyContext, Pane};
use crate::app::measure::{fit, pad};
use crate::app::value::group;

/// Draws the pane.
pub(super) fn draw(app: &App, appearance: &Appearance, area: Rect, buffer: &mut Buffer) {
    let content = frame(app, appearance, Pane::Journal, "Journal", &notes(app, appearance), area, buffer);
    if app.journal().is_empty() {
        let sentence = if app.connection().is_live() || app.replay().is_some() {
            "No events yet. Every change to this campaign appears here as it is made."
        } else {
            "Events appear here once the server is reached."
        };
        return empty(sentence, appearance, content, buffer);
    }
    let columns = Columns::of(content.width);
    if app.journal().shown() == 0 {
        let clear = app.keymap().reach(KeyContext::Journal, Action::ClearFilter, appearance.symbols.ascii);
        let sentence = format!("No event matches the filter; {clear} clears it.");
        return empty(&sentence, appearance, content, buffer);
    }
    let mut y = 0;
    for (entry, selected) in
        app.journal().view(usize::from(content.height), |entry| app.what_lines(entry, content.width).len())
    {
        let parts = app.what_lines(entry, content.width);
        for (index, part) in parts.into_iter().enumerate().take(usize::from(content.height.saturating_sub(y))) {
            let place = line(content, y);
            let row = if index == 0 {
                entry_line(app, appearance, entry, part, &columns)
            } else {
                LineBuilder::new()
                    .left(" ".repeat(columns.before_what(app)), appearance.theme.text)
                    .left(part, appearance.theme.text)
            };
            row.draw(place, buffer);
            if selected && (app.focus() == Pane::Journal || app.focus() == Pane::Inspector) {
                let focused = app.focus() == Pane::Journal;
                buffer.set_style(place, if focused { appearance.theme.selected } else { appearance.theme.remembered });
            }
            y += 1;
        }
    }
}

fn notes(app: &App, appearance: &Appearance) -> String {
    let journal = app.journal();
    let place = match (journal.is_following(), journal.arrived_since()) {
        (true, _) if journal.unseen() > 0 => {
            format!("follow, {} skipped", group(&journal.unseen().to_string()))
        }
        (true, _) => "follow".to_owned(),
        (false, 0) => "paused".to_owned(),
        (false, arrived) => format!("paused, {} new", group(&arrived.to_string())),
    };
    let filter = journal
        .filter()
        .map(|filter| format!("/{} ({})", fit(filter.source().trim(), 24), group(&journal.shown().to_string())));
    let noun = if journal.events() == 1 { "event" } else { "events" };
    let count = format!("{} {noun}", group(&journal.events().to_string()));
    let count = if journal.dropped() > 0 { format!("last {count}") } else { count };
    let seq = journal.last_seq().map(|seq| format!("#{seq}"));
    [Some(place), filter, Some(count).filter(|_| journal.events() > 0), seq]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(&format!(" {} ", appearance.symbols.dot))
}

fn entry_line(app: &App, appearance: &Appearance, entry: &JournalItem, what: String, columns: &Columns) -> LineBuilder {
    let (symbol, style) = appearance.kind(entry.kind);
    let time = pad(&time(app, entry), app.time_columns());
    let symbol_and_kind =
        if columns.kind > 0 { format!("{symbol} {}", pad(entry.kind_word(), columns.kind)) } else { symbol.to_owned() };
    let row = LineBuilder::new()
        .left(format!(" {time} "), appearance.theme.muted)
        .left(if entry.replayed { appearance.symbols.replayed } else { " " }, appearance.theme.muted)
        .left(symbol_and_kind, style)
        .left(" ", appearance.theme.text);
    let row = match entry.subject_name(app.cache()) {
        Some(name) => row.left(pad(&name, columns.name), appearance.theme.strong).left("  ", appearance.theme.text),
        None => row,
    };
    let what_style = match entry.kind {
        RowKind::Gap => appearance.theme.bad,
        RowKind::Invalidated | RowKind::Foreign => appearance.theme.muted,
        RowKind::Changed(_) | RowKind::WorldTime | RowKind::Custom(_) | RowKind::GapRecovered | RowKind::Notice => {
            appearance.theme.text
        }
        RowKind::Marker => appearance.theme.accent,
    };
    let row = row.left(what, what_style);
    let row = if columns.who > 0 { row.right(pad(&who(app, entry), columns.who), appearance.theme.text) } else { row };
    if columns.source > 0 {
        let source = entry.source.as_ref().map_or("", Source::as_str);
        row.right(format!(" {}", pad(source, columns.source)), appearance.theme.muted)
    } else {
        row
    }
}

/// Returns when something happened: in real time, or in world time.
fn time(app: &App, entry: &JournalItem) -> String {
    if app.shows_world_times() {
        entry.world_time.map_or_else(|| "–".to_owned(), |time| app.clock().calendar().date_of(time.into()).short())
    } else {
        entry.at.to_zoned(app.zone().clone()).strftime("%H:%M:%S").to_string()
    }
}

/// Returns who made the change: a member's name, or the id of someone who is none.
fn who(app: &App, entry: &JournalItem) -> String {
    entry.who.as_ref().map(|id| app.cache().user_name(id).unwrap_or(id.as_str()).to_owned()).unwrap_or_default()
}
