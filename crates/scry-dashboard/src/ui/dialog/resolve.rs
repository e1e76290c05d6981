//! A conflict: for each field what was there before, mine and theirs, side by side.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use serde_json::Value;

use super::super::appearance::Appearance;
use super::super::line_builder::LineBuilder;
use super::{field_input, frame, pointer, prose, write};
use crate::app::App;
use crate::app::edit::field_input::FieldInput;
use crate::app::edit::resolve::{ConflictField, ConflictSide, ResolveDialog};
use crate::app::measure::{fit, pad};
use crate::app::value::say;

/// How many lines of a long value are shown.
const MAX_VALUE_LINES: usize = 4;

pub(super) fn draw(
    app: &App,
    appearance: &Appearance,
    dialog: &ResolveDialog,
    area: Rect,
    buffer: &mut Buffer,
) -> Option<Position> {
    let name = app.seen_entity(&dialog.subject).map_or_else(String::new, |entity| entity.name.to_string());
    let notes = format!("conflict {} now v{}", appearance.symbols.dot, dialog.current_version);
    let content = frame(appearance, &name, &notes, area, buffer);
    let by =
        app.changed_by(&dialog.subject, &dialog.rows.iter().map(|row| row.field.name.as_str()).collect::<Vec<_>>());
    let said = format!(
        "{} changed this at the same time. Choose a value for each field.",
        by.unwrap_or_else(|| "Somebody else".to_owned())
    );
    let rest = write(prose(&said, appearance.theme.text, content), content, buffer);
    let columns = ResolveColumns::of(rest.width);
    let head = LineBuilder::new()
        .left(format!("  {}", pad("", columns.label)), appearance.theme.muted)
        .left(pad(" b before", columns.value), appearance.theme.muted)
        .left(pad(" m mine", columns.value), appearance.theme.muted)
        .left(pad(" t theirs", columns.value), appearance.theme.muted);
    let mut rest = write([head], rest, buffer);
    let mut cursor = None;
    for (index, row) in dialog.rows.iter().enumerate() {
        let here = index == dialog.cursor;
        rest = write(choice(appearance, row, here, &columns), rest, buffer);
        if let Some(open) = dialog.open.as_ref().filter(|_| here) {
            let place = Rect { x: rest.x + 4, width: rest.width.saturating_sub(4), height: rest.height.min(6), ..rest };
            let used = match &open.field_input {
                FieldInput::Block(text) => {
                    cursor = Some(field_input::block(text, appearance, place, buffer));
                    place.height
                }
                line @ (FieldInput::Line(_) | FieldInput::Options { .. }) => {
                    cursor = field_input::line(line, appearance, Rect { height: 1, ..place }, buffer);
                    1
                }
            };
            rest = Rect { y: rest.y + used.min(rest.height), height: rest.height.saturating_sub(used), ..rest };
            if let Some(error) = &open.error {
                rest = write([LineBuilder::new().left(format!("    {error}"), appearance.theme.bad)], rest, buffer);
            }
        }
    }
    cursor
}

struct ResolveColumns {
    label: usize,
    value: usize,
}

impl ResolveColumns {
    fn of(width: u16) -> Self {
        let width = usize::from(width).saturating_sub(2);
        let label = (width / 5).clamp(8, 16);
        Self { label, value: width.saturating_sub(label) / 3 }
    }
}

fn choice(appearance: &Appearance, row: &ConflictField, here: bool, columns: &ResolveColumns) -> Vec<LineBuilder> {
    let cells = [(&row.base, ConflictSide::Base), (&row.mine, ConflictSide::Mine), (&row.theirs, ConflictSide::Theirs)];
    let inner = columns.value.saturating_sub(3);
    let texts: Vec<Vec<String>> = cells.iter().map(|(value, _)| lines(value, inner)).collect();
    let height = texts.iter().map(Vec::len).max().unwrap_or(1).max(1);
    let mut rows: Vec<_> = (0..height)
        .map(|line| {
            let label = if line == 0 { row.field.label.as_str() } else { "" };
            let style = if here { appearance.theme.key } else { appearance.theme.muted };
            let first = LineBuilder::new()
                .left(if line == 0 { pointer(appearance, here) } else { "  " }, appearance.theme.focused)
                .left(pad(label, columns.label), style);
            cells.iter().zip(&texts).fold(first, |made, ((_, which), text)| {
                let taken = row.taken == *which;
                let (open, close) = if taken && line == 0 { ("[", "]") } else { (" ", " ") };
                let text = text.get(line).map_or("", String::as_str);
                let style = if taken { appearance.theme.focused } else { appearance.theme.text };
                made.left(pad(&format!("{open}{text}{close}"), columns.value), style)
            })
        })
        .collect();
    if let ConflictSide::Other(value) = &row.taken {
        rows.push(
            LineBuilder::new()
                .left(format!("  {}", pad("", columns.label)), appearance.theme.muted)
                .left(format!(" instead: {}", fit(&say(value), columns.value * 2)), appearance.theme.focused),
        );
    }
    rows
}

fn lines(value: &Value, columns: usize) -> Vec<String> {
    let mut lines = crate::app::measure::wrap(&say(value), columns.max(4));
    if lines.len() > MAX_VALUE_LINES {
        lines.truncate(MAX_VALUE_LINES);
        if let Some(last) = lines.last_mut() {
            *last = fit(&format!("{last} …"), columns.max(4));
        }
    }
    lines
}
