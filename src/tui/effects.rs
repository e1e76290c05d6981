//! Carries out what the state asks for; every answer comes back as a message.

use std::time::Duration;

use futures_util::future::OptionFuture;
use tokio::sync::{mpsc, watch};

use super::{TuiError, ended};
use crate::app::{Choice, Effect, Msg, Unanswered};
use crate::client::api::Api;
use crate::client::error::ApiError;
use crate::client::event::Status;
use crate::client::session::{self, Session, SessionOptions};
use crate::protocol::Room;

/// How many answers may wait; there are never more questions under way than the state asks at a time.
const ANSWERS: usize = 64;

/// Tells the loop how to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    GoOn,
    Suspend,
    Quit,
}

/// Owns the session and the questions under way.
#[derive(Debug)]
pub struct Runner {
    options: SessionOptions,
    api: Api,
    session: Option<Session>,
    answers: mpsc::Receiver<Msg>,
    answer: mpsc::Sender<Msg>,
}

impl Runner {
    /// Prepares to connect as `options` say, once a campaign is chosen.
    pub fn new(options: SessionOptions) -> Self {
        let (answer, answers) = mpsc::channel(ANSWERS);
        Self { api: options.api.clone(), options, session: None, answers, answer }
    }

    /// Starts everything that is asked for, and waits for none of it.
    ///
    /// # Errors
    /// [`TuiError::Api`] when the connection cannot be set up at all.
    pub fn execute(&mut self, effects: Vec<Effect>) -> Result<After, TuiError> {
        let mut after = After::GoOn;
        for effect in effects {
            match effect {
                Effect::Watch(campaign) => {
                    let options = self.options.clone().room(Room::Campaign(campaign));
                    self.session = Some(session::connect(options)?);
                }
                Effect::RetryNow => {
                    if let Some(session) = &self.session {
                        session.handle.retry_now();
                    }
                }
                Effect::LoadCampaigns => self.ask(async |api| Msg::Campaigns(campaigns(&api).await)),
                Effect::Refetch(refetch) => self.ask(async move |api| {
                    let result = api.nodes(&refetch.ids).await.map_err(|error| {
                        let never = matches!(error, ApiError::NotOffered { .. });
                        if never { Unanswered::NotOffered } else { Unanswered::Failed }
                    });
                    Msg::Refetched { ticket: refetch.ticket, result }
                }),
                Effect::LoadHistory { campaign, since, limit } => self.ask(async move |api| {
                    let entries = api.events(&campaign, Some(since), Some(limit)).await;
                    let events = entries.map(|entries| entries.iter().filter_map(|entry| entry.event()).collect());
                    Msg::History(events.map_err(|error| error.to_string()))
                }),
                Effect::Suspend => after = After::Suspend,
                Effect::Quit => return Ok(After::Quit),
            }
        }
        Ok(after)
    }

    /// Waits for the next message; safe to drop at any moment.
    pub async fn next(&mut self) -> Msg {
        let (events, status) = match &mut self.session {
            Some(Session { events, status, .. }) => (Some(events.recv()), Some(measured(status))),
            None => (None, None),
        };
        let (events, status) = (OptionFuture::from(events), OptionFuture::from(status));
        tokio::select! {
            Some(msg) = self.answers.recv() => msg,
            Some(event) = events => match event {
                Some(event) => Msg::Client(event),
                None => {
                    self.session = None;
                    ended()
                }
            },
            Some(round_trip) = status => Msg::RoundTrip(round_trip),
            else => std::future::pending().await,
        }
    }

    /// Takes leave of the server.
    pub async fn close(self) {
        if let Some(session) = self.session {
            session.handle.close().await;
        }
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

async fn campaigns(api: &Api) -> Result<Vec<Choice>, String> {
    let found = api.campaigns().await.map_err(|error| error.to_string())?;
    let choice = |campaign: crate::client::api::CampaignSummary| Choice {
        id: campaign.id,
        name: campaign.name,
        description: campaign.description.unwrap_or_default(),
        role: campaign.my_role.unwrap_or_default(),
    };
    Ok(found.into_iter().map(choice).collect())
}
