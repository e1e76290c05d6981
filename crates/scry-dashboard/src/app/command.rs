//! Commands, and the places in which a key can mean one.

use super::copy::Export;
use super::edit::command::EditCommand;
use super::keymap::BINDINGS;
use super::pane::Pane;
use super::replay::PlaybackControl;

/// Everything a person can ask the dashboard to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Move up by one row.
    Up,
    /// Move down by one row.
    Down,
    /// Move up by a page.
    PageUp,
    /// Move down by a page.
    PageDown,
    /// Go to the first row.
    First,
    /// Go to the last row.
    Last,
    /// Fold the row.
    Fold,
    /// Unfold the row.
    Unfold,
    /// Open what the cursor is on.
    Activate,
    /// Close what was opened last: a further pane, a zoomed one.
    Back,
    /// Give the focused pane the whole screen, or its place again.
    Zoom,
    /// Take the campaign that the cursor is on.
    Choose,
    /// Focus the next pane.
    NextPane,
    /// Focus the previous pane.
    PreviousPane,
    /// Focus this pane.
    Pane(Pane),
    /// Follow the newest row again.
    Follow,
    /// Hold the journal still, or let it go on.
    TogglePause,
    /// Go to the next change of the same entity.
    NextChange,
    /// Go to the previous change of the same entity.
    PreviousChange,
    /// Connect now instead of at the next attempt.
    Retry,
    /// Open or close the help.
    Help,
    /// Close what lies on top.
    Close,
    /// Suspend the program, as a shell does with Ctrl-Z.
    Suspend,
    /// Quit.
    Quit,
    /// Type a filter.
    Filter,
    /// Show all rows again.
    ClearFilter,
    /// Type a command.
    Command,
    /// Show the entity a row is about.
    ShowEntity,
    /// Set or remove a bookmark.
    Bookmark,
    /// Go to the next bookmark.
    NextBookmark,
    /// Go back to where the cursor was.
    GoBack,
    /// Go forward again.
    GoForward,
    /// Set or remove a marker in the journal.
    Marker,
    /// Go to the next marker.
    NextMarker,
    /// Go to the previous marker.
    PreviousMarker,
    /// Wrap long lines, or cut them.
    Wrap,
    /// Show the next form of timestamps.
    Timestamps,
    /// Copy what is under the cursor.
    Copy,
    /// Copy the event or entity as JSON.
    CopyJson,
    /// Copy the command line that shows the same.
    CopyCommand,
    /// Write the screen into a file.
    Export(Export),
    /// Hide what players must not see, or show it again.
    Privacy,
    /// Take the mouse, or leave it to the terminal.
    Mouse,
    /// Show the focused pane alone, for the terminal's own selection.
    HideChrome,
    /// Move on the recording that is shown.
    Deck(PlaybackControl),
    /// Change the line that is being typed.
    Line(LineCommand),
    /// Change the campaign.
    Edit(EditCommand),
}

/// What can be done to a line that is being typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LineCommand {
    /// Take the line.
    Accept,
    /// Give the line up.
    Cancel,
    /// One character to the left.
    Left,
    /// One character to the right.
    Right,
    /// One word to the left.
    WordLeft,
    /// One word to the right.
    WordRight,
    /// To the start of the line.
    Start,
    /// To the end of the line.
    End,
    /// Remove the character before the cursor.
    Back,
    /// Remove the character under the cursor.
    Delete,
    /// Remove the word before the cursor.
    BackWord,
    /// Remove everything before the cursor.
    BackAll,
    /// Remove everything from the cursor on.
    Rest,
    /// Put back what was removed last.
    Yank,
    /// Take the earlier line of the history, or the row above in a list.
    Earlier,
    /// Take the later line of the history, or the row below in a list.
    Later,
    /// Take over what is suggested.
    Complete,
}

/// What a key's meaning depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyContext {
    /// Works everywhere.
    Everywhere,
    /// Works while a campaign is on screen, whichever pane has the focus.
    Dashboard,
    /// Works in every pane that is opened beside the three main ones.
    Further,
    /// The tree of the campaign.
    World,
    /// The fields of one entity.
    Detail,
    /// The journal of events.
    Journal,
    /// The campaign's clock.
    Clock,
    /// The connection and the server.
    Health,
    /// One event in full.
    Inspector,
    /// The people of the campaign.
    People,
    /// The notifications of the user.
    Notifications,
    /// Works while a line is being typed; no other key means anything then.
    Prompt,
    /// Works beside everything else while a recording is shown.
    Replay,
    /// Works on every sheet on which something is changed, but for where text is typed.
    Sheet,
    /// Works while a field, or what to create, is chosen.
    Fields,
    /// Works while one of several values is chosen.
    Options,
    /// Works while a text of several lines is written.
    Block,
    /// Works while something is asked.
    Confirm,
    /// Works in the list of edits.
    Edits,
    /// Works while a conflict is resolved.
    Resolve,
    /// Works while one chooses what one is told at once.
    Preferences,
    /// Works while a campaign is being chosen.
    Picker,
    /// The help.
    Help,
}

impl KeyContext {
    /// Returns the name in a configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Everywhere => "everywhere",
            Self::Dashboard => "dashboard",
            Self::Further => "further",
            Self::World => "world",
            Self::Detail => "detail",
            Self::Journal => "journal",
            Self::Clock => "clock",
            Self::Health => "health",
            Self::Inspector => "inspector",
            Self::People => "people",
            Self::Notifications => "notifications",
            Self::Sheet => "sheet",
            Self::Fields => "fields",
            Self::Options => "options",
            Self::Block => "block",
            Self::Confirm => "confirm",
            Self::Edits => "edits",
            Self::Resolve => "resolve",
            Self::Preferences => "preferences",
            Self::Prompt => "prompt",
            Self::Replay => "replay",
            Self::Picker => "picker",
            Self::Help => "help",
        }
    }

    /// Finds the context of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        BINDINGS.iter().map(|line| line.context).find(|context| context.name() == name)
    }

    /// Returns the heading in the help.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Everywhere => "Everywhere",
            Self::Dashboard => "Dashboard",
            Self::Further => "Panes beside the main ones",
            Self::World => "World",
            Self::Detail => "Detail",
            Self::Journal => "Journal",
            Self::Clock => "Clock",
            Self::Health => "Health",
            Self::Inspector => "Inspector",
            Self::People => "People",
            Self::Notifications => "Notifications",
            Self::Prompt => "Typing a line",
            Self::Replay => "Recording",
            Self::Sheet => "Changing something",
            Self::Fields => "Choosing what to change",
            Self::Options => "Choosing a value",
            Self::Block => "Writing a text",
            Self::Confirm => "A question",
            Self::Edits => "Your edits",
            Self::Resolve => "Resolving a conflict",
            Self::Preferences => "What you are told at once",
            Self::Picker => "Choosing a campaign",
            Self::Help => "Help",
        }
    }

    /// Returns the contexts that hold at the same time as this one, the nearest first.
    #[must_use]
    pub const fn chain(self) -> &'static [Self] {
        match self {
            Self::Everywhere => &[Self::Everywhere],
            Self::Dashboard => &[Self::Dashboard, Self::Everywhere],
            Self::Further => &[Self::Further, Self::Dashboard, Self::Everywhere],
            Self::World => &[Self::World, Self::Dashboard, Self::Everywhere],
            Self::Detail => &[Self::Detail, Self::Dashboard, Self::Everywhere],
            Self::Journal => &[Self::Journal, Self::Dashboard, Self::Everywhere],
            Self::Clock => &[Self::Clock, Self::Further, Self::Dashboard, Self::Everywhere],
            Self::Health => &[Self::Health, Self::Further, Self::Dashboard, Self::Everywhere],
            Self::Inspector => &[Self::Inspector, Self::Further, Self::Dashboard, Self::Everywhere],
            Self::People => &[Self::People, Self::Further, Self::Dashboard, Self::Everywhere],
            Self::Notifications => &[Self::Notifications, Self::Further, Self::Dashboard, Self::Everywhere],
            Self::Prompt => &[Self::Prompt],
            Self::Replay => &[Self::Replay],
            Self::Sheet => &[Self::Sheet],
            Self::Fields => &[Self::Fields, Self::Sheet],
            Self::Options => &[Self::Options],
            Self::Block => &[Self::Block],
            Self::Confirm => &[Self::Confirm, Self::Sheet],
            Self::Edits => &[Self::Edits, Self::Sheet],
            Self::Resolve => &[Self::Resolve, Self::Sheet],
            Self::Preferences => &[Self::Preferences, Self::Sheet],
            Self::Picker => &[Self::Picker, Self::Everywhere],
            Self::Help => &[Self::Help, Self::Everywhere],
        }
    }
}
