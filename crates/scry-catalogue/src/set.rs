//! All catalogues that one gateway serves.

use std::collections::BTreeMap;
use std::sync::Arc;

use scry_protocol::RoomKind;
use scry_protocol::catalogue::EventDisplay;
use scry_text::suggest::nearest;

use super::{Catalogue, EventDefinition, RoomDefinition};

/// Catalogues that do not contradict each other; clones share them.
#[derive(Debug, Clone, Default)]
pub struct Catalogues(Arc<Vec<Catalogue>>);

impl Catalogues {
    /// Puts catalogues together.
    ///
    /// # Errors
    /// A name that two of them declare.
    pub fn new(catalogues: Vec<Catalogue>) -> Result<Self, String> {
        let mut names = BTreeMap::new();
        let mut events: BTreeMap<&str, &str> = BTreeMap::new();
        let mut rooms: BTreeMap<&str, &str> = BTreeMap::new();
        for catalogue in &catalogues {
            if names.insert(&*catalogue.name, ()).is_some() {
                return Err(format!("two catalogues are named {}", catalogue.name));
            }
            for event in &catalogue.events {
                if let Some(other) = events.insert(&event.name, &catalogue.name) {
                    return Err(duplicate_error("event", &event.name, other, &catalogue.name));
                }
            }
            for declared in &catalogue.rooms {
                if let Some(other) = rooms.insert(declared.kind.as_str(), &catalogue.name) {
                    return Err(duplicate_error("kind of room", declared.kind.as_str(), other, &catalogue.name));
                }
            }
        }
        Ok(Self(Arc::new(catalogues)))
    }

    /// Returns them.
    pub fn iter(&self) -> impl Iterator<Item = &Catalogue> {
        self.0.iter()
    }

    /// Finds an event and the catalogue that declares it.
    #[must_use]
    pub fn event(&self, name: &str) -> Option<(&Catalogue, &EventDefinition)> {
        self.events().find(|(_, event)| &*event.name == name)
    }

    /// Finds a kind of room and the catalogue that declares it.
    #[must_use]
    pub fn rooms(&self, kind: &RoomKind) -> Option<(&Catalogue, &RoomDefinition)> {
        self.iter().find_map(|catalogue| {
            let declared = catalogue.rooms.iter().find(|declared| declared.kind == *kind)?;
            Some((catalogue, declared))
        })
    }

    /// Returns the event whose name is nearest to one that is none.
    #[must_use]
    pub fn nearest_event(&self, name: &str) -> Option<&str> {
        nearest(name, self.events().map(|(_, event)| &*event.name))
    }

    /// Returns how clients show each event, by name.
    #[must_use]
    pub fn displays(&self) -> Vec<EventDisplay> {
        self.events().map(|(_, event)| event.display()).collect()
    }

    fn events(&self) -> impl Iterator<Item = (&Catalogue, &EventDefinition)> {
        self.iter().flat_map(|catalogue| catalogue.events.iter().map(move |event| (catalogue, event)))
    }
}

fn duplicate_error(what: &str, name: &str, first: &str, second: &str) -> String {
    format!("the {what} {name} is declared by {first} and by {second}; on the wire it can mean only one thing")
}
