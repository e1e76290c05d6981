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

use super::HttpContext;
use crate::cluster::Cluster;
use crate::metrics::NodeStatus;
use crate::relay::ChannelStats;
use crate::state::AppState;

/// How long a reader of the metrics waits for a part that does not answer.
const GAUGE_TIMEOUT: Duration = Duration::from_secs(2);
const OPENMETRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Answers `GET /metrics`.
pub(super) async fn metrics(State(context): State<HttpContext>) -> ([(HeaderName, &'static str); 1], String) {
    let status = status(&context.state).await;
    ([(CONTENT_TYPE, OPENMETRICS_TYPE)], context.state.metrics.text(&status))
}

/// Describes every campaign that somebody on this node listens to.
pub(super) async fn channels(state: &AppState) -> Vec<ChannelStats> {
    let Some(view) = state.relay.get() else { return Vec::new() };
    timeout(GAUGE_TIMEOUT, view.channels()).await.unwrap_or_default()
}

/// Returns who is present in which campaign, on whatever node.
pub(super) async fn present_by_campaign(state: &AppState) -> Vec<PresenceState> {
    let Some(view) = state.relay.get() else { return Vec::new() };
    timeout(GAUGE_TIMEOUT, view.present_by_campaign()).await.unwrap_or_default()
}

/// Returns how far each campaign's journal is; `None` if the database does not answer.
pub(super) async fn heads(state: &AppState) -> Option<HashMap<Id, u64>> {
    let heads = timeout(GAUGE_TIMEOUT, state.journal.heads()).await.ok()?.ok()?;
    Some(heads.into_iter().map(|(campaign, position)| (campaign, position.seq)).collect())
}

async fn status(state: &AppState) -> NodeStatus {
    // Before the journals are asked: what is sent meanwhile must not look like a lag below nothing.
    let channels = channels(state).await;
    let heads = heads(state).await;
    let behind = |channel: &ChannelStats| {
        heads.as_ref()?.get(&channel.campaign).map(|head| head.saturating_sub(channel.head.seq))
    };
    NodeStatus {
        connections: state.connected.load(Ordering::Relaxed),
        rooms: channels.iter().map(|channel| channel.rooms.len()).sum(),
        listeners: channels.iter().flat_map(|channel| &channel.rooms).map(|(_, sockets)| sockets).sum(),
        lag: channels.iter().filter_map(behind).max().unwrap_or(0),
        head: heads.iter().flat_map(HashMap::values).sum(),
        database_up: heads.is_some(),
        pools: state.db.pools(),
        waiting_changes: state.db.waiting(),
        longest_turn: state.db.longest_turn(),
        redis_up: state.bus.cluster().is_some_and(Cluster::is_up),
        draining: state.draining.is_cancelled(),
        tasks: Handle::current().metrics().num_alive_tasks(),
    }
}
