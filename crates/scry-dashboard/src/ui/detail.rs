//! The Detail pane: every field of the selected entity.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use scry_protocol::EntityRef;

use super::look::Look;
use super::pane::{empty, frame, line, more_below};
use super::row::Row;
use super::spark;
use crate::app::detail::{self, Change, Field};
use crate::app::keymap::{Action, Pane};
use crate::app::measure::{pad, pad_left, width};
use crate::app::{App, Freshness};

/// Draws the pane.
pub(super) fn draw(app: &App, look: &Look, area: Rect, buffer: &mut Buffer) {
    let Some(entity) = app.selected() else {
        let content = frame(app, look, Pane::Detail, "Detail", "", area, buffer);
        let world = app.keymap().reach(app.explained(), Action::Pane(Pane::World), look.symbols.ascii);
        let sentence = format!("Select something in the World ({world}, then arrows) and its fields are shown here.");
        return empty(&sentence, look, content, buffer);
    };
    let kind = entity.key.entity_type.as_str();
    let notes = if app.pending().is_deleted(&entity.key) {
        format!("{} being deleted", look.symbols.pending)
    } else if let Some(mark) = app.pending().mark_of(&entity.key).filter(|_| entity.version == 0) {
        format!("{} {kind}, being created", look.pending(mark).0)
    } else if entity.version > 0 {
        format!("{kind} {} v{}", look.symbols.dot, entity.version)
    } else {
        kind.to_owned()
    };
    let content = frame(app, look, Pane::Detail, &entity.name, &notes, area, buffer);
    let content = Rect { x: content.x + 1, width: content.width.saturating_sub(2), ..content };
    let content = company(app, look, &entity.key, content, buffer);
    let (rows, offset) = app.detail(usize::from(content.width));
    let widths = Widths::of(&rows, content.width);
    let shown = more_below(app, look, Pane::Detail, rows.len().saturating_sub(offset), content, buffer);
    for ((index, row), y) in rows.iter().enumerate().skip(offset).zip(0..shown) {
        let place = line(content, y);
        row_line(app, look, row, &widths, content.width).draw(place, buffer);
        if app.focus() == Pane::Detail && index == app.detail_place().row() && row.field().is_some() {
            buffer.set_style(place, look.theme.selected);
        }
    }
}

/// Says who else is here, above the fields, and returns the place below.
fn company(app: &App, look: &Look, key: &EntityRef, content: Rect, buffer: &mut Buffer) -> Rect {
    let editors = app.company(key);
    let onlookers = app.onlookers(key);
    if (editors.is_empty() && onlookers.is_empty()) || content.height < 3 {
        return content;
    }
    let editors = editors.iter().map(|sentence| format!("{} {sentence}", look.symbols.pencil)).collect::<Vec<_>>();
    let row = Row::new().left(editors.join("   "), look.theme.warn);
    let row = if onlookers.is_empty() {
        row
    } else {
        let gap = if editors.is_empty() { "" } else { "   " };
        let here = if app.connection().is_live() { "here" } else { "was here" };
        row.left(format!("{gap}{} {} {here}", look.symbols.eye, onlookers.join(", ")), look.theme.muted)
    };
    row.draw(line(content, 0), buffer);
    Rect { y: content.y + 1, height: content.height - 1, ..content }
}

/// Holds the columns that all fields share.
struct Widths {
    label: usize,
    number: usize,
}

impl Widths {
    fn of(rows: &[detail::Row], columns: u16) -> Self {
        let fields = || {
            rows.iter().filter_map(|row| match row {
                detail::Row::Field(field) => Some(field),
                detail::Row::Blank
                | detail::Row::Heading(_)
                | detail::Row::Text(_)
                | detail::Row::Why(_)
                | detail::Row::Condition { .. } => None,
            })
        };
        let labels = rows.iter().filter_map(|row| match row {
            detail::Row::Field(Field { label, .. }) | detail::Row::Condition { name: label, .. } => Some(width(label)),
            detail::Row::Blank | detail::Row::Heading(_) | detail::Row::Text(_) | detail::Row::Why(_) => None,
        });
        let widest = |least: usize, all: &mut dyn Iterator<Item = usize>| all.max().unwrap_or(0).max(least);
        let most = usize::from(columns) / 3;
        Self {
            label: widest(10, &mut { labels }).min(most),
            number: widest(3, &mut fields().filter(|field| field.numeric).map(|field| width(&field.value))).min(14),
        }
    }
}

fn row_line(app: &App, look: &Look, row: &detail::Row, widths: &Widths, columns: u16) -> Row {
    match row {
        detail::Row::Blank => Row::new(),
        detail::Row::Heading(heading) => Row::new().left(*heading, look.theme.accent),
        detail::Row::Text(text) => Row::new().left(text.clone(), look.theme.text),
        detail::Row::Why(text) => Row::new()
            .left(format!("  {} ", look.symbols.because), look.theme.muted)
            .left(text.clone(), look.theme.text),
        detail::Row::Field(field) => field_line(app, look, field, widths, columns),
        detail::Row::Condition { name, holds, because, change, stale, .. } => {
            let (symbol, word, style) = if *holds {
                (look.symbols.holds, "holds", look.theme.good)
            } else {
                (look.symbols.fails, "does not hold", look.theme.muted)
            };
            let row = Row::new()
                .left(format!("{} ", pad(name, widths.label)), look.theme.text)
                .left(format!(" {symbol} {word}"), style);
            let row = if *stale { row.left(format!("  {} stale", look.symbols.stale), look.theme.stale) } else { row };
            let row = match change {
                Some(change) => changed(app, look, row, "", change),
                None => row,
            };
            if because.is_empty() { row } else { row.left(format!("   {because}"), look.theme.muted) }
        }
    }
}

fn field_line(app: &App, look: &Look, field: &Field, widths: &Widths, columns: u16) -> Row {
    let row = value_of(look, field, widths, true);
    if let Some(mark) = field.mark {
        let (words, style) = look.pending(mark);
        let row = if words.is_empty() { row } else { row.left(format!("   {words}"), style) };
        return if field.note.is_empty() { row } else { row.left(format!("   {}", field.note), look.theme.muted) };
    }
    if field.stale {
        let words = if app.connection().is_live() { "stale, refetching" } else { "stale" };
        return row.left(format!("   {} {words}", look.symbols.stale), look.theme.stale);
    }
    match &field.change {
        // Who did it says more than how the value went, and more than what it may be.
        Some(change) => {
            let line = |past, note| changed(app, look, value_of(look, field, widths, past), note, change);
            let fuller = [line(true, &*field.note), line(false, &*field.note)];
            let fitting = fuller.into_iter().find_map(|row| row.if_room(columns));
            fitting.unwrap_or_else(|| line(false, "").right_if_room(columns))
        }
        None if field.note.is_empty() => row,
        None => row.left(format!("   {}", field.note), look.theme.muted),
    }
}

/// Begins a row with a field's name, its value, and how that went where there is room for it.
fn value_of(look: &Look, field: &Field, widths: &Widths, with_past: bool) -> Row {
    let value = if field.numeric { pad_left(&field.value, widths.number) } else { field.value.clone() };
    let value_style = if field.stale { look.theme.stale } else { look.theme.text };
    let row =
        Row::new().left(format!("{} ", pad(&field.label, widths.label)), look.theme.muted).left(value, value_style);
    let row = if field.unit.is_empty() { row } else { row.left(format!(" {}", field.unit), look.theme.muted) };
    if field.past.is_empty() || !with_past {
        return row;
    }
    row.left(format!(" {}", spark::line(&field.past, 10, look.symbols.ascii)), look.theme.accent)
}

/// Adds what a value was before, who changed it and when; the note returns when the mark has faded.
fn changed(app: &App, look: &Look, row: Row, note: &str, change: &Change) -> Row {
    let freshness = app.freshness(change.at);
    let when = match freshness {
        Freshness::Old => change.at.to_zoned(app.zone().clone()).strftime("at %H:%M:%S").to_string(),
        Freshness::New | Freshness::Fading => format!("{} ago", app.now().age(change.at)),
    };
    let who = if change.who.is_empty() { when } else { format!("{}, {when}", change.who) };
    let row = match (freshness, &change.from) {
        (Freshness::Old, Some(from)) => row.left(format!("   was {from}"), look.theme.muted),
        (Freshness::Old, None) => row,
        (Freshness::New | Freshness::Fading, from) => {
            let from = from.as_ref().map(|from| format!(" from {from}")).unwrap_or_default();
            row.left(format!("   {}{from}", look.change(change.direction)), look.mark(freshness))
        }
    };
    let noted = freshness == Freshness::Old && !note.is_empty();
    let row = if noted { row.left(format!("   {note}"), look.theme.muted) } else { row };
    row.right(who, look.theme.muted)
}
