//! Values inside request and answer types that serde reads and writes. What is hashed goes through
//! [`read`](super::read) first: serde cannot see how a number was written.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap as _, SerializeSeq as _, Serializer};

use super::fault::Fault;
use super::text;
use super::value::{Number, Object, Value};

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(truth) => serializer.serialize_bool(*truth),
            Self::Number(number) => number.serialize(serializer),
            Self::String(string) => serializer.serialize_str(string),
            Self::Array(items) => {
                let mut sequence = serializer.serialize_seq(Some(items.len()))?;
                items
                    .iter()
                    .try_for_each(|item| sequence.serialize_element(item))?;
                sequence.end()
            }
            Self::Object(object) => object.serialize(serializer),
        }
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.len()))?;
        self.iter()
            .try_for_each(|(name, member)| map.serialize_entry(name, member))?;
        map.end()
    }
}

impl Serialize for Number {
    /// Whole numbers as integers, so that every format writes `1` and not `1.0`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (self.as_u64(), self.as_i64()) {
            (Some(whole), _) => serializer.serialize_u64(whole),
            (None, Some(whole)) => serializer.serialize_i64(whole),
            (None, None) => serializer.serialize_f64(self.as_f64()),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Bool(truth))
    }

    fn visit_u64<E: Error>(self, whole: u64) -> Result<Value, E> {
        Number::try_from(whole)
            .map(Value::Number)
            .map_err(E::custom)
    }

    fn visit_i64<E: Error>(self, whole: i64) -> Result<Value, E> {
        Number::try_from(whole)
            .map(Value::Number)
            .map_err(E::custom)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Value, E> {
        Number::try_from(number)
            .map(Value::Number)
            .map_err(E::custom)
    }

    fn visit_str<E: Error>(self, string: &str) -> Result<Value, E> {
        checked(string.into()).map(Value::String)
    }

    fn visit_string<E: Error>(self, string: String) -> Result<Value, E> {
        checked(string).map(Value::String)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element()? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Vec::new();
        while let Some((name, member)) = map.next_entry()? {
            members.push((checked(name)?, member));
        }
        Object::from_members(members)
            .map(Value::Object)
            .map_err(|_| A::Error::custom(Fault::Duplicate))
    }
}

fn checked<E: Error>(string: String) -> Result<String, E> {
    if string.contains(text::is_noncharacter) {
        Err(E::custom(Fault::Noncharacter))
    } else {
        Ok(string)
    }
}
