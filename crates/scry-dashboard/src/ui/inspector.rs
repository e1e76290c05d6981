//! The Inspector: one event, what it changed, what led to it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::look::Look;
use super::pane::{empty, frame, line, more_below};
use super::row::Row;
use crate::app::App;
use crate::app::inspector::{Cause, JsonLine, Line};
use crate::app::keymap::{Action, Context, Pane};
use crate::app::measure::{pad, width};

/// Draws the pane.
pub(super) fn draw(app: &App, look: &Look, area: Rect, buffer: &mut Buffer) {
    let Some(entry) = app.inspected_entry() else {
        let content = frame(app, look, Pane::Inspector, Pane::Inspector.title(), "", area, buffer);
        let reach = |context, action| app.keymap().reach(context, action, look.symbols.ascii);
        let journal = reach(Context::Inspector, Action::Pane(Pane::Journal));
        let sentence = format!(
            "Choose an event in the Journal ({journal}) and press {}: its text, what it changed and why it happened are shown here.",
            reach(Context::Journal, Action::Activate)
        );
        return empty(&sentence, look, content, buffer);
    };
    let title = entry.subject_name(app.cache()).unwrap_or_else(|| entry.kind_word().to_owned());
    let notes = entry.seq.map(|seq| format!("event #{seq}")).unwrap_or_default();
    let content = frame(app, look, Pane::Inspector, &format!("Inspector: {title}"), &notes, area, buffer);
    let content = Rect { x: content.x + 1, width: content.width.saturating_sub(2), ..content };
    let (lines, cursor, offset) = app.inspected();
    let fields =
        lines.iter().filter_map(|line| if let Line::Diff { field, .. } = line { Some(width(field)) } else { None });
    let field = fields.max().unwrap_or(0).clamp(12, usize::from(content.width) / 3);
    let shown = more_below(app, look, Pane::Inspector, lines.len().saturating_sub(offset), content, buffer);
    for ((index, row), y) in lines.iter().enumerate().skip(offset).zip(0..shown) {
        let place = line(content, y);
        row_line(look, row, field).draw(place, buffer);
        if index == cursor {
            let style = if app.focus() == Pane::Inspector { look.theme.selected } else { look.theme.remembered };
            buffer.set_style(place, style);
        }
    }
}

fn row_line(look: &Look, row: &Line, field: usize) -> Row {
    match row {
        Line::Blank => Row::new(),
        Line::Heading(heading) => Row::new().left(*heading, look.theme.accent),
        Line::Text(text) => Row::new().left(text.clone(), look.theme.muted),
        Line::Pair { label, value } => {
            Row::new().left(format!("{} ", pad(label, 12)), look.theme.muted).left(value.clone(), look.theme.text)
        }
        Line::Diff { field: name, before, after } => diff(look, &pad(name, field), before.as_deref(), after.as_deref()),
        Line::Cause(cause) => cause_line(look, cause),
        Line::Json(json) => json_line(look, json),
    }
}

fn diff(look: &Look, name: &str, before: Option<&str>, after: Option<&str>) -> Row {
    let row = Row::new().left(format!("{name} "), look.theme.muted);
    match (before, after) {
        (_, None) => row
            .left(before.unwrap_or("not held").to_owned(), look.theme.muted)
            .left(format!(" → {} not told yet", look.symbols.stale), look.theme.stale),
        (before, Some(after)) if before == Some(after) => {
            row.left(after.to_owned(), look.theme.text).left("  as before", look.theme.muted)
        }
        (before, Some(after)) => row
            .left(format!("{} ", before.unwrap_or("not held")), look.theme.bad)
            .left("→ ", look.theme.muted)
            .left(after.to_owned(), look.theme.good),
    }
}

fn cause_line(look: &Look, cause: &Cause) -> Row {
    let indent = "  ".repeat(cause.depth);
    let lead = if cause.depth == 0 { String::new() } else { format!("{indent}{} ", look.symbols.because) };
    let style = match (cause.is_this, cause.number) {
        (true, _) => look.theme.strong,
        (false, Some(_)) => look.theme.text,
        (false, None) => look.theme.muted,
    };
    Row::new().left(lead, look.theme.muted).left(cause.what.clone(), style)
}

fn json_line(look: &Look, json: &JsonLine) -> Row {
    let fold = match json.folded {
        Some(true) => look.symbols.folded,
        Some(false) => look.symbols.unfolded,
        None => " ",
    };
    Row::new()
        .left(format!("{fold} {}", "  ".repeat(json.depth)), look.theme.muted)
        .left(json.key.clone(), look.theme.accent)
        .left(json.value.clone(), look.theme.text)
}
