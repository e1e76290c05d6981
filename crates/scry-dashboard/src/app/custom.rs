//! Events of other applications, said as the server's catalogues say them.

use scry_catalogue::EventDisplays;
use scry_config::alerts::AlertLevel;
use scry_model::event::Delivery;
use scry_protocol::catalogue::Severity;

use super::App;
use super::entry::{JournalItem, RowKind};
use super::msg::AppEffect;

impl App {
    /// Takes in how such events are said; those that came before are said anew.
    pub(super) fn event_displays_loaded(&mut self, looks: EventDisplays) {
        self.redraw = true;
        self.event_displays = looks;
        self.journal.say(&self.event_displays);
    }

    /// Records a custom event, and raises an alert where the user wants such alerts.
    pub(super) fn declared(&mut self, delivery: &Delivery) -> Option<AppEffect> {
        let mut entry = JournalItem::delivered(delivery, &self.cache, &self.clock);
        entry.say(&self.event_displays);
        let told = if let (RowKind::Custom(severity), false) = (entry.kind, entry.replayed) {
            Some((entry.what.to_string(), severity))
        } else {
            None
        };
        self.note(entry);
        let (sentence, severity) = told?;
        self.alert_declared(delivery, sentence, severity)
    }

    fn alert_declared(&mut self, delivery: &Delivery, sentence: String, severity: Severity) -> Option<AppEffect> {
        let is_trouble = severity >= Severity::Warning;
        if is_trouble && !self.options.screen_reader {
            self.toast(&sentence);
        }
        let alerts = &self.options.alerts;
        let named = delivery.room.as_ref().and_then(|room| alerts.rooms.get(&room.to_string()));
        let needed = if is_trouble { AlertLevel::Trouble } else { AlertLevel::All };
        let is_wanted = named.copied().unwrap_or(alerts.level) >= needed;
        if is_wanted { self.batch_alert(sentence) } else { None }
    }
}
