//! The line that tells where on a recording the dashboard stands.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use scry_text::units::clock;

use super::appearance::Appearance;
use super::line_builder::LineBuilder;
use crate::app::App;
use crate::app::measure::width;
use crate::app::replay::Playback;

/// Draws the line; the bar takes what room the words leave.
pub(super) fn draw(app: &App, playback: &Playback, appearance: &Appearance, area: Rect, buffer: &mut Buffer) {
    let place = playback.place(app.now().mono);
    let length = playback.recording().length();
    let before = format!("   {} ", clock(place));
    let total = playback.recording().entries.len();
    let after = format!(" {}   {} of {total} ", clock(length), playback.played());
    let room = usize::from(area.width).saturating_sub(width(&before) + width(&after));
    let share = if length.is_zero() { 1.0 } else { place.as_secs_f64() / length.as_secs_f64() };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "columns")]
    let done = ((room as f64 * share) as usize).min(room);
    let (full, empty) = if appearance.symbols.ascii { ("=", "-") } else { ("━", "─") };
    LineBuilder::new()
        .left(before, appearance.theme.strong)
        .left(full.repeat(done), appearance.theme.accent)
        .left(empty.repeat(room - done), appearance.theme.muted)
        .left(after, appearance.theme.text)
        .draw(area, buffer);
}

/// Returns whether the recording runs, and how fast.
pub(super) fn words(playback: &Playback) -> String {
    let speed = playback.speed();
    if playback.is_running() { format!("Replay {speed}x") } else { format!("Replay paused, {speed}x") }
}
