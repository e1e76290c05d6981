//! The places a person has been, to go back to and forward again.

use scry_protocol::EntityRef;

use super::App;
use super::pane::Pane;

/// How many places are remembered.
const MAX_PLACES: usize = 100;

/// The places that were visited; the present one is not among them until it is left.
#[derive(Debug, Default)]
pub(super) struct NavHistory {
    back: Vec<NavPlace>,
    forward: Vec<NavPlace>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct NavPlace {
    pane: Pane,
    entity: Option<EntityRef>,
    /// The number of the journal's entry, where the place is in the journal.
    entry: Option<u64>,
}

impl App {
    /// Remembers the present place before a jump.
    pub(super) fn push_place(&mut self) {
        let place = self.place();
        if self.nav_history.back.last() != Some(&place) {
            self.nav_history.back.push(place);
        }
        self.nav_history.forward.clear();
        let surplus = self.nav_history.back.len().saturating_sub(MAX_PLACES);
        self.nav_history.back.drain(..surplus);
    }

    /// Goes back to where the person was before the last jump.
    pub(super) fn go_back(&mut self) {
        let here = self.place();
        while let Some(place) = self.nav_history.back.pop() {
            if place != here {
                self.nav_history.forward.push(here);
                return self.return_to(place);
            }
        }
    }

    /// Takes the last way back forward again.
    pub(super) fn go_forward(&mut self) {
        if let Some(place) = self.nav_history.forward.pop() {
            let here = self.place();
            self.nav_history.back.push(here);
            self.return_to(place);
        }
    }

    fn place(&self) -> NavPlace {
        let is_journal = matches!(self.focus, Pane::Journal | Pane::Inspector);
        let entry = self.journal.selected_number().filter(|_| is_journal && !self.journal.is_following());
        NavPlace { pane: self.focus, entity: self.tree.entity().cloned(), entry }
    }

    fn return_to(&mut self, place: NavPlace) {
        if let Some(key) = &place.entity {
            self.reveal(key);
            self.detail_place = super::detail::DetailPosition::default();
        }
        if let Some(number) = place.entry {
            let rows = self.layout().rows(Pane::Journal);
            self.journal.go_to(number, rows);
        }
        self.go_to_pane(place.pane);
        self.inspect_selection();
    }
}
