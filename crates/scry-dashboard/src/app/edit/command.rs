//! What can be asked for while something is changed.

/// A command that changes the campaign, or moves within the dialog in which that is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EditCommand {
    /// Change the fields of what is selected.
    Fields,
    Create,
    Delete,
    /// Move or set the clock.
    Clock,
    /// Take the last change back.
    Undo,
    /// List the edits that are not over.
    Edits,
    /// Go on with what the cursor is on.
    Open,
    /// Take it as it is.
    Save,
    /// Leave everything as it was.
    Cancel,
    /// Send a refused edit again.
    Again,
    /// Give an edit up.
    Discard,
    Confirm,
    /// Take what was there before both sides.
    Base,
    Mine,
    Theirs,
    /// Write something else.
    Other,
    /// The value before, among several.
    Previous,
    Next,
    PreviousLine,
    NextLine,
    MarkRead,
    MarkAllRead,
    /// Choose what one is told at once.
    Preferences,
    AcceptInvitation,
    DeclineInvitation,
    /// Change the text of several lines.
    Text(TextCommand),
}

/// A command of a text of several lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TextCommand {
    Break,
    Go(Motion),
    Back,
    Delete,
    BackWord,
    BackAll,
    Rest,
    Undo,
    Redo,
}

/// A motion of the cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Motion {
    Left,
    Right,
    WordLeft,
    WordRight,
    /// To the start of the line.
    Home,
    /// To the end of the line.
    End,
    Up,
    Down,
}

impl EditCommand {
    /// Returns whether the command begins a change of the campaign, which takes the right to edit.
    #[must_use]
    pub const fn changes_campaign(self) -> bool {
        matches!(
            self,
            Self::Fields | Self::Create | Self::Delete | Self::Clock | Self::Undo | Self::Edits | Self::Again
        )
    }
}
