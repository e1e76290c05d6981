//! Going from pane to pane, and opening and closing the further ones.

use super::App;
use super::layout::LayoutShape;
use super::pane::Pane;

impl App {
    /// Gives a pane the focus, and a place if it has none.
    pub(super) fn go_to_pane(&mut self, pane: Pane) {
        if pane.is_further() {
            let origin = if self.focus.is_further() { self.origin() } else { self.focus };
            self.further = Some((pane, origin));
        } else if self.layout().pane(pane).is_none() && self.layout().shape != LayoutShape::Single {
            // What has taken its place gives it back.
            self.further = None;
        }
        self.focus = pane;
    }

    /// Closes the further pane that is open, and returns to where the person came from.
    pub(super) fn close_further(&mut self) {
        let origin = self.origin();
        self.further = None;
        self.focus = origin;
    }

    /// Goes to the next pane on screen, or to the one before; through all of them where there are tabs.
    pub(super) fn go_to_neighbour(&mut self, forward: bool) {
        let layout = self.layout();
        let order: Vec<_> = match layout.shape {
            LayoutShape::Single | LayoutShape::TooSmall => Pane::ALL.into(),
            LayoutShape::Stacked | LayoutShape::Wide | LayoutShape::Full => {
                layout.panes().map(|(pane, _)| pane).collect()
            }
        };
        let here = order.iter().position(|pane| *pane == self.focus).unwrap_or(0);
        let step = if forward { 1 } else { order.len().saturating_sub(1) };
        if let Some(next) = order.get((here + step) % order.len().max(1)) {
            self.go_to_pane(*next);
        }
    }

    fn origin(&self) -> Pane {
        self.further.map_or(Pane::World, |(_, origin)| origin)
    }
}
