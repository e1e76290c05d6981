//! Who is asking: access tokens, refresh tokens, passwords.

pub mod key;
pub mod tokens;

pub use tokens::{Claims, TokenError, Tokens};
