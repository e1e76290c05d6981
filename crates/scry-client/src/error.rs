//! The errors between the client and a server, one sentence each.

use std::path::PathBuf;

use scry_command::exit::Exit;
use scry_protocol::{Conflict, ErrorCode, FieldConflict};

/// The reason why a request to a server, or the login it needs, did not succeed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ApiError {
    /// No connection to the server could be made, or it broke.
    #[error("cannot reach {url}: {reason}")]
    Unreachable {
        /// The address of the server.
        url: String,
        /// The reason in a few words.
        reason: String,
    },
    /// The server's certificate is signed by no known authority, or is for another name.
    #[error("the certificate of {url} is not trusted: {reason}; name its authority with ca_file in the profile")]
    Certificate {
        /// The address of the server.
        url: String,
        /// The reason in a few words.
        reason: String,
    },
    /// The server did not answer in time.
    #[error("{url} did not answer within {seconds} s")]
    Timeout {
        /// The address of the server.
        url: String,
        /// The time limit in seconds.
        seconds: u64,
    },
    /// The server refused the request.
    #[error("{message}")]
    Refused {
        /// The code of the server's error.
        code: ErrorCode,
        /// The server's sentence, made safe for display.
        message: String,
    },
    /// The edit conflicts with another user's.
    #[error("{message}{}", differences(conflict))]
    Conflict {
        /// The server's sentence, made safe for display.
        message: String,
        /// The current version, and each field that both sides changed with the three values.
        conflict: Box<Conflict>,
    },
    /// The server does not know the route or the query; a foreign gateway need not.
    #[error("{url} does not offer {what}")]
    NotOffered {
        /// The address of the server.
        url: String,
        /// The operation in question, for a sentence.
        what: String,
    },
    /// The answer does not follow the protocol; the address may belong to another program.
    #[error("{url} answered with HTTP {status} in an unknown form")]
    Strange {
        /// The address of the server.
        url: String,
        /// The HTTP status of the answer.
        status: u16,
    },
    /// The answer was given up at the limit of what is read of one.
    #[error("{url} answered with more than {} KiB, the most that is read of such an answer; check the address, or ask for less at once", max_bytes >> 10)]
    TooLarge {
        /// The address of the server.
        url: String,
        /// The limit in bytes.
        max_bytes: usize,
    },
    /// Only a login, or another token, can help; the reason ends with which.
    #[error("{reason}")]
    LoginRequired {
        /// One sentence that says what is wrong and what to do.
        reason: String,
    },
    /// The file that `ca_file` names cannot be read, or holds no certificate.
    #[error("cannot use the authority file {}: {reason}", path.display())]
    AuthorityFile {
        /// The path of that file.
        path: PathBuf,
        /// The reason in a few words.
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

    /// Returns whether the same request may succeed later.
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

/// Returns a text about each field that both sides changed, with the three values.
fn differences(conflict: &Conflict) -> String {
    let told = |field: &FieldConflict| {
        format!("; {}: it was {}, yours is {}, theirs is {}", field.field, field.base, field.mine, field.theirs)
    };
    conflict.fields.iter().map(told).collect()
}

/// Returns whether a code is about the access token, so that a fresh one may be accepted.
#[must_use]
pub(crate) const fn is_token_refused(code: &ErrorCode) -> bool {
    matches!(code, ErrorCode::TokenMissing | ErrorCode::TokenInvalid | ErrorCode::TokenExpired | ErrorCode::TokenReused)
}
