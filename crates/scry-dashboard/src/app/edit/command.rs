//! What can be asked for while something is changed.

/// What a person can do to the campaign, and to the sheet on which they do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EditCommand {
    /// Change the fields of what is selected.
    Fields,
    /// Create something.
    Create,
    /// Delete what the cursor is on.
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
    /// Do what the dialog asks about.
    Confirm,
    /// Take what was there before both sides.
    Base,
    /// Keep my value.
    Mine,
    /// Take the other side's value.
    Theirs,
    /// Write something else.
    Other,
    /// The value before, among several.
    Previous,
    /// The value after, among several.
    Next,
    /// Go to the previous line of the form.
    PreviousLine,
    /// Go to the next line of the form.
    NextLine,
    /// Mark the notification as read.
    MarkRead,
    /// Mark all notifications as read.
    MarkAllRead,
    /// Choose what one is told at once.
    Preferences,
    /// Accept the invitation.
    AcceptInvitation,
    /// Decline the invitation.
    DeclineInvitation,
    /// Change the text of several lines.
    Text(TextCommand),
}

/// What can be done to a text of several lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TextCommand {
    /// Break the line.
    Break,
    /// Move the cursor.
    Go(Motion),
    /// Delete the character before the cursor.
    Back,
    /// Delete the character after the cursor.
    Delete,
    /// Delete the word before the cursor.
    BackWord,
    /// Delete everything before the cursor.
    BackAll,
    /// Delete everything after the cursor, to the end of the line.
    Rest,
    /// Undo the last change of the text.
    Undo,
    /// Make the change again that was undone.
    Redo,
}

/// A way to move the cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Motion {
    /// One character to the left.
    Left,
    /// One character to the right.
    Right,
    /// One word to the left.
    WordLeft,
    /// One word to the right.
    WordRight,
    /// To the start of the line.
    Home,
    /// To the end of the line.
    End,
    /// One line up.
    Up,
    /// One line down.
    Down,
}

impl EditCommand {
    /// Returns whether the command begins a change of the campaign, which not everybody may make.
    #[must_use]
    pub const fn changes_campaign(self) -> bool {
        matches!(
            self,
            Self::Fields | Self::Create | Self::Delete | Self::Clock | Self::Undo | Self::Edits | Self::Again
        )
    }
}
