//! What the server counts, in Prometheus' conventions.
//!
//! Counting is one atomic addition; what can be asked for when it is wanted (pools, heads, memory) is set
//! when the metrics are read.

mod memory;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use scry_catalogue::Catalogues;
use scry_protocol::event::DURABLE_EVENTS;

use crate::cluster::{RejectionCounts, RejectionMetrics};
use crate::limits::LimitMetrics;

/// Seconds from the beginning of a change until its event was handed to the sockets.
const LATENCY_BUCKETS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];

type OneLabel = Family<[(&'static str, &'static str); 1], Counter>;
type TwoLabels = Family<[(&'static str, &'static str); 2], Counter>;

/// Counts what happens on this node; clones share the counts.
#[derive(Clone)]
pub struct Metrics(Arc<MetricsInner>);

struct MetricsInner {
    registry: Registry,
    handshakes: OneLabel,
    journaled: TwoLabels,
    relayed: OneLabel,
    deliveries: OneLabel,
    latency: Histogram,
    resumes: OneLabel,
    replayed: Counter,
    refetches: OneLabel,
    limit_metrics: LimitMetrics,
    declared: Family<[(&'static str, String); 2], Counter>,
    wakes: OneLabel,
    refused_messages: RejectionMetrics,
    gauges: Gauges,
    /// Resident memory before the first connection.
    base_memory: i64,
}

/// What is set when the metrics are read.
#[derive(Default)]
struct Gauges {
    connections: Gauge,
    rooms: Gauge,
    listeners: Gauge,
    head: Gauge,
    lag: Gauge,
    database_up: Gauge,
    database_connections: Family<[(&'static str, &'static str); 2], Gauge>,
    waiting_changes: Gauge,
    longest_turn: Gauge<f64, AtomicU64>,
    redis_up: Gauge,
    draining: Gauge,
    tasks: Gauge,
    memory: Gauge,
    memory_per_connection: Gauge,
}

/// How this node is at one moment.
#[derive(Debug, Clone, Default)]
pub struct NodeStatus {
    /// Open sockets.
    pub connections: usize,
    /// Rooms with at least one socket, and subscriptions to them.
    pub rooms: usize,
    /// Subscriptions of all sockets to rooms.
    pub listeners: usize,
    /// The numbers of all events in all journals.
    pub head: u64,
    /// The most events that any campaign's listeners on this node still have to get.
    pub lag: u64,
    /// Whether the database answers.
    pub database_up: bool,
    /// Open and idle connections of the readers, then of the writer.
    pub pools: [(u32, usize); 2],
    /// Changes that wait for the writer, and the longest that one has held it.
    pub waiting_changes: usize,
    /// The longest that one change has held the writer since the start.
    pub longest_turn: Duration,
    /// Whether Redis answers; true without Redis.
    pub redis_up: bool,
    /// Whether the node is shutting down.
    pub draining: bool,
    /// Running tasks.
    pub tasks: usize,
}

impl Metrics {
    /// Builds the counts of a node that is alone or joined to others over Redis.
    #[must_use]
    pub fn new(is_joined: bool) -> Self {
        let mut registry = Registry::with_prefix("scry");
        let latency = Histogram::new(LATENCY_BUCKETS);
        let help = "Time from the start of a change until its event was queued for the sockets";
        registry.register("delivery_seconds", help, latency.clone());
        let replayed = Counter::default();
        registry.register("events_replayed", "Durable events replayed to sockets that resumed", replayed.clone());
        let declared = Family::<[(&'static str, String); 2], Counter>::default();
        let help = "Events of catalogues that were published on this node, by their name and catalogue";
        registry.register("catalogue_events", help, declared.clone());
        let gauges = Gauges::register(&mut registry);
        let refused = RejectionCounts::default();
        let refused_messages = RejectionMetrics::with_family(refused.clone());
        if is_joined {
            registry.register("redis_up", "Whether Redis answers; absent without Redis", gauges.redis_up.clone());
            let help = "Messages over Redis rejected as unsigned or repeated; absent without Redis";
            registry.register("cluster_messages_refused", help, refused);
        }
        let r = &mut registry;
        let metrics = Self(Arc::new(MetricsInner {
            handshakes: register_family(r, "handshakes", "Socket handshakes by result: accepted, or the error code"),
            journaled: register_family(r, "events_journaled", "Durable events committed on this node"),
            relayed: register_family(r, "events_relayed", "Durable events read from the journal for sending"),
            deliveries: register_family(r, "deliveries", "Durable events queued for sockets, counted per socket"),
            latency,
            resumes: register_family(
                r,
                "subscriptions",
                "Granted subscriptions by result: fresh, recovered, or too_old",
            ),
            replayed,
            refetches: register_family(r, "refetch_queries", "Queries by which clients reload entities"),
            limit_metrics: LimitMetrics::with_family(&register_family(
                r,
                "limited",
                "Requests or connections rejected by a limit",
            )),
            declared,
            wakes: register_family(r, "journal_wakes", "Journal reads after growth, by trigger: commit or poll"),
            refused_messages,
            gauges,
            base_memory: memory::resident(),
            registry,
        }));
        metrics.register_zeros();
        metrics
    }

    /// Sets what will be counted to 0: a rate is told only of what was there before it grew.
    fn register_zeros(&self) {
        let inner = &self.0;
        for event in DURABLE_EVENTS {
            drop(inner.journaled.get_or_create(&[("type", event), ("source", "api")]));
            drop(inner.relayed.get_or_create(&[("type", event)]));
            drop(inner.deliveries.get_or_create(&[("type", event)]));
        }
        let known: [(&OneLabel, &'static str, &[&'static str]); 4] = [
            (&inner.handshakes, "result", &["accepted"]),
            (&inner.resumes, "outcome", &["fresh", "recovered", "too_old"]),
            (&inner.refetches, "query", &["nodes", "snapshot"]),
            (&inner.wakes, "by", &["commit", "poll"]),
        ];
        for (family, label, values) in known {
            for value in values {
                drop(family.get_or_create(&[(label, *value)]));
            }
        }
    }

    /// Returns the counts of messages between nodes that were not believed.
    #[must_use]
    pub fn refused_messages(&self) -> RejectionMetrics {
        self.0.refused_messages.clone()
    }

    /// Counts a handshake; `refused` is the code of the refusal.
    pub fn handshake(&self, refused: Option<&'static str>) {
        self.0.handshakes.get_or_create(&[("result", refused.unwrap_or("accepted"))]).inc();
    }

    /// Counts a committed event.
    pub fn journaled(&self, event: &'static str, source: &str) {
        let source = ["api", "rules-engine", "scheduler"].into_iter().find(|known| *known == source);
        self.0.journaled.get_or_create(&[("type", event), ("source", source.unwrap_or("other"))]).inc();
    }

    /// Sets to 0 what will be counted of catalogues.
    pub fn register_custom(&self, catalogues: &Catalogues) {
        for catalogue in catalogues.iter() {
            for event in &catalogue.events {
                // An event that is only looked for is there from then on.
                let _ = self.custom_counter(&catalogue.name, &event.name);
            }
        }
    }

    /// Counts a published event that a catalogue declares.
    pub fn custom_published(&self, catalogue: &str, event: &str) {
        self.custom_counter(catalogue, event).inc();
    }

    fn custom_counter(&self, catalogue: &str, event: &str) -> Counter {
        let labels = [("catalogue", catalogue.to_owned()), ("type", event.to_owned())];
        self.0.declared.get_or_create_owned(&labels)
    }

    /// Counts an event that was sent to a number of sockets, `age` after its change began.
    pub fn relayed(&self, event: &str, sockets: usize, age: Duration) {
        let event = DURABLE_EVENTS.into_iter().find(|known| *known == event).unwrap_or("other");
        self.0.relayed.get_or_create(&[("type", event)]).inc();
        if sockets > 0 {
            self.0.deliveries.get_or_create(&[("type", event)]).inc_by(sockets as u64);
            self.0.latency.observe(age.as_secs_f64());
        }
    }

    /// Counts journals that had grown: `commit` where somebody said so, `poll` where nobody did.
    pub fn woken(&self, by: &'static str, journals: usize) {
        self.0.wakes.get_or_create(&[("by", by)]).inc_by(journals as u64);
    }

    /// Counts a granted subscription and what was replayed for it.
    pub fn subscribed(&self, outcome: &'static str, replayed: u64) {
        self.0.resumes.get_or_create(&[("outcome", outcome)]).inc();
        self.0.replayed.inc_by(replayed);
    }

    /// Counts a query by which a client renews what it holds.
    pub fn refetched(&self, query: &'static str) {
        self.0.refetches.get_or_create(&[("query", query)]).inc();
    }

    /// Returns what counts the limits that were reached.
    #[must_use]
    pub fn limit_metrics(&self) -> LimitMetrics {
        self.0.limit_metrics.clone()
    }

    /// Writes everything in the text format, with how the node is at this moment.
    #[must_use]
    pub fn text(&self, status: &NodeStatus) -> String {
        self.0.gauges.set(status, self.0.base_memory);
        let mut text = String::new();
        if let Err(error) = encode(&mut text, &self.0.registry) {
            tracing::error!(%error, "the metrics could not be written");
        }
        text
    }

    /// Returns how many events of each type were committed here and delivered from here.
    #[must_use]
    pub fn events(&self) -> Vec<(&'static str, u64)> {
        DURABLE_EVENTS
            .into_iter()
            .map(|event| (event, self.0.relayed.get_or_create(&[("type", event)]).get()))
            .collect()
    }
}

impl Gauges {
    fn register(registry: &mut Registry) -> Self {
        let gauges = Self::default();
        let plain = [
            ("connections", "Open sockets", &gauges.connections),
            ("rooms", "Rooms with at least one socket", &gauges.rooms),
            ("room_seats", "Subscriptions of sockets to rooms", &gauges.listeners),
            ("journal_head", "Events in all journals in the database", &gauges.head),
            (
                "journal_lag_events",
                "Largest number of events of one campaign that this node has yet to send",
                &gauges.lag,
            ),
            ("database_up", "Whether the database answers", &gauges.database_up),
            ("writer_waiting_changes", "Changes waiting for the writer", &gauges.waiting_changes),
            ("draining", "Whether this node is shutting down", &gauges.draining),
            ("tasks", "Running tasks", &gauges.tasks),
            ("resident_memory_bytes", "Resident memory in bytes, 0 where unknown", &gauges.memory),
            (
                "memory_per_connection_bytes",
                "Growth of resident memory since the start, per open socket",
                &gauges.memory_per_connection,
            ),
        ];
        for (name, help, gauge) in plain {
            registry.register(name, help, gauge.clone());
        }
        let help = "Longest time that one change has held the writer since the start";
        registry.register("writer_longest_turn_seconds", help, gauges.longest_turn.clone());
        let connections = gauges.database_connections.clone();
        registry.register("database_connections", "Connections to the database, by pool and state", connections);
        gauges
    }

    fn set(&self, status: &NodeStatus, base_memory: i64) {
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        self.connections.set(count(status.connections));
        self.rooms.set(count(status.rooms));
        self.listeners.set(count(status.listeners));
        self.head.set(i64::try_from(status.head).unwrap_or(i64::MAX));
        self.lag.set(i64::try_from(status.lag).unwrap_or(i64::MAX));
        self.database_up.set(status.database_up.into());
        self.waiting_changes.set(count(status.waiting_changes));
        self.longest_turn.set(status.longest_turn.as_secs_f64());
        self.redis_up.set(status.redis_up.into());
        self.draining.set(status.draining.into());
        self.tasks.set(count(status.tasks));
        for (pool, (open, idle)) in ["reader", "writer"].into_iter().zip(status.pools) {
            let state = |state| self.database_connections.get_or_create(&[("pool", pool), ("state", state)]).clone();
            state("idle").set(count(idle));
            state("busy").set(i64::from(open).saturating_sub(count(idle)).max(0));
        }
        let memory = memory::resident();
        self.memory.set(memory);
        let each = (memory - base_memory).max(0).checked_div(count(status.connections));
        self.memory_per_connection.set(each.unwrap_or(0));
    }
}

fn register_family<const N: usize>(
    registry: &mut Registry,
    name: &'static str,
    help: &'static str,
) -> Family<[(&'static str, &'static str); N], Counter> {
    let family = Family::<[(&'static str, &'static str); N], Counter>::default();
    registry.register(name, help, family.clone());
    family
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::LimitKind;

    #[test]
    fn counts_are_written_in_the_text_format() {
        let metrics = Metrics::new(true);
        metrics.handshake(None);
        metrics.handshake(Some("TOKEN_EXPIRED"));
        metrics.journaled("settlement_updated", "scheduler");
        metrics.relayed("settlement_updated", 3, Duration::from_millis(4));
        metrics.relayed("foreign", 0, Duration::ZERO);
        metrics.subscribed("recovered", 7);
        metrics.limit_metrics().report(LimitKind::Token, None);
        let status =
            NodeStatus { connections: 2, lag: 5, pools: [(4, 3), (1, 1)], database_up: true, ..NodeStatus::default() };
        let status = NodeStatus { waiting_changes: 3, longest_turn: Duration::from_millis(250), ..status };
        let text = metrics.text(&status);
        for line in [
            "scry_handshakes_total{result=\"accepted\"} 1",
            "scry_handshakes_total{result=\"TOKEN_EXPIRED\"} 1",
            "scry_events_journaled_total{type=\"settlement_updated\",source=\"scheduler\"} 1",
            "scry_events_relayed_total{type=\"other\"} 1",
            "scry_deliveries_total{type=\"settlement_updated\"} 3",
            "scry_delivery_seconds_bucket{le=\"0.005\"} 1",
            "scry_delivery_seconds_count 1",
            "scry_events_replayed_total 7",
            "scry_limited_total{limit=\"token\"} 1",
            "scry_limited_total{limit=\"origin\"} 0",
            "scry_connections 2",
            "scry_journal_lag_events 5",
            "scry_redis_up 0",
            "scry_writer_waiting_changes 3",
            "scry_writer_longest_turn_seconds 0.25",
            "scry_limited_total{limit=\"logins\"} 0",
            "scry_database_up 1",
            "scry_database_connections{pool=\"reader\",state=\"busy\"} 1",
        ] {
            assert!(text.lines().any(|known| known == line), "{line} is missing in\n{text}");
        }
    }
}
