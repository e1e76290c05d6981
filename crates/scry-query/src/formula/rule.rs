//! Rules as a world file writes them, and what they give as it goes over the wire.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::EvalError;

/// How something is derived for every entity of a sort.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    pub name: String,
    /// `settlement`, `structure`, or a type of structure such as `granary`.
    pub on: String,
    #[serde(flatten)]
    pub kind: RuleKind,
}

/// Tells the two sorts of rules apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum RuleKind {
    Computed {
        formula: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unit: Option<String>,
        #[serde(default)]
        depends_on_time: bool,
    },
    /// `because` is a sentence with `{variable}` for values.
    Condition { expression: String, because: String },
}

/// A value that a rule gives.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Computed {
    /// Null where it cannot be worked out.
    pub value: Value,
    pub formula: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub depends_on_time: bool,
    /// Why there is no value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Whether a rule's condition holds, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Condition {
    pub name: String,
    /// `None` where that cannot be told; `because` then says why.
    pub holds: Option<bool>,
    pub expression: String,
    pub because: String,
}

/// What one rule gives for one entity.
#[derive(Debug, Clone, PartialEq)]
pub struct Derived {
    pub name: String,
    pub outcome: RuleOutcome,
    pub trouble: Option<EvalError>,
}

/// Tells the results of the two sorts of rules apart.
#[derive(Debug, Clone, PartialEq)]
pub enum RuleOutcome {
    Computed(Computed),
    Condition(Condition),
}
