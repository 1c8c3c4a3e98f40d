//! A disclosure as JSON: in bundles and in answers (docs/spec/body.md, part 3).

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use super::commit::Commitment;
use super::disclosure::{Disclosure, Leaf};
use super::fields::Field;
use crate::digest::{hex, unhex};
use crate::json::{Object, Value, pointer};
use crate::object;

/// JSON that is not a disclosure.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a disclosure: at {pointer:?} expected {expected}")]
pub struct FormError {
    /// The JSON Pointer of the place.
    pub pointer: String,
    /// What should stand there.
    pub expected: &'static str,
}

impl Disclosure {
    /// `{"body_salt": …, "leaves": [{"path", "salt", "value"} | {"tag", "c"}, …]}`, bytes in hex.
    pub fn to_json(&self) -> Value {
        let leaves: Vec<Value> = self.leaves.iter().map(leaf_to_json).collect();
        object! { "body_salt": hex(&self.body_salt), "leaves": leaves }.into()
    }

    /// Reads [`Disclosure::to_json`]; members that are not named there are refused.
    pub fn from_json(json: &Value) -> Result<Self, FormError> {
        let top = Place::new(String::new(), json, 2, "an object of body_salt and leaves")?;
        let leaves = top.object.member("leaves").and_then(Value::as_array);
        let leaves = leaves.ok_or_else(|| top.expected("leaves", "an array"))?;
        Ok(Self {
            body_salt: top.bytes("body_salt")?,
            leaves: leaves
                .iter()
                .enumerate()
                .map(|(index, leaf)| leaf_from_json(pointer::item("/leaves", index), leaf))
                .collect::<Result<_, _>>()?,
        })
    }
}

fn leaf_to_json(leaf: &Leaf) -> Value {
    let object = match leaf {
        Leaf::Open { field, salt } => object! {
            "path": field.path.as_str(),
            "salt": hex(salt),
            "value": field.value.clone(),
        },
        Leaf::Withheld(Commitment { tag, c }) => object! { "tag": hex(tag), "c": hex(c) },
    };
    object.into()
}

fn leaf_from_json(pointer: String, json: &Value) -> Result<Leaf, FormError> {
    if json.member("tag").is_some() {
        let place = Place::new(pointer, json, 2, "an object of tag and c")?;
        let tag = place.bytes("tag")?;
        let c = place.bytes("c")?;
        return Ok(Leaf::Withheld(Commitment { tag, c }));
    }
    let place = Place::new(pointer, json, 3, "an object of path, salt and value")?;
    let salt = place.bytes("salt")?;
    let path = place.member("path").and_then(Value::as_str);
    let path = path.ok_or_else(|| place.expected("path", "a JSON Pointer"))?;
    let value = place.member("value").cloned();
    let value = value.ok_or_else(|| place.expected("value", "a value"))?;
    let path = path.to_owned();
    let field = Field { path, value };
    Ok(Leaf::Open { field, salt })
}

/// An object of the document, with its pointer.
struct Place<'a> {
    pointer: String,
    object: &'a Object,
}

impl<'a> Place<'a> {
    fn new(
        pointer: String,
        json: &'a Value,
        members: usize,
        expected: &'static str,
    ) -> Result<Self, FormError> {
        match json.as_object().filter(|object| object.len() == members) {
            Some(object) => Ok(Self { pointer, object }),
            None => Err(FormError { pointer, expected }),
        }
    }

    fn member(&self, name: &str) -> Option<&'a Value> {
        self.object.member(name)
    }

    fn bytes<const N: usize>(&self, name: &str) -> Result<[u8; N], FormError> {
        let mut bytes = [0; N];
        match self.member(name).and_then(Value::as_str) {
            Some(text) if unhex(text, &mut bytes) => Ok(bytes),
            _ => Err(self.expected(name, "lower-case hex of the right length")),
        }
    }

    fn expected(&self, name: &str, expected: &'static str) -> FormError {
        FormError {
            pointer: pointer::member(&self.pointer, name),
            expected,
        }
    }
}
