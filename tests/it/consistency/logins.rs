//! Those who stay logged in: each refresh is sent to two nodes at the same time.

use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::api_client::RecordingClient;
use super::cluster::millis;
use super::history::{HistoryAnswer, HistoryRequest, digest};
use scry_testkit::server::BUNDLED_PASSWORD;

/// How long a refresh is repeated: a little less than a server must put up with it.
const REPEAT_WINDOW: Duration = Duration::from_secs(8);
/// How long after its use a token is surely taken for stolen.
const REUSE_DELAY: Duration = Duration::from_millis(10_500);

/// A login: its number in the history, and the refresh token that is next.
struct LoginChain {
    family: u64,
    token: String,
}

/// Refreshes until stopped; logs in again whenever the login has ended.
pub async fn stay_logged_in(mut client: RecordingClient, stop: CancellationToken) {
    let mut login: Option<LoginChain> = None;
    while !stop.is_cancelled() {
        login = match login {
            None => log_in(&mut client).await,
            Some(login) => refresh(&mut client, login, &stop).await,
        };
        sleep(millis(&mut client.rng, 100..600)).await;
    }
}

/// Uses a token once more when the time to repeat it is over, as a thief would, until stopped.
pub async fn reuse_after_the_grace(mut client: RecordingClient, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let Some(first) = log_in(&mut client).await else { continue };
        let stolen = LoginChain { family: first.family, token: first.token.clone() };
        let Some(second) = refresh(&mut client, first, &stop).await else { continue };
        sleep(REUSE_DELAY).await;
        // Both are refused: the stolen one, and then the one that its owner holds.
        refresh(&mut client, stolen, &stop).await;
        refresh(&mut client, second, &stop).await;
    }
}

async fn log_in(client: &mut RecordingClient) -> Option<LoginChain> {
    let family = client.recorder.number();
    let at = client.addresses.pick(&mut client.rng).await;
    let body = json!({"username": "lodger", "password": BUNDLED_PASSWORD});
    let (_, token) = client.authenticate(family, &HistoryRequest::Login { family }, body, at).await;
    if token.is_none() {
        sleep(millis(&mut client.rng, 20..200)).await;
    }
    Some(LoginChain { family, token: token? })
}

/// Trades a token for the next one, at two nodes at once where there are two; `None` where the login is over.
async fn refresh(client: &mut RecordingClient, login: LoginChain, stop: &CancellationToken) -> Option<LoginChain> {
    let op = client.recorder.number();
    let LoginChain { family, token } = login;
    let request = HistoryRequest::Refresh { family, token: digest(&token) };
    let body = json!({"refreshToken": token});
    let until = Instant::now() + REPEAT_WINDOW;
    while Instant::now() < until && !stop.is_cancelled() {
        let at = client.addresses.pick(&mut client.rng).await;
        let other = client.addresses.beside(at.0).unwrap_or_else(|| at.clone());
        let answers = tokio::join!(
            client.authenticate(op, &request, body.clone(), at),
            client.authenticate(op, &request, body.clone(), other)
        );
        for (answer, token) in [answers.0, answers.1] {
            match (answer, token) {
                (_, Some(token)) => return Some(LoginChain { family, token }),
                (HistoryAnswer::Refused { .. }, None) => return None,
                _ => {}
            }
        }
        sleep(millis(&mut client.rng, 20..200)).await;
    }
    None
}
