//! How much memory this process holds.

/// Bytes of a page where the system says nothing else.
const DEFAULT_PAGE_BYTES: i64 = 4096;

/// Returns the resident memory in bytes; 0 where the system does not tell.
pub(super) fn resident() -> i64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<i64>().ok());
    pages.unwrap_or(0).saturating_mul(DEFAULT_PAGE_BYTES)
}
