//! JSON from outside, made safe where it enters if a screen will show it, unchanging, and small enough to keep a whole
//! campaign of it.
//!
//! A campaign says the same things over and over: the names of fields, the schemas of variables, formulas, parents.
//! What is read together says each of them once (see [`Pool`]); a clone is a count, not a copy.

mod object;
mod pool;
mod read;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeSeed;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Number, Value};

pub use object::Object;
pub use pool::Pool;
pub use read::JsonSeed;

/// What becomes of the texts in JSON that is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TextHandling {
    /// Made safe to show: strings as by `text::block`, keys as by `text::line`.
    #[default]
    Safe,
    /// Kept as they are: for programs, and for comparing. Whoever writes them out escapes them (`text::escaped`).
    AsStored,
}

/// A JSON value; its texts are safe to show unless it was read as [`TextHandling::AsStored`].
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Json {
    /// Nothing.
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A text.
    Text(Arc<str>),
    /// A list.
    List(Arc<[Self]>),
    /// An object.
    Object(Arc<Object>),
}

impl Json {
    /// Takes in a value that was read already; `texts` says what becomes of its texts.
    #[must_use]
    pub fn from_value(value: &Value, texts: TextHandling) -> Self {
        Pool::new(texts).intern(value)
    }

    /// Returns the value under a key of an object.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_object()?.get(key)
    }

    /// Returns the value as a truth.
    #[must_use]
    pub const fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(flag) = self { Some(*flag) } else { None }
    }

    /// Returns the value as a whole number, if it is one that fits.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        if let Self::Number(number) = self { number.as_i64() } else { None }
    }

    /// Returns the value as a number.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        if let Self::Number(number) = self { number.as_f64() } else { None }
    }

    /// Returns the value as a text.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// Returns the items of a list.
    #[must_use]
    pub fn as_array(&self) -> Option<&[Self]> {
        if let Self::List(items) = self { Some(items) } else { None }
    }

    /// Returns the value as an object.
    #[must_use]
    pub fn as_object(&self) -> Option<&Object> {
        if let Self::Object(object) = self { Some(object) } else { None }
    }

    /// Returns whether the value is a number.
    #[must_use]
    pub const fn is_number(&self) -> bool {
        matches!(self, Self::Number(_))
    }

    /// Returns whether the value is an object.
    #[must_use]
    pub const fn is_object(&self) -> bool {
        matches!(self, Self::Object(_))
    }

    /// Returns the same value, built of `other`'s parts wherever they say the same.
    #[must_use]
    pub fn sharing(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Object(own), Self::Object(theirs)) if own == theirs => Self::Object(Arc::clone(theirs)),
            (Self::Object(own), Self::Object(theirs)) => Self::Object(Arc::new(own.sharing(theirs))),
            (Self::List(own), Self::List(theirs)) if own == theirs => Self::List(Arc::clone(theirs)),
            (Self::List(own), Self::List(theirs)) => {
                let nothing = Self::Null;
                let theirs = theirs.iter().chain(std::iter::repeat(&nothing));
                Self::List(own.iter().zip(theirs).map(|(own, other)| own.sharing(other)).collect())
            }
            (Self::Text(own), Self::Text(theirs)) if own == theirs => Self::Text(Arc::clone(theirs)),
            _ => self.clone(),
        }
    }
}

/// Reads JSON from its bytes; `None` when they are none.
#[must_use]
pub fn read(bytes: &[u8], texts: TextHandling) -> Option<Json> {
    let mut pool = Pool::new(texts);
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = JsonSeed(&mut pool).deserialize(&mut reader).ok()?;
    reader.end().ok().map(|()| value)
}

/// Takes in values that are kept together.
#[must_use]
pub fn intern_all(values: &[Value]) -> Vec<Json> {
    let mut pool = Pool::default();
    values.iter().map(|value| pool.intern(value)).collect()
}

impl PartialEq<Value> for Json {
    fn eq(&self, other: &Value) -> bool {
        match (self, other) {
            (Self::Null, Value::Null) => true,
            (Self::Bool(own), Value::Bool(other)) => own == other,
            (Self::Number(own), Value::Number(other)) => own == other,
            (Self::Text(own), Value::String(other)) => **own == **other,
            (Self::List(own), Value::Array(other)) => **own == **other,
            (Self::Object(own), Value::Object(other)) => {
                own.len() == other.len() && own.iter().all(|(key, value)| other.get(key).is_some_and(|it| value == it))
            }
            _ => false,
        }
    }
}

impl From<&Json> for Value {
    fn from(json: &Json) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(flag) => Self::Bool(*flag),
            Json::Number(number) => Self::Number(number.clone()),
            Json::Text(text) => Self::String((**text).to_owned()),
            Json::List(items) => Self::Array(items.iter().map(Self::from).collect()),
            Json::Object(object) => Self::Object((&**object).into()),
        }
    }
}

impl From<&Value> for Json {
    fn from(value: &Value) -> Self {
        Pool::default().intern(value)
    }
}

impl From<Value> for Json {
    fn from(value: Value) -> Self {
        Self::from(&value)
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(flag) => serializer.serialize_bool(*flag),
            Self::Number(number) => number.serialize(serializer),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(items) => serializer.collect_seq(items.iter()),
            Self::Object(object) => {
                let mut map = serializer.serialize_map(Some(object.len()))?;
                object.iter().try_for_each(|(key, value)| map.serialize_entry(key, value))?;
                map.end()
            }
        }
    }
}

/// Writes the value as JSON in its shortest form.
impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
