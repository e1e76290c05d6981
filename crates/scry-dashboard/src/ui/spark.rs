//! Sparklines: many numbers in few columns.

const BARS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
const PLAIN_BARS: [&str; 8] = [".", ".", "-", "-", "=", "=", "#", "#"];

/// Draws the last `columns` numbers, from the lowest of them to the highest.
#[must_use]
pub(super) fn line(values: &[f64], columns: usize, ascii: bool) -> String {
    let shown = values.get(values.len().saturating_sub(columns)..).unwrap_or_default();
    let bars = if ascii { PLAIN_BARS } else { BARS };
    let (low, high) = shown.iter().fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(*value), high.max(*value)));
    let bar = |value: &f64| {
        let share = if high > low { (value - low) / (high - low) } else { 0.5 };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 7")]
        let index = (share * 7.0).round() as usize;
        bars.get(index).copied().unwrap_or(" ")
    };
    shown.iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_is_at_the_bottom_and_the_highest_at_the_top() {
        assert_eq!(line(&[1.0, 2.0, 3.0, 8.0], 4, false), "▁▂▃█");
        assert_eq!(line(&[5.0, 5.0], 8, false), "▅▅");
        assert_eq!(line(&[9.0, 1.0, 2.0], 2, true), ".#");
        assert_eq!(line(&[], 8, false), "");
        assert_eq!(line(&[f64::NAN, f64::INFINITY, 1.0], 8, false).chars().count(), 3);
    }
}
