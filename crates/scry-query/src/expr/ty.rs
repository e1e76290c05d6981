//! What an expression yields, as far as that is known before any event has come.

use cel::common::ast::LiteralValue;
use scry_protocol::event::DURABLE_EVENTS;

use super::names::NameKind;
use super::schema::{CHANGED_FIELDS, FieldSchema, Types, ValueShape};

/// What an expression yields, as far as that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ty {
    Any,
    Null,
    Bool,
    Number,
    Text,
    Words {
        words: &'static [&'static str],
        closed: bool,
    },
    Duration,
    Time,
    List(Box<Ty>),
    /// A record that has the fields of at least one of these.
    Record {
        owner: String,
        alternatives: Vec<&'static [FieldSchema]>,
    },
    /// What an entity calls its variables or computed values.
    Names {
        kind: NameKind,
        /// `entity.variables`, as it was written.
        owner: String,
        /// The events that may be looked at here, which tell the type of the entity.
        types: Types,
    },
    /// The name of a field that changed.
    ChangedField,
    /// The name of the event.
    EventType,
}

impl Ty {
    pub(super) fn of(shape: &'static ValueShape, owner: &str) -> Self {
        match shape {
            ValueShape::Any => Self::Any,
            ValueShape::Bool => Self::Bool,
            ValueShape::Number => Self::Number,
            ValueShape::Text => Self::Text,
            ValueShape::Words(words) => Self::Words { words, closed: true },
            ValueShape::UsualWords(words) => Self::Words { words, closed: false },
            ValueShape::List(item) => Self::List(Box::new(Self::of(item, owner))),
            ValueShape::Record(fields) => Self::Record { owner: owner.to_owned(), alternatives: vec![fields] },
            ValueShape::ChangedField => Self::ChangedField,
            ValueShape::Names(kind) => Self::Names { kind: *kind, owner: owner.to_owned(), types: Types::ALL },
        }
    }

    /// Returns the same for events of these types only.
    #[expect(clippy::wildcard_enum_match_arm, reason = "only names depend on the event's type")]
    pub(super) fn seen_by(self, types: Types) -> Self {
        match self {
            Self::Names { kind, owner, .. } => Self::Names { kind, owner, types },
            other => other,
        }
    }

    pub(super) const fn describe(&self) -> &'static str {
        match self {
            Self::Any => "a value",
            Self::Null => "null",
            Self::Bool => "true or false",
            Self::Number => "a number",
            Self::Text | Self::Words { .. } | Self::ChangedField | Self::EventType => "a text",
            Self::Duration => "a duration",
            Self::Time => "a time",
            Self::List(_) => "a list",
            Self::Record { .. } | Self::Names { .. } => "a record",
        }
    }

    /// Returns the words such a text may be, and whether there are no others.
    pub(super) const fn allowed_words(&self) -> Option<(&'static [&'static str], bool)> {
        match self {
            Self::Words { words, closed } => Some((words, *closed)),
            Self::EventType => Some((&DURABLE_EVENTS, false)),
            Self::ChangedField => Some((CHANGED_FIELDS, false)),
            Self::Any
            | Self::Null
            | Self::Bool
            | Self::Number
            | Self::Text
            | Self::Duration
            | Self::Time
            | Self::List(_)
            | Self::Record { .. }
            | Self::Names { .. } => None,
        }
    }

    pub(super) const fn is_open(&self) -> bool {
        matches!(self, Self::Any | Self::Null)
    }

    pub(super) const fn may_be_bool(&self) -> bool {
        matches!(self, Self::Any | Self::Bool)
    }

    /// Returns whether a value of this kind can ever equal one of the other.
    pub(super) fn is_comparable_with(&self, other: &Self) -> bool {
        self.is_open() || other.is_open() || self.describe() == other.describe()
    }
}

/// Describes a literal.
pub(super) fn literal_type(literal: &LiteralValue) -> Ty {
    match literal {
        LiteralValue::Boolean(_) => Ty::Bool,
        LiteralValue::Double(_) | LiteralValue::Int(_) | LiteralValue::UInt(_) => Ty::Number,
        LiteralValue::Null => Ty::Null,
        LiteralValue::String(_) => Ty::Text,
        LiteralValue::Bytes(_) => Ty::Any,
    }
}
