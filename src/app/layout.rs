//! Where each pane is: geometry is part of the state, because keys move by pages.

use ratatui::layout::{Constraint, Layout as Split, Rect};

use super::keymap::Pane;

/// Below this nothing useful fits.
pub const SMALLEST: (u16, u16) = (60, 15);

/// Names how the panes share the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A plain sentence, since nothing else would fit.
    TooSmall,
    /// One pane at a time, with tabs.
    Single,
    /// All panes, one below the other.
    Stacked,
    /// World and Detail side by side, the Journal below.
    Wide,
}

/// Holds the place of everything on a screen; a pane that is not shown has none.
///
/// A pane's area includes its rule, which is its first row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    pub shape: Shape,
    pub header: Rect,
    /// The line below the header, while there is trouble to explain.
    pub trouble: Option<Rect>,
    pub tabs: Option<Rect>,
    panes: Vec<(Pane, Rect)>,
    pub keys: Rect,
}

impl Layout {
    /// Divides a screen.
    #[must_use]
    pub fn of(width: u16, height: u16, focus: Pane, has_trouble: bool) -> Self {
        let screen = Rect::new(0, 0, width, height);
        let shape = match (width, height) {
            (w, h) if w < SMALLEST.0 || h < SMALLEST.1 => Shape::TooSmall,
            (w, _) if w >= 120 => Shape::Wide,
            (w, h) if w >= 80 && h >= 22 => Shape::Stacked,
            _ => Shape::Single,
        };
        let lines = [1, u16::from(has_trouble), u16::from(shape == Shape::Single)];
        let [header, trouble, tabs, body, keys] = Split::vertical([
            Constraint::Length(lines[0]),
            Constraint::Length(lines[1]),
            Constraint::Length(lines[2]),
            Constraint::Min(0),
            Constraint::Length(1),
        ])
        .areas(screen);
        Self {
            shape,
            header,
            trouble: has_trouble.then_some(trouble),
            tabs: (shape == Shape::Single).then_some(tabs),
            panes: panes(shape, body, focus),
            keys,
        }
    }

    /// Returns a pane's place, rule included.
    #[must_use]
    pub fn pane(&self, pane: Pane) -> Option<Rect> {
        self.panes.iter().find(|(shown, _)| *shown == pane).map(|(_, area)| *area)
    }

    /// Returns how many rows a pane has for its content; what is not shown still pages sensibly.
    #[must_use]
    pub fn rows(&self, pane: Pane) -> usize {
        self.pane(pane).map_or(10, |area| usize::from(area.height.saturating_sub(1)))
    }

    /// Returns how many columns a pane has.
    #[must_use]
    pub fn columns(&self, pane: Pane) -> u16 {
        self.pane(pane).map_or(self.header.width, |area| area.width)
    }
}

fn panes(shape: Shape, body: Rect, focus: Pane) -> Vec<(Pane, Rect)> {
    match shape {
        Shape::TooSmall => Vec::new(),
        Shape::Single => vec![(focus, body)],
        Shape::Stacked => {
            let [world, detail, journal] =
                Split::vertical([Constraint::Fill(4), Constraint::Fill(4), Constraint::Fill(3)]).areas(body);
            vec![(Pane::World, world), (Pane::Detail, detail), (Pane::Journal, journal)]
        }
        Shape::Wide => {
            let [upper, journal] = Split::vertical([Constraint::Fill(2), Constraint::Fill(1)]).areas(body);
            let world_width = (body.width * 2 / 5).clamp(44, 64);
            let [world, detail] =
                Split::horizontal([Constraint::Length(world_width), Constraint::Fill(1)]).areas(upper);
            vec![(Pane::World, world), (Pane::Detail, detail), (Pane::Journal, journal)]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_has_its_shape_and_nothing_lies_outside_the_screen() {
        for (width, height, shape) in [
            (59, 20, Shape::TooSmall),
            (60, 14, Shape::TooSmall),
            (60, 15, Shape::Single),
            (80, 24, Shape::Stacked),
            (80, 18, Shape::Single),
            (120, 40, Shape::Wide),
            (200, 60, Shape::Wide),
        ] {
            let layout = Layout::of(width, height, Pane::World, true);
            assert_eq!(layout.shape, shape, "{width}×{height}");
            for area in Pane::ALL.into_iter().filter_map(|pane| layout.pane(pane)) {
                assert_eq!(area, area.intersection(Rect::new(0, 0, width, height)), "{width}×{height}");
                assert!(area.height > 2, "{width}×{height}");
            }
        }
    }
}
