//! The value model: what a strict document means, and nothing that it could also mean.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Ordering;

use super::pointer;

/// A JSON value of profile CS-JSON-1.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A number that every reader understands alike.
    Number(Number),
    /// Text, exactly as given: no Unicode normalisation.
    String(String),
    /// `[…]`
    Array(Vec<Value>),
    /// `{…}`, members in canonical order.
    Object(Object),
}

impl Value {
    /// The member of an object; `None` for other values and for absent members.
    pub fn member(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(object) => object.member(name),
            _ => None,
        }
    }

    /// The value at a JSON Pointer (RFC 6901); the empty pointer is the value itself.
    pub fn at(&self, pointer: &str) -> Option<&Self> {
        pointer::tokens(pointer)?
            .iter()
            .try_fold(self, |value, token| match value {
                Self::Object(object) => object.member(token),
                Self::Array(items) => items.get(pointer::index(token)?),
                _ => None,
            })
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// A whole number, not negative.
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Number(number) => number.as_u64(),
            _ => None,
        }
    }

    /// A truth value.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(truth) => Some(*truth),
            _ => None,
        }
    }

    /// The items of an array.
    pub fn as_array(&self) -> Option<&[Self]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The members of an object.
    pub fn as_object(&self) -> Option<&Object> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Number(Number(f64::from(number)))
    }
}

impl From<Number> for Value {
    fn from(number: Number) -> Self {
        Self::Number(number)
    }
}

impl From<Object> for Value {
    fn from(object: Object) -> Self {
        Self::Object(object)
    }
}

impl<T: Into<Self>> From<Vec<T>> for Value {
    fn from(items: Vec<T>) -> Self {
        Self::Array(items.into_iter().map(Into::into).collect())
    }
}

/// A number with |n| ≤ 2^53−1, never a negative zero, never non-finite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Number(f64);

/// Why a number is not part of CS-JSON-1.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a number that every reader keeps exact; send large numbers and money as strings")]
pub struct NumberError;

impl TryFrom<f64> for Number {
    type Error = NumberError;

    fn try_from(number: f64) -> Result<Self, NumberError> {
        let negative_zero = number == 0.0 && number.is_sign_negative();
        if number.abs() <= Self::MAGNITUDE_MAX && !negative_zero {
            Ok(Self(number))
        } else {
            Err(NumberError)
        }
    }
}

impl TryFrom<u64> for Number {
    type Error = NumberError;

    #[expect(clippy::cast_precision_loss, reason = "checked: at most 2^53−1")]
    fn try_from(number: u64) -> Result<Self, NumberError> {
        if number < 1 << 53 {
            Ok(Self(number as f64))
        } else {
            Err(NumberError)
        }
    }
}

impl TryFrom<i64> for Number {
    type Error = NumberError;

    #[expect(
        clippy::cast_precision_loss,
        reason = "checked: at most 2^53−1 in magnitude"
    )]
    fn try_from(number: i64) -> Result<Self, NumberError> {
        if number.unsigned_abs() < 1 << 53 {
            Ok(Self(number as f64))
        } else {
            Err(NumberError)
        }
    }
}

impl Number {
    /// The largest magnitude that every JSON reader keeps exact: 2^53−1.
    pub const MAGNITUDE_MAX: f64 = 9_007_199_254_740_991.0;

    /// The number as a double.
    pub fn as_f64(self) -> f64 {
        self.0
    }

    /// The number as a whole number, when it is one and not negative.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        clippy::float_cmp,
        reason = "a double of at most 2^53−1 that equals its own truncation is exact"
    )]
    pub fn as_u64(self) -> Option<u64> {
        let whole = self.0 as u64;
        (whole as f64 == self.0).then_some(whole)
    }

    /// The number as a whole number, when it is one.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::float_cmp,
        reason = "a double of at most 2^53−1 that equals its own truncation is exact"
    )]
    pub fn as_i64(self) -> Option<i64> {
        let whole = self.0 as i64;
        (whole as f64 == self.0).then_some(whole)
    }
}

/// The members of an object, sorted by the UTF-16 units of their names (RFC 8785 §3.2.3), each
/// name once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Object(Vec<(String, Value)>);

impl Object {
    /// An object without members.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// The member of that name.
    pub fn member(&self, name: &str) -> Option<&Value> {
        self.place(name).ok().map(|place| &self.0[place].1)
    }

    /// Adds a member; `false`, and nothing changed, when the name is taken.
    pub fn add(&mut self, name: impl Into<String>, value: impl Into<Value>) -> bool {
        let name = name.into();
        let Err(place) = self.place(&name) else {
            return false;
        };
        self.0.insert(place, (name, value.into()));
        true
    }

    /// The same object with one more member; an existing one of that name is replaced.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        let name = name.into();
        match self.place(&name) {
            Ok(place) => self.0[place].1 = value.into(),
            Err(place) => self.0.insert(place, (name, value.into())),
        }
        self
    }

    /// The object of these members; of a name that comes twice, the place where it comes again.
    pub(super) fn from_members(members: Vec<(String, Value)>) -> Result<Self, (usize, String)> {
        let mut placed: Vec<_> = members.into_iter().enumerate().collect();
        placed.sort_by(|(_, (a, _)), (_, (b, _))| utf16_order(a, b));
        let again = placed
            .windows(2)
            .filter(|pair| pair[0].1.0 == pair[1].1.0)
            .map(|pair| &pair[1])
            .min_by_key(|(place, _)| *place);
        match again {
            Some((place, (name, _))) => Err((*place, name.clone())),
            None => Ok(Self(placed.into_iter().map(|(_, member)| member).collect())),
        }
    }

    /// The members in canonical order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn place(&self, name: &str) -> Result<usize, usize> {
        self.0
            .binary_search_by(|(other, _)| utf16_order(other, name))
    }
}

/// An [`Object`] as its text would be: `object! { "tool": name, "arguments": arguments }`. Of a name
/// given twice the later counts.
#[macro_export]
macro_rules! object {
    ($($name:literal: $value:expr),* $(,)?) => {
        $crate::json::Object::new()$(.with($name, $value))*
    };
}

impl IntoIterator for Object {
    type Item = (String, Value);
    type IntoIter = alloc::vec::IntoIter<(String, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

fn utf16_order(a: &str, b: &str) -> Ordering {
    a.encode_utf16().cmp(b.encode_utf16())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_truth_value_is_no_other_value() {
        let values = [Value::Bool(true), Value::Bool(false), "true".into()];
        assert_eq!(
            values.map(|it| it.as_bool()),
            [Some(true), Some(false), None]
        );
    }

    #[test]
    fn a_number_is_one_that_a_double_holds_exactly() {
        let most = (1_i64 << 53) - 1;
        for number in [most, -most, 0] {
            assert!(Number::try_from(number).is_ok(), "{number}");
        }
        for number in [most + 1, -most - 1, i64::MIN] {
            assert!(Number::try_from(number).is_err(), "{number}");
        }
    }

    #[test]
    fn a_member_is_added_once() {
        let mut object = Object::new();
        assert!(object.add("a", 1));
        assert!(!object.add("a", 2));
        assert_eq!(object, Object::new().with("a", 1));
    }
}
