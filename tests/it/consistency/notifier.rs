//! One who notifies, and those who are notified: one who is always there, and one who comes and goes.

use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::api_client::RecordingClient;
use super::cluster::millis;
use super::history::{HistoryRecord, HistoryRequest};
use super::subscribers::{ReceivedItem, SubscriberLink};

/// How often the list is read: often enough that nothing leaves its 200 entries unseen.
const LIST_INTERVAL: Duration = Duration::from_secs(3);

/// Notifies until stopped.
pub async fn notify(mut client: RecordingClient, users: [String; 2], stop: CancellationToken) {
    while !stop.is_cancelled() {
        let number = client.recorder.number();
        let user = users[client.rng.usize(..users.len())].clone();
        let (key, title) = (format!("note-{number}"), format!("Note {number}"));
        let at = client.addresses.pick(&mut client.rng).await;
        // Without an answer it stays open whether it was sent: nothing repeats it.
        client.attempt(number, &HistoryRequest::Notify { key, user, title }, at).await;
        sleep(millis(&mut client.rng, 50..300)).await;
    }
}

/// Receives until stopped: all the time, or on short visits.
pub async fn receive(mut client: RecordingClient, user: String, stays: bool, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let visit = if stays { 3_600_000..3_600_001 } else { 500..3_000 };
        let leave = Instant::now() + millis(&mut client.rng, visit);
        if let Some(mut link) = SubscriberLink::open(&mut client, &user).await {
            let mut open = true;
            while open && Instant::now() < leave && !stop.is_cancelled() {
                open = link.next(leave.min(Instant::now() + Duration::from_millis(200))).await != ReceivedItem::Closed;
            }
            if open {
                link.leave().await;
            }
        }
        let away = if stays { 5..50 } else { 500..4_000 };
        sleep(millis(&mut client.rng, away)).await;
    }
}

/// Reads the list of notifications until stopped.
pub async fn list(mut client: RecordingClient, user: String, stop: CancellationToken) {
    while !stop.is_cancelled() {
        list_once(&mut client, &user).await;
        sleep(LIST_INTERVAL).await;
    }
}

/// Reads and records a user's list.
pub async fn list_once(client: &mut RecordingClient, user: &str) {
    let answer = client.query("{ notifications { title } }", json!({})).await;
    let titles = answer["notifications"].as_array().into_iter().flatten();
    let titles = titles.filter_map(|one| Some(one["title"].as_str()?.to_owned())).collect();
    client.recorder.write(HistoryRecord::Listed { user: user.to_owned(), titles });
}
