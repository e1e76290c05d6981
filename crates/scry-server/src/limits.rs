//! Limits that were reached: each violation is counted, and logged once per source and minute.
//!
//! What is logged names the limit, the address and how often it happened meanwhile; what was sent is never
//! repeated.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

/// How long a source that was logged is only counted.
const LOG_INTERVAL: Duration = Duration::from_secs(60);
/// Bounds the sources that are remembered; past it, new ones are only counted until old ones are forgotten.
const MAX_SOURCES: usize = 4_096;

/// A limit that was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LimitKind {
    /// A token that was refused: forged, ended or missing. One that has run out is daily life.
    Token,
    /// An operator's route asked for without the operator's token.
    AdminToken,
    /// Too many login attempts for one address and name, or from one address.
    Logins,
    /// A page whose `Origin` is not listed.
    Origin,
    /// Too many Socket.IO connections from one address.
    Connections,
    /// A connection that did not authenticate in time.
    AuthTime,
    /// Too many TCP connections from one address.
    TcpConnections,
    /// Too many events on one connection.
    Events,
    /// Too many rooms for one connection.
    Rooms,
    /// Too many handshakes from one address.
    Handshakes,
    /// A connection that was cut because it would not stop breaking the rules.
    Flood,
    /// A message that is too long, or a frame that is none.
    Message,
    /// A packet that is none of the protocol's, binary attachments among them.
    Packet,
    /// A connection that does not read.
    SlowReader,
    /// A request whose head took too long.
    HeaderTime,
    /// A request whose body took too long.
    BodyTime,
    /// A request whose body is too long.
    BodySize,
    /// A query that nests too deep.
    QueryDepth,
    /// A query that asks for too much.
    QueryComplexity,
    /// Too many notifications from one user, to one recipient or to all.
    Notifications,
    /// Too many API requests of one user.
    ApiRequests,
    /// Too many requests from one address that need no login.
    AuthRequests,
    /// Too many invitations from one user, or too many of theirs that are open.
    Invitations,
    /// Too many members of one campaign.
    Members,
    /// Too many campaigns of one user.
    Campaigns,
    /// A campaign that would become too large.
    Storage,
    /// A query whose document has too many parts.
    QuerySize,
    /// A query that takes too long.
    QueryTime,
    /// Too many queries of one user at once, or too many large answers of all.
    QueryConcurrency,
    /// An answer that is too large.
    AnswerSize,
    /// A request whose head is too long or has too many fields.
    HeaderSize,
    /// Too many entities in one campaign.
    Entities,
    /// An entity that would become too large, or have too many variables.
    EntitySize,
    /// A deletion that would take too much along.
    Deletions,
    /// A move of a clock that would bring too many effects.
    Effects,
    /// A calendar that has too many parts, or too short a year.
    Calendar,
    /// An event that is too large to be sent to everybody.
    EventSize,
}

/// The counts of all limits as one family of metrics.
pub type LimitCounts = Family<[(&'static str, &'static str); 1], Counter>;

/// Counts violations of limits; clones share the counts.
#[derive(Debug, Clone)]
pub struct LimitMetrics(Arc<LimitMetricsInner>);

#[derive(Debug)]
struct LimitMetricsInner {
    counts: [Counter; LimitKind::ALL.len()],
    sources: Mutex<HashMap<(LimitKind, Option<IpAddr>), LogThrottle>>,
}

/// The violations of one source.
#[derive(Debug, Clone)]
pub struct LimitReporter {
    limit_metrics: LimitMetrics,
    source: Option<IpAddr>,
}

/// Remembers when a source was last logged, and how often it came since.
#[derive(Debug)]
struct LogThrottle {
    at: Instant,
    since: u64,
}

impl LimitKind {
    /// Every kind, in the order of their declaration.
    pub const ALL: [Self; 37] = [
        Self::Token,
        Self::AdminToken,
        Self::Logins,
        Self::Origin,
        Self::Connections,
        Self::AuthTime,
        Self::TcpConnections,
        Self::Events,
        Self::Rooms,
        Self::Handshakes,
        Self::Flood,
        Self::Message,
        Self::Packet,
        Self::SlowReader,
        Self::HeaderTime,
        Self::BodyTime,
        Self::BodySize,
        Self::QueryDepth,
        Self::QueryComplexity,
        Self::Notifications,
        Self::ApiRequests,
        Self::AuthRequests,
        Self::Invitations,
        Self::Members,
        Self::Campaigns,
        Self::Storage,
        Self::QuerySize,
        Self::QueryTime,
        Self::QueryConcurrency,
        Self::AnswerSize,
        Self::HeaderSize,
        Self::Entities,
        Self::EntitySize,
        Self::Deletions,
        Self::Effects,
        Self::Calendar,
        Self::EventSize,
    ];

    /// Finds a kind by the name that logs and metrics have for it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Returns the name that logs and metrics have for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::AdminToken => "admin_token",
            Self::Logins => "logins",
            Self::Origin => "origin",
            Self::Connections => "connections",
            Self::AuthTime => "auth_time",
            Self::TcpConnections => "tcp_connections",
            Self::Events => "events",
            Self::Rooms => "rooms",
            Self::Handshakes => "handshakes",
            Self::Flood => "flood",
            Self::Message => "message_size",
            Self::Packet => "packet",
            Self::SlowReader => "slow_reader",
            Self::HeaderTime => "header_time",
            Self::BodyTime => "body_time",
            Self::BodySize => "body_size",
            Self::QueryDepth => "query_depth",
            Self::QueryComplexity => "query_complexity",
            Self::Notifications => "notifications",
            Self::ApiRequests => "api_requests",
            Self::AuthRequests => "auth_requests",
            Self::Invitations => "invitations",
            Self::Members => "members",
            Self::Campaigns => "campaigns",
            Self::Storage => "storage",
            Self::QuerySize => "query_size",
            Self::QueryTime => "query_time",
            Self::QueryConcurrency => "query_concurrency",
            Self::AnswerSize => "answer_size",
            Self::HeaderSize => "header_size",
            Self::Entities => "entities",
            Self::EntitySize => "entity_size",
            Self::Deletions => "deletions",
            Self::Effects => "effects",
            Self::Calendar => "calendar",
            Self::EventSize => "event_size",
        }
    }
}

impl Default for LimitMetrics {
    fn default() -> Self {
        Self::with_family(&LimitCounts::default())
    }
}

impl LimitMetrics {
    /// Counts in a family of metrics, where every limit is named from the beginning.
    #[must_use]
    pub fn with_family(family: &LimitCounts) -> Self {
        let counts = LimitKind::ALL.map(|kind| family.get_or_create(&[("limit", kind.name())]).clone());
        Self(Arc::new(LimitMetricsInner { counts, sources: Mutex::default() }))
    }

    /// Counts a violation, and logs it unless this source was logged within the last minute.
    pub fn report(&self, kind: LimitKind, source: Option<IpAddr>) {
        if let Some(repeats) = self.count(kind, source.map(|ip| ip.to_canonical()), Instant::now()) {
            let address = source.map_or_else(|| "unknown".to_owned(), |ip| ip.to_canonical().to_string());
            tracing::warn!(limit = kind.name(), %address, repeats, "a limit was reached");
        }
    }

    /// Returns a reporter for the violations of one source; `None` for one whose address is not known.
    #[must_use]
    pub fn reporter(&self, source: Option<IpAddr>) -> LimitReporter {
        LimitReporter { limit_metrics: self.clone(), source }
    }

    /// Returns how often one limit was reached.
    #[must_use]
    pub fn of(&self, kind: LimitKind) -> u64 {
        self.0.counts.get(kind as usize).map_or(0, Counter::get)
    }

    /// Counts; returns how often it was not told before, if it is to be told now.
    fn count(&self, kind: LimitKind, source: Option<IpAddr>, now: Instant) -> Option<u64> {
        if let Some(count) = self.0.counts.get(kind as usize) {
            count.inc();
        }
        let mut sources = self.0.sources.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(throttle) = sources.get_mut(&(kind, source)) {
            if now.saturating_duration_since(throttle.at) < LOG_INTERVAL {
                throttle.since += 1;
                return None;
            }
            let repeats = throttle.since;
            *throttle = LogThrottle { at: now, since: 0 };
            return Some(repeats);
        }
        if sources.len() >= MAX_SOURCES {
            sources.retain(|_, throttle| now.saturating_duration_since(throttle.at) < LOG_INTERVAL);
            if sources.len() >= MAX_SOURCES {
                return None;
            }
        }
        sources.insert((kind, source), LogThrottle { at: now, since: 0 });
        Some(0)
    }
}

impl LimitReporter {
    /// Counts a violation of this source, and logs it unless that was done within the last minute.
    pub fn report(&self, kind: LimitKind) {
        self.limit_metrics.report(kind, self.source);
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    /// Keeps what is logged.
    #[derive(Clone, Default)]
    struct LogBuffer(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for LogBuffer {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn address(number: u32) -> Option<IpAddr> {
        Some(IpAddr::V4(Ipv4Addr::from_bits(number)))
    }

    #[test]
    fn source_is_logged_once_a_minute_and_always_counted() {
        let (limit_metrics, start) = (LimitMetrics::default(), Instant::now());
        assert_eq!(limit_metrics.count(LimitKind::Token, address(1), start), Some(0));
        for _ in 0..5 {
            assert_eq!(limit_metrics.count(LimitKind::Token, address(1), start + LOG_INTERVAL / 2), None);
        }
        assert_eq!(limit_metrics.count(LimitKind::Token, address(2), start), Some(0), "another source");
        assert_eq!(limit_metrics.count(LimitKind::Rooms, address(1), start), Some(0), "another limit");
        assert_eq!(limit_metrics.count(LimitKind::Token, address(1), start + LOG_INTERVAL), Some(5));
        assert_eq!((limit_metrics.of(LimitKind::Token), limit_metrics.of(LimitKind::Rooms)), (8, 1));
    }

    #[test]
    fn log_line_names_only_limit_and_source() {
        let lines = LogBuffer::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).without_time().with_writer(move || writer.clone());
        let limit_metrics = LimitMetrics::default();
        tracing::subscriber::with_default(subscriber.finish(), || {
            for _ in 0..3 {
                limit_metrics.report(LimitKind::Logins, address(0x7f00_0001));
            }
            limit_metrics.reporter(None).report(LimitKind::Token);
        });
        let logged = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        let logged: Vec<_> = logged.lines().map(|line| line.split_once(": ").unwrap().1).collect();
        assert_eq!(
            logged,
            [
                "a limit was reached limit=\"logins\" address=127.0.0.1 repeats=0",
                "a limit was reached limit=\"token\" address=unknown repeats=0",
            ]
        );
    }

    #[test]
    fn many_sources_cannot_fill_the_memory() {
        let (limit_metrics, start) = (LimitMetrics::default(), Instant::now());
        for number in 0..10_000 {
            limit_metrics.count(LimitKind::Origin, address(number), start);
        }
        assert_eq!(limit_metrics.0.sources.lock().unwrap().len(), MAX_SOURCES);
        assert_eq!(limit_metrics.of(LimitKind::Origin), 10_000);
        assert_eq!(
            limit_metrics.count(LimitKind::Origin, address(77_777), start + LOG_INTERVAL),
            Some(0),
            "old ones are forgotten"
        );
    }

    #[test]
    fn every_limit_kind_has_a_unique_index_and_name() {
        let names: std::collections::BTreeSet<_> = LimitKind::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(names.len(), LimitKind::ALL.len());
        assert!(LimitKind::ALL.iter().enumerate().all(|(place, kind)| *kind as usize == place));
    }
}
