//! The panes: three that are always there, and further ones that are opened beside them.

/// Names a pane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Pane {
    World,
    Detail,
    Journal,
    Health,
}

impl Pane {
    /// Lists the panes in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::World, Self::Detail, Self::Journal, Self::Health];

    /// Returns the name on the pane's rule and tab.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::World => "World",
            Self::Detail => "Detail",
            Self::Journal => "Journal",
            Self::Health => "Health",
        }
    }

    /// Tells whether the pane is opened on demand and closed again, rather than always there.
    #[must_use]
    pub const fn is_further(self) -> bool {
        !matches!(self, Self::World | Self::Detail | Self::Journal)
    }

    /// Returns the number of its tab and of the key that leads to it, from 1.
    #[must_use]
    pub fn number(self) -> usize {
        Self::ALL.iter().position(|pane| *pane == self).map_or(0, |index| index + 1)
    }
}
