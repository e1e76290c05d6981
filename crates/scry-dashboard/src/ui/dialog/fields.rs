//! The fields of one entity, one of them under edit.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use scry_text::json::Json;

use super::super::appearance::Appearance;
use super::super::line_builder::{LineBuilder, columns};
use super::{field_input, frame, pointer, prose, write};
use crate::app::App;
use crate::app::edit::field::EditField;
use crate::app::edit::field_input::FieldInput;
use crate::app::edit::fields::{FieldsDialog, OpenField};
use crate::app::measure::{fit, pad, width};
use crate::app::value::say;

/// How many lines a text of several lines takes at most, while there is anything else to show.
const MAX_BLOCK_LINES: u16 = 12;

pub(super) fn draw(
    app: &App,
    appearance: &Appearance,
    dialog: &FieldsDialog,
    area: Rect,
    buffer: &mut Buffer,
) -> Option<Position> {
    let Some(entity) = app.seen_entity(&dialog.subject) else {
        let content = frame(appearance, "Gone", "", area, buffer);
        let sentence = "This has been deleted meanwhile. esc closes.";
        write(prose(sentence, appearance.theme.warn, content), content, buffer);
        return None;
    };
    let notes = format!("edit {} {}", appearance.symbols.dot, dialog.subject.entity_type);
    let content = frame(appearance, &entity.name, &notes, area, buffer);
    let company = app.company(&dialog.subject);
    let lines = company
        .iter()
        .map(|line| LineBuilder::new().left(format!("{} {line}", appearance.symbols.pencil), appearance.theme.warn));
    let content = write(lines, content, buffer);
    let fields = app.editable(&entity);
    let labels = fields.iter().map(|field| width(&field.label)).max().unwrap_or(0).min(usize::from(content.width) / 3);
    let first = first_shown(dialog, content.height);
    let mut cursor = None;
    let mut rest = content;
    for (index, field) in fields.iter().enumerate().skip(first) {
        let here = index == dialog.cursor;
        let open = dialog.open.as_ref().filter(|_| here);
        let value = entity.field(&field.name).unwrap_or(&Json::Null);
        match open {
            Some(open) => cursor = under_edit(app, appearance, dialog, open, labels, &mut rest, buffer),
            None => rest = write([at_rest(app, appearance, dialog, field, value, labels, here)], rest, buffer),
        }
    }
    cursor
}

/// Scrolls so that the row of the cursor, and what is open there, is in view.
fn first_shown(dialog: &FieldsDialog, height: u16) -> usize {
    match &dialog.open {
        Some(open) if matches!(open.field_input, FieldInput::Block(_)) => dialog.cursor,
        _ => (dialog.cursor + 4).saturating_sub(usize::from(height)),
    }
}

fn at_rest(
    app: &App,
    appearance: &Appearance,
    dialog: &FieldsDialog,
    field: &EditField,
    value: &Json,
    labels: usize,
    here: bool,
) -> LineBuilder {
    let style = if here { appearance.theme.strong } else { appearance.theme.text };
    let value = value.as_str().map_or_else(|| say(value), |text| fit(&scry_text::line(text), 60));
    let row = LineBuilder::new()
        .left(pointer(appearance, here), appearance.theme.focused)
        .left(
            format!("{}  ", pad(&field.label, labels)),
            if here { appearance.theme.key } else { appearance.theme.muted },
        )
        .left(value, style);
    let row = if field.unit.is_empty() { row } else { row.left(format!(" {}", field.unit), appearance.theme.muted) };
    match app.pending().mark(&dialog.subject, &field.name) {
        Some(mark) => {
            let (words, style) = appearance.pending(mark);
            row.left(format!("   {words}"), style)
        }
        None if here => row.left(format!("   {}", field.note), appearance.theme.muted),
        None => row,
    }
}

fn under_edit(
    app: &App,
    appearance: &Appearance,
    dialog: &FieldsDialog,
    open: &OpenField,
    labels: usize,
    rest: &mut Rect,
    buffer: &mut Buffer,
) -> Option<Position> {
    let taken = columns(2 + labels + 2);
    let head = LineBuilder::new()
        .left(pointer(appearance, true), appearance.theme.focused)
        .left(format!("{}  ", pad(&open.field.label, labels)), appearance.theme.key);
    let place = Rect { x: rest.x + taken, width: rest.width.saturating_sub(taken), height: 1, ..*rest };
    *rest = write([head], *rest, buffer);
    let cursor = match &open.field_input {
        FieldInput::Block(text) => {
            let width = rest.width.saturating_sub(2);
            let height = field_input::height(&open.field_input, width)
                .min(MAX_BLOCK_LINES)
                .min(rest.height.saturating_sub(2))
                .max(1);
            let area = Rect { x: rest.x + 2, width, height: height.min(rest.height), ..*rest };
            let cursor = field_input::block(text, appearance, area, buffer);
            *rest = Rect { y: rest.y + area.height, height: rest.height - area.height, ..*rest };
            Some(cursor)
        }
        line @ (FieldInput::Line(_) | FieldInput::Options { .. }) => field_input::line(line, appearance, place, buffer),
    };
    let indent = |text: String, style| LineBuilder::new().left("  ", style).left(text, style);
    let mut below = Vec::new();
    let hint = [open.field.unit.as_str(), open.field.note.as_str()].into_iter().filter(|text| !text.is_empty());
    let hint = hint.collect::<Vec<_>>().join(", ");
    if open.asks {
        below.push(indent(
            "Discard what you have written? esc discards it, any other key continues.".to_owned(),
            appearance.theme.warn,
        ));
    } else if let Some(error) = &open.error {
        below.push(indent(format!("{} {error}", appearance.symbols.notice), appearance.theme.bad));
    } else if let Some(meanwhile) = app.changed_meanwhile(dialog) {
        below.push(indent(format!("{} {meanwhile}", appearance.symbols.notice), appearance.theme.warn));
    } else if !hint.is_empty() && !matches!(open.field_input, FieldInput::Options { .. }) {
        below.push(indent(hint, appearance.theme.muted));
    }
    *rest = write(below, *rest, buffer);
    cursor
}
