//! The panes: three that are always there, and further ones that are opened beside them.

use serde::{Deserialize, Serialize};

/// A pane of the dashboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pane {
    /// The campaign's entities as a tree.
    World,
    /// The values of the selected entity.
    Detail,
    /// The events of the campaign.
    Journal,
    /// The campaign's calendar, and how its clock has moved.
    Clock,
    /// Figures about the connection, the traffic and the cache.
    Health,
    /// One event: its JSON, its causes and what it changed.
    Inspector,
    /// The users who are online, and what they view or edit.
    People,
    /// The user's notifications and invitations.
    Notifications,
}

impl Pane {
    /// Lists the panes in the order of their numbers.
    pub const ALL: [Self; 8] = [
        Self::World,
        Self::Detail,
        Self::Journal,
        Self::Clock,
        Self::People,
        Self::Notifications,
        Self::Health,
        Self::Inspector,
    ];

    /// Returns the name on the pane's rule and tab.
    #[must_use]
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::World => "World",
            Self::Detail => "Detail",
            Self::Journal => "Journal",
            Self::Clock => "Clock",
            Self::Health => "Health",
            Self::Inspector => "Inspector",
            Self::People => "People",
            Self::Notifications => "Notifications",
        }
    }

    /// Returns whether the pane is opened on demand and closed again, rather than always there.
    #[must_use]
    pub(crate) const fn is_further(self) -> bool {
        !matches!(self, Self::World | Self::Detail | Self::Journal)
    }

    /// Returns the number of its tab, and of the key that leads to it.
    #[must_use]
    pub const fn number(self) -> usize {
        match self {
            Self::World => 1,
            Self::Detail => 2,
            Self::Journal => 3,
            Self::Clock => 4,
            Self::People => 5,
            Self::Notifications => 6,
            Self::Health => 7,
            Self::Inspector => 8,
        }
    }
}
