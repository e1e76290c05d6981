//! Where each pane is: geometry is part of the state, because keys move by pages.

use ratatui::layout::{Constraint, Layout as Split, Rect};

use super::keymap::Pane;

/// Below this nothing useful fits.
pub(crate) const MIN_SCREEN_SIZE: (u16, u16) = (60, 15);

/// From this width on a further pane stands beside Detail; below it takes a main pane's place.
const MIN_THREE_COLUMN_WIDTH: u16 = 180;

/// The way in which the panes share the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LayoutShape {
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

/// The state that the layout depends on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LayoutInput {
    pub size: (u16, u16),
    pub focus: Pane,
    /// The further pane that is open.
    pub further: Option<Pane>,
    /// Whether the focused pane has the whole screen.
    pub zoomed: bool,
    /// Whether the focused pane is shown without anything around it.
    pub no_chrome: bool,
    pub has_trouble: bool,
}

/// The place of everything on a screen; a pane that is not shown has none.
///
/// A pane's area includes its rule, which is its first row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layout {
    pub shape: LayoutShape,
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
    pub(crate) fn of(view: LayoutInput) -> Self {
        let (width, height) = view.size;
        let screen = Rect::new(0, 0, width, height);
        let shape = shape(view);
        let chrome = u16::from(!view.no_chrome);
        let has_tabs = shape == LayoutShape::Single && !view.no_chrome;
        let has_trouble = view.has_trouble && !view.no_chrome;
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
    pub(crate) fn panes(&self) -> impl Iterator<Item = (Pane, Rect)> {
        self.panes.iter().copied()
    }

    /// Returns a pane's place, rule included.
    #[must_use]
    pub(crate) fn pane(&self, pane: Pane) -> Option<Rect> {
        self.panes.iter().find(|(shown, _)| *shown == pane).map(|(_, area)| *area)
    }

    /// Returns where a sheet lies: beside the World where there is room, over everything where there is not.
    #[must_use]
    pub(crate) fn dialog(&self) -> Rect {
        let top = self.header.bottom() + u16::from(self.trouble.is_some());
        let body = Rect { x: 0, y: top, width: self.header.width, height: self.keys.y.saturating_sub(top) };
        match (self.shape, self.pane(Pane::World), self.pane(Pane::Journal)) {
            (LayoutShape::Wide | LayoutShape::Full, Some(world), Some(journal)) => Rect {
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
    pub(crate) fn rows(&self, pane: Pane) -> usize {
        self.pane(pane).map_or(10, |area| usize::from(area.height.saturating_sub(1)))
    }

    /// Returns how many columns a pane has.
    #[must_use]
    pub(crate) fn columns(&self, pane: Pane) -> u16 {
        self.pane(pane).map_or(self.header.width, |area| area.width)
    }
}

fn shape(view: LayoutInput) -> LayoutShape {
    match view.size {
        (w, h) if w < MIN_SCREEN_SIZE.0 || h < MIN_SCREEN_SIZE.1 => LayoutShape::TooSmall,
        _ if view.zoomed || view.no_chrome => LayoutShape::Single,
        (w, _) if w >= MIN_THREE_COLUMN_WIDTH && view.further.is_some() => LayoutShape::Full,
        (w, _) if w >= 120 => LayoutShape::Wide,
        (w, h) if w >= 80 && h >= 22 => LayoutShape::Stacked,
        _ => LayoutShape::Single,
    }
}

fn panes(shape: LayoutShape, body: Rect, view: LayoutInput) -> Vec<(Pane, Rect)> {
    let below = |[upper, journal]: [Rect; 2]| (upper, (Pane::Journal, journal));
    match (shape, view.further) {
        (LayoutShape::TooSmall, _) => Vec::new(),
        (LayoutShape::Single, _) => vec![(view.focus, body)],
        (LayoutShape::Stacked, None) => {
            let [world, detail, journal] =
                Split::vertical([Constraint::Fill(4), Constraint::Fill(4), Constraint::Fill(3)]).areas(body);
            vec![(Pane::World, world), (Pane::Detail, detail), (Pane::Journal, journal)]
        }
        (LayoutShape::Stacked, Some(further)) => {
            let (upper, journal) = below(Split::vertical([Constraint::Fill(8), Constraint::Fill(3)]).areas(body));
            vec![(further, upper), journal]
        }
        (LayoutShape::Wide | LayoutShape::Full, further) => {
            let (upper, journal) = below(Split::vertical([Constraint::Fill(2), Constraint::Fill(1)]).areas(body));
            let world_width = (body.width * 2 / 5).clamp(44, 64);
            let [world, rest] = Split::horizontal([Constraint::Length(world_width), Constraint::Fill(1)]).areas(upper);
            let [detail, beside] = Split::horizontal([Constraint::Fill(1), Constraint::Fill(1)]).areas(rest);
            match further {
                None => vec![(Pane::World, world), (Pane::Detail, rest), journal],
                Some(further) if shape == LayoutShape::Wide => vec![(Pane::World, world), (further, rest), journal],
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
            (59, 20, LayoutShape::TooSmall),
            (60, 14, LayoutShape::TooSmall),
            (60, 15, LayoutShape::Single),
            (80, 24, LayoutShape::Stacked),
            (80, 18, LayoutShape::Single),
            (120, 40, LayoutShape::Wide),
            (200, 60, LayoutShape::Wide),
        ] {
            for further in [None, Some(Pane::Health)] {
                let focus = further.unwrap_or(Pane::World);
                let view = LayoutInput {
                    size: (width, height),
                    focus,
                    further,
                    zoomed: false,
                    no_chrome: false,
                    has_trouble: true,
                };
                let layout = Layout::of(view);
                let beside = shape == LayoutShape::Wide && width >= MIN_THREE_COLUMN_WIDTH && further.is_some();
                assert_eq!(layout.shape, if beside { LayoutShape::Full } else { shape }, "{width}×{height}");
                assert!(shape == LayoutShape::TooSmall || layout.pane(focus).is_some(), "{width}×{height}");
                for (_, area) in layout.panes() {
                    assert_eq!(area, area.intersection(Rect::new(0, 0, width, height)), "{width}×{height}");
                    assert!(area.height > 2, "{width}×{height}");
                }
            }
        }
    }
}
