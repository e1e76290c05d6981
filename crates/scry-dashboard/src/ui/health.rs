//! The Health pane: the connection's history, the way to the server and back, what arrives, and the server itself.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use scry_model::event::Phase;

use super::appearance::Appearance;
use super::line_builder::LineBuilder;
use super::pane::{frame, scrolled};
use super::spark;
use crate::app::App;
use crate::app::connection::Indicator;
use crate::app::connection_stats::{MAX_LISTED_CHANGES, MAX_LISTED_RATES};
use crate::app::keymap::Pane;
use crate::app::measure::{pad, pad_left};
use crate::app::value::group;

/// Columns for the names on the left.
const LABEL_COLUMNS: usize = 16;

/// Draws the pane.
pub(super) fn draw(app: &App, appearance: &Appearance, area: Rect, buffer: &mut Buffer) {
    let content = frame(app, appearance, Pane::Health, Pane::Health.title(), "", area, buffer);
    let rows = rows(app, appearance, usize::from(content.width));
    scrolled(app, appearance, Pane::Health, rows, content, buffer);
}

fn rows(app: &App, appearance: &Appearance, columns: usize) -> Vec<LineBuilder> {
    let count = |number: usize| group(&number.to_string());
    let (cache, journal, pulse) = (app.cache(), app.journal(), app.connection_stats());
    let (symbol, style) = appearance.indicator(app.connection().indicator());
    let mut rows = vec![pair(
        "Connection",
        &format!("{symbol} {}", app.connection_words(appearance.symbols.ascii)),
        style,
        appearance,
    )];
    rows.push(trips(app, appearance, columns));
    rows.push(pair(
        "Entities",
        &format!("{}, {} stale", count(cache.len()), count(cache.stale_count())),
        appearance.theme.text,
        appearance,
    ));
    rows.push(pair("Refetches", &group(&cache.refetches().to_string()), appearance.theme.text, appearance));
    let dropped = if journal.dropped() > 0 {
        format!(", {} older ones dropped", group(&journal.dropped().to_string()))
    } else {
        String::new()
    };
    let unseen = match journal.unseen_in_all() {
        0 => String::new(),
        unseen => {
            let most = count(journal.most_at_once());
            format!(", {} skipped, {most} at most at once", group(&unseen.to_string()))
        }
    };
    rows.push(pair(
        "Journal",
        &format!("{} events{dropped}{unseen}", count(journal.events())),
        appearance.theme.text,
        appearance,
    ));
    let gaps = pulse.gaps();
    rows.push(pair(
        "Gaps",
        &group(&gaps.to_string()),
        if gaps == 0 { appearance.theme.text } else { appearance.theme.warn },
        appearance,
    ));
    heading(&mut rows, "Events per second, last minute", appearance);
    let rates = pulse.rates(app.now());
    if rates.is_empty() {
        rows.push(LineBuilder::new().left(" nothing yet", appearance.theme.muted));
    }
    rows.extend(rates.iter().take(MAX_LISTED_RATES).map(|rate| {
        LineBuilder::new()
            .left(format!(" {} ", pad(&scry_text::line(&rate.name), 22)), appearance.theme.muted)
            .left(pad_left(&format!("{:.2}", rate.rate), 8), appearance.theme.text)
            .left(format!("   {} in all", group(&rate.total.to_string())), appearance.theme.muted)
    }));
    heading(&mut rows, "Connection history", appearance);
    rows.extend(pulse.changes().take(MAX_LISTED_CHANGES).map(|change| {
        let time = change.at.to_zoned(app.zone().clone()).strftime("%H:%M:%S").to_string();
        let (symbol, style) = appearance.indicator(indicator(change.phase));
        let reason = change.reason.as_deref().map(|reason| format!("  {reason}")).unwrap_or_default();
        LineBuilder::new()
            .left(format!(" {time} "), appearance.theme.muted)
            .left(format!("{symbol} {}", pad(change.phase.as_str(), 14)), style)
            .left(reason, appearance.theme.muted)
    }));
    heading(&mut rows, "Server", appearance);
    match pulse.server() {
        None => rows.push(LineBuilder::new().left(" not asked yet", appearance.theme.muted)),
        Some(Err(reason)) => rows.push(LineBuilder::new().left(format!(" {reason}"), appearance.theme.warn)),
        Some(Ok(said)) => {
            rows.extend(said.iter().map(|(name, value)| pair(name, value, appearance.theme.text, appearance)))
        }
    }
    rows
}

fn trips(app: &App, appearance: &Appearance, columns: usize) -> LineBuilder {
    let all: Vec<f64> = app.connection_stats().trips().map(|trip| trip.as_secs_f64() * 1_000.0).collect();
    let now = app.connection().round_trip().map_or_else(|| "–".to_owned(), |trip| format!("{} ms", trip.as_millis()));
    let graph = spark::line(&all, columns.saturating_sub(LABEL_COLUMNS + 34).min(80), appearance.symbols.ascii);
    let (low, high) = all.iter().fold((f64::MAX, 0.0_f64), |(low, high), trip| (low.min(*trip), high.max(*trip)));
    let span = if all.len() > 1 { format!("  {low:.0} to {high:.0} ms") } else { String::new() };
    LineBuilder::new()
        .left(format!(" {} ", pad("Round trip", LABEL_COLUMNS)), appearance.theme.muted)
        .left(format!("{now}  "), appearance.theme.text)
        .left(graph, appearance.theme.accent)
        .left(span, appearance.theme.muted)
}

fn pair(label: &str, value: &str, style: Style, appearance: &Appearance) -> LineBuilder {
    LineBuilder::new()
        .left(format!(" {} ", pad(label, LABEL_COLUMNS)), appearance.theme.muted)
        .left(value.to_owned(), style)
}

fn heading(rows: &mut Vec<LineBuilder>, text: &'static str, appearance: &Appearance) {
    rows.extend([LineBuilder::new(), LineBuilder::new().left(format!(" {text}"), appearance.theme.accent)]);
}

const fn indicator(phase: Phase) -> Indicator {
    match phase {
        Phase::Live => Indicator::Connected,
        Phase::Connecting | Phase::Backoff => Indicator::Connecting,
        Phase::Resyncing => Indicator::CatchingUp,
        Phase::Open | Phase::LoginRequired => Indicator::Error,
        Phase::Disconnected | Phase::Closed => Indicator::Disconnected,
    }
}
