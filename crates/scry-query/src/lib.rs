//! The languages of scry: filters and conditions over one event, and the rules of a world.

pub mod expr;
pub mod formula;
