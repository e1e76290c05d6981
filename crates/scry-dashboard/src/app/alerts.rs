//! Being told while looking elsewhere: how loud, about what, and when not.

use std::time::{Duration, Instant};

use scry_config::alerts::AlertLevel;
use scry_model::event::{Delivery, Phase};
use scry_protocol::Event;

use super::{App, AppEffect};

/// What is said of a connection that was lost, and of one that is back.
pub(super) const CONNECTION_LOST: &str = "the connection to the server is lost";
pub(super) const CONNECTION_BACK: &str = "the connection to the server is back";

/// The least time between two calls about changes; what changes meanwhile is told with the next one.
const MIN_ALERT_INTERVAL: Duration = Duration::from_secs(2);

/// A delay for alerts about changes: a burst of them becomes one alert.
#[derive(Debug, Default)]
pub(super) struct AlertBatcher {
    last: Option<Instant>,
    /// The first sentence that was held back, and how many there are.
    held: Option<(String, usize)>,
}

impl AlertBatcher {
    /// Takes a sentence; returns it if it may go out at once.
    fn take(&mut self, sentence: String, now: Instant) -> Option<String> {
        if self.last.is_none_or(|last| now >= last + MIN_ALERT_INTERVAL) {
            self.last = Some(now);
            return Some(sentence);
        }
        self.held.get_or_insert((sentence, 0)).1 += 1;
        None
    }

    /// Returns what was held back, once it is time.
    fn due(&mut self, now: Instant) -> Option<String> {
        let (sentence, count) = self.held.take_if(|_| self.last.is_none_or(|last| now >= last + MIN_ALERT_INTERVAL))?;
        self.last = Some(now);
        Some(if count == 1 { sentence } else { format!("{sentence}, and {} more changes", count - 1) })
    }

    /// Returns when something that is held back goes out.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.held.as_ref().and(self.last).map(|last| last + MIN_ALERT_INTERVAL)
    }
}

impl App {
    /// Raises an alert about a connection that was lost, or is back.
    pub(super) fn alert_phase(&mut self, before: Phase, now: Phase) -> Option<AppEffect> {
        let lost = before == Phase::Live && !matches!(now, Phase::Live | Phase::Closed | Phase::Disconnected);
        let back = self.was_lost && now == Phase::Live;
        self.was_lost = (self.was_lost || lost) && now != Phase::Live;
        let sentence = match (lost, back) {
            (true, _) => CONNECTION_LOST,
            (_, true) => CONNECTION_BACK,
            (false, false) => return None,
        };
        self.toast(sentence);
        self.alert(AlertLevel::Trouble, sentence)
    }

    /// Raises an alert about a change, where the user wants such alerts.
    pub(super) fn alert_change(&mut self, delivery: &Delivery, event: &Event) -> Option<AppEffect> {
        if event.metadata.replayed {
            return None;
        }
        let subject = event.payload.subject();
        let alerts = &self.options.alerts;
        let named = || event.payload.rooms().into_iter().rev().find_map(|room| alerts.rooms.get(&room.to_string()));
        let named = if alerts.rooms.is_empty() { None } else { named() };
        let wanted = named.copied().unwrap_or(alerts.level);
        let is_marked = self.tree.bookmarks().contains(&subject);
        let needed = if is_marked { AlertLevel::Bookmarks } else { AlertLevel::All };
        if wanted < needed && !is_marked {
            return None;
        }
        let name = self.cache.get(&subject).map_or_else(|| delivery.name.to_string(), |entity| entity.name.to_string());
        let sentence = format!("{name} has changed");
        let is_mine = event.metadata.user_id.is_some() && event.metadata.user_id == self.options.me;
        // What one has marked is worth a word wherever one is; what one does oneself is not.
        if is_marked && !is_mine && !self.options.screen_reader {
            self.toast(&sentence);
        }
        if wanted < needed { None } else { self.batch_alert(sentence) }
    }

    /// Raises an alert, now or with the next one, unless the user is looking or the hour is a quiet one.
    pub(super) fn batch_alert(&mut self, sentence: String) -> Option<AppEffect> {
        if !self.may_alert() {
            return None;
        }
        self.alert_batcher.take(sentence, self.now.mono).map(|sentence| called(&sentence))
    }

    /// Raises the alert about the changes that were held back, unless the user has come to see for themselves.
    pub(super) fn alerts_due(&mut self) -> Option<AppEffect> {
        let sentence = self.alert_batcher.due(self.now.mono)?;
        self.may_alert().then(|| called(&sentence))
    }

    /// Calls for attention with the next effects, if it is loud enough.
    pub(super) fn queue_alert(&mut self, level: AlertLevel, sentence: &str) {
        self.pending_alerts.extend(self.alert(level, sentence));
    }

    /// Raises an alert, if its level reaches the configured one.
    pub(super) fn alert(&self, level: AlertLevel, sentence: &str) -> Option<AppEffect> {
        (self.options.alerts.level >= level).then(|| self.ring(sentence)).flatten()
    }

    /// Raises an alert, unless the user is looking or the hour is a quiet one.
    fn ring(&self, sentence: &str) -> Option<AppEffect> {
        self.may_alert().then(|| called(sentence))
    }

    fn may_alert(&self) -> bool {
        let now = self.now.wall.to_zoned(self.options.zone.clone());
        let minute = u16::from(now.hour().unsigned_abs()) * 60 + u16::from(now.minute().unsigned_abs());
        self.is_looking != Some(true) && !self.options.alerts.is_quiet(minute)
    }
}

fn called(sentence: &str) -> AppEffect {
    AppEffect::Alert(scry_text::line(sentence).into_owned())
}
