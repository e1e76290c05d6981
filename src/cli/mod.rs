//! The commands of `scry`: flags in, exit code out.

pub mod args;
