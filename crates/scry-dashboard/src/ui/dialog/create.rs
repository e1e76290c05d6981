//! Creating something: what it is, then what it is called.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::super::look::Look;
use super::super::row::{Row, columns};
use super::{field_input, frame, pointer, write};
use crate::app::App;
use crate::app::edit::create::{CreateDialog, CreateForm};
use crate::app::measure::{pad, width};

pub(super) fn draw(
    _app: &App,
    look: &Look,
    dialog: &CreateDialog,
    area: Rect,
    buffer: &mut Buffer,
) -> Option<Position> {
    match (&dialog.form, dialog.plan()) {
        (Some(form), Some(plan)) => {
            let content = frame(look, &format!("New {}", plan.words), "create", area, buffer);
            fill_in(form, look, content, buffer)
        }
        _ => {
            let content = frame(look, "Create what?", "create", area, buffer);
            let rows = dialog.plans.iter().enumerate().map(|(index, plan)| {
                let here = index == dialog.chosen;
                let style = if here { look.theme.strong } else { look.theme.text };
                Row::new().left(pointer(look, here), look.theme.focused).left(plan.words.clone(), style)
            });
            write(rows, content, buffer);
            None
        }
    }
}

fn fill_in(form: &CreateForm, look: &Look, content: Rect, buffer: &mut Buffer) -> Option<Position> {
    let labels = form.lines.iter().map(|(field, _)| width(&field.label)).max().unwrap_or(0);
    let mut cursor = None;
    let mut rest = content;
    for (index, (field, field_input)) in form.lines.iter().enumerate() {
        let here = index == form.at;
        let style = if here { look.theme.key } else { look.theme.muted };
        let head = Row::new()
            .left(pointer(look, here), look.theme.focused)
            .left(format!("{}  ", pad(&field.label, labels)), style);
        let taken = columns(2 + labels + 2);
        let place = Rect { x: rest.x + taken, width: rest.width.saturating_sub(taken), height: 1, ..rest };
        if rest.height == 0 {
            break;
        }
        rest = write([head], rest, buffer);
        let drawn = field_input::line(field_input, look, place, buffer);
        cursor = cursor.or(drawn.filter(|_| here));
    }
    let below = if form.asks {
        Row::new().left("  You have written something. esc again drops it, any other key goes on.", look.theme.warn)
    } else if let Some(error) = &form.error {
        Row::new().left(format!("  {} {error}", look.symbols.notice), look.theme.bad)
    } else {
        Row::new()
            .left("  enter creates it, tab goes to the next line; the rest can be edited afterwards", look.theme.muted)
    };
    write([Row::new(), below], rest, buffer);
    cursor
}
