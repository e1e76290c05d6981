//! Who is asking: passwords, access tokens, refresh tokens.

mod admission;
pub mod digest;
pub mod key;
pub mod lifecycle;
pub mod limiter;
pub mod login_gate;
pub mod password;
mod refresh;
pub mod revoked;
mod service;
pub mod sessions;
pub mod tokens;
pub mod users;

pub use admission::AdmissionError;
pub use service::{AuthError, AuthService};
pub use tokens::{Claims, MAX_TOKEN_BYTES, TokenError, Tokens};
