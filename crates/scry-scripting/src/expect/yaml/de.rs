//! Nodes for serde, with their places for [`toml::Spanned`].

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Error, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde_spanned::de::{SpannedDeserializer, is_spanned};

use super::YamlError;
use super::node::{YamlEntry, YamlNode, YamlValue};

impl<'de> Deserializer<'de> for &'de YamlNode {
    type Error = YamlError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, YamlError> {
        match &self.value {
            YamlValue::Null => Err(YamlError::custom("nothing is written here; write a value, or leave the key out")),
            YamlValue::Flag(flag) => visitor.visit_bool(*flag),
            YamlValue::Integer(integer) => visitor.visit_i64(*integer),
            YamlValue::Float(float) => visitor.visit_f64(*float),
            YamlValue::Text(text) => visitor.visit_borrowed_str(text),
            YamlValue::List(items) => visitor.visit_seq(SequenceItems(items.iter())),
            YamlValue::Map(entries) => visitor.visit_map(MapEntries { rest: entries.iter(), current: None }),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, YamlError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, YamlError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, YamlError> {
        if is_spanned(name) {
            return visitor.visit_map(SpannedDeserializer::new(self, self.at..self.at));
        }
        if matches!(self.value, YamlValue::List(_)) {
            // serde would take the items for the fields in their order.
            return Err(YamlError::custom("keys belong here, not a list"));
        }
        self.deserialize_any(visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map enum identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, YamlError> for &'de YamlNode {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

struct SequenceItems<'de>(std::slice::Iter<'de, YamlNode>);

impl<'de> SeqAccess<'de> for SequenceItems<'de> {
    type Error = YamlError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, YamlError> {
        let item = self.0.next();
        item.map(|node| seed.deserialize(node).map_err(|yaml_error| yaml_error.or_at(node.at))).transpose()
    }
}

struct MapEntries<'de> {
    rest: std::slice::Iter<'de, YamlEntry>,
    current: Option<&'de YamlEntry>,
}

impl<'de> MapAccess<'de> for MapEntries<'de> {
    type Error = YamlError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, YamlError> {
        self.current = self.rest.next();
        let key = |entry: &'de YamlEntry| {
            let key: StrDeserializer<'de, YamlError> = entry.key.as_str().into_deserializer();
            seed.deserialize(key).map_err(|yaml_error| yaml_error.or_at(entry.at))
        };
        self.current.map(key).transpose()
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, YamlError> {
        let entry = self.current.ok_or_else(|| YamlError::custom("a value comes after its key"))?;
        seed.deserialize(&entry.node).map_err(|yaml_error| yaml_error.or_at(entry.at).below(&entry.key))
    }
}
