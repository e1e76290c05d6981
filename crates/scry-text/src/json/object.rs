//! An object: its values in one piece, its keys shared with every object of the same shape.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::Json;

/// An object's values; its keys are kept in the order in which they were told.
#[derive(Debug, Clone, Default)]
pub struct Object {
    shape: Arc<ObjectShape>,
    values: Box<[Json]>,
}

/// The keys that objects have in common.
#[derive(Debug, Default)]
pub(super) struct ObjectShape {
    keys: Box<[Arc<str>]>,
    /// The places of the keys in alphabetical order.
    order: Box<[usize]>,
}

impl ObjectShape {
    /// Builds a shape of keys, each of which must be there once.
    fn new(keys: Box<[Arc<str>]>) -> Self {
        let mut order: Box<[usize]> = (0..keys.len()).collect();
        order.sort_unstable_by_key(|place| keys.get(*place));
        Self { keys, order }
    }

    fn place(&self, key: &str) -> Option<usize> {
        let told = |place: &usize| self.keys.get(*place).map_or("", |key| &**key).cmp(key);
        self.order.binary_search_by(told).ok().and_then(|index| self.order.get(index)).copied()
    }
}

impl Object {
    /// Builds an object; `shapes` knows the shapes there are, and learns this one.
    pub(super) fn new(
        mut entries: Vec<(Arc<str>, Json)>,
        shapes: &mut HashMap<Box<[Arc<str>]>, Arc<ObjectShape>>,
    ) -> Self {
        let mut keys: Box<[Arc<str>]> = entries.iter().map(|(key, _)| Arc::clone(key)).collect();
        let mut known = shapes.get(&keys).map(Arc::clone);
        if known.is_none() && without_repeats(&mut entries) {
            keys = entries.iter().map(|(key, _)| Arc::clone(key)).collect();
            known = shapes.get(&keys).map(Arc::clone);
        }
        let shape = known.unwrap_or_else(|| {
            let shape = Arc::new(ObjectShape::new(keys.clone()));
            shapes.insert(keys, Arc::clone(&shape));
            shape
        });
        // Collected from the entries they would stay in the entries' own memory, which is twice what they need.
        let mut values = Vec::with_capacity(entries.len());
        values.extend(entries.into_iter().map(|(_, value)| value));
        Self { shape, values: values.into() }
    }

    /// Returns the value under a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Json> {
        self.values.get(self.shape.place(key)?)
    }

    /// Returns whether there is such a key.
    #[must_use]
    pub fn contains_key(&self, key: &str) -> bool {
        self.shape.place(key).is_some()
    }

    /// Returns the keys.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.shape.keys.iter().map(|key| &**key)
    }

    /// Returns the keys with their values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Json)> {
        self.keys().zip(&self.values)
    }

    /// Counts the keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Returns whether there are no keys.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Returns the object with another value under a key, or without the key.
    #[must_use]
    pub fn with(&self, key: &str, value: Option<Json>) -> Self {
        let Self { shape, values } = self;
        match (shape.place(key), value) {
            (None, None) => self.clone(),
            (Some(place), Some(value)) => {
                let mut values = values.clone();
                if let Some(slot) = values.get_mut(place) {
                    *slot = value;
                }
                Self { shape: Arc::clone(shape), values }
            }
            (Some(_), None) => self.rebuilt(|name| name != key, None),
            (None, Some(value)) => self.rebuilt(|_| true, Some((key.into(), value))),
        }
    }

    fn rebuilt(&self, keeps: impl Fn(&str) -> bool, more: Option<(Arc<str>, Json)>) -> Self {
        let own = self.shape.keys.iter().cloned().zip(self.values.iter().cloned());
        let (keys, values): (Vec<_>, Vec<_>) = own.filter(|(name, _)| keeps(name)).chain(more).unzip();
        Self { shape: Arc::new(ObjectShape::new(keys.into())), values: values.into() }
    }

    /// Returns the same object, built of `other`'s parts wherever they say the same.
    #[must_use]
    pub fn sharing(&self, other: &Self) -> Self {
        let same_shape = Arc::ptr_eq(&self.shape, &other.shape) || self.shape.keys == other.shape.keys;
        let value = |(key, own): (&str, &Json)| other.get(key).map_or_else(|| own.clone(), |other| own.sharing(other));
        Self {
            shape: Arc::clone(if same_shape { &other.shape } else { &self.shape }),
            values: self.iter().map(value).collect(),
        }
    }

    pub(super) const fn shape(&self) -> &Arc<ObjectShape> {
        &self.shape
    }

    pub(super) const fn values(&self) -> &[Json] {
        &self.values
    }
}

/// Leaves of each key its last value, at its first place, as every reader of JSON does; tells whether any came twice.
fn without_repeats(entries: &mut Vec<(Arc<str>, Json)>) -> bool {
    let mut first: HashMap<Arc<str>, usize> = HashMap::with_capacity(entries.len());
    let all = entries.len();
    let mut once: Vec<(Arc<str>, Json)> = Vec::with_capacity(all);
    for (key, value) in entries.drain(..) {
        let place = *first.entry(Arc::clone(&key)).or_insert(once.len());
        match once.get_mut(place) {
            Some((_, slot)) => *slot = value,
            None => once.push((key, value)),
        }
    }
    *entries = once;
    entries.len() != all
}

/// Two objects are the same whatever the order in which they were told.
impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        if Arc::ptr_eq(&self.shape, &other.shape) {
            return self.values == other.values;
        }
        self.len() == other.len() && self.iter().all(|(key, value)| other.get(key) == Some(value))
    }
}

impl Eq for Object {}

impl From<&Object> for Map<String, Value> {
    fn from(object: &Object) -> Self {
        object.iter().map(|(key, value)| (key.to_owned(), value.into())).collect()
    }
}
