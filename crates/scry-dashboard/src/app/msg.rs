//! What comes into the dashboard's state, and what it wants done.

use std::time::Duration;

use crossterm::event::{KeyEvent, MouseEvent};
use scry_catalogue::EventDisplays;
use scry_model::cache::{Refetch, RequestId};
use scry_model::event::{ClientEvent, DueEffect, LoadedState, NotificationInbox, PushPreferences, SavedState};
use scry_model::outbox::{Edit, EditOutcome};
use scry_protocol::{ClientRequest, Event, Id};
use scry_text::json::Json;

use super::copy::Export;
use super::edit::EditRights;

/// An input of the state: something that happened.
#[derive(Debug)]
pub enum Msg {
    /// A key was pressed.
    Key(KeyEvent),
    /// Text was pasted.
    Paste(String),
    /// A command was typed as a line, by somebody who has no screen.
    Line(String),
    /// The mouse was moved, clicked or scrolled.
    Mouse(MouseEvent),
    /// The terminal has, or no longer has, the person's attention.
    Attention(bool),
    /// The answer to [`AppEffect::CheckServer`], or one sentence that says why there is none.
    Server(Result<Vec<(String, String)>, String>),
    /// A sentence about something that was asked for.
    Said(String),
    /// The terminal now has this many columns and rows.
    Resize {
        /// The number of columns.
        width: u16,
        /// The number of rows.
        height: u16,
    },
    /// A moment named by [`super::App::deadline`] has come.
    Tick,
    /// The campaigns to choose from, or one sentence that says why there are none.
    Campaigns(Result<Vec<CampaignChoice>, String>),
    /// An event of the connection.
    Client(ClientEvent),
    /// The live connection has measured the way to the server and back.
    RoundTrip(Duration),
    /// The answer to [`AppEffect::Refetch`]: every node that still exists.
    Refetched {
        /// The request's number, taken from the [`Refetch`].
        request_id: RequestId,
        /// The nodes, or why there are none.
        result: Result<Vec<Json>, RefetchError>,
    },
    /// The answer to [`AppEffect::LoadState`], or one sentence that says why it cannot be read.
    State(Result<LoadedState, String>),
    /// The state could not be saved, for this reason.
    NotSaved(String),
    /// What became of an edit in the outbox.
    Outbox(EditOutcome),
    /// The answer to [`AppEffect::LoadInbox`].
    Inbox(Result<NotificationInbox, RefetchError>),
    /// The answer to [`AppEffect::LoadEventDisplays`].
    EventDisplays(EventDisplays),
    /// The answer to [`AppEffect::SetPreferences`].
    Preferences(Result<PushPreferences, String>),
    /// The answer to [`AppEffect::AnswerInvitation`]: the role, if it was accepted.
    InvitationAnswered {
        /// The id of the invitation.
        id: Id,
        /// The role, `None` if it was declined, or one sentence that says why it could not be answered.
        result: Result<Option<String>, String>,
    },
    /// The answer to [`AppEffect::PreviewDue`].
    Due {
        /// The world time that was asked about.
        until: String,
        /// The effects up to that time, or why they are not known.
        result: Result<Vec<DueEffect>, RefetchError>,
    },
    /// The answer to [`AppEffect::LoadHistory`], in the order in which it happened.
    History(Result<Vec<Event>, String>),
}

/// The reason why a refetch brought nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefetchError {
    /// It may be answered later.
    Failed,
    /// The server has no way to answer it, ever.
    NotOffered,
}

/// Asks for something the state cannot do itself; answers come back as a [`Msg`].
#[derive(Debug, Clone, PartialEq)]
pub enum AppEffect {
    /// Ask which campaigns there are.
    LoadCampaigns,
    /// Follow this campaign from now on.
    Watch(Id),
    /// Request entities again.
    Refetch(Refetch),
    /// Read the campaign's state as it was saved last.
    LoadState(Id),
    /// Save the campaign's state in place of the last one.
    SaveState(Box<SavedState>),
    /// Remove the campaign's saved state: the viewer may see it no longer.
    ForgetState(Id),
    /// Fetch at most `limit` events after `since`.
    LoadHistory {
        /// The campaign whose journal is read.
        campaign: Id,
        /// The number of the last event that is not wanted.
        since: u64,
        /// The greatest number of events.
        limit: u32,
    },
    /// Put an edit into the outbox.
    Submit {
        /// The proof that the user may edit.
        rights: EditRights,
        /// The edit.
        edit: Box<Edit>,
    },
    /// Send the refused edit with this key again.
    RetryEdit {
        /// The proof that the user may edit.
        rights: EditRights,
        /// The key of the edit.
        key: String,
    },
    /// Give up the edit with this key.
    DiscardEdit(String),
    /// Ask what falls due until this world time.
    PreviewDue {
        /// The campaign whose effects are asked for.
        campaign: Id,
        /// The world time, RFC 3339 UTC.
        until: String,
    },
    /// Ask which notifications there are.
    LoadInbox,
    /// Ask how events of other applications are shown.
    LoadEventDisplays,
    /// Mark the notification with this id as read.
    MarkRead(Id),
    /// Mark every notification as read.
    MarkAllRead,
    /// Store which notifications the user wants at once.
    SetPreferences(PushPreferences),
    /// Accept or decline an invitation.
    AnswerInvitation {
        /// The id of the invitation.
        id: Id,
        /// Whether the invitation is accepted.
        accept: bool,
    },
    /// Say something in passing to those who are here too.
    Emit(ClientRequest),
    /// Try to connect again without waiting.
    RetryNow,
    /// Look like this theme from now on.
    UseTheme(String),
    /// Leave this server for that of another profile.
    UseProfile(String),
    /// Put a text into the clipboard, and say so.
    Copy {
        /// The text for the clipboard.
        text: String,
        /// The sentence that confirms it.
        said: &'static str,
    },
    /// Write the screen, or the journal's rows, into a file.
    Export {
        /// The format of the file.
        kind: Export,
        /// What to write; `None` writes the screen.
        content: Option<String>,
    },
    /// Take the mouse, or leave it to the terminal.
    Mouse(bool),
    /// Call for attention.
    Alert(String),
    /// Ask the server how it is.
    CheckServer,
    /// Hand the terminal back to the shell until it resumes us.
    Suspend,
    /// End the program.
    Quit,
}

/// A campaign that can be watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CampaignChoice {
    /// The campaign's id.
    pub id: Id,
    /// The campaign's name, made safe for display.
    pub name: String,
    /// The campaign's description; empty where it has none.
    pub description: String,
    /// The viewer's role, as the API names it.
    pub role: String,
}
