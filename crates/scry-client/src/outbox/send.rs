//! One edit on its way to the server, and what the answer means for it.

use scry_model::outbox::EditRefusal;
use scry_model::outbox::{Edit, EditChange};
use scry_protocol::{ErrorCode, OnConflict};

use crate::api::Api;
use crate::api::edit::EditOptions;
use crate::error::ApiError;

/// The meaning of an unsuccessful answer for the edit.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum SendFailure {
    /// Nothing is known; the same edit with the same key may be sent again.
    Retry,
    /// The server fails at this edit; it may be a passing weakness, but others wait behind it.
    ServerFault(EditRefusal),
    /// Sending it again would be refused again.
    Refused(EditRefusal),
}

/// Sends an edit; returns the entity's version after it, where the answer tells one.
///
/// # Errors
/// [`ApiError`], as for every question; [`classify`] says what it means.
pub(super) async fn send(api: &Api, edit: &Edit) -> Result<Option<i64>, ApiError> {
    let terms = |expected_version, on_conflict| EditOptions {
        expected_version,
        on_conflict,
        idempotency_key: Some(edit.key.clone()),
    };
    let plain = terms(None, OnConflict::default());
    let api = &api.clone().correlated(edit.correlation.as_deref());
    let version = |node: serde_json::Value| node.get("version").and_then(serde_json::Value::as_i64);
    match &edit.change {
        EditChange::Update { entity_type, id, input, expected_version, on_conflict } => {
            let terms = terms(*expected_version, *on_conflict);
            api.update(entity_type, id, input.clone(), &terms).await.map(version)
        }
        EditChange::Create { entity_type, input } => api.create(entity_type, input.clone(), &plain).await.map(version),
        EditChange::Delete { entity_type, id, expected_version } => {
            let terms = terms(*expected_version, OnConflict::default());
            api.delete(entity_type, id, &terms).await.map(|()| None)
        }
        EditChange::AdvanceTime { seconds } => api.advance_time(&edit.campaign, *seconds, &plain).await.map(|_| None),
        EditChange::SetTime { time, rewind } => api.set_time(&edit.campaign, time, *rewind, &plain).await.map(|_| None),
    }
}

/// Returns the meaning of a failure for the edit.
#[must_use]
pub(super) fn classify(error: &ApiError) -> SendFailure {
    let refusal = |code: ErrorCode| EditRefusal { code, message: error.to_string(), conflict: None };
    match error {
        ApiError::Conflict { message, conflict } => SendFailure::Refused(EditRefusal {
            code: ErrorCode::Conflict,
            message: message.clone(),
            conflict: Some((**conflict).clone()),
        }),
        ApiError::Refused { code: ErrorCode::Internal, .. } => SendFailure::ServerFault(refusal(ErrorCode::Internal)),
        ApiError::Strange { status, .. } if (500..600).contains(status) => {
            SendFailure::ServerFault(refusal(ErrorCode::Other(format!("HTTP_{status}"))))
        }
        ApiError::Strange { status, .. } => SendFailure::Refused(refusal(ErrorCode::Other(format!("HTTP_{status}")))),
        // The change was made, or not; asking again gets the same answer.
        ApiError::TooLarge { .. } => SendFailure::ServerFault(refusal(ErrorCode::Other("ANSWER_TOO_LARGE".to_owned()))),
        ApiError::NotOffered { .. } => SendFailure::Refused(refusal(ErrorCode::Other("NOT_OFFERED".to_owned()))),
        // A login, or a server that comes back, may still let it through.
        error if error.requires_login() || error.is_passing() => SendFailure::Retry,
        ApiError::Refused { code, .. } => SendFailure::Refused(refusal(code.clone())),
        ApiError::Unreachable { .. }
        | ApiError::Certificate { .. }
        | ApiError::Timeout { .. }
        | ApiError::LoginRequired { .. }
        | ApiError::AuthorityFile { .. }
        | ApiError::Credentials(_) => SendFailure::Retry,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: ErrorCode) -> ApiError {
        ApiError::Refused { code, message: "no".to_owned() }
    }

    #[test]
    fn only_transient_failures_are_retried() {
        let url = || "http://h/".to_owned();
        for error in [
            ApiError::Unreachable { url: url(), reason: "refused".to_owned() },
            ApiError::Timeout { url: url(), seconds: 10 },
            ApiError::LoginRequired { reason: "log in".to_owned() },
            refused(ErrorCode::Draining),
            refused(ErrorCode::RateLimited),
            refused(ErrorCode::QueryTimeout),
            refused(ErrorCode::TokenExpired),
        ] {
            assert_eq!(classify(&error), SendFailure::Retry, "{error}");
        }
        for error in
            [refused(ErrorCode::Unauthorized), refused(ErrorCode::InvalidPayload), refused(ErrorCode::NotFound)]
        {
            assert!(matches!(classify(&error), SendFailure::Refused(_)), "{error}");
        }
        let strange = |status| ApiError::Strange { url: url(), status };
        assert!(matches!(classify(&strange(413)), SendFailure::Refused(_)));
        assert!(matches!(classify(&strange(502)), SendFailure::ServerFault(_)));
        assert!(matches!(classify(&refused(ErrorCode::Internal)), SendFailure::ServerFault(_)));
    }
}
