//! Does what the table decides, through the public API.

use std::time::Duration;

use scry_client::api::Api;
use scry_client::error::ApiError;
use scry_protocol::Id;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::act::{Act, Request, Seat};
use super::table::Table;
use super::voices::Voices;

/// Holds a login for everybody at the table.
#[derive(Debug, Clone)]
pub struct Seats {
    pub gm: Api,
    pub player: Api,
    /// A service account, which may publish.
    pub bot: Api,
}

/// A pause shorter than this is one in a burst of acts.
const HURRY: Duration = Duration::from_millis(500);
/// How long somebody is seen to write before the others see what came of it.
const WRITING: Duration = Duration::from_millis(1_200);

/// After how many acts the table looks at the campaign again.
const ACTS_PER_LOOK: u32 = 50;
/// How many failures in a row end the play.
const MAX_FAILURES: u32 = 10;
/// How long the table rests after a failure.
const REST: Duration = Duration::from_secs(1);

/// Plays until `shutdown`: acts at a person's pace, `pace` times as fast (1.0 is natural), seen by the others
/// where there are `voices`.
///
/// Somebody else may delete what the table was about to change; such a refusal is noted, and the table
/// looks again.
///
/// # Errors
/// The first look's error, or that of the last of ten failures in a row.
pub async fn play(
    seats: Seats,
    voices: Option<Voices>,
    campaign_id: Id,
    seed: u64,
    pace: f64,
    shutdown: CancellationToken,
) -> Result<(), ApiError> {
    shutdown.run_until_cancelled(act_forever(&seats, voices.as_ref(), campaign_id, seed, pace)).await.unwrap_or(Ok(()))
}

async fn act_forever(
    seats: &Seats,
    voices: Option<&Voices>,
    campaign_id: Id,
    seed: u64,
    pace: f64,
) -> Result<(), ApiError> {
    let pace = pace.clamp(0.01, 1000.0);
    let nodes = seats.player.snapshot(&campaign_id).await?.values();
    let mut table = Table::new(seed, campaign_id.clone(), &nodes);
    let (mut since_look, mut failures) = (0, 0);
    loop {
        let pause = table.pause();
        tokio::time::sleep(pause.div_f64(pace)).await;
        // In a burst nobody has time to be seen writing.
        let seen = voices.filter(|_| pause >= HURRY);
        match step(seats, seen, &campaign_id, &mut table, since_look >= ACTS_PER_LOOK).await {
            Ok(looked) => {
                since_look = if looked { 0 } else { since_look + 1 };
                failures = 0;
            }
            Err(error) if failures + 1 >= MAX_FAILURES => return Err(error),
            Err(error) => {
                tracing::warn!(%error, "an act at the table failed");
                (since_look, failures) = (ACTS_PER_LOOK, failures + 1);
                tokio::time::sleep(REST).await;
            }
        }
    }
}

/// Does one act, after a fresh look if one is due; true if it looked.
async fn step(
    seats: &Seats,
    voices: Option<&Voices>,
    campaign_id: &Id,
    table: &mut Table,
    look: bool,
) -> Result<bool, ApiError> {
    if look {
        table.look(&seats.player.snapshot(campaign_id).await?.values());
    }
    if let Some(act) = table.decide() {
        if voices.is_some_and(|voices| voices.prepare(&act)) {
            tokio::time::sleep(WRITING).await;
        }
        let answer = seats.ask(&act).await;
        voices.inspect(|voices| voices.done(&act));
        table.done(&act, &answer?);
    }
    Ok(look)
}

impl Seats {
    /// Does an act as whoever it belongs to, and returns the API's answer.
    ///
    /// # Errors
    /// [`ApiError`], also where the server refuses the act.
    pub async fn ask(&self, act: &Act) -> Result<Value, ApiError> {
        let api = match act.seat {
            Seat::Gm => &self.gm,
            Seat::Player => &self.player,
            Seat::Bot => &self.bot,
        };
        match act.deed.request() {
            Request::Graphql { query, variables } => api.graphql(query, variables).await,
            Request::Publish { event, payload } => api.publish(event, payload).await,
        }
    }
}
