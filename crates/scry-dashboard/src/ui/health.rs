//! The Health pane: the connection's history, the way to the server and back, what arrives, and the server itself.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use scry_model::event::Phase;

use super::look::Look;
use super::pane::{frame, scrolled};
use super::row::Row;
use super::spark;
use crate::app::App;
use crate::app::connection::Light;
use crate::app::keymap::Pane;
use crate::app::measure::{pad, pad_left};
use crate::app::pulse::{LISTED_CHANGES, LISTED_RATES};
use crate::app::value::group;

/// Columns for the names on the left.
const LABEL: usize = 16;

/// Draws the pane.
pub(super) fn draw(app: &App, look: &Look, area: Rect, buffer: &mut Buffer) {
    let content = frame(app, look, Pane::Health, Pane::Health.title(), "", area, buffer);
    let rows = rows(app, look, usize::from(content.width));
    scrolled(app, look, Pane::Health, rows, content, buffer);
}

fn rows(app: &App, look: &Look, columns: usize) -> Vec<Row> {
    let count = |number: usize| group(&number.to_string());
    let (cache, journal, pulse) = (app.cache(), app.journal(), app.pulse());
    let (symbol, style) = look.light(app.connection().light());
    let mut rows =
        vec![pair("Connection", &format!("{symbol} {}", app.connection_words(look.symbols.ascii)), style, look)];
    rows.push(trips(app, look, columns));
    rows.push(pair(
        "Entities",
        &format!("{}, {} stale", count(cache.len()), count(cache.stale_count())),
        look.theme.text,
        look,
    ));
    rows.push(pair("Refetches", &group(&cache.refetches().to_string()), look.theme.text, look));
    let dropped = if journal.dropped() > 0 {
        format!(", {} older ones dropped", group(&journal.dropped().to_string()))
    } else {
        String::new()
    };
    let unseen = match journal.unseen_in_all() {
        0 => String::new(),
        unseen => {
            let most = count(journal.most_at_once());
            format!(", {} too fast to show, {most} at once at most", group(&unseen.to_string()))
        }
    };
    rows.push(pair("Journal", &format!("{} events{dropped}{unseen}", count(journal.events())), look.theme.text, look));
    let gaps = pulse.gaps();
    rows.push(pair("Gaps", &group(&gaps.to_string()), if gaps == 0 { look.theme.text } else { look.theme.warn }, look));
    heading(&mut rows, "Arriving, a second over the last minute", look);
    let rates = pulse.rates(app.now());
    if rates.is_empty() {
        rows.push(Row::new().left(" nothing yet", look.theme.muted));
    }
    rows.extend(rates.iter().take(LISTED_RATES).map(|rate| {
        Row::new()
            .left(format!(" {} ", pad(&scry_text::line(&rate.name), 22)), look.theme.muted)
            .left(pad_left(&format!("{:.2}", rate.rate), 8), look.theme.text)
            .left(format!("   {} in all", group(&rate.total.to_string())), look.theme.muted)
    }));
    heading(&mut rows, "Connection so far", look);
    rows.extend(pulse.changes().take(LISTED_CHANGES).map(|change| {
        let time = change.at.to_zoned(app.zone().clone()).strftime("%H:%M:%S").to_string();
        let (symbol, style) = look.light(light(change.phase));
        let reason = change.reason.as_deref().map(|reason| format!("  {reason}")).unwrap_or_default();
        Row::new()
            .left(format!(" {time} "), look.theme.muted)
            .left(format!("{symbol} {}", pad(change.phase.as_str(), 14)), style)
            .left(reason, look.theme.muted)
    }));
    heading(&mut rows, "Server", look);
    match pulse.server() {
        None => rows.push(Row::new().left(" not asked yet", look.theme.muted)),
        Some(Err(reason)) => rows.push(Row::new().left(format!(" {reason}"), look.theme.warn)),
        Some(Ok(said)) => rows.extend(said.iter().map(|(name, value)| pair(name, value, look.theme.text, look))),
    }
    rows
}

fn trips(app: &App, look: &Look, columns: usize) -> Row {
    let all: Vec<f64> = app.pulse().trips().map(|trip| trip.as_secs_f64() * 1_000.0).collect();
    let now = app.connection().round_trip().map_or_else(|| "–".to_owned(), |trip| format!("{} ms", trip.as_millis()));
    let graph = spark::line(&all, columns.saturating_sub(LABEL + 34).min(80), look.symbols.ascii);
    let (low, high) = all.iter().fold((f64::MAX, 0.0_f64), |(low, high), trip| (low.min(*trip), high.max(*trip)));
    let span = if all.len() > 1 { format!("  {low:.0} to {high:.0} ms") } else { String::new() };
    Row::new()
        .left(format!(" {} ", pad("Round trip", LABEL)), look.theme.muted)
        .left(format!("{now}  "), look.theme.text)
        .left(graph, look.theme.accent)
        .left(span, look.theme.muted)
}

fn pair(label: &str, value: &str, style: Style, look: &Look) -> Row {
    Row::new().left(format!(" {} ", pad(label, LABEL)), look.theme.muted).left(value.to_owned(), style)
}

fn heading(rows: &mut Vec<Row>, text: &'static str, look: &Look) {
    rows.extend([Row::new(), Row::new().left(format!(" {text}"), look.theme.accent)]);
}

const fn light(phase: Phase) -> Light {
    match phase {
        Phase::Live => Light::Connected,
        Phase::Connecting | Phase::Backoff => Light::Connecting,
        Phase::Resyncing => Light::CatchingUp,
        Phase::Open | Phase::LoginRequired => Light::Error,
        Phase::Disconnected | Phase::Closed => Light::Disconnected,
    }
}
