//! What a server says of itself in Prometheus' text format.

use std::collections::BTreeMap;

/// What `/metrics` said at one moment.
pub struct ScrapedMetrics(String);

impl ScrapedMetrics {
    /// Asks a server.
    pub async fn of(url: &str) -> Self {
        Self(reqwest::get(format!("{url}/metrics")).await.unwrap().text().await.unwrap())
    }

    /// Returns the text as it came.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Returns the value of one line, such as `scry_handshakes_total{result="accepted"}`, if it is there.
    pub fn find(&self, name: &str) -> Option<f64> {
        let line = self.0.lines().find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')))?;
        line.rsplit(' ').next()?.parse().ok()
    }

    /// Returns the value of one line that must be there.
    pub fn get(&self, name: &str) -> f64 {
        self.find(name).unwrap_or_else(|| panic!("{name} is missing in\n{}", self.0))
    }

    /// Returns the families by name, each with its kind.
    pub fn families(&self) -> BTreeMap<String, String> {
        let kinds = self.0.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
        kinds.map(|(name, kind)| (name.to_owned(), kind.to_owned())).collect()
    }

    /// Returns all lines of a family, so that two moments can be compared.
    pub fn family(&self, name: &str) -> Vec<&str> {
        let samples = self.0.lines().filter(|line| !line.starts_with('#'));
        samples.filter(|line| line.strip_prefix(name).is_some_and(belongs)).collect()
    }

    /// Returns the names that a query may use.
    pub fn samples(&self) -> Vec<String> {
        let suffixes = |kind: &str| match kind {
            "counter" => vec!["_total"],
            "histogram" => vec!["_bucket", "_sum", "_count"],
            _ => vec![""],
        };
        let families = self.families();
        families
            .iter()
            .flat_map(|(name, kind)| suffixes(kind).into_iter().map(move |suffix| format!("{name}{suffix}")))
            .collect()
    }
}

/// Returns whether what follows a family's name ends the name of one of its samples.
fn belongs(rest: &str) -> bool {
    let rest =
        ["_total", "_bucket", "_sum", "_count"].iter().find_map(|suffix| rest.strip_prefix(suffix)).unwrap_or(rest);
    rest.starts_with(['{', ' '])
}
