//! The Inspector: one event, what it changed, what led to it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::appearance::Appearance;
use super::line_builder::LineBuilder;
use super::pane::{empty, frame, line, more_below};
use crate::app::App;
use crate::app::inspector::{CauseLine, InspectorLine, JsonLine};
use crate::app::keymap::{Action, KeyContext, Pane};
use crate::app::measure::{pad, width};

/// Draws the pane.
pub(super) fn draw(app: &App, appearance: &Appearance, area: Rect, buffer: &mut Buffer) {
    let Some(entry) = app.inspected_entry() else {
        let content = frame(app, appearance, Pane::Inspector, Pane::Inspector.title(), "", area, buffer);
        let reach = |context, action| app.keymap().reach(context, action, appearance.symbols.ascii);
        let journal = reach(KeyContext::Inspector, Action::Pane(Pane::Journal));
        let sentence = format!(
            "Select an event in the Journal ({journal}) and press {} to see its JSON, changes and causes here.",
            reach(KeyContext::Journal, Action::Activate)
        );
        return empty(&sentence, appearance, content, buffer);
    };
    let title = entry.subject_name(app.cache()).unwrap_or_else(|| entry.kind_word().to_owned());
    let notes = entry.seq.map(|seq| format!("event #{seq}")).unwrap_or_default();
    let content = frame(app, appearance, Pane::Inspector, &format!("Inspector: {title}"), &notes, area, buffer);
    let content = Rect { x: content.x + 1, width: content.width.saturating_sub(2), ..content };
    let (lines, cursor, offset) = app.inspected();
    let fields = lines
        .iter()
        .filter_map(|line| if let InspectorLine::Diff { field, .. } = line { Some(width(field)) } else { None });
    let field = fields.max().unwrap_or(0).clamp(12, usize::from(content.width) / 3);
    let shown = more_below(app, appearance, Pane::Inspector, lines.len().saturating_sub(offset), content, buffer);
    for ((index, row), y) in lines.iter().enumerate().skip(offset).zip(0..shown) {
        let place = line(content, y);
        row_line(appearance, row, field).draw(place, buffer);
        if index == cursor {
            let style =
                if app.focus() == Pane::Inspector { appearance.theme.selected } else { appearance.theme.remembered };
            buffer.set_style(place, style);
        }
    }
}

fn row_line(appearance: &Appearance, row: &InspectorLine, field: usize) -> LineBuilder {
    match row {
        InspectorLine::Blank => LineBuilder::new(),
        InspectorLine::Heading(heading) => LineBuilder::new().left(*heading, appearance.theme.accent),
        InspectorLine::Text(text) => LineBuilder::new().left(text.clone(), appearance.theme.muted),
        InspectorLine::Pair { label, value } => LineBuilder::new()
            .left(format!("{} ", pad(label, 12)), appearance.theme.muted)
            .left(value.clone(), appearance.theme.text),
        InspectorLine::Diff { field: name, before, after } => {
            diff(appearance, &pad(name, field), before.as_deref(), after.as_deref())
        }
        InspectorLine::Cause(cause) => cause_line(appearance, cause),
        InspectorLine::Json(json) => json_line(appearance, json),
    }
}

fn diff(appearance: &Appearance, name: &str, before: Option<&str>, after: Option<&str>) -> LineBuilder {
    let row = LineBuilder::new().left(format!("{name} "), appearance.theme.muted);
    match (before, after) {
        (_, None) => row
            .left(before.unwrap_or("not held").to_owned(), appearance.theme.muted)
            .left(format!(" → {} not told yet", appearance.symbols.stale), appearance.theme.stale),
        (before, Some(after)) if before == Some(after) => {
            row.left(after.to_owned(), appearance.theme.text).left("  as before", appearance.theme.muted)
        }
        (before, Some(after)) => row
            .left(format!("{} ", before.unwrap_or("not held")), appearance.theme.bad)
            .left("→ ", appearance.theme.muted)
            .left(after.to_owned(), appearance.theme.good),
    }
}

fn cause_line(appearance: &Appearance, cause: &CauseLine) -> LineBuilder {
    let indent = "  ".repeat(cause.depth);
    let lead = if cause.depth == 0 { String::new() } else { format!("{indent}{} ", appearance.symbols.because) };
    let style = match (cause.is_this, cause.number) {
        (true, _) => appearance.theme.strong,
        (false, Some(_)) => appearance.theme.text,
        (false, None) => appearance.theme.muted,
    };
    LineBuilder::new().left(lead, appearance.theme.muted).left(cause.what.clone(), style)
}

fn json_line(appearance: &Appearance, json: &JsonLine) -> LineBuilder {
    let fold = match json.folded {
        Some(true) => appearance.symbols.folded,
        Some(false) => appearance.symbols.unfolded,
        None => " ",
    };
    LineBuilder::new()
        .left(format!("{fold} {}", "  ".repeat(json.depth)), appearance.theme.muted)
        .left(json.key.clone(), appearance.theme.accent)
        .left(json.value.clone(), appearance.theme.text)
}
