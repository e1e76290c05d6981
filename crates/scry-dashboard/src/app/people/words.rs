//! What is said of the others at an entity.

use scry_protocol::presence::Activity;
use scry_protocol::{EntityRef, EntityType};
use scry_text::json::Json;

use crate::app::App;
use crate::app::value::field_name;

impl App {
    /// Returns a sentence about each other user who edits an entity now: `Mira is editing level`; offline, who did.
    #[must_use]
    pub(crate) fn company(&self, entity: &EntityRef) -> Vec<String> {
        let here = self.people.at(entity, self.me());
        let editors = here.into_iter().filter(|(_, activity)| *activity == Activity::Editing);
        let verb = if self.connection.is_live() { "is" } else { "was" };
        let sentence = |person: &super::Person| {
            let typed = self.people.typed_field(&person.id, entity);
            let known = person.field.as_ref().filter(|(at, _)| at == entity).map(|(_, field)| field.as_str());
            match (typed, known) {
                (Some(field), _) => format!("{} {verb} typing in {}", person.name, field_name(field)),
                (None, Some(field)) => format!("{} {verb} editing {}", person.name, field_name(field)),
                (None, None) => format!("{} {verb} editing this", person.name),
            }
        };
        editors.map(|(person, _)| sentence(person)).collect()
    }

    /// Lists the names of the others who look at an entity.
    #[must_use]
    pub(crate) fn onlookers(&self, entity: &EntityRef) -> Vec<&str> {
        let here = self.people.at(entity, self.me());
        here.into_iter()
            .filter(|(_, activity)| *activity != Activity::Editing)
            .map(|(person, _)| &*person.name)
            .collect()
    }

    /// Lists the members who have not been seen, with their roles; nobody, where nobody is ever seen.
    #[must_use]
    pub(crate) fn absent(&self) -> Vec<(String, String)> {
        let seen = self.people.all();
        if seen.is_empty() {
            return Vec::new();
        }
        let members = self.cache.of_type(&EntityType::Member).filter(|member| {
            let id = member.field("userId").and_then(Json::as_str);
            !seen.iter().any(|person| Some(person.id.as_str()) == id)
        });
        let mut absent: Vec<_> = members
            .map(|member| {
                let role = member.field("role").and_then(Json::as_str).unwrap_or_default();
                (member.name.to_string(), scry_text::line(role).to_lowercase())
            })
            .collect();
        absent.sort();
        absent
    }
}
