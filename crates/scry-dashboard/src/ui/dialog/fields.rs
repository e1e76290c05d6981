//! The fields of one entity, one of them under edit.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use scry_text::json::Json;

use super::super::look::Look;
use super::super::row::{Row, columns};
use super::{field_input, frame, pointer, prose, write};
use crate::app::App;
use crate::app::edit::field::EditField;
use crate::app::edit::field_input::FieldInput;
use crate::app::edit::fields::{FieldsDialog, OpenField};
use crate::app::measure::{fit, pad, width};
use crate::app::value::say;

/// How many lines a text of several lines takes at most, while there is anything else to show.
const MAX_BLOCK_LINES: u16 = 12;

pub(super) fn draw(app: &App, look: &Look, dialog: &FieldsDialog, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let Some(entity) = app.seen_entity(&dialog.subject) else {
        let content = frame(look, "Gone", "", area, buffer);
        let sentence = "This has been deleted meanwhile, by you or by somebody else. Esc closes.";
        write(prose(sentence, look.theme.warn, content), content, buffer);
        return None;
    };
    let notes = format!("edit {} {}", look.symbols.dot, dialog.subject.entity_type);
    let content = frame(look, &entity.name, &notes, area, buffer);
    let company = app.company(&dialog.subject);
    let lines = company.iter().map(|line| Row::new().left(format!("{} {line}", look.symbols.pencil), look.theme.warn));
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
            Some(open) => cursor = under_edit(app, look, dialog, open, labels, &mut rest, buffer),
            None => rest = write([at_rest(app, look, dialog, field, value, labels, here)], rest, buffer),
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
    look: &Look,
    dialog: &FieldsDialog,
    field: &EditField,
    value: &Json,
    labels: usize,
    here: bool,
) -> Row {
    let style = if here { look.theme.strong } else { look.theme.text };
    let value = value.as_str().map_or_else(|| say(value), |text| fit(&scry_text::line(text), 60));
    let row = Row::new()
        .left(pointer(look, here), look.theme.focused)
        .left(format!("{}  ", pad(&field.label, labels)), if here { look.theme.key } else { look.theme.muted })
        .left(value, style);
    let row = if field.unit.is_empty() { row } else { row.left(format!(" {}", field.unit), look.theme.muted) };
    match app.pending().mark(&dialog.subject, &field.name) {
        Some(mark) => {
            let (words, style) = look.pending(mark);
            row.left(format!("   {words}"), style)
        }
        None if here => row.left(format!("   {}", field.note), look.theme.muted),
        None => row,
    }
}

fn under_edit(
    app: &App,
    look: &Look,
    dialog: &FieldsDialog,
    open: &OpenField,
    labels: usize,
    rest: &mut Rect,
    buffer: &mut Buffer,
) -> Option<Position> {
    let taken = columns(2 + labels + 2);
    let head = Row::new()
        .left(pointer(look, true), look.theme.focused)
        .left(format!("{}  ", pad(&open.field.label, labels)), look.theme.key);
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
            let cursor = field_input::block(text, look, area, buffer);
            *rest = Rect { y: rest.y + area.height, height: rest.height - area.height, ..*rest };
            Some(cursor)
        }
        line @ (FieldInput::Line(_) | FieldInput::Options { .. }) => field_input::line(line, look, place, buffer),
    };
    let indent = |text: String, style| Row::new().left("  ", style).left(text, style);
    let mut below = Vec::new();
    let hint = [open.field.unit.as_str(), open.field.note.as_str()].into_iter().filter(|text| !text.is_empty());
    let hint = hint.collect::<Vec<_>>().join(", ");
    if open.asks {
        below.push(indent(
            "You have written something. esc again drops it, any other key goes on.".to_owned(),
            look.theme.warn,
        ));
    } else if let Some(error) = &open.error {
        below.push(indent(format!("{} {error}", look.symbols.notice), look.theme.bad));
    } else if let Some(meanwhile) = app.changed_meanwhile(dialog) {
        below.push(indent(format!("{} {meanwhile}", look.symbols.notice), look.theme.warn));
    } else if !hint.is_empty() && !matches!(open.field_input, FieldInput::Options { .. }) {
        below.push(indent(hint, look.theme.muted));
    }
    *rest = write(below, *rest, buffer);
    cursor
}
