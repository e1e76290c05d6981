//! Commands, and the places in which a key can mean one.

use super::copy::Export;
use super::edit::command::EditCommand;
use super::keymap::BINDINGS;
use super::pane::Pane;
use super::replay::PlaybackControl;

/// A command of the dashboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Move the selection, or scroll, by one row up.
    Up,
    /// Move the selection, or scroll, by one row down.
    Down,
    /// Move by a page up.
    PageUp,
    /// Move by a page down.
    PageDown,
    /// Go to the first row.
    First,
    /// Go to the last row.
    Last,
    /// Fold the row's children, or go to its parent.
    Fold,
    /// Unfold the row's children, or go to the first of them.
    Unfold,
    /// Do what the selected row is for: fold, inspect, explain or open it.
    Activate,
    /// Close what was opened last: a further pane, a zoomed one.
    Back,
    /// Give the focused pane the whole screen, or its place again.
    Zoom,
    /// Watch the selected campaign.
    Choose,
    /// Give the focus to the next pane.
    NextPane,
    /// Give the focus to the previous pane.
    PreviousPane,
    /// Give the focus to this pane, and open it if it is a further one.
    Pane(Pane),
    /// Keep the journal's newest row in view.
    Follow,
    /// Hold the journal where it is, or go on.
    TogglePause,
    /// Select the next entity with a fresh change.
    NextChange,
    /// Select the previous entity with a fresh change.
    PreviousChange,
    /// Connect, or load what could not be loaded, without waiting.
    Retry,
    /// Open the help.
    Help,
    /// Close the help.
    Close,
    /// Hand the terminal back to the shell.
    Suspend,
    /// End the dashboard.
    Quit,
    /// Type a filter.
    Filter,
    /// Remove the focused pane's filter.
    ClearFilter,
    /// Type a command.
    Command,
    /// Show the entity a row is about.
    ShowEntity,
    /// Set or remove the bookmark of the selected entity.
    Bookmark,
    /// Select the next entity with a bookmark.
    NextBookmark,
    /// Go back in the history of places.
    GoBack,
    /// Go forward in the history of places.
    GoForward,
    /// Put a marker after the journal's newest row.
    Marker,
    /// Go to the journal's next marker.
    NextMarker,
    /// Go to the journal's previous marker.
    PreviousMarker,
    /// Wrap the journal's long rows, or cut them off.
    Wrap,
    /// Date the journal's rows in real time or in world time.
    Timestamps,
    /// Copy what is under the cursor.
    Copy,
    /// Copy the selected entity or event as JSON.
    CopyJson,
    /// Copy the command line that shows the same.
    CopyCommand,
    /// Write the screen or the journal into a file of this format.
    Export(Export),
    /// Hide what players must not see, or show it again.
    Privacy,
    /// Take the mouse, or leave it to the terminal.
    Mouse,
    /// Show the focused pane alone, for the terminal's own selection.
    HideChrome,
    /// Move on the recording that is shown.
    Playback(PlaybackControl),
    /// Change the line that is being typed.
    Line(LineCommand),
    /// Change the campaign.
    Edit(EditCommand),
}

/// A command of the line that is being typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LineCommand {
    Accept,
    Cancel,
    Left,
    Right,
    WordLeft,
    WordRight,
    Start,
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

/// A place in which keys have a meaning of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyContext {
    /// Works everywhere.
    Everywhere,
    /// Works while a campaign is on screen, whichever pane has the focus.
    Dashboard,
    /// Works in every pane that is opened beside the three main ones.
    Further,
    /// Works in the World pane.
    World,
    /// Works in the Detail pane.
    Detail,
    /// Works in the Journal pane.
    Journal,
    /// Works in the Clock pane.
    Clock,
    /// Works in the Health pane.
    Health,
    /// Works in the Inspector pane.
    Inspector,
    /// Works in the People pane.
    People,
    /// Works in the Notifications pane.
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
    /// Works while the help is open.
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
    pub(crate) fn named(name: &str) -> Option<Self> {
        BINDINGS.iter().map(|line| line.context).find(|context| context.name() == name)
    }

    /// Returns the heading in the help.
    #[must_use]
    pub(crate) const fn title(self) -> &'static str {
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

    /// Lists the contexts that hold at the same time as this one, the nearest first.
    #[must_use]
    pub(crate) const fn chain(self) -> &'static [Self] {
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
