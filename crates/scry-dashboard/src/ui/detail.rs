//! The Detail pane: every field of the selected entity.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use scry_protocol::EntityRef;

use super::appearance::Appearance;
use super::line_builder::LineBuilder;
use super::pane::{empty, frame, line, more_below};
use super::spark;
use crate::app::detail::{self, DetailChange, DetailField};
use crate::app::keymap::{Action, Pane};
use crate::app::measure::{pad, pad_left, width};
use crate::app::{App, Freshness};

/// Draws the pane.
pub(super) fn draw(app: &App, appearance: &Appearance, area: Rect, buffer: &mut Buffer) {
    let Some(entity) = app.selected() else {
        let content = frame(app, appearance, Pane::Detail, "Detail", "", area, buffer);
        let world = app.keymap().reach(app.explained(), Action::Pane(Pane::World), appearance.symbols.ascii);
        let sentence = format!("Select something in the World ({world}, then arrows) and its fields are shown here.");
        return empty(&sentence, appearance, content, buffer);
    };
    let kind = entity.key.entity_type.as_str();
    let notes = if app.pending().is_deleted(&entity.key) {
        format!("{} being deleted", appearance.symbols.pending)
    } else if let Some(mark) = app.pending().mark_of(&entity.key).filter(|_| entity.version == 0) {
        format!("{} {kind}, being created", appearance.pending(mark).0)
    } else if entity.version > 0 {
        format!("{kind} {} v{}", appearance.symbols.dot, entity.version)
    } else {
        kind.to_owned()
    };
    let content = frame(app, appearance, Pane::Detail, &entity.name, &notes, area, buffer);
    let content = Rect { x: content.x + 1, width: content.width.saturating_sub(2), ..content };
    let content = company(app, appearance, &entity.key, content, buffer);
    let (rows, offset) = app.detail(usize::from(content.width));
    let widths = ColumnWidths::of(&rows, content.width);
    let shown = more_below(app, appearance, Pane::Detail, rows.len().saturating_sub(offset), content, buffer);
    for ((index, row), y) in rows.iter().enumerate().skip(offset).zip(0..shown) {
        let place = line(content, y);
        row_line(app, appearance, row, &widths, content.width).draw(place, buffer);
        if app.focus() == Pane::Detail && index == app.detail_place().row() && row.field().is_some() {
            buffer.set_style(place, appearance.theme.selected);
        }
    }
}

/// Draws who else is here above the fields, and returns the area below.
fn company(app: &App, appearance: &Appearance, key: &EntityRef, content: Rect, buffer: &mut Buffer) -> Rect {
    let editors = app.company(key);
    let onlookers = app.onlookers(key);
    if (editors.is_empty() && onlookers.is_empty()) || content.height < 3 {
        return content;
    }
    let editors =
        editors.iter().map(|sentence| format!("{} {sentence}", appearance.symbols.pencil)).collect::<Vec<_>>();
    let row = LineBuilder::new().left(editors.join("   "), appearance.theme.warn);
    let row = if onlookers.is_empty() {
        row
    } else {
        let gap = if editors.is_empty() { "" } else { "   " };
        let here = if app.connection().is_live() { "here" } else { "was here" };
        row.left(format!("{gap}{} {} {here}", appearance.symbols.eye, onlookers.join(", ")), appearance.theme.muted)
    };
    row.draw(line(content, 0), buffer);
    Rect { y: content.y + 1, height: content.height - 1, ..content }
}

/// The columns that all fields share.
struct ColumnWidths {
    label: usize,
    number: usize,
}

impl ColumnWidths {
    fn of(rows: &[detail::DetailRow], columns: u16) -> Self {
        let fields = || {
            rows.iter().filter_map(|row| match row {
                detail::DetailRow::Field(field) => Some(field),
                detail::DetailRow::Blank
                | detail::DetailRow::Heading(_)
                | detail::DetailRow::Text(_)
                | detail::DetailRow::Why(_)
                | detail::DetailRow::Condition { .. } => None,
            })
        };
        let labels = rows.iter().filter_map(|row| match row {
            detail::DetailRow::Field(DetailField { label, .. }) | detail::DetailRow::Condition { name: label, .. } => {
                Some(width(label))
            }
            detail::DetailRow::Blank
            | detail::DetailRow::Heading(_)
            | detail::DetailRow::Text(_)
            | detail::DetailRow::Why(_) => None,
        });
        let widest = |least: usize, all: &mut dyn Iterator<Item = usize>| all.max().unwrap_or(0).max(least);
        let most = usize::from(columns) / 3;
        Self {
            label: widest(10, &mut { labels }).min(most),
            number: widest(3, &mut fields().filter(|field| field.numeric).map(|field| width(&field.value))).min(14),
        }
    }
}

fn row_line(
    app: &App,
    appearance: &Appearance,
    row: &detail::DetailRow,
    widths: &ColumnWidths,
    columns: u16,
) -> LineBuilder {
    match row {
        detail::DetailRow::Blank => LineBuilder::new(),
        detail::DetailRow::Heading(heading) => LineBuilder::new().left(*heading, appearance.theme.accent),
        detail::DetailRow::Text(text) => LineBuilder::new().left(text.clone(), appearance.theme.text),
        detail::DetailRow::Why(text) => LineBuilder::new()
            .left(format!("  {} ", appearance.symbols.because), appearance.theme.muted)
            .left(text.clone(), appearance.theme.text),
        detail::DetailRow::Field(field) => field_line(app, appearance, field, widths, columns),
        detail::DetailRow::Condition { name, holds, because, change, stale, .. } => {
            let (symbol, word, style) = if *holds {
                (appearance.symbols.holds, "holds", appearance.theme.good)
            } else {
                (appearance.symbols.fails, "does not hold", appearance.theme.muted)
            };
            let row = LineBuilder::new()
                .left(format!("{} ", pad(name, widths.label)), appearance.theme.text)
                .left(format!(" {symbol} {word}"), style);
            let row = if *stale {
                row.left(format!("  {} stale", appearance.symbols.stale), appearance.theme.stale)
            } else {
                row
            };
            let row = match change {
                Some(change) => changed(app, appearance, row, "", change),
                None => row,
            };
            if because.is_empty() { row } else { row.left(format!("   {because}"), appearance.theme.muted) }
        }
    }
}

fn field_line(
    app: &App,
    appearance: &Appearance,
    field: &DetailField,
    widths: &ColumnWidths,
    columns: u16,
) -> LineBuilder {
    let row = value_of(appearance, field, widths, true);
    if let Some(mark) = field.mark {
        let (words, style) = appearance.pending(mark);
        let row = if words.is_empty() { row } else { row.left(format!("   {words}"), style) };
        return if field.note.is_empty() {
            row
        } else {
            row.left(format!("   {}", field.note), appearance.theme.muted)
        };
    }
    if field.stale {
        let words = if app.connection().is_live() { "stale, refetching" } else { "stale" };
        return row.left(format!("   {} {words}", appearance.symbols.stale), appearance.theme.stale);
    }
    match &field.change {
        // Who did it says more than how the value went, and more than what it may be.
        Some(change) => {
            let line = |past, note| changed(app, appearance, value_of(appearance, field, widths, past), note, change);
            let fuller = [line(true, &*field.note), line(false, &*field.note)];
            let fitting = fuller.into_iter().find_map(|row| row.if_room(columns));
            fitting.unwrap_or_else(|| line(false, "").right_if_room(columns))
        }
        None if field.note.is_empty() => row,
        None => row.left(format!("   {}", field.note), appearance.theme.muted),
    }
}

/// Begins a row with a field's name, its value, and how that went where there is room for it.
fn value_of(appearance: &Appearance, field: &DetailField, widths: &ColumnWidths, with_past: bool) -> LineBuilder {
    let value = if field.numeric { pad_left(&field.value, widths.number) } else { field.value.clone() };
    let value_style = if field.stale { appearance.theme.stale } else { appearance.theme.text };
    let row = LineBuilder::new()
        .left(format!("{} ", pad(&field.label, widths.label)), appearance.theme.muted)
        .left(value, value_style);
    let row = if field.unit.is_empty() { row } else { row.left(format!(" {}", field.unit), appearance.theme.muted) };
    if field.past.is_empty() || !with_past {
        return row;
    }
    row.left(format!(" {}", spark::line(&field.past, 10, appearance.symbols.ascii)), appearance.theme.accent)
}

/// Adds what a value was before, who changed it and when; the note returns when the mark has faded.
fn changed(app: &App, appearance: &Appearance, row: LineBuilder, note: &str, change: &DetailChange) -> LineBuilder {
    let freshness = app.freshness(change.at);
    let when = match freshness {
        Freshness::Old => change.at.to_zoned(app.zone().clone()).strftime("at %H:%M:%S").to_string(),
        Freshness::New | Freshness::Fading => format!("{} ago", app.now().age(change.at)),
    };
    let who = if change.who.is_empty() { when } else { format!("{}, {when}", change.who) };
    let row = match (freshness, &change.from) {
        (Freshness::Old, Some(from)) => row.left(format!("   was {from}"), appearance.theme.muted),
        (Freshness::Old, None) => row,
        (Freshness::New | Freshness::Fading, from) => {
            let from = from.as_ref().map(|from| format!(" from {from}")).unwrap_or_default();
            row.left(format!("   {}{from}", appearance.change(change.direction)), appearance.mark(freshness))
        }
    };
    let noted = freshness == Freshness::Old && !note.is_empty();
    let row = if noted { row.left(format!("   {note}"), appearance.theme.muted) } else { row };
    row.right(who, appearance.theme.muted)
}
