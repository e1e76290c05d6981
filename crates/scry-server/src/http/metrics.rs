//! What monitoring reads.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, HeaderName};
use scry_protocol::Id;
use scry_protocol::presence::PresenceState;
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::Routes;
use crate::cluster::Cluster;
use crate::core::Core;
use crate::metrics::Moment;
use crate::relay::ChannelStats;

/// How long a reader of the metrics waits for a part that does not answer.
const PATIENCE: Duration = Duration::from_secs(2);
const FORMAT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Answers `GET /metrics`.
pub(super) async fn metrics(State(routes): State<Routes>) -> ([(HeaderName, &'static str); 1], String) {
    let moment = moment(&routes.core).await;
    ([(CONTENT_TYPE, FORMAT)], routes.core.metrics.text(&moment))
}

/// Describes every campaign that somebody on this node listens to.
pub(super) async fn channels(core: &Core) -> Vec<ChannelStats> {
    let Some(view) = core.relay.get() else { return Vec::new() };
    timeout(PATIENCE, view.channels()).await.unwrap_or_default()
}

/// Returns who is present in which campaign, on whatever node.
pub(super) async fn present_by_campaign(core: &Core) -> Vec<PresenceState> {
    let Some(view) = core.relay.get() else { return Vec::new() };
    timeout(PATIENCE, view.present_by_campaign()).await.unwrap_or_default()
}

/// Returns how far each campaign's journal is; `None` if the database does not answer.
pub(super) async fn heads(core: &Core) -> Option<HashMap<Id, u64>> {
    let heads = timeout(PATIENCE, core.journal.heads()).await.ok()?.ok()?;
    Some(heads.into_iter().map(|(campaign, position)| (campaign, position.seq)).collect())
}

async fn moment(core: &Core) -> Moment {
    // Before the journals are asked: what is sent meanwhile must not look like a lag below nothing.
    let channels = channels(core).await;
    let heads = heads(core).await;
    let behind = |channel: &ChannelStats| {
        heads.as_ref()?.get(&channel.campaign).map(|head| head.saturating_sub(channel.head.seq))
    };
    Moment {
        connections: core.connected.load(Ordering::Relaxed),
        rooms: channels.iter().map(|channel| channel.rooms.len()).sum(),
        listeners: channels.iter().flat_map(|channel| &channel.rooms).map(|(_, sockets)| sockets).sum(),
        lag: channels.iter().filter_map(behind).max().unwrap_or(0),
        head: heads.iter().flat_map(HashMap::values).sum(),
        database_up: heads.is_some(),
        pools: core.db.pools(),
        waiting_changes: core.db.waiting(),
        longest_turn: core.db.longest_turn(),
        redis_up: core.bus.cluster().is_some_and(Cluster::is_up),
        draining: core.draining.is_cancelled(),
        tasks: Handle::current().metrics().num_alive_tasks(),
    }
}
