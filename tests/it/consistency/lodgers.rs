//! Those who stay logged in: each refresh is sent to two nodes at the same time.

use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::asking::Asker;
use super::cluster::millis;
use super::history::{Answer, Request, digest};
use crate::support::server::PASSWORD;

/// How long a refresh is repeated: a little less than a server must put up with it.
const REPEAT: Duration = Duration::from_secs(8);
/// How long after its use a token is surely taken for stolen.
const STALE: Duration = Duration::from_millis(10_500);

/// A login: its number in the history, and the refresh token that is next.
struct Login {
    family: u64,
    token: String,
}

/// Refreshes until stopped; logs in again whenever the login has ended.
pub async fn stay_logged_in(mut asker: Asker, stop: CancellationToken) {
    let mut login: Option<Login> = None;
    while !stop.is_cancelled() {
        login = match login {
            None => log_in(&mut asker).await,
            Some(login) => refresh(&mut asker, login, &stop).await,
        };
        sleep(millis(&mut asker.rng, 100..600)).await;
    }
}

/// Uses a token once more when the time to repeat it is over, as a thief would, until stopped.
pub async fn reuse_after_the_grace(mut asker: Asker, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let Some(first) = log_in(&mut asker).await else { continue };
        let stolen = Login { family: first.family, token: first.token.clone() };
        let Some(second) = refresh(&mut asker, first, &stop).await else { continue };
        sleep(STALE).await;
        // Both are refused: the stolen one, and then the one that its owner holds.
        refresh(&mut asker, stolen, &stop).await;
        refresh(&mut asker, second, &stop).await;
    }
}

async fn log_in(asker: &mut Asker) -> Option<Login> {
    let family = asker.recorder.number();
    let at = asker.addresses.pick(&mut asker.rng).await;
    let body = json!({"username": "lodger", "password": PASSWORD});
    let (_, token) = asker.authenticate(family, &Request::Login { family }, body, at).await;
    if token.is_none() {
        sleep(millis(&mut asker.rng, 20..200)).await;
    }
    Some(Login { family, token: token? })
}

/// Trades a token for the next one, at two nodes at once where there are two; `None` where the login is over.
async fn refresh(asker: &mut Asker, login: Login, stop: &CancellationToken) -> Option<Login> {
    let op = asker.recorder.number();
    let Login { family, token } = login;
    let request = Request::Refresh { family, token: digest(&token) };
    let body = json!({"refreshToken": token});
    let until = Instant::now() + REPEAT;
    while Instant::now() < until && !stop.is_cancelled() {
        let at = asker.addresses.pick(&mut asker.rng).await;
        let other = asker.addresses.beside(at.0).unwrap_or_else(|| at.clone());
        let answers = tokio::join!(
            asker.authenticate(op, &request, body.clone(), at),
            asker.authenticate(op, &request, body.clone(), other)
        );
        for (answer, token) in [answers.0, answers.1] {
            match (answer, token) {
                (_, Some(token)) => return Some(Login { family, token }),
                (Answer::Refused { .. }, None) => return None,
                _ => {}
            }
        }
        sleep(millis(&mut asker.rng, 20..200)).await;
    }
    None
}
