//! Being told while looking elsewhere: how loud, about what, and when not.

use super::{App, Effect};
use crate::client::event::{Delivery, Phase};
use crate::config::alerts::Level;
use crate::protocol::{EntityRef, Ephemeral, Event};

impl App {
    /// Tells of a connection that was lost, or is back.
    pub(super) fn alert_phase(&mut self, before: Phase, now: Phase) -> Option<Effect> {
        let lost = before == Phase::Live && !matches!(now, Phase::Live | Phase::Closed | Phase::Disconnected);
        let back = self.was_lost && now == Phase::Live;
        self.was_lost = (self.was_lost || lost) && now != Phase::Live;
        let sentence = match (lost, back) {
            (true, _) => "the connection to the server is lost",
            (_, true) => "the connection to the server is back",
            (false, false) => return None,
        };
        self.toast(sentence);
        self.alert(Level::Trouble, sentence)
    }

    /// Tells of a change, where the person wants to know of such.
    pub(super) fn alert_change(&self, delivery: &Delivery, event: &Event) -> Option<Effect> {
        if event.metadata.replayed {
            return None;
        }
        let subject = event.payload.subject();
        let named =
            event.payload.rooms().into_iter().rev().find_map(|room| self.options.alerts.rooms.get(&room.to_string()));
        let is_marked = self.tree.bookmarks().contains(&subject);
        let needed = if is_marked { Level::Bookmarks } else { Level::All };
        let wanted = named.copied().unwrap_or(self.options.alerts.level);
        if wanted < needed {
            return None;
        }
        let name = self.cache.get(&subject).map_or_else(|| delivery.name.to_string(), |entity| entity.name.to_string());
        self.ring(&format!("{name} has changed"))
    }

    /// Tells of what one user alone is told, where it is about a value of theirs.
    pub(super) fn alert_told(&self, event: &Ephemeral) -> Option<Effect> {
        let Ephemeral::DocumentConflict(conflict) = event else { return None };
        let subject = EntityRef::new(conflict.entity_type.clone(), conflict.entity_id.clone());
        let name =
            self.cache.get(&subject).map_or_else(|| subject.entity_type.to_string(), |entity| entity.name.to_string());
        self.alert(Level::Trouble, &format!("somebody replaced what you wrote in {name}"))
    }

    /// Tells of something, if it is loud enough.
    pub(super) fn alert(&self, level: Level, sentence: &str) -> Option<Effect> {
        (self.options.alerts.level >= level).then(|| self.ring(sentence)).flatten()
    }

    /// Tells whoever is not looking, unless it is the time to be quiet.
    fn ring(&self, sentence: &str) -> Option<Effect> {
        let now = self.now.wall.to_zoned(self.options.zone.clone());
        let minute = u16::from(now.hour().unsigned_abs()) * 60 + u16::from(now.minute().unsigned_abs());
        let looking = self.is_looking == Some(true);
        (!looking && !self.options.alerts.is_quiet(minute))
            .then(|| Effect::Alert(crate::text::line(sentence).into_owned()))
    }
}
