//! The users who are online and what they view or edit, as the gateway tells it.

mod local_presence;
#[cfg(test)]
mod tests;
mod words;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jiff::Timestamp;

pub(super) use local_presence::LocalPresence;

use scry_protocol::presence::{
    Activity, Presence, PresenceChange, PresenceState, PresentUser, ResourceUse, UserTyping,
};
use scry_protocol::{EntityRef, EphemeralEvent, Id};
use scry_text as text;

use super::now::Now;

/// How long somebody is said to type after the gateway last said so.
const TYPING_TTL: Duration = Duration::from_secs(6);

/// The users who have been seen in the campaign.
#[derive(Debug, Default)]
pub(crate) struct People {
    seen: BTreeMap<Id, Person>,
    typing: Vec<TypingState>,
}

/// A user; everything in it is safe to show.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Person {
    pub id: Id,
    pub name: String,
    pub status: Presence,
    /// What they have before them, the busiest first.
    pub places: Vec<(EntityRef, Activity)>,
    /// When they came, or were last seen.
    pub since: Option<Timestamp>,
    /// Which field they last typed in, as long as they edit that entity.
    pub field: Option<(EntityRef, String)>,
}

#[derive(Debug)]
struct TypingState {
    user: Id,
    entity: EntityRef,
    field: String,
    until: Instant,
}

impl People {
    /// Takes in an event; tells whether it was about people.
    pub(crate) fn hear(&mut self, event: &EphemeralEvent, campaign: &Id, now: Now) -> bool {
        match event {
            EphemeralEvent::PresenceState(state) if state.campaign_id == *campaign => self.state(state),
            EphemeralEvent::PresenceChange(change) if change.campaign_id == *campaign => self.change(change, now),
            EphemeralEvent::UserTyping(typing) if typing.campaign_id == *campaign => self.typing(typing, now),
            EphemeralEvent::UserOffline(user) => self.gone(&user.user_id, now),
            // Who came online is not in this campaign before a `presence:change` says so.
            EphemeralEvent::UserOnline(_)
            | EphemeralEvent::PresenceState(_)
            | EphemeralEvent::PresenceChange(_)
            | EphemeralEvent::UserTyping(_) => {}
            EphemeralEvent::DocumentConflict(_)
            | EphemeralEvent::ConflictResolved(_)
            | EphemeralEvent::NotificationNew(_) => {
                return false;
            }
        }
        true
    }

    fn state(&mut self, state: &PresenceState) {
        let known = std::mem::take(&mut self.seen);
        for user in &state.users {
            let field = known.get(&user.user_id).and_then(|person| person.field.clone());
            self.seen.insert(user.user_id.clone(), person(user, field));
        }
        let here = &self.seen;
        self.typing.retain(|typing| here.contains_key(&typing.user));
    }

    fn change(&mut self, change: &PresenceChange, now: Now) {
        let known = self.seen.get(&change.user_id);
        let was_here = known.is_some_and(|person| person.status != Presence::Offline);
        let stays = was_here && change.status != Presence::Offline;
        let mut places = places(&change.resources);
        // A foreign gateway may name only the one place that made the difference.
        if let (true, Some(resource), Some(state)) = (places.is_empty(), &change.resource, change.state) {
            places.push((EntityRef::new(resource.entity_type.clone(), resource.id.clone()), state));
        }
        let edits =
            |entity: &EntityRef| places.iter().any(|(at, activity)| at == entity && *activity == Activity::Editing);
        let person = Person {
            id: change.user_id.clone(),
            name: text::line(&change.name).into_owned(),
            status: change.status,
            field: known.and_then(|person| person.field.clone()).filter(|(entity, _)| edits(entity)),
            since: if stays { known.and_then(|person| person.since) } else { Some(now.wall) },
            places,
        };
        if person.status == Presence::Offline {
            self.typing.retain(|typing| typing.user != person.id);
        }
        self.seen.insert(person.id.clone(), person);
    }

    fn typing(&mut self, typing: &UserTyping, now: Now) {
        let entity = EntityRef::new(typing.entity_type.clone(), typing.entity_id.clone());
        let field = text::line(&typing.field).into_owned();
        self.typing.retain(|known| known.user != typing.user_id || known.entity != entity || known.field != field);
        if !typing.typing {
            return;
        }
        if let Some(person) = self.seen.get_mut(&typing.user_id) {
            person.field = Some((entity.clone(), field.clone()));
        }
        self.typing.push(TypingState { user: typing.user_id.clone(), entity, field, until: now.mono + TYPING_TTL });
    }

    fn gone(&mut self, user: &Id, now: Now) {
        self.typing.retain(|typing| typing.user != *user);
        if let Some(person) = self.seen.get_mut(user).filter(|person| person.status != Presence::Offline) {
            person.status = Presence::Offline;
            person.places.clear();
            person.since = Some(now.wall);
        }
    }

    /// Lets typing marks end; tells whether any has.
    pub(crate) fn expire(&mut self, now: Instant) -> bool {
        let before = self.typing.len();
        self.typing.retain(|typing| typing.until > now);
        self.typing.len() != before
    }

    /// Returns when the next typing mark ends.
    #[must_use]
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.typing.iter().map(|typing| typing.until).min()
    }

    /// Lists everybody who has been seen: the active ones first, then by name.
    #[must_use]
    pub(crate) fn all(&self) -> Vec<&Person> {
        let mut all: Vec<_> = self.seen.values().collect();
        let rank = |person: &Person| match person.status {
            Presence::Online => 0,
            Presence::Idle => 1,
            Presence::Offline => 2,
        };
        all.sort_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| a.name.cmp(&b.name)).then_with(|| a.id.cmp(&b.id)));
        all
    }

    /// Lists the others who are here.
    #[must_use]
    pub(crate) fn others(&self, me: Option<&Id>) -> Vec<&Person> {
        let mut all = self.all();
        all.retain(|person| person.status != Presence::Offline && Some(&person.id) != me);
        all
    }

    /// Lists the others who are at an entity, those who edit it first.
    #[must_use]
    pub(crate) fn at(&self, entity: &EntityRef, me: Option<&Id>) -> Vec<(&Person, Activity)> {
        let activity =
            |person: &Person| person.places.iter().find(|(at, _)| at == entity).map(|(_, activity)| *activity);
        let mut here: Vec<_> =
            self.others(me).into_iter().filter_map(|person| Some((person, activity(person)?))).collect();
        here.sort_by_key(|(_, activity)| std::cmp::Reverse(*activity));
        here
    }

    /// Returns the field of an entity in which a user types now; `None` where they do not.
    #[must_use]
    pub(crate) fn typed_field(&self, user: &Id, entity: &EntityRef) -> Option<&str> {
        self.typing.iter().find(|typing| typing.user == *user && typing.entity == *entity).map(|typing| &*typing.field)
    }
}

fn person(user: &PresentUser, field: Option<(EntityRef, String)>) -> Person {
    Person {
        id: user.user_id.clone(),
        name: text::line(&user.name).into_owned(),
        status: user.status,
        places: places(&user.resources),
        since: user.since.parse().ok(),
        field,
    }
}

fn places(resources: &[ResourceUse]) -> Vec<(EntityRef, Activity)> {
    let place = |at: &ResourceUse| (EntityRef::new(at.resource.entity_type.clone(), at.resource.id.clone()), at.state);
    let mut places: Vec<_> = resources.iter().map(place).collect();
    places.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    places
}
