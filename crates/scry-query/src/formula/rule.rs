//! Rules as a world file writes them, and what they give as it goes over the wire.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::EvalError;

/// How something is derived for every entity of a sort.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// `settlement`, `structure`, or a type of structure such as `granary`.
    pub on: String,
    /// What it gives: a value or a condition.
    #[serde(flatten)]
    pub kind: RuleKind,
}

/// Tells the two sorts of rules apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum RuleKind {
    /// It gives a value.
    Computed {
        /// The formula.
        formula: String,
        /// The unit of the value.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unit: Option<String>,
        /// Whether the value changes with the campaign's clock alone.
        #[serde(default)]
        depends_on_time: bool,
    },
    /// `because` is a sentence with `{variable}` for values.
    Condition {
        /// The expression that has to hold.
        expression: String,
        /// The sentence that explains it, with `{name}`s of values in it.
        because: String,
    },
}

/// A value that a rule gives.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Computed {
    /// Null where it cannot be worked out.
    pub value: Value,
    /// The formula.
    pub formula: String,
    /// The unit of the value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Whether the value changes with the campaign's clock alone.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub depends_on_time: bool,
    /// Why there is no value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Whether a rule's condition holds, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Condition {
    /// Its name.
    pub name: String,
    /// `None` where that cannot be told; `because` then says why.
    pub holds: Option<bool>,
    /// The expression that has to hold.
    pub expression: String,
    /// The sentence that explains it.
    pub because: String,
}

/// What one rule gives for one entity.
#[derive(Debug, Clone, PartialEq)]
pub struct Derived {
    /// Its name.
    pub name: String,
    /// What it gives.
    pub outcome: RuleOutcome,
    /// Why it gives less than it should.
    pub trouble: Option<EvalError>,
}

/// Tells the results of the two sorts of rules apart.
#[derive(Debug, Clone, PartialEq)]
pub enum RuleOutcome {
    /// A value.
    Computed(Computed),
    /// A condition.
    Condition(Condition),
}
