//! The limits of a query, and the errors of a query that reaches one.

use std::time::Duration;

use async_graphql::{ErrorExtensionValues, Pos, Response, ServerError};
use scry_protocol::ErrorCode;

use crate::config::HttpConfig;
use crate::limits::LimitKind;

/// The most lexical tokens of a document: names, numbers, strings, punctuation.
pub const MAX_TOKENS: usize = 15_000;
/// The deepest nesting of brackets in a document.
pub const MAX_NESTING: usize = 64;
/// The longest name in a document, in bytes.
pub const MAX_NAME_BYTES: usize = 128;
/// The most operations in a document.
pub const MAX_OPERATIONS: usize = 20;
/// The most fragments in a document.
pub const MAX_FRAGMENTS: usize = 200;
/// The most directives in a document.
pub const MAX_DIRECTIVES: usize = 200;
/// The most errors in an answer; one more says how many are left out.
pub const MAX_ERRORS: usize = 20;
/// The longest message of an error, in bytes.
pub const MAX_MESSAGE_BYTES: usize = 1_000;

/// What a query may cost.
#[derive(Debug, Clone, Copy)]
pub struct QueryLimits {
    /// The greatest depth of nested selections.
    pub depth: usize,
    /// The greatest cost; docs/protocol.md lists what costs what.
    pub complexity: u64,
    /// The greatest size of an answer, in bytes.
    pub answer_bytes: u64,
    /// How long a query may take, waiting included.
    pub timeout: Duration,
    /// Queries of one user at once.
    pub per_user: usize,
}

impl QueryLimits {
    /// Returns the limits that the settings give.
    #[must_use]
    pub fn new(config: &HttpConfig) -> Self {
        Self {
            depth: config.query_depth,
            complexity: config.query_complexity as u64,
            answer_bytes: config.max_answer_bytes as u64,
            timeout: config.query_timeout,
            per_user: config.queries_per_user,
        }
    }
}

/// A query that is refused or stopped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// The query cannot be read.
    #[error("{message}")]
    Syntax {
        /// What is wrong.
        message: String,
        /// Where.
        at: Vec<Pos>,
    },
    /// A part of the request is too long.
    #[error("the query has more than {limit} {what}; split it into several requests")]
    TooLong {
        /// The part.
        what: &'static str,
        /// Its greatest length, in bytes.
        limit: usize,
    },
    /// A name is too long.
    #[error("the query has a name of more than {MAX_NAME_BYTES} bytes; use shorter names and aliases")]
    LongName,
    /// A fragment spreads itself, over others or directly; the text is its name.
    #[error("the fragment “{0}” spreads itself; remove one of the spreads")]
    Cycle(String),
    /// The selections are nested deeper than this.
    #[error("the query nests more than {0} fields deep (query_depth); ask for the inner part in a query of its own")]
    TooDeep(usize),
    /// The query costs too much.
    #[error(
        "the query may cost {cost}, and a query may cost {limit} (query_complexity); ask for fewer fields, aliases or \
         rows at once"
    )]
    TooComplex {
        /// What it costs, or a part of it that is too much already.
        cost: u64,
        /// What it may cost.
        limit: u64,
    },
    /// The answer is larger than so many bytes.
    #[error(
        "the answer is larger than {0} bytes (max_answer_bytes); ask for fewer fields or rows at once, or for pages"
    )]
    AnswerTooLarge(u64),
    /// The query took longer than this.
    #[error(
        "the query was stopped after {} (query_timeout); ask for less at once. If it was a change, it may have been \
         made: repeat it with the same idempotencyKey",
        seconds(.0)
    )]
    TimedOut(Duration),
    /// The user has so many queries under way already.
    #[error("{0} queries of this user are waiting or running (queries_per_user); wait for their answers")]
    TooMany(usize),
    /// So many queries wait that this one is not taken.
    #[error("too many large answers are being made at once; try again in a moment")]
    Busy,
    /// The server failed.
    #[error("the query could not be executed; see the server's log")]
    Internal,
}

/// How long a refused client waits before it tries again.
pub const RETRY_AFTER: Duration = Duration::from_secs(1);

impl QueryError {
    /// Returns the code that the error has on the wire.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Syntax { .. }
            | Self::TooLong { .. }
            | Self::LongName
            | Self::Cycle(_)
            | Self::TooDeep(_)
            | Self::TooComplex { .. } => ErrorCode::InvalidPayload,
            Self::AnswerTooLarge(_) => ErrorCode::AnswerTooLarge,
            Self::TimedOut(_) => ErrorCode::QueryTimeout,
            Self::TooMany(_) | Self::Busy => ErrorCode::RateLimited,
            Self::Internal => ErrorCode::Internal,
        }
    }

    /// Returns the limit that was reached; `None` for a query that is merely wrong.
    #[must_use]
    pub const fn limit_kind(&self) -> Option<LimitKind> {
        match self {
            Self::Syntax { .. } | Self::Cycle(_) | Self::Internal => None,
            Self::TooLong { .. } | Self::LongName => Some(LimitKind::QuerySize),
            Self::TooDeep(_) => Some(LimitKind::QueryDepth),
            Self::TooComplex { .. } => Some(LimitKind::QueryComplexity),
            Self::AnswerTooLarge(_) => Some(LimitKind::AnswerSize),
            Self::TimedOut(_) => Some(LimitKind::QueryTime),
            Self::TooMany(_) | Self::Busy => Some(LimitKind::QueryConcurrency),
        }
    }

    /// Returns the answer that consists of this error.
    #[must_use]
    pub fn response(&self) -> Response {
        Response::from_errors(vec![self.to_error()])
    }

    fn to_error(&self) -> ServerError {
        let mut error = ServerError::new(self.to_string(), None);
        let mut extensions = ErrorExtensionValues::default();
        extensions.set("code", self.code().as_str());
        if let Some(kind) = self.limit_kind() {
            extensions.set("limit", kind.name());
        }
        if matches!(self.code(), ErrorCode::RateLimited) {
            extensions.set("retryAfterMs", u64::try_from(RETRY_AFTER.as_millis()).unwrap_or(u64::MAX));
        }
        error.extensions = Some(extensions);
        if let Self::Syntax { at, .. } = self {
            error.locations.clone_from(at);
        }
        error
    }
}

/// Shortens the errors of an answer, and gives a code to those that have none.
pub fn tidy_errors(errors: &mut Vec<ServerError>) {
    let left_out = errors.len().saturating_sub(MAX_ERRORS);
    errors.truncate(MAX_ERRORS);
    for error in errors.iter_mut() {
        cut(&mut error.message);
        error.locations.truncate(MAX_ERRORS);
        // What the library itself refuses, such as an argument of the wrong type, has no code yet.
        let extensions = error.extensions.get_or_insert_default();
        if extensions.get("code").is_none() {
            extensions.set("code", ErrorCode::InvalidPayload.as_str());
        }
    }
    if left_out > 0 {
        let message = format!("{left_out} more errors are left out");
        errors.push(QueryError::Syntax { message, at: Vec::new() }.to_error());
    }
}

/// Shortens a message to [`MAX_MESSAGE_BYTES`].
pub fn cut(message: &mut String) {
    if message.len() > MAX_MESSAGE_BYTES {
        message.truncate(message.floor_char_boundary(MAX_MESSAGE_BYTES));
        message.push('…');
    }
}

fn seconds(span: &Duration) -> String {
    format!("{} s", span.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_counted_shortened_and_given_codes() {
        let mut errors: Vec<_> =
            (0..7_500).map(|n| ServerError::new(format!("{n} {}", "é".repeat(900)), None)).collect();
        tidy_errors(&mut errors);
        assert_eq!(errors.len(), MAX_ERRORS + 1);
        assert!(errors.iter().all(|error| error.message.len() <= MAX_MESSAGE_BYTES + "…".len()));
        assert!(errors.iter().all(|error| error.extensions.as_ref().unwrap().get("code").is_some()));
        assert_eq!(errors.last().unwrap().message, "7480 more errors are left out");
    }

    #[test]
    fn errors_of_limits_name_the_limit_and_the_setting() {
        let response = QueryError::AnswerTooLarge(1024).response();
        let error = serde_json::to_value(&response.errors[0]).unwrap();
        assert_eq!(error["extensions"], serde_json::json!({"code": "ANSWER_TOO_LARGE", "limit": "answer_size"}));
        assert!(error["message"].as_str().unwrap().contains("max_answer_bytes"), "{error}");
        let error = serde_json::to_value(&QueryError::TooMany(9).response().errors[0]).unwrap();
        assert_eq!(error["extensions"]["retryAfterMs"], 1_000);
    }
}
