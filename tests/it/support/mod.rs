//! What the integration tests share.

pub mod gateway;
pub mod node;
