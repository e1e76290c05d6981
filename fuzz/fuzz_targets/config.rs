#![no_main]

use std::sync::LazyLock;

use tempfile::TempDir;

#[allow(dead_code, reason = "each target uses its own entry")]
#[path = "../entries.rs"]
mod entries;

static DIR: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a directory"));

libfuzzer_sys::fuzz_target!(|text: &str| entries::config(DIR.path(), text));
