//! What notices do to the dashboard, and the person with them.

use scry_config::alerts::AlertLevel;
use scry_model::event::{NotificationInbox, PushPreferences};
use scry_protocol::catalogue::Severity;
use scry_protocol::{EntityRef, EphemeralEvent, Id};

use super::{InboxNotice, announced, replaced, resolved};
use crate::app::command::Action;
use crate::app::edit::Dialog;
use crate::app::edit::command::EditCommand;
use crate::app::edit::preferences::PreferencesDialog;
use crate::app::pane::Pane;
use crate::app::{App, AppEffect, RefetchError};

impl App {
    /// Returns the notices.
    #[must_use]
    pub const fn inbox(&self) -> &super::Inbox {
        &self.inbox
    }

    /// Takes in what one user alone is told; tells whether it was that.
    pub(in crate::app) fn notified(&mut self, event: &EphemeralEvent) -> bool {
        let notice = match event {
            EphemeralEvent::NotificationNew(new) => announced(new, self.now.wall),
            EphemeralEvent::DocumentConflict(conflict) => replaced(conflict, &self.cache, self.now.wall),
            EphemeralEvent::ConflictResolved(told) => resolved(told, &self.cache, self.now.wall),
            EphemeralEvent::PresenceState(_)
            | EphemeralEvent::PresenceChange(_)
            | EphemeralEvent::UserOnline(_)
            | EphemeralEvent::UserOffline(_)
            | EphemeralEvent::UserTyping(_) => return false,
        };
        if self.has_resolved(event) {
            self.inbox.add(InboxNotice { read: true, ..notice });
            return true;
        }
        let body = self.notice_body(&notice).to_owned();
        let colon = if body.is_empty() { "" } else { ": " };
        let key = self.keymap.label(Action::Pane(Pane::Notifications));
        let key = key.map(|key| format!(" ({key} shows it)")).unwrap_or_default();
        self.say(&format!("{}{colon}{}{key}", notice.title, body));
        let loudness = match notice.level {
            Severity::Warning | Severity::Error => AlertLevel::Trouble,
            Severity::Info | Severity::Success => AlertLevel::Bookmarks,
        };
        self.queue_alert(loudness, &notice.title);
        self.inbox.add(notice);
        true
    }

    /// Returns whether an event only says what the user knows: that an edit of theirs has ended a conflict.
    fn has_resolved(&self, event: &EphemeralEvent) -> bool {
        let EphemeralEvent::ConflictResolved(told) = event else { return false };
        let subject = EntityRef::new(told.entity_type.clone(), told.entity_id.clone());
        self.pending.all().iter().any(|held| !held.state.is_refused() && held.sets(&subject, &told.fields))
    }

    /// Takes in the list as the server keeps it.
    pub(in crate::app) fn inbox_told(&mut self, result: Result<NotificationInbox, RefetchError>) {
        self.redraw = true;
        match result {
            Ok(told) => self.inbox.told(told),
            Err(RefetchError::NotOffered) => self.inbox.is_missing = true,
            // It is asked again with the next connection.
            Err(RefetchError::Failed) => {}
        }
    }

    /// Takes in what the person is told at once from now on.
    pub(in crate::app) fn preferences_told(&mut self, result: Result<PushPreferences, String>) {
        self.redraw = true;
        match result {
            Ok(preferences) => {
                self.inbox.preferences = Some(preferences);
                self.say("notification preferences saved");
            }
            Err(reason) => self.say(&format!("notification preferences could not be saved: {reason}")),
        }
    }

    /// Carries out a command in the Notifications pane.
    pub(in crate::app) fn notice_command(&mut self, edit_command: EditCommand) -> Vec<AppEffect> {
        if edit_command == EditCommand::Open {
            self.open_notice()
        } else if edit_command == EditCommand::MarkRead {
            self.mark_read()
        } else if edit_command == EditCommand::MarkAllRead {
            self.mark_all_read()
        } else if edit_command == EditCommand::Preferences {
            self.open_preferences()
        } else if matches!(edit_command, EditCommand::AcceptInvitation | EditCommand::DeclineInvitation) {
            self.answer_invitation(edit_command == EditCommand::AcceptInvitation)
        } else {
            Vec::new()
        }
    }

    /// Answers the invitation that the cursor is on, or else the newest one that is open.
    fn answer_invitation(&mut self, accept: bool) -> Vec<AppEffect> {
        let here = self.inbox.selected().filter(|_| self.focus == Pane::Notifications);
        let here = here.and_then(InboxNotice::invitation);
        let open = here.or_else(|| self.inbox.open_invitations().next().and_then(InboxNotice::invitation)).cloned();
        match open {
            Some(id) => vec![AppEffect::AnswerInvitation { id, accept }],
            None => {
                self.say("you have no open invitation");
                Vec::new()
            }
        }
    }

    /// Takes in what became of an invitation that the person has answered.
    pub(in crate::app) fn invitation_answered(&mut self, id: &Id, result: Result<Option<String>, String>) {
        self.redraw = true;
        let sentence = match result {
            Ok(Some(role)) => format!("invitation accepted: you are now a member with the role {role}"),
            Ok(None) => "invitation declined".to_owned(),
            Err(reason) => return self.say(&format!("the invitation could not be answered: {reason}")),
        };
        let answered = |notice: &&mut InboxNotice| notice.invitation() == Some(id);
        self.inbox.notices.iter_mut().filter(answered).for_each(|notice| notice.read = true);
        self.say(&sentence);
    }

    fn open_notice(&mut self) -> Vec<AppEffect> {
        let subject = self.inbox.selected().and_then(|notice| notice.subject.clone());
        let effects = self.mark_read();
        if subject.is_some_and(|subject| self.reveal(&subject)) {
            self.go_to_pane(Pane::Detail);
        }
        effects
    }

    fn mark_all_read(&mut self) -> Vec<AppEffect> {
        let is_news = self.inbox.notices.iter().any(|notice| notice.id.is_some() && !notice.read);
        self.inbox.notices.iter_mut().for_each(|notice| notice.read = true);
        if is_news { vec![AppEffect::MarkAllRead] } else { Vec::new() }
    }

    fn open_preferences(&mut self) -> Vec<AppEffect> {
        match self.inbox.preferences.clone() {
            Some(preferences) => self.dialog = Some(Dialog::Preferences(PreferencesDialog::new(preferences))),
            None => self.say("this server does not offer notification preferences"),
        }
        Vec::new()
    }

    fn mark_read(&mut self) -> Vec<AppEffect> {
        let cursor = self.inbox.cursor;
        let Some(notice) = self.inbox.notices.get_mut(cursor).filter(|notice| !notice.read) else { return Vec::new() };
        notice.read = true;
        notice.id.clone().map(AppEffect::MarkRead).into_iter().collect()
    }

    /// Moves in the list; tells whether the command was a move.
    pub(in crate::app) fn move_in_notices(&mut self, step: Option<isize>, action: Action) -> bool {
        let last = self.inbox.notices.len().saturating_sub(1);
        self.inbox.cursor = match (step, action) {
            (Some(by), _) => self.inbox.cursor.saturating_add_signed(by).min(last),
            (None, Action::First) => 0,
            (None, Action::Last) => last,
            _ => return false,
        };
        true
    }
}
