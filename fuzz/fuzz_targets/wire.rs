#![no_main]

#[allow(dead_code, reason = "each target uses its own entry")]
#[path = "../entries.rs"]
mod entries;

libfuzzer_sys::fuzz_target!(|text: &str| entries::wire(text));
