#![no_main]

use std::sync::LazyLock;

#[allow(dead_code, reason = "each target uses its own entry")]
#[path = "../entries.rs"]
mod entries;

static API: LazyLock<entries::Api> = LazyLock::new(entries::Api::open);

libfuzzer_sys::fuzz_target!(|query: &str| API.execute(query));
