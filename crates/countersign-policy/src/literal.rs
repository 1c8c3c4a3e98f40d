//! Values written in a policy, as the JSON that calls are made of.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use countersign_record::json::{Number, Object, Value};

/// Any JSON value but `null`, written as TOML.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(try_from = "toml::Value")]
pub(crate) struct Literal(pub(crate) Value);

/// Text, a truth value or a number.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(try_from = "toml::Value")]
pub(crate) struct Scalar(pub(crate) Value);

/// A TOML value that calls do not have.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LiteralError {
    #[error("a date is not a value of a call; write it as text")]
    Date,
    #[error("not a number that every reader keeps exact; write large numbers and money as text")]
    Number,
    #[error("expected text, true, false or a number")]
    NotScalar,
}

impl TryFrom<toml::Value> for Literal {
    type Error = LiteralError;

    fn try_from(value: toml::Value) -> Result<Self, LiteralError> {
        convert(value).map(Self)
    }
}

impl TryFrom<toml::Value> for Scalar {
    type Error = LiteralError;

    fn try_from(value: toml::Value) -> Result<Self, LiteralError> {
        if value.is_array() || value.is_table() {
            return Err(LiteralError::NotScalar);
        }
        convert(value).map(Self)
    }
}

/// As a person writes it: text in quotes.
impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Value::String(text) => write!(f, "\"{text}\""),
            Value::Bool(true) => f.write_str("yes"),
            Value::Bool(false) => f.write_str("no"),
            Value::Number(number) => f.write_str(&number.as_f64().to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => Ok(()),
        }
    }
}

// Recursion is bounded: the TOML reader refuses nesting deeper than 80.
fn convert(value: toml::Value) -> Result<Value, LiteralError> {
    Ok(match value {
        toml::Value::String(text) => Value::String(text),
        toml::Value::Boolean(truth) => Value::Bool(truth),
        toml::Value::Integer(number) => Value::Number(whole(number)?),
        toml::Value::Float(number) => {
            Value::Number(Number::try_from(number).map_err(|_| LiteralError::Number)?)
        }
        toml::Value::Datetime(_) => return Err(LiteralError::Date),
        toml::Value::Array(items) => Value::Array(
            items
                .into_iter()
                .map(convert)
                .collect::<Result<Vec<_>, _>>()?,
        ),
        toml::Value::Table(table) => Value::Object(object(table)?),
    })
}

fn whole(number: i64) -> Result<Number, LiteralError> {
    Number::try_from(number).map_err(|_| LiteralError::Number)
}

fn object(table: toml::Table) -> Result<Object, LiteralError> {
    table
        .into_iter()
        .try_fold(Object::new(), |object, (name, value): (String, _)| {
            Ok(object.with(name, convert(value)?))
        })
}
