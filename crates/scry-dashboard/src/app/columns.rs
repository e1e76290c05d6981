//! How wide the parts of rows and tabs are: a click has to find what is drawn.

use super::App;
use super::entry::JournalItem;
use super::measure::wrap;
use super::pane::Pane;

/// The width of each column of the journal; zero leaves a column out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Columns {
    pub kind: usize,
    pub name: usize,
    pub who: usize,
    pub source: usize,
}

impl Columns {
    /// Divides a width.
    #[must_use]
    pub(crate) const fn of(width: u16) -> Self {
        match width {
            0..80 => Self { kind: 0, name: 16, who: 0, source: 0 },
            80..120 => Self { kind: 0, name: 20, who: 10, source: 0 },
            120..160 => Self { kind: 12, name: 22, who: 12, source: 13 },
            160.. => Self { kind: 12, name: 32, who: 16, source: 13 },
        }
    }

    /// Counts the columns left of what happened.
    #[must_use]
    pub(crate) const fn before_what(&self, app: &App) -> usize {
        let kind = if self.kind > 0 { self.kind + 2 } else { 1 };
        app.time_columns() + 3 + kind + 1 + self.name + 2
    }

    /// Counts the columns right of what happened.
    const fn after_what(&self) -> usize {
        self.who + if self.source > 0 { self.source + 1 } else { 0 } + 1
    }
}

/// Lists the tabs with whether each has room for its name, at `columns`; the nearest to the focus come first.
#[must_use]
pub(crate) fn tabs(focus: Pane, columns: u16) -> Vec<(Pane, bool)> {
    let least: usize = Pane::ALL.iter().map(|pane| tab_columns(*pane, false)).sum();
    let mut room = usize::from(columns).saturating_sub(1 + least);
    let mut nearest: Vec<_> = Pane::ALL.into();
    nearest.sort_by_key(|pane| (pane.number().abs_diff(focus.number()), pane.number()));
    let fits = |pane: &Pane| {
        let needed = tab_columns(*pane, true) - tab_columns(*pane, false);
        let fits = needed <= room;
        room = room.saturating_sub(if fits { needed } else { room });
        fits
    };
    let named: Vec<_> = nearest.into_iter().take_while(fits).collect();
    Pane::ALL.into_iter().map(|pane| (pane, named.contains(&pane))).collect()
}

/// Counts the columns of a tab: ` 3 ` or ` 3 Journal `.
const fn tab_columns(pane: Pane, named: bool) -> usize {
    if named { pane.title().len() + 4 } else { 3 }
}

impl App {
    /// Returns the tab in a column of the line of tabs.
    pub(super) fn tab_at(&self, column: u16) -> Option<Pane> {
        let mut right = 1;
        tabs(self.focus, self.size.0).into_iter().find_map(|(pane, named)| {
            right += tab_columns(pane, named);
            (usize::from(column) < right).then_some(pane)
        })
    }

    /// Counts the columns of a row's time.
    #[must_use]
    pub(crate) const fn time_columns(&self) -> usize {
        if self.world_times { 20 } else { 8 }
    }

    /// Returns what happened, on as many lines as it takes in a journal of this width.
    #[must_use]
    pub(crate) fn what_lines(&self, entry: &JournalItem, width: u16) -> Vec<String> {
        if !self.wrap {
            return vec![self.what(entry).into_owned()];
        }
        let columns = Columns::of(width);
        let room = usize::from(width).saturating_sub(columns.before_what(self) + columns.after_what()).max(16);
        wrap(&self.what(entry), room)
    }
}
