//! The bottom line: the keys that matter here; and sentences that appear for a while above it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::appearance::Appearance;
use super::line_builder::{LineBuilder, columns};
use crate::app::keymap::{Action, BoundCommand, Pane};
use crate::app::measure::{fit, width};
use crate::app::{App, AppStage};

/// Draws the key line; hints that do not fit are left out, help and quit stay.
pub(super) fn draw(app: &App, appearance: &Appearance, area: Rect, buffer: &mut Buffer) {
    let mut hints: Vec<_> = app.bindings().filter_map(|bound| Some((bound, hint(app, bound)?))).collect();
    // The way out of trouble comes first. What can be done only here comes before what can be done anywhere, and that
    // before the ways to other panes.
    let near = app.help_contexts();
    hints.sort_by_key(|(bound, _)| {
        let action = bound.binding.action;
        let rank = if action == Action::Retry { 0 } else { 1 + usize::from(matches!(action, Action::Pane(_))) };
        (rank, near.iter().position(|context| *context == bound.binding.context))
    });
    let (last, first): (Vec<_>, Vec<_>) = hints.into_iter().partition(|(bound, _)| is_last(bound.binding.action));
    let mut row = last.into_iter().fold(LineBuilder::new(), |row, (bound, hint)| {
        row.right(format!("  {} ", key(bound, appearance)), appearance.theme.key).right(hint, appearance.theme.muted)
    });
    row = row.right(" ", appearance.theme.muted);
    let mut room = usize::from(area.width).saturating_sub(row.right_width() + 2);
    for (bound, hint) in first {
        let key = key(bound, appearance);
        let needed = width(&key) + width(hint) + 4;
        if needed > room {
            break;
        }
        room -= needed;
        row = row.left(format!(" {key} "), appearance.theme.key).left(format!("{hint}  "), appearance.theme.muted);
    }
    row.draw(area, buffer);
}

/// Draws the sentences that are shown for a while, above the key line, at the right.
pub(super) fn toasts(app: &App, appearance: &Appearance, keys: Rect, buffer: &mut Buffer) {
    for (toast, y) in app.toasts().iter().rev().zip((0..keys.y).rev()) {
        let most = usize::from(keys.width).saturating_sub(4);
        let text = format!(" {} {} ", appearance.symbols.notice, fit(&toast.text, most.saturating_sub(4)));
        let x = keys.right().saturating_sub(columns(width(&text)));
        buffer.set_stringn(x, y, &text, most, appearance.theme.warn.patch(appearance.theme.selected));
    }
}

/// Returns the word for a key, where it can do something now.
fn hint(app: &App, bound: BoundCommand<'_>) -> Option<&'static str> {
    let hint = bound.binding.hint.filter(|_| !bound.keys.is_empty())?;
    let stuck = matches!(app.stage(), AppStage::Stuck(_));
    let conditions = [
        (Action::Retry, stuck || app.can_retry()),
        (Action::Follow, !app.journal().is_following()),
        (Action::TogglePause, app.journal().is_following()),
        (Action::NextChange, app.has_changes()),
        (Action::Bookmark, app.selected().is_some()),
        (Action::Activate, app.focus() != Pane::World || !app.tree().rows().is_empty()),
        (
            Action::ClearFilter,
            if app.focus() == Pane::Journal { app.journal().filter().is_some() } else { app.tree().filter().is_some() },
        ),
        (Action::Choose, matches!(app.stage(), AppStage::Choosing { .. })),
    ];
    let useful = conditions.into_iter().all(|(action, useful)| action != bound.binding.action || useful);
    useful.then_some(hint)
}

const fn is_last(action: Action) -> bool {
    matches!(action, Action::Help | Action::Quit | Action::Close)
}

fn key(bound: BoundCommand<'_>, appearance: &Appearance) -> String {
    bound.keys.first().map(|key| key.label(appearance.symbols.ascii)).unwrap_or_default()
}
