//! News: what has become different since the last look, as sentences, each said once.

use std::collections::BTreeMap;

use scry_model::event::Phase;
use scry_protocol::Id;
use scry_protocol::presence::Presence;

use super::words;
use crate::app::alerts::{CONNECTION_BACK, CONNECTION_LOST};
use crate::app::entry::RowKind;
use crate::app::{App, AppStage};

/// How many rows of the journal are told one by one; of more, the rest is counted.
const MAX_ANNOUNCED_ROWS: usize = 8;

/// Remembers what has been said.
#[derive(Debug, Default)]
pub struct Announcer {
    campaign: Option<Id>,
    named: bool,
    stage: Option<String>,
    epoch: Option<String>,
    /// The number behind the last row that was told, and the highest position among those.
    row: Option<u64>,
    seq: u64,
    toasts: u64,
    connection: Option<(Phase, u32)>,
    was_live: bool,
    people: BTreeMap<Id, (String, bool)>,
}

impl Announcer {
    /// Lists what is new, the connection first.
    pub fn news(&mut self, app: &App) -> Vec<String> {
        let mut lines = self.stage(app);
        lines.extend(self.connection(app));
        lines.extend(self.campaign(app));
        let notices = self.journal(app, &mut lines);
        self.toasts(app, &notices, &mut lines);
        lines.extend(self.people(app));
        lines
    }

    /// Returns a question, or why there is nothing to show.
    fn stage(&mut self, app: &App) -> Vec<String> {
        let lines = match app.stage() {
            AppStage::Choosing { choices, .. } => words::choices(choices),
            AppStage::Stuck(reason) => vec![words::sentence(reason), "“retry” tries again.".to_owned()],
            AppStage::Listing | AppStage::Watching(_) => Vec::new(),
        };
        let told = lines.join("\n");
        if self.stage.as_ref() == Some(&told) {
            return Vec::new();
        }
        self.stage = Some(told);
        lines
    }

    fn connection(&mut self, app: &App) -> Option<String> {
        if !matches!(app.stage(), AppStage::Watching(_)) {
            return None;
        }
        let connection = app.connection();
        let (phase, attempt) = (connection.phase(), connection.attempt());
        if self.connection.replace((phase, attempt)) == Some((phase, attempt)) {
            return None;
        }
        let reason = connection.trouble().map(|reason| format!(": {reason}")).unwrap_or_default();
        let said = match phase {
            Phase::Live if self.was_live => "Connected again; everything is up to date.".to_owned(),
            Phase::Live => "Connected.".to_owned(),
            Phase::Connecting if attempt == 0 && !self.was_live => "Connecting.".to_owned(),
            // The sentence about the attempt before has said when this one comes.
            Phase::Connecting | Phase::Resyncing => return None,
            Phase::Backoff => {
                let lost = if self.was_live { "Connection lost" } else { "No connection" };
                let wait = connection.seconds_to_retry(app.now().mono);
                let most = connection.max_attempts();
                format!("{lost}, trying again in {wait} s, attempt {attempt} of {most}{reason}.")
            }
            Phase::Open => format!("Error, max retries reached{reason}. “retry” tries at once."),
            Phase::LoginRequired => format!("Error, login required{reason}."),
            Phase::Disconnected if !self.was_live => return None,
            Phase::Disconnected | Phase::Closed => format!("Disconnected{reason}."),
        };
        self.was_live |= phase == Phase::Live;
        Some(said)
    }

    /// Returns which campaign is open, once its name is known.
    fn campaign(&mut self, app: &App) -> Option<String> {
        let AppStage::Watching(id) = app.stage() else { return None };
        if self.campaign.as_ref() != Some(id) {
            self.campaign = Some(id.clone());
            (self.named, self.row, self.seq) = (false, None, 0);
            self.people.clear();
        }
        let campaign = app.cache().campaign().filter(|_| !self.named)?;
        self.named = true;
        let date = app.clock().today().map(|today| format!(" It is {}.", today.long())).unwrap_or_default();
        let age = app.connection().as_of().map(|then| format!(" This state is {} old.", app.now().age(then)));
        let (name, count) = (&campaign.name, app.cache().len());
        Some(format!("{name}, {count} entities.{date}{} “help” lists the commands.", age.unwrap_or_default()))
    }

    /// Adds sentences about new rows of the journal, and returns the notices among them.
    fn journal(&mut self, app: &App, lines: &mut Vec<String>) -> Vec<String> {
        let journal = app.journal();
        if self.epoch.as_deref() != app.epoch() {
            self.epoch = app.epoch().map(ToOwned::to_owned);
            self.seq = 0;
        }
        if !journal.is_following() {
            return Vec::new();
        }
        let from = self.row.unwrap_or(journal.start());
        self.row = Some(journal.end().max(from));
        let mut notices = Vec::new();
        let (mut told, mut untold) = (Vec::new(), 0_usize);
        for (_, entry) in journal.numbered_after(from.saturating_sub(1)) {
            let is_repeated = entry.seq.is_some_and(|seq| seq <= self.seq);
            self.seq = self.seq.max(entry.seq.unwrap_or(0));
            if entry.kind == RowKind::Notice {
                notices.push(entry.what.to_string());
            }
            if is_repeated || !app.passes(entry) {
                continue;
            }
            if told.len() < MAX_ANNOUNCED_ROWS {
                told.push(words::entry(app, entry));
            } else {
                untold += 1;
            }
        }
        lines.extend(told);
        if untold > 0 {
            lines.push(format!("And {untold} more; “journal” lists the latest."));
        }
        notices
    }

    /// Adds what a screen would show for a while, unless the journal has just said the same.
    fn toasts(&mut self, app: &App, notices: &[String], lines: &mut Vec<String>) {
        let fresh = app.toasts_made().saturating_sub(self.toasts);
        self.toasts = app.toasts_made();
        let toasts = app.toasts();
        let fresh = usize::try_from(fresh).unwrap_or(toasts.len()).min(toasts.len());
        for toast in toasts.iter().skip(toasts.len() - fresh).map(|toast| toast.text.as_str()) {
            let is_told =
                notices.iter().any(|notice| notice == toast) || toast == CONNECTION_LOST || toast == CONNECTION_BACK;
            if !is_told {
                lines.push(words::sentence(&words::spelt(toast)));
            }
        }
    }

    fn people(&mut self, app: &App) -> Vec<String> {
        let first = self.people.is_empty();
        let mut lines = Vec::new();
        for person in app.people().all() {
            let here = person.status != Presence::Offline;
            let before = self.people.insert(person.id.clone(), (person.name.clone(), here));
            let was_here = before.is_some_and(|(_, here)| here);
            if here != was_here && !first && Some(&person.id) != app.me() {
                let verb = if here { "is here" } else { "has left" };
                lines.push(format!("{} {verb}.", person.name));
            }
        }
        lines
    }
}
