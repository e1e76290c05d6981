//! The Journal pane: what happened, the newest at the bottom.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::look::Look;
use super::pane::{empty, frame, line};
use super::row::Row;
use crate::app::App;
use crate::app::entry::{Entry, Kind};
use crate::app::keymap::Pane;
use crate::app::measure::pad;
use crate::app::value::group;
use crate::protocol::Source;

/// Draws the pane.
pub fn draw(app: &App, look: &Look, area: Rect, buffer: &mut Buffer) {
    let content = frame(app, look, Pane::Journal, "Journal", &notes(app, look), area, buffer);
    if app.journal().is_empty() {
        let sentence =
            "Nothing has happened yet. Every change to this campaign appears here as it is made, by whoever makes it.";
        return empty(sentence, look, content, buffer);
    }
    let columns = Columns::of(content.width);
    for ((entry, selected), y) in app.journal().view(usize::from(content.height)).zip(0..content.height) {
        let place = line(content, y);
        entry_line(app, look, entry, &columns).draw(place, buffer);
        if selected && app.focus() == Pane::Journal {
            buffer.set_style(place, look.theme.selected);
        }
    }
}

fn notes(app: &App, look: &Look) -> String {
    let journal = app.journal();
    let place = match (journal.is_following(), journal.arrived()) {
        (true, _) => "follow".to_owned(),
        (false, 0) => "paused".to_owned(),
        (false, arrived) => format!("paused, {} new", group(&arrived.to_string())),
    };
    let noun = if journal.events() == 1 { "event" } else { "events" };
    let count = format!("{} {noun}", group(&journal.events().to_string()));
    let count = if journal.dropped() > 0 { format!("last {count}") } else { count };
    let seq = journal.last_seq().map(|seq| format!("#{seq}"));
    [Some(place), Some(count).filter(|_| journal.events() > 0), seq]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(&format!(" {} ", look.symbols.dot))
}

/// Holds the width of each column; zero leaves a column out.
struct Columns {
    kind: usize,
    name: usize,
    who: usize,
    source: usize,
}

impl Columns {
    const fn of(width: u16) -> Self {
        match width {
            0..80 => Self { kind: 0, name: 16, who: 0, source: 0 },
            80..120 => Self { kind: 0, name: 20, who: 10, source: 0 },
            120..160 => Self { kind: 12, name: 22, who: 12, source: 13 },
            160.. => Self { kind: 12, name: 32, who: 16, source: 13 },
        }
    }
}

fn entry_line(app: &App, look: &Look, entry: &Entry, columns: &Columns) -> Row {
    let (symbol, style) = look.kind(entry.kind);
    let time = entry.at.to_zoned(app.zone().clone()).strftime("%H:%M:%S");
    let symbol_and_kind =
        if columns.kind > 0 { format!("{symbol} {}", pad(entry.kind_word(), columns.kind)) } else { symbol.to_owned() };
    let row = Row::new()
        .left(format!(" {time} "), look.theme.muted)
        .left(if entry.replayed { look.symbols.replayed } else { " " }, look.theme.muted)
        .left(symbol_and_kind, style)
        .left(" ", look.theme.text);
    let row = match name(app, entry) {
        Some(name) => row.left(pad(&name, columns.name), look.theme.strong).left("  ", look.theme.text),
        None => row,
    };
    let what_style = match entry.kind {
        Kind::Gap => look.theme.bad,
        Kind::Invalidated | Kind::Foreign => look.theme.muted,
        Kind::Changed(_) | Kind::WorldTime | Kind::GapHealed | Kind::Notice => look.theme.text,
    };
    let row = row.left(entry.what.to_string(), what_style);
    let row = if columns.who > 0 { row.right(pad(&who(app, entry), columns.who), look.theme.text) } else { row };
    if columns.source > 0 {
        let source = entry.source.as_ref().map_or("", Source::as_str);
        row.right(format!(" {}", pad(source, columns.source)), look.theme.muted)
    } else {
        row
    }
}

/// Returns the subject's name: today's, the one it had, or its id if it never had one here.
fn name(app: &App, entry: &Entry) -> Option<String> {
    let Some(subject) = &entry.subject else { return entry.name.as_ref().map(ToString::to_string) };
    let today = app.cache().get(subject).map(|entity| entity.name.clone());
    let known = today.filter(|name| !name.is_empty()).or_else(|| entry.name.clone());
    Some(known.map_or_else(|| subject.id.to_string(), |name| name.to_string()))
}

/// Returns who made the change: a member's name, or the id of someone who is none.
fn who(app: &App, entry: &Entry) -> String {
    entry.who.as_ref().map(|id| app.cache().user_name(id).unwrap_or(id.as_str()).to_owned()).unwrap_or_default()
}
