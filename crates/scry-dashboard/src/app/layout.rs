//! Where each pane is: geometry is part of the state, because keys move by pages.

use ratatui::layout::{Constraint, Layout as Split, Rect};

use super::keymap::Pane;

/// Below this nothing useful fits.
pub const SMALLEST: (u16, u16) = (60, 15);

/// From this width on a further pane stands beside Detail; below it takes a main pane's place.
const THREE_COLUMNS: u16 = 180;

/// Names how the panes share the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A plain sentence, since nothing else would fit.
    TooSmall,
    /// One pane at a time, with tabs.
    Single,
    /// All panes, one below the other; a further one takes the place of World and Detail.
    Stacked,
    /// World and Detail side by side, the Journal below; a further one takes the place of Detail.
    Wide,
    /// World, Detail and a further pane side by side, the Journal below.
    Full,
}

/// Says what the layout depends on.
#[derive(Debug, Clone, Copy)]
pub struct View {
    pub size: (u16, u16),
    pub focus: Pane,
    /// The further pane that is open.
    pub further: Option<Pane>,
    /// Whether the focused pane has the whole screen.
    pub zoomed: bool,
    /// Whether the focused pane is shown without anything around it.
    pub bare: bool,
    pub has_trouble: bool,
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
    pub fn of(view: View) -> Self {
        let (width, height) = view.size;
        let screen = Rect::new(0, 0, width, height);
        let shape = shape(view);
        let chrome = u16::from(!view.bare);
        let has_tabs = shape == Shape::Single && !view.bare;
        let has_trouble = view.has_trouble && !view.bare;
        let lines = [chrome, u16::from(has_trouble), u16::from(has_tabs)];
        let [header, trouble, tabs, body, keys] = Split::vertical([
            Constraint::Length(lines[0]),
            Constraint::Length(lines[1]),
            Constraint::Length(lines[2]),
            Constraint::Min(0),
            Constraint::Length(chrome),
        ])
        .areas(screen);
        Self {
            shape,
            header,
            trouble: has_trouble.then_some(trouble),
            tabs: has_tabs.then_some(tabs),
            panes: panes(shape, body, view),
            keys,
        }
    }

    /// Lists the panes on screen, each with its place, in the order in which the focus goes through them.
    pub fn panes(&self) -> impl Iterator<Item = (Pane, Rect)> {
        self.panes.iter().copied()
    }

    /// Returns a pane's place, rule included.
    #[must_use]
    pub fn pane(&self, pane: Pane) -> Option<Rect> {
        self.panes.iter().find(|(shown, _)| *shown == pane).map(|(_, area)| *area)
    }

    /// Returns where a sheet lies: beside the World where there is room, over everything where there is not.
    #[must_use]
    pub fn dialog(&self) -> Rect {
        let top = self.header.bottom() + u16::from(self.trouble.is_some());
        let body = Rect { x: 0, y: top, width: self.header.width, height: self.keys.y.saturating_sub(top) };
        match (self.shape, self.pane(Pane::World), self.pane(Pane::Journal)) {
            (Shape::Wide | Shape::Full, Some(world), Some(journal)) => Rect {
                x: world.right(),
                y: world.y,
                width: body.right().saturating_sub(world.right()),
                height: journal.y.saturating_sub(world.y),
            },
            _ => body,
        }
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

fn shape(view: View) -> Shape {
    match view.size {
        (w, h) if w < SMALLEST.0 || h < SMALLEST.1 => Shape::TooSmall,
        _ if view.zoomed || view.bare => Shape::Single,
        (w, _) if w >= THREE_COLUMNS && view.further.is_some() => Shape::Full,
        (w, _) if w >= 120 => Shape::Wide,
        (w, h) if w >= 80 && h >= 22 => Shape::Stacked,
        _ => Shape::Single,
    }
}

fn panes(shape: Shape, body: Rect, view: View) -> Vec<(Pane, Rect)> {
    let below = |[upper, journal]: [Rect; 2]| (upper, (Pane::Journal, journal));
    match (shape, view.further) {
        (Shape::TooSmall, _) => Vec::new(),
        (Shape::Single, _) => vec![(view.focus, body)],
        (Shape::Stacked, None) => {
            let [world, detail, journal] =
                Split::vertical([Constraint::Fill(4), Constraint::Fill(4), Constraint::Fill(3)]).areas(body);
            vec![(Pane::World, world), (Pane::Detail, detail), (Pane::Journal, journal)]
        }
        (Shape::Stacked, Some(further)) => {
            let (upper, journal) = below(Split::vertical([Constraint::Fill(8), Constraint::Fill(3)]).areas(body));
            vec![(further, upper), journal]
        }
        (Shape::Wide | Shape::Full, further) => {
            let (upper, journal) = below(Split::vertical([Constraint::Fill(2), Constraint::Fill(1)]).areas(body));
            let world_width = (body.width * 2 / 5).clamp(44, 64);
            let [world, rest] = Split::horizontal([Constraint::Length(world_width), Constraint::Fill(1)]).areas(upper);
            let [detail, beside] = Split::horizontal([Constraint::Fill(1), Constraint::Fill(1)]).areas(rest);
            match further {
                None => vec![(Pane::World, world), (Pane::Detail, rest), journal],
                Some(further) if shape == Shape::Wide => vec![(Pane::World, world), (further, rest), journal],
                Some(further) => vec![(Pane::World, world), (Pane::Detail, detail), (further, beside), journal],
            }
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
            for further in [None, Some(Pane::Health)] {
                let focus = further.unwrap_or(Pane::World);
                let view =
                    View { size: (width, height), focus, further, zoomed: false, bare: false, has_trouble: true };
                let layout = Layout::of(view);
                let beside = shape == Shape::Wide && width >= THREE_COLUMNS && further.is_some();
                assert_eq!(layout.shape, if beside { Shape::Full } else { shape }, "{width}×{height}");
                assert!(shape == Shape::TooSmall || layout.pane(focus).is_some(), "{width}×{height}");
                for (_, area) in layout.panes() {
                    assert_eq!(area, area.intersection(Rect::new(0, 0, width, height)), "{width}×{height}");
                    assert!(area.height > 2, "{width}×{height}");
                }
            }
        }
    }
}
