//! What has been read together and says the same is kept once.

use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde::de::DeserializeSeed;
use serde_json::Value;

use super::object::{Object, ObjectShape};
use super::{Json, JsonSeed, TextHandling};
use crate as text;

/// What has been read so far. It is dropped after the reading: the values keep one another.
#[derive(Debug, Default)]
pub struct Pool {
    kept_as: TextHandling,
    texts: HashSet<Arc<str>>,
    shapes: HashMap<Box<[Arc<str>]>, Arc<ObjectShape>>,
    objects: HashSet<ByParts<Object>>,
    lists: HashSet<ByParts<[Json]>>,
}

impl Pool {
    /// Creates an empty pool; `texts` says what becomes of the texts that go through it.
    #[must_use]
    pub fn new(texts: TextHandling) -> Self {
        Self { kept_as: texts, ..Self::default() }
    }

    /// Takes in a value that was read already.
    pub fn intern(&mut self, value: &Value) -> Json {
        // A value holds nothing that could not be read.
        JsonSeed(self).deserialize(value).unwrap_or_default()
    }

    /// Takes in a text of several lines.
    pub(super) fn block(&mut self, told: &str) -> Json {
        Json::Text(match self.kept_as {
            TextHandling::Safe => self.shared(&text::block(told)),
            TextHandling::AsStored => self.shared(told),
        })
    }

    /// Takes in a key.
    pub(super) fn key(&mut self, told: &str) -> Arc<str> {
        match self.kept_as {
            TextHandling::Safe => self.shared(&text::line(told)),
            TextHandling::AsStored => self.shared(told),
        }
    }

    fn shared(&mut self, text: &str) -> Arc<str> {
        if let Some(intern_shared) = self.texts.get(text) {
            return Arc::clone(intern_shared);
        }
        let new: Arc<str> = text.into();
        self.texts.insert(Arc::clone(&new));
        new
    }

    pub(super) fn list(&mut self, items: Vec<Json>) -> Json {
        let list = ByParts(items.into());
        Json::List(intern_shared(&mut self.lists, list))
    }

    pub(super) fn object(&mut self, entries: Vec<(Arc<str>, Json)>) -> Json {
        let object = ByParts(Arc::new(Object::new(entries, &mut self.shapes)));
        Json::Object(intern_shared(&mut self.objects, object))
    }
}

fn intern_shared<T: ?Sized>(pool: &mut HashSet<ByParts<T>>, new: ByParts<T>) -> Arc<T>
where
    ByParts<T>: Hash + Eq,
{
    if let Some(ByParts(intern_shared)) = pool.get(&new) {
        return Arc::clone(intern_shared);
    }
    let kept = Arc::clone(&new.0);
    pool.insert(new);
    kept
}

/// Compares by the places of the parts: within a pool these are the same where the parts say the same, and so neither
/// a hash nor a comparison goes deeper than one level.
#[derive(Debug)]
struct ByParts<T: ?Sized>(Arc<T>);

impl Hash for ByParts<Object> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(self.0.shape()).hash(state);
        self.0.values().iter().for_each(|value| hash(value, state));
    }
}

impl PartialEq for ByParts<Object> {
    fn eq(&self, other: &Self) -> bool {
        let (own, other) = (&*self.0, &*other.0);
        Arc::ptr_eq(own.shape(), other.shape()) && all_same(own.values(), other.values())
    }
}

impl Eq for ByParts<Object> {}

impl Hash for ByParts<[Json]> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.iter().for_each(|value| hash(value, state));
    }
}

impl PartialEq for ByParts<[Json]> {
    fn eq(&self, other: &Self) -> bool {
        all_same(&self.0, &other.0)
    }
}

impl Eq for ByParts<[Json]> {}

fn hash(value: &Json, state: &mut impl Hasher) {
    match value {
        Json::Null => 0_u8.hash(state),
        Json::Bool(flag) => flag.hash(state),
        Json::Number(number) => number.hash(state),
        Json::Text(text) => Arc::as_ptr(text).hash(state),
        Json::List(items) => Arc::as_ptr(items).hash(state),
        Json::Object(object) => Arc::as_ptr(object).hash(state),
    }
}

fn all_same(own: &[Json], other: &[Json]) -> bool {
    own.len() == other.len() && own.iter().zip(other).all(|(own, other)| same(own, other))
}

fn same(own: &Json, other: &Json) -> bool {
    match (own, other) {
        (Json::Text(own), Json::Text(other)) => Arc::ptr_eq(own, other),
        (Json::List(own), Json::List(other)) => Arc::ptr_eq(own, other),
        (Json::Object(own), Json::Object(other)) => Arc::ptr_eq(own, other),
        (Json::Null | Json::Bool(_) | Json::Number(_), _) => own == other,
        _ => false,
    }
}
