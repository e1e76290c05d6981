//! Creating something: what it is, then what it is called.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::super::appearance::Appearance;
use super::super::line_builder::{LineBuilder, columns};
use super::{field_input, frame, pointer, write};
use crate::app::App;
use crate::app::edit::create::{CreateDialog, CreateForm};
use crate::app::measure::{pad, width};

pub(super) fn draw(
    _app: &App,
    appearance: &Appearance,
    dialog: &CreateDialog,
    area: Rect,
    buffer: &mut Buffer,
) -> Option<Position> {
    match (&dialog.form, dialog.plan()) {
        (Some(form), Some(plan)) => {
            let content = frame(appearance, &format!("New {}", plan.words), "create", area, buffer);
            fill_in(form, appearance, content, buffer)
        }
        _ => {
            let content = frame(appearance, "Create what?", "create", area, buffer);
            let rows = dialog.plans.iter().enumerate().map(|(index, plan)| {
                let here = index == dialog.chosen;
                let style = if here { appearance.theme.strong } else { appearance.theme.text };
                LineBuilder::new()
                    .left(pointer(appearance, here), appearance.theme.focused)
                    .left(plan.words.clone(), style)
            });
            write(rows, content, buffer);
            None
        }
    }
}

fn fill_in(form: &CreateForm, appearance: &Appearance, content: Rect, buffer: &mut Buffer) -> Option<Position> {
    let labels = form.lines.iter().map(|(field, _)| width(&field.label)).max().unwrap_or(0);
    let mut cursor = None;
    let mut rest = content;
    for (index, (field, field_input)) in form.lines.iter().enumerate() {
        let here = index == form.at;
        let style = if here { appearance.theme.key } else { appearance.theme.muted };
        let head = LineBuilder::new()
            .left(pointer(appearance, here), appearance.theme.focused)
            .left(format!("{}  ", pad(&field.label, labels)), style);
        let taken = columns(2 + labels + 2);
        let place = Rect { x: rest.x + taken, width: rest.width.saturating_sub(taken), height: 1, ..rest };
        if rest.height == 0 {
            break;
        }
        rest = write([head], rest, buffer);
        let drawn = field_input::line(field_input, appearance, place, buffer);
        cursor = cursor.or(drawn.filter(|_| here));
    }
    let below = if form.asks {
        LineBuilder::new()
            .left("  Discard what you have written? esc discards it, any other key continues.", appearance.theme.warn)
    } else if let Some(error) = &form.error {
        LineBuilder::new().left(format!("  {} {error}", appearance.symbols.notice), appearance.theme.bad)
    } else {
        LineBuilder::new().left(
            "  enter creates it, tab goes to the next line; the rest can be edited afterwards",
            appearance.theme.muted,
        )
    };
    write([LineBuilder::new(), below], rest, buffer);
    cursor
}
