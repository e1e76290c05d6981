//! Queries from the text to the answer's bytes, on threads of their own.
//!
//! A query is parsed, measured, validated and executed where it cannot hold up the sockets: whatever a thread here does
//! without a break, the runtime of everything else goes on. What a query waits for, the database and timers, belongs
//! to that runtime all the same.

use std::io::{self, Write};
use std::sync::Arc;
use std::thread::available_parallelism;

use async_graphql::parser::parse_query;
use async_graphql::{EmptySubscription, Request, Response, ServerError, Value};
use hyper::body::Bytes;
use scry_protocol::ErrorCode;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use tokio_util::context::TokioContext;
use tokio_util::sync::CancellationToken;

use super::field_costs::FieldCosts;
use super::limits::{QueryError, QueryLimits, cut, tidy_errors};
use super::meter::{AnswerPool, Meter, Metering};
use super::query_limiter::{QueryPermit, UserQueryLimiter};
use super::{cost, mutation, query, scan};
use crate::config::HttpConfig;
use crate::domain::{Caller, Domain};
use crate::limits::LimitKind;

/// How many of the largest answers all queries may hold together.
const POOLED_ANSWERS: u64 = 8;
/// How many queries that cost much may be executed at once, for each thread.
const EXPENSIVE_PER_THREAD: usize = 4;
/// From this cost on a query costs much.
const EXPENSIVE_COST: u64 = 5_000;
/// What an answer's bytes are first written into.
const INITIAL_BUFFER_BYTES: usize = 4 * 1024;

/// The resolvers and the types.
pub type Schema = async_graphql::Schema<query::Query, mutation::Mutation, EmptySubscription>;

/// The GraphQL API; clones are one and the same.
#[derive(Clone)]
pub struct GraphqlApi(Arc<GraphqlApiInner>);

struct GraphqlApiInner {
    schema: Schema,
    field_costs: FieldCosts,
    limits: QueryLimits,
    limiter: UserQueryLimiter,
    pool: AnswerPool,
    dear: Arc<Semaphore>,
    threads: QueryThreads,
}

/// An answer as it is sent.
#[derive(Debug)]
pub struct GraphqlResponse {
    /// The answer, as JSON.
    pub json: Bytes,
    /// The limits that were reached, by the query or by what it asked for.
    pub limits: Vec<LimitKind>,
    /// Whether the same query may be answered a little later.
    pub is_busy: bool,
}

/// The runtime that queries are worked out on.
struct QueryThreads(Option<Runtime>);

impl Drop for QueryThreads {
    fn drop(&mut self) {
        // A query that is still being worked out must not hold up the end.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl GraphqlApi {
    /// Builds the API over the domain.
    ///
    /// # Errors
    /// The system's, when it has no threads left.
    pub fn new(domain: Domain, config: &HttpConfig) -> io::Result<Self> {
        let limits = QueryLimits::new(config);
        let count = available_parallelism().map_or(1, usize::from);
        let runtime = Builder::new_multi_thread().worker_threads(count).thread_name("graphql").build()?;
        let schema = schema(domain);
        Ok(Self(Arc::new(GraphqlApiInner {
            field_costs: FieldCosts::new(&schema.sdl()),
            schema,
            limiter: UserQueryLimiter::new(limits),
            pool: AnswerPool::new(limits.answer_bytes.saturating_mul(POOLED_ANSWERS)),
            dear: Arc::new(Semaphore::new(count * EXPENSIVE_PER_THREAD)),
            limits,
            threads: QueryThreads(Some(runtime)),
        })))
    }

    /// Answers a request of a caller within the limits.
    pub async fn execute(&self, request: Request, caller: Caller) -> GraphqlResponse {
        let deadline = Instant::now() + self.0.limits.timeout;
        match self.begin(request, caller, deadline).await {
            Ok(answer) => answer,
            Err(error) => GraphqlResponse::from_error(&error),
        }
    }

    async fn begin(&self, request: Request, caller: Caller, deadline: Instant) -> Result<GraphqlResponse, QueryError> {
        let permit = self.0.limiter.begin(&caller.user_id, deadline).await?;
        let runtime = self.0.threads.0.as_ref().ok_or(QueryError::Internal)?;
        // Whoever does not wait for the answer any more drops the guard, and with it the query.
        let abandoned = CancellationToken::new();
        let guard = abandoned.clone().drop_guard();
        let api = self.clone();
        let work = async move {
            tokio::select! {
                biased;
                () = abandoned.cancelled() => Err(QueryError::Internal),
                answer = api.work(request.data(caller), permit, deadline) => answer,
            }
        };
        // The query looks at the time as well; this is for one that does not come to it.
        let done = timeout_at(deadline, runtime.spawn(TokioContext::new(work, Handle::current()))).await;
        drop(guard);
        match done {
            Ok(Ok(answer)) => answer,
            Ok(Err(failure)) => {
                tracing::error!(%failure, "a query failed inside the server");
                Err(QueryError::Internal)
            }
            Err(_) => Err(QueryError::TimedOut(self.0.limits.timeout)),
        }
    }

    async fn work(
        &self,
        mut request: Request,
        permit: QueryPermit,
        deadline: Instant,
    ) -> Result<GraphqlResponse, QueryError> {
        let inner = &*self.0;
        let cost = inner.prepare(&mut request)?;
        let late = || QueryError::TimedOut(inner.limits.timeout);
        let _dear = if cost >= EXPENSIVE_COST {
            let permit = timeout_at(deadline, inner.dear.acquire()).await.map_err(|_| late())?;
            Some(permit.map_err(|_| QueryError::Internal)?)
        } else {
            None
        };
        let meter = Meter::new(inner.limits, deadline.into_std(), &inner.pool);
        let mut response = tokio::select! {
            biased;
            error = meter.stopped() => return Err(error),
            response = timeout_at(deadline, inner.schema.execute(request.data(meter.clone()))) => {
                response.map_err(|_| late())?
            }
        };
        let limits = response.errors.iter().filter_map(limit_of).collect();
        tidy_errors(&mut response.errors);
        let json = write(&response, inner.limits.answer_bytes)?;
        drop(response);
        meter.written(json.len());
        let json = Bytes::from_owner(AnswerBytes { json, _meter: meter, _turn: permit });
        Ok(GraphqlResponse { json, limits, is_busy: false })
    }
}

impl GraphqlApiInner {
    /// Parses a request's query and checks what it costs; returns the cost.
    fn prepare(&self, request: &mut Request) -> Result<u64, QueryError> {
        scan::check(&request.query)?;
        let document = parse_query(&request.query).map_err(parse_error)?;
        let cost = cost::check(&document, &request.variables, &self.field_costs, &self.limits)?;
        request.set_parsed_query(document);
        Ok(cost)
    }
}

impl GraphqlResponse {
    fn from_error(error: &QueryError) -> Self {
        let json = serde_json::to_vec(&error.response()).unwrap_or_default();
        let is_busy = error.code() == ErrorCode::RateLimited;
        Self { json: json.into(), limits: error.limit_kind().into_iter().collect(), is_busy }
    }
}

/// Returns the limit that an error names, as the domain's do.
fn limit_of(error: &ServerError) -> Option<LimitKind> {
    match error.extensions.as_ref()?.get("limit")? {
        Value::String(name) => LimitKind::from_name(name),
        Value::Null
        | Value::Number(_)
        | Value::Boolean(_)
        | Value::Binary(_)
        | Value::Enum(_)
        | Value::List(_)
        | Value::Object(_) => None,
    }
}

/// Builds the schema over the domain.
fn schema(domain: Domain) -> Schema {
    async_graphql::Schema::build(query::Query, mutation::Mutation::default(), EmptySubscription)
        .data(domain)
        .extension(Metering)
        .finish()
}

fn parse_error(error: async_graphql::parser::Error) -> QueryError {
    let ServerError { mut message, locations, .. } = ServerError::from(error);
    cut(&mut message);
    QueryError::Syntax { message, at: locations }
}

/// An answer's bytes, with what they hold until they have been sent.
struct AnswerBytes {
    json: Vec<u8>,
    _meter: Meter,
    _turn: QueryPermit,
}

impl AsRef<[u8]> for AnswerBytes {
    fn as_ref(&self) -> &[u8] {
        &self.json
    }
}

fn write(response: &Response, limit: u64) -> Result<Vec<u8>, QueryError> {
    let mut answer = BoundedBuffer { json: Vec::with_capacity(INITIAL_BUFFER_BYTES), limit };
    serde_json::to_writer(&mut answer, response).map_err(|_| QueryError::AnswerTooLarge(limit))?;
    Ok(answer.json)
}

/// Bytes that do not grow beyond a limit.
struct BoundedBuffer {
    json: Vec<u8>,
    limit: u64,
}

impl Write for BoundedBuffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if (self.json.len() as u64).saturating_add(bytes.len() as u64) > self.limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.json.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[test]
    fn busy_query_threads_do_not_block_shutdown() {
        let runtime = Builder::new_multi_thread().worker_threads(1).build().unwrap();
        let ((started, starts), (end, ends)) = (mpsc::channel(), mpsc::channel::<()>());
        let stuck = runtime.spawn(async move {
            started.send(()).unwrap();
            // It blocks the thread, as a walk through a document without an end would.
            let _ = ends.recv();
        });
        starts.recv_timeout(Duration::from_secs(20)).unwrap();
        let (dropped, drops) = mpsc::channel();
        std::thread::spawn(move || {
            drop(QueryThreads(Some(runtime)));
            dropped.send(()).unwrap();
        });
        drops.recv_timeout(Duration::from_secs(20)).expect("the runtime should not wait for its threads");
        assert!(!stuck.is_finished());
        drop(end);
    }

    #[test]
    fn bytes_beyond_the_limit_are_not_written() {
        let response = Response::new(async_graphql::Value::from("x".repeat(1_000)));
        assert_eq!(write(&response, 100).unwrap_err(), QueryError::AnswerTooLarge(100));
        let json = write(&response, 2_000).unwrap();
        assert_eq!(json, serde_json::to_vec(&response).unwrap());
    }
}
