//! Does what the table decides, through the public API.

use std::time::Duration;

use scry_client::api::Api;
use scry_client::error::ApiError;
use scry_protocol::Id;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::action::{ActionRequest, PlayerAction, PlayerRole};
use super::presence::PresenceSimulator;
use super::simulator::Simulator;

/// The logins of everybody at the table.
#[derive(Debug, Clone)]
pub struct PlayerLogins {
    /// The game master: the campaign's owner.
    pub gm: Api,
    /// A player: an editor of the campaign.
    pub player: Api,
    /// A service account, which may publish.
    pub bot: Api,
}

/// A pause shorter than this is one in a burst of acts.
const BURST_PAUSE: Duration = Duration::from_millis(500);
/// How long somebody is seen to write before the others see what came of it.
const TYPING_DURATION: Duration = Duration::from_millis(1_200);

/// After how many acts the table looks at the campaign again.
const ACTIONS_PER_REFRESH: u32 = 50;
/// How many failures in a row end the play.
const MAX_CONSECUTIVE_FAILURES: u32 = 10;
/// How long the table rests after a failure.
const FAILURE_PAUSE: Duration = Duration::from_secs(1);

/// Plays until `shutdown`: acts at a person's pace, `pace` times as fast (1.0 is natural), seen by the others
/// where there are `presence`.
///
/// Somebody else may delete what the table was about to change; such a refusal is noted, and the table
/// looks again.
///
/// # Errors
/// The first look's error, or that of the last of ten failures in a row.
pub async fn play(
    logins: PlayerLogins,
    presence: Option<PresenceSimulator>,
    campaign_id: Id,
    seed: u64,
    pace: f64,
    shutdown: CancellationToken,
) -> Result<(), ApiError> {
    shutdown
        .run_until_cancelled(run_forever(&logins, presence.as_ref(), campaign_id, seed, pace))
        .await
        .unwrap_or(Ok(()))
}

async fn run_forever(
    logins: &PlayerLogins,
    presence: Option<&PresenceSimulator>,
    campaign_id: Id,
    seed: u64,
    pace: f64,
) -> Result<(), ApiError> {
    let pace = pace.clamp(0.01, 1000.0);
    let nodes = logins.player.snapshot(&campaign_id).await?.values();
    let mut table = Simulator::new(seed, campaign_id.clone(), &nodes);
    let (mut since_look, mut failures) = (0, 0);
    loop {
        let pause = table.pause();
        tokio::time::sleep(pause.div_f64(pace)).await;
        // In a burst nobody has time to be seen writing.
        let seen = presence.filter(|_| pause >= BURST_PAUSE);
        match step(logins, seen, &campaign_id, &mut table, since_look >= ACTIONS_PER_REFRESH).await {
            Ok(looked) => {
                since_look = if looked { 0 } else { since_look + 1 };
                failures = 0;
            }
            Err(error) if failures + 1 >= MAX_CONSECUTIVE_FAILURES => return Err(error),
            Err(error) => {
                tracing::warn!(%error, "a simulated action failed");
                (since_look, failures) = (ACTIONS_PER_REFRESH, failures + 1);
                tokio::time::sleep(FAILURE_PAUSE).await;
            }
        }
    }
}

/// Does one act, after a fresh look if one is due; true if it looked.
async fn step(
    logins: &PlayerLogins,
    presence: Option<&PresenceSimulator>,
    campaign_id: &Id,
    table: &mut Simulator,
    look: bool,
) -> Result<bool, ApiError> {
    if look {
        table.look(&logins.player.snapshot(campaign_id).await?.values());
    }
    if let Some(action) = table.decide() {
        if presence.is_some_and(|presence| presence.prepare(&action)) {
            tokio::time::sleep(TYPING_DURATION).await;
        }
        let answer = logins.ask(&action).await;
        presence.inspect(|presence| presence.done(&action));
        table.done(&action, &answer?);
    }
    Ok(look)
}

impl PlayerLogins {
    /// Carries an action out with the login of its role, and returns the API's answer.
    ///
    /// # Errors
    /// [`ApiError`], also where the server refuses the act.
    pub async fn ask(&self, action: &PlayerAction) -> Result<Value, ApiError> {
        let api = match action.role {
            PlayerRole::Gm => &self.gm,
            PlayerRole::Player => &self.player,
            PlayerRole::Bot => &self.bot,
        };
        match action.action_kind.request() {
            ActionRequest::Graphql { query, variables } => api.graphql(query, variables).await,
            ActionRequest::Publish { event, payload } => api.publish(event, payload).await,
        }
    }
}
