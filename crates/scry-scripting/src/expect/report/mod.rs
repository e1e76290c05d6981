//! Results, told to people and to build servers.

mod json;
mod junit;
mod tap;
mod text;

pub use self::json::json;
pub use self::junit::junit;
pub use self::tap::tap;
pub use self::text::text;

use std::time::Duration;

use super::outcome::{CaseFailure, NearMiss};

/// How many names of other events a failure lists.
const MAX_LISTED_NAMES: usize = 5;

/// Writes a time within a run: `+1.204s`.
fn moment(at: Duration) -> String {
    format!("+{:.3}s", at.as_secs_f64())
}

/// Writes a failure as the lines that people read in every format.
fn lines(failure: &CaseFailure) -> Vec<String> {
    let mut lines = Vec::new();
    if !failure.awaited.is_empty() {
        let mut source = failure.awaited.lines().map(str::trim).filter(|line| !line.is_empty());
        lines.push(format!("awaited  {}", source.next().unwrap_or_default()));
        lines.extend(source.map(|line| format!("         {line}")));
    }
    lines.extend(failure.values.iter().map(|(name, value)| format!("with     {name} = {value}")));
    if !failure.awaited.is_empty() && failure.nearest.is_empty() && !failure.reason.starts_with("it happened:") {
        lines.push(format!("nothing like it was seen{}", instead(failure)));
    }
    for near in &failure.nearest {
        lines.push(format!("nearest  {} {}{}", moment(near.at), near.title, note(near)));
        lines.extend(near.differences.iter().flat_map(|difference| {
            let wanted = difference.wanted.split_whitespace().collect::<Vec<_>>().join(" ");
            [format!("           wanted {wanted}"), format!("           found  {}", difference.found)]
        }));
    }
    lines
}

/// Returns a sentence about what came instead of what was awaited.
fn instead(failure: &CaseFailure) -> String {
    let shown = failure.instead.iter().take(MAX_LISTED_NAMES).map(|(name, count)| format!("{count} × {name}"));
    let more = if failure.instead.len() > MAX_LISTED_NAMES { ", …" } else { "" };
    match failure.instead.len() {
        0 => String::new(),
        _ => format!("; there came {}{more}", shown.collect::<Vec<_>>().join(", ")),
    }
}

fn note(near: &NearMiss) -> String {
    near.note.as_deref().map(|note| format!(": {note}")).unwrap_or_default()
}
