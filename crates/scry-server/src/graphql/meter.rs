//! Counts the bytes of an answer while it is made, and stops the query that has had enough bytes or time.
//!
//! Every field passes here before and after it is resolved. Once a limit is reached no field is resolved any more: they
//! wait, and whoever executes the query drops it with all that it has made.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use async_graphql::extensions::{Extension, ExtensionContext, ExtensionFactory, NextResolve, ResolveInfo};
use async_graphql::{QueryPathSegment, ServerResult, Value, async_trait};
use tokio_util::sync::CancellationToken;

use super::limits::{QueryError, QueryLimits};

/// The bytes of a number, at most; its digits are not worth being counted.
const NUMBER_BYTES: u64 = 20;
/// What stands around a field's value: quotes, colon, comma.
const FIELD_BYTES: u64 = 4;
/// What a value takes in memory besides its text, until the answer is written.
const VALUE_BYTES: u64 = 100;
/// How often a query's memory is added to the node's.
const POOL_STEP_BYTES: u64 = 64 * 1024;

/// The bytes of all answers that are being made or sent; clones share the count.
#[derive(Debug, Clone)]
pub(super) struct AnswerPool {
    used: Arc<AtomicU64>,
    capacity: u64,
}

/// A query's part of an [`AnswerPool`], given back when dropped.
#[derive(Debug)]
pub(super) struct PoolShare {
    pool: AnswerPool,
    taken: AtomicU64,
}

impl AnswerPool {
    /// Builds an empty pool.
    #[must_use]
    pub(super) fn new(capacity: u64) -> Self {
        Self { used: Arc::default(), capacity }
    }

    /// Returns the bytes in use.
    #[cfg(test)]
    fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    fn share(&self) -> PoolShare {
        PoolShare { pool: self.clone(), taken: AtomicU64::new(0) }
    }
}

impl PoolShare {
    /// Gives back all but so many bytes.
    fn shrink(&self, bytes: u64) {
        let taken = self.taken.load(Ordering::Relaxed);
        let given_back = taken.saturating_sub(bytes);
        self.taken.fetch_sub(given_back, Ordering::Relaxed);
        self.pool.used.fetch_sub(given_back, Ordering::Relaxed);
    }

    /// Takes more bytes; `false` if there are not so many left.
    fn take(&self, bytes: u64) -> bool {
        self.taken.fetch_add(bytes, Ordering::Relaxed);
        let before = self.pool.used.fetch_add(bytes, Ordering::Relaxed);
        before.saturating_add(bytes) <= self.pool.capacity
    }
}

impl Drop for PoolShare {
    fn drop(&mut self) {
        self.pool.used.fetch_sub(self.taken.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}

/// Counts what one query makes; clones count together.
#[derive(Debug, Clone)]
pub(super) struct Meter(Arc<MeterInner>);

#[derive(Debug)]
struct MeterInner {
    limits: QueryLimits,
    deadline: Instant,
    bytes: AtomicU64,
    /// The bytes and what the values take besides.
    memory: AtomicU64,
    share: PoolShare,
    stopped: CancellationToken,
    reason: OnceLock<QueryError>,
}

impl Meter {
    /// Builds a meter of a query that is to end by `deadline`.
    #[must_use]
    pub(super) fn new(limits: QueryLimits, deadline: Instant, pool: &AnswerPool) -> Self {
        let (bytes, memory, stopped, reason) = Default::default();
        Self(Arc::new(MeterInner { limits, deadline, bytes, memory, share: pool.share(), stopped, reason }))
    }

    /// Says that of all that was made only so many bytes are left, the answer as it is sent.
    pub(super) fn written(&self, bytes: usize) {
        self.0.share.shrink(bytes as u64);
    }

    /// Waits until a limit is reached.
    pub(super) async fn stopped(&self) -> QueryError {
        self.0.stopped.cancelled().await;
        self.0.reason.get().cloned().unwrap_or(QueryError::Internal)
    }

    /// Counts bytes; `false` if the query is to end.
    fn count(&self, bytes: u64) -> bool {
        let inner = &*self.0;
        if inner.stopped.is_cancelled() {
            return false;
        }
        let before = inner.bytes.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) > inner.limits.answer_bytes {
            return self.stop(QueryError::AnswerTooLarge(inner.limits.answer_bytes));
        }
        let more = bytes.saturating_add(VALUE_BYTES);
        let before = inner.memory.fetch_add(more, Ordering::Relaxed);
        let after = before.saturating_add(more);
        let unshared = after / POOL_STEP_BYTES - before / POOL_STEP_BYTES;
        if unshared > 0 && !inner.share.take(unshared.saturating_mul(POOL_STEP_BYTES)) {
            return self.stop(QueryError::Busy);
        }
        true
    }

    /// Returns whether there is time left, and no other limit was reached.
    fn goes_on(&self) -> bool {
        if self.0.stopped.is_cancelled() {
            return false;
        }
        let is_late = Instant::now() >= self.0.deadline;
        !is_late || self.stop(QueryError::TimedOut(self.0.limits.timeout))
    }

    fn stop(&self, reason: QueryError) -> bool {
        // The first reason is the one that is told.
        let _ = self.0.reason.set(reason);
        self.0.stopped.cancel();
        false
    }
}

/// Makes every query pass its meter, which is in the request's data.
pub(super) struct Metering;

impl ExtensionFactory for Metering {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_trait::async_trait]
impl Extension for Metering {
    async fn resolve(
        &self,
        ctx: &ExtensionContext<'_>,
        info: ResolveInfo<'_>,
        next: NextResolve<'_>,
    ) -> ServerResult<Option<Value>> {
        let Some(meter) = ctx.data_opt::<Meter>() else { return next.run(ctx, info).await };
        if !meter.goes_on() {
            return std::future::pending().await;
        }
        let is_row = matches!(info.path_node.segment, QueryPathSegment::Index(_));
        let is_leaf = info.field.selection_set.node.items.is_empty();
        let name_bytes = info.alias.unwrap_or(info.name).len() as u64;
        let value = next.run(ctx, info).await?;
        let bytes = match &value {
            _ if is_row => 1,
            Some(value) if is_leaf => name_bytes + FIELD_BYTES + json_bytes(value),
            Some(_) | None => name_bytes + FIELD_BYTES + 2,
        };
        if !meter.count(bytes) {
            return std::future::pending().await;
        }
        Ok(value)
    }
}

/// Returns the bytes that a value takes as JSON, roughly, and never far too few.
fn json_bytes(value: &Value) -> u64 {
    match value {
        Value::Null | Value::Boolean(_) => 5,
        Value::Number(_) => NUMBER_BYTES,
        Value::String(text) => text_bytes(text),
        Value::Enum(name) => text_bytes(name),
        Value::Binary(bytes) => (bytes.len() as u64).saturating_mul(4),
        Value::List(items) => items.iter().map(|item| json_bytes(item).saturating_add(1)).sum::<u64>() + 2,
        Value::Object(fields) => {
            let each = fields.iter().map(|(name, item)| text_bytes(name).saturating_add(json_bytes(item)) + 2);
            each.sum::<u64>() + 2
        }
    }
}

fn text_bytes(text: &str) -> u64 {
    let escaped = text.bytes().filter(|byte| matches!(byte, b'"' | b'\\')).count() as u64;
    let controls = text.bytes().filter(u8::is_ascii_control).count() as u64;
    text.len() as u64 + escaped + controls.saturating_mul(5) + 2
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn limits(answer_bytes: u64) -> QueryLimits {
        QueryLimits { depth: 15, complexity: 100, answer_bytes, timeout: Duration::from_secs(10), per_user: 1 }
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[test]
    fn bytes_beyond_the_limit_stop_the_query() {
        let meter = Meter::new(limits(100), soon(), &AnswerPool::new(1 << 30));
        assert!(meter.count(60) && meter.count(40));
        assert!(!meter.count(1));
        assert!(!meter.count(0) && !meter.goes_on(), "it stays stopped");
        assert_eq!(meter.0.reason.get(), Some(&QueryError::AnswerTooLarge(100)));
    }

    #[test]
    fn time_beyond_the_deadline_stops_the_query() {
        let meter = Meter::new(limits(100), Instant::now(), &AnswerPool::new(1 << 30));
        assert!(!meter.goes_on());
        assert_eq!(meter.0.reason.get(), Some(&QueryError::TimedOut(Duration::from_secs(10))));
    }

    #[test]
    fn answers_share_one_pool_and_give_back_what_they_took() {
        let pool = AnswerPool::new(10 * POOL_STEP_BYTES);
        let meters = [0, 1].map(|_| Meter::new(limits(u64::MAX), soon(), &pool));
        assert!(meters[0].count(6 * POOL_STEP_BYTES));
        assert!(!meters[1].count(6 * POOL_STEP_BYTES));
        assert_eq!(meters[1].0.reason.get(), Some(&QueryError::Busy));
        meters[0].written(10);
        assert!(pool.used() >= 6 * POOL_STEP_BYTES && pool.used() < 7 * POOL_STEP_BYTES, "{}", pool.used());
        drop(meters);
        assert_eq!(pool.used(), 0);
    }

    #[test]
    fn values_are_taken_for_as_many_bytes_as_they_have() {
        for text in ["{}", "[]", "{\"a\":[1,2,{\"b\":null}]}", "\"\\u0001\\n\\\"\\\\é\"", "[true,false,-1.5e300]"] {
            let json: serde_json::Value = serde_json::from_str(text).unwrap();
            let value = Value::from_json(json).unwrap();
            let written = serde_json::to_string(&value).unwrap().len() as u64;
            let counted = json_bytes(&value);
            assert!(counted >= written && counted <= written * 8 + 40, "{text}: {counted} for {written}");
        }
    }
}
