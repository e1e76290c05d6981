//! Lengths of time and numbers of bytes, written for people.

use std::time::Duration;

/// Writes a length of time as a clock does: `0:07`, `12:34`, `1:02:03`.
#[must_use]
pub fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// Writes a number of bytes in the largest unit that keeps it readable.
#[must_use]
pub fn bytes(count: u64) -> String {
    const KIB: u64 = 1024;
    match count {
        0..KIB => format!("{count} B"),
        KIB..0x10_0000 => format!("{} KiB", count / KIB),
        _ => format!("{}.{} MiB", count / 0x10_0000, count % 0x10_0000 * 10 / 0x10_0000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_are_written_for_people() {
        let times = [7, 754, 3723].map(|seconds| clock(Duration::from_secs(seconds)));
        assert_eq!(times, ["0:07", "12:34", "1:02:03"]);
        assert_eq!([0, 2_050, 5_767_168].map(bytes), ["0 B", "2 KiB", "5.5 MiB"]);
    }
}
