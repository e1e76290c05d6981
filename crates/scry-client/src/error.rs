//! What can go wrong between the client and a server, one sentence each.

use std::path::PathBuf;

use scry_command::exit::Exit;
use scry_protocol::{Conflict, ErrorCode, FieldConflict};

/// Why a request to a server, or the login it needs, did not succeed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ApiError {
    /// No answer came.
    #[error("cannot reach {url}: {reason}")]
    Unreachable {
        /// The address that was asked.
        url: String,
        /// The reason.
        reason: String,
    },
    /// The server's certificate is not trusted.
    #[error("the certificate of {url} is not trusted: {reason}; name its authority with ca_file in the profile")]
    Certificate {
        /// The address that was asked.
        url: String,
        /// The reason.
        reason: String,
    },
    /// The answer took too long.
    #[error("{url} did not answer within {seconds} s")]
    Timeout {
        /// The address that was asked.
        url: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// The server said no and why.
    #[error("{message}")]
    Refused {
        /// The reason, for programs.
        code: ErrorCode,
        /// The reason, for people.
        message: String,
    },
    /// The edit met somebody else's.
    #[error("{message}{}", differences(conflict))]
    Conflict {
        /// The reason, for people.
        message: String,
        /// The fields, with the values of both sides.
        conflict: Box<Conflict>,
    },
    /// The server does not know the route or the query; a foreign gateway need not.
    #[error("{url} does not offer {what}")]
    NotOffered {
        /// The address that was asked.
        url: String,
        /// What was asked for.
        what: String,
    },
    /// The answer is not of the expected form.
    #[error("{url} answered with HTTP {status} and nothing that can be understood")]
    Strange {
        /// The address that was asked.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// The answer was given up at the limit of what is read of one.
    #[error("{url} answered with more than {} KiB, which is the most that is read of such an answer; check the address, and ask for less at once", max_bytes >> 10)]
    TooLarge {
        /// The address that was asked.
        url: String,
        /// The greatest size, in bytes.
        max_bytes: usize,
    },
    /// Only a login, or another token, can help; the reason ends with which.
    #[error("{reason}")]
    LoginRequired {
        /// Why the present one does not do.
        reason: String,
    },
    /// The profile's file of certificate authorities cannot be used.
    #[error("cannot use the authority file {}: {reason}", path.display())]
    AuthorityFile {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// The place where logins are kept cannot be used.
    #[error("{0}")]
    Credentials(String),
}

impl ApiError {
    /// Returns whether only a login by a person can help.
    #[must_use]
    pub const fn requires_login(&self) -> bool {
        match self {
            Self::LoginRequired { .. } | Self::Credentials(_) => true,
            Self::Refused { code, .. } => is_token_refused(code),
            Self::Unreachable { .. }
            | Self::Certificate { .. }
            | Self::Timeout { .. }
            | Self::Conflict { .. }
            | Self::NotOffered { .. }
            | Self::Strange { .. }
            | Self::TooLarge { .. }
            | Self::AuthorityFile { .. } => false,
        }
    }

    /// Returns whether trying again later may help without anybody's doing.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Timeout { .. } | Self::Strange { .. } => true,
            Self::Refused { code, .. } => {
                matches!(
                    code,
                    ErrorCode::RateLimited | ErrorCode::Draining | ErrorCode::QueryTimeout | ErrorCode::Internal
                )
            }
            Self::Certificate { .. }
            | Self::Conflict { .. }
            | Self::NotOffered { .. }
            | Self::TooLarge { .. }
            | Self::LoginRequired { .. }
            | Self::AuthorityFile { .. }
            | Self::Credentials(_) => false,
        }
    }

    /// Returns how a command ends that failed for this reason.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        match self {
            Self::Unreachable { .. }
            | Self::Certificate { .. }
            | Self::Timeout { .. }
            | Self::NotOffered { .. }
            | Self::TooLarge { .. }
            | Self::Strange { .. } => Exit::Connection,
            Self::LoginRequired { .. } | Self::Credentials(_) => Exit::Authentication,
            Self::AuthorityFile { .. } | Self::Conflict { .. } => Exit::Usage,
            Self::Refused { code, .. } => match code {
                ErrorCode::Unauthorized
                | ErrorCode::TokenMissing
                | ErrorCode::TokenInvalid
                | ErrorCode::TokenExpired
                | ErrorCode::TokenReused
                | ErrorCode::InvalidCredentials
                // Logins are limited far more than anything else.
                | ErrorCode::RateLimited => Exit::Authentication,
                ErrorCode::InvalidPayload
                | ErrorCode::Conflict
                | ErrorCode::NotFound
                | ErrorCode::QuotaExceeded
                | ErrorCode::AnswerTooLarge => Exit::Usage,
                ErrorCode::TooManyRooms
                | ErrorCode::TooManyConnections
                | ErrorCode::OriginDenied
                | ErrorCode::Draining
                | ErrorCode::QueryTimeout
                | ErrorCode::Internal
                | ErrorCode::Other(_) => Exit::Connection,
            },
        }
    }
}

/// Names each field that both sides changed, with the three values.
fn differences(conflict: &Conflict) -> String {
    let told = |field: &FieldConflict| {
        format!("; {}: it was {}, yours is {}, theirs is {}", field.field, field.base, field.mine, field.theirs)
    };
    conflict.fields.iter().map(told).collect()
}

/// Returns whether a code speaks of the access token, so that a fresh one may be accepted.
#[must_use]
pub const fn is_token_refused(code: &ErrorCode) -> bool {
    matches!(code, ErrorCode::TokenMissing | ErrorCode::TokenInvalid | ErrorCode::TokenExpired | ErrorCode::TokenReused)
}
