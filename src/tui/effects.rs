//! Carries out what the state asks for; every answer comes back as a message.

use std::time::Duration;

use futures_util::future::OptionFuture;
use scry_client::api::{Api, CampaignSummary};
use scry_client::disk::DiskCache;
use scry_client::error::ApiError;
use scry_client::outbox::OutboxStores;
use scry_client::session::{self, Session, SessionOptions};
use scry_dashboard::app::copy::Export;
use scry_dashboard::app::{AppEffect, CampaignChoice, Msg, RefetchError};
use scry_model::event::Status;
use scry_protocol::Room;
use tokio::sync::{mpsc, watch};

use super::edit_sender::EditSender;
use super::heap_trimmer::HeapTrimmer;
use super::state_worker::{StateJob, StateWorker};
use super::{TuiError, ended};

/// How many answers may wait; there are never more questions under way than the state asks at a time.
const ANSWER_CAPACITY: usize = 64;

/// Tells the loop how to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NextStep {
    Continue,
    /// Go over to the server of this profile.
    Profile(String),
    Suspend,
    Quit,
}

/// Asks for what only the owner of the terminal can do.
#[derive(Debug)]
pub(super) enum ScreenRequest {
    Theme(String),
    Copy { text: String, said: &'static str },
    Export { kind: Export, content: Option<String> },
    Mouse(bool),
    Alert(String),
}

/// Owns the session and the questions under way.
#[derive(Debug)]
pub(super) struct EffectRunner {
    options: SessionOptions,
    api: Api,
    disk: DiskCache,
    states: StateWorker,
    edits: EditSender,
    heap_trimmer: HeapTrimmer,
    session: Option<Session>,
    answers: mpsc::Receiver<Msg>,
    answer: mpsc::Sender<Msg>,
    /// What only the owner of the terminal can do.
    for_screen: Vec<ScreenRequest>,
}

impl EffectRunner {
    /// Prepares to connect as `options` say, once a campaign is chosen; states are kept in `disk`.
    pub(super) fn new(options: SessionOptions, disk: DiskCache, outboxes: Option<OutboxStores>) -> Self {
        let (answer, answers) = mpsc::channel(ANSWER_CAPACITY);
        let states = StateWorker::start(disk.clone(), answer.clone());
        let edits = EditSender::new(options.api.clone(), outboxes);
        Self {
            api: options.api.clone(),
            options,
            disk,
            states,
            edits,
            heap_trimmer: HeapTrimmer::default(),
            session: None,
            answers,
            answer,
            for_screen: Vec::new(),
        }
    }

    /// Starts everything that is asked for, and waits for none of it.
    ///
    /// # Errors
    /// [`TuiError::Api`] when the connection cannot be set up at all.
    pub(super) fn execute(&mut self, effects: Vec<AppEffect>) -> Result<NextStep, TuiError> {
        let mut after = NextStep::Continue;
        for effect in effects {
            match effect {
                AppEffect::Watch(campaign) => {
                    self.edits.open(&campaign);
                    let options = self.options.clone().room(Room::Campaign(campaign));
                    self.session = Some(session::connect(options)?);
                }
                AppEffect::RetryNow => {
                    if let Some(session) = &self.session {
                        session.handle.retry_now();
                    }
                }
                AppEffect::Submit { edit, .. } => self.edits.submit(*edit),
                AppEffect::RetryEdit { key, .. } => self.edits.retry(&key),
                AppEffect::DiscardEdit(key) => self.edits.discard(&key),
                AppEffect::Emit(request) => {
                    if let Some(session) = &self.session {
                        session.handle.emit(request);
                    }
                }
                AppEffect::LoadInbox => {
                    self.ask(async move |api| Msg::Inbox(api.inbox().await.map_err(|error| unanswered(&error))));
                }
                AppEffect::LoadEventDisplays => self.ask_event_displays(),
                AppEffect::MarkRead(id) => self.send_only(async move |api| api.mark_read(&id).await.map(|_| ())),
                AppEffect::MarkAllRead => self.send_only(async move |api| api.mark_all_read().await.map(|_| ())),
                AppEffect::SetPreferences(wanted) => self.ask(async move |api| {
                    Msg::Preferences(api.set_preferences(&wanted).await.map_err(|error| error.to_string()))
                }),
                AppEffect::AnswerInvitation { id, accept } => self.ask(async move |api| {
                    let result = if accept {
                        let member = api.accept_invitation(&id).await;
                        member.map(|member| Some(member["role"].as_str().unwrap_or_default().to_lowercase()))
                    } else {
                        api.decline_invitation(&id).await.map(|_| None)
                    };
                    Msg::InvitationAnswered { id, result: result.map_err(|error| error.to_string()) }
                }),
                AppEffect::PreviewDue { campaign, until } => self.ask(async move |api| {
                    let result = api.due_effects(&campaign, &until).await.map_err(|error| unanswered(&error));
                    Msg::Due { until, result }
                }),
                AppEffect::LoadCampaigns => {
                    let disk = self.disk.clone();
                    self.ask(async move |api| Msg::Campaigns(campaigns(&api, disk).await));
                }
                AppEffect::LoadState(campaign) => self.states.submit(StateJob::Load(campaign)),
                AppEffect::SaveState(saved) => self.states.submit(StateJob::Save(saved)),
                AppEffect::ForgetState(campaign) => self.states.submit(StateJob::Forget(campaign)),
                AppEffect::Refetch(refetch) => self.ask(async move |api| {
                    let result = api.nodes(&refetch.ids).await.map_err(|error| unanswered(&error));
                    Msg::Refetched { request_id: refetch.request_id, result }
                }),
                AppEffect::LoadHistory { campaign, since, limit } => self.ask(async move |api| {
                    let entries = api.events(&campaign, Some(since), Some(limit)).await;
                    let events = entries.map(|entries| entries.iter().filter_map(|entry| entry.event()).collect());
                    Msg::History(events.map_err(|error| error.to_string()))
                }),
                AppEffect::CheckServer => {
                    self.ask(async move |api| Msg::Server(api.health().await.map_err(|error| error.to_string())))
                }
                AppEffect::UseTheme(theme) => self.for_screen.push(ScreenRequest::Theme(theme)),
                AppEffect::Copy { text, said } => self.for_screen.push(ScreenRequest::Copy { text, said }),
                AppEffect::Export { kind, content } => self.for_screen.push(ScreenRequest::Export { kind, content }),
                AppEffect::Mouse(taken) => self.for_screen.push(ScreenRequest::Mouse(taken)),
                AppEffect::Alert(sentence) => self.for_screen.push(ScreenRequest::Alert(sentence)),
                AppEffect::UseProfile(profile) => return Ok(NextStep::Profile(profile)),
                AppEffect::Suspend => after = NextStep::Suspend,
                AppEffect::Quit => return Ok(NextStep::Quit),
            }
        }
        Ok(after)
    }

    /// Takes what only the owner of the terminal can do.
    pub(super) fn for_screen(&mut self) -> Vec<ScreenRequest> {
        std::mem::take(&mut self.for_screen)
    }

    /// Sends a message to ourselves from a thread that may wait for a disk.
    pub(super) fn off_screen(&self, work: impl FnOnce() -> Msg + Send + 'static) {
        let answer = self.answer.clone();
        // The dashboard may have been closed meanwhile.
        tokio::task::spawn_blocking(move || _ = answer.blocking_send(work()));
    }

    /// Waits for the next message; safe to drop at any moment.
    pub(super) async fn next(&mut self) -> Msg {
        let (events, status) = match &mut self.session {
            Some(Session { events, status, .. }) => (Some(events.recv()), Some(measured(status))),
            None => (None, None),
        };
        let (events, status) = (OptionFuture::from(events), OptionFuture::from(status));
        tokio::select! {
            Some(msg) = self.answers.recv() => msg,
            Some(event) = events => match event {
                Some(event) => {
                    self.heap_trimmer.schedule();
                    self.edits.connection(&event);
                    Msg::Client(event)
                }
                None => {
                    self.session = None;
                    ended()
                }
            },
            Some(outcome) = self.edits.next() => Msg::Outbox(outcome),
            Some(round_trip) = status => Msg::RoundTrip(round_trip),
            else => std::future::pending().await,
        }
    }

    /// Takes leave of the server, and waits for the last save.
    pub(super) async fn close(mut self) {
        // Nobody takes answers any more, and the disk's thread must not wait for that.
        self.answers.close();
        let farewell = async {
            if let Some(session) = self.session {
                session.handle.close().await;
            }
        };
        tokio::join!(farewell, self.states.close());
    }

    /// Asks how events of other applications are shown; without an answer they are shown as they came.
    fn ask_event_displays(&self) {
        let (api, answer) = (self.api.clone(), self.answer.clone());
        tokio::spawn(async move {
            match api.event_displays().await {
                Ok(looks) if looks.is_empty() => {}
                // The dashboard may have been closed meanwhile.
                Ok(looks) => _ = answer.send(Msg::EventDisplays(looks)).await,
                Err(error) => tracing::info!(%error, "could not load how events of catalogues are shown"),
            }
        });
    }

    /// Asks for something whose failure changes nothing on screen: the next look at the list tells.
    fn send_only<F>(&self, question: impl FnOnce(Api) -> F + Send + 'static)
    where
        F: Future<Output = Result<(), ApiError>> + Send + 'static,
    {
        let api = self.api.clone();
        tokio::spawn(async move {
            if let Err(error) = question(api).await {
                tracing::info!(%error, "a notification could not be marked as read");
            }
        });
    }

    fn ask<F>(&self, question: impl FnOnce(Api) -> F + Send + 'static)
    where
        F: Future<Output = Msg> + Send + 'static,
    {
        let (api, answer) = (self.api.clone(), self.answer.clone());
        tokio::spawn(async move {
            let msg = question(api).await;
            // The dashboard may have been closed meanwhile.
            let _ = answer.send(msg).await;
        });
    }
}

const fn unanswered(error: &ApiError) -> RefetchError {
    if matches!(error, ApiError::NotOffered { .. }) { RefetchError::NotOffered } else { RefetchError::Failed }
}

/// Waits for the next measured round trip; everything else about the status comes in order with the events.
async fn measured(status: &mut watch::Receiver<Status>) -> Duration {
    while status.changed().await.is_ok() {
        let round_trip = status.borrow_and_update().round_trip;
        if let Some(round_trip) = round_trip {
            return round_trip;
        }
    }
    std::future::pending().await
}

/// Returns the campaigns one may see; those that are kept on disk, while the server cannot be asked.
async fn campaigns(api: &Api, disk: DiskCache) -> Result<Vec<CampaignChoice>, String> {
    let found = match api.campaigns().await {
        Ok(found) => found,
        Err(error) => {
            let kept = tokio::task::spawn_blocking(move || disk.list()).await.unwrap_or_default();
            if kept.is_empty() || !error.is_passing() {
                return Err(error.to_string());
            }
            kept
        }
    };
    let choice = |campaign: CampaignSummary| CampaignChoice {
        id: campaign.id,
        name: campaign.name,
        description: campaign.description.unwrap_or_default(),
        role: campaign.my_role.unwrap_or_default(),
    };
    Ok(found.into_iter().map(choice).collect())
}
