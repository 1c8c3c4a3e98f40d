//! Places in a call that a policy can name.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use countersign_record::json::Value;

/// A place in the arguments: member names, joined by dots. `beneficiary.account`.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct ArgPath(Vec<String>);

/// Text that names no place in a call.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct PathError(&'static str);

/// What stands at a place.
#[derive(Clone, Copy)]
pub(crate) enum Found<'a> {
    Here(&'a Value),
    Absent,
    /// Something on the way is not an object.
    Unreadable,
}

impl ArgPath {
    /// The same place as a JSON Pointer (RFC 6901) into the arguments.
    pub fn pointer(&self) -> String {
        let escape = |name: &String| format!("/{}", name.replace('~', "~0").replace('/', "~1"));
        self.0.iter().map(escape).collect()
    }

    pub(crate) fn find<'a>(&self, arguments: &'a Value) -> Found<'a> {
        let mut value = arguments;
        for name in &self.0 {
            let Some(object) = value.as_object() else {
                return Found::Unreadable;
            };
            match object.member(name) {
                Some(member) => value = member,
                None => return Found::Absent,
            }
        }
        Found::Here(value)
    }

    /// Reads the path behind `args.`.
    fn in_call(text: &str) -> Result<Self, PathError> {
        let path = text
            .strip_prefix("args.")
            .ok_or(PathError("an argument is written as args.name"))?;
        path.parse()
    }
}

impl FromStr for ArgPath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        let names: Vec<String> = text.split('.').map(ToOwned::to_owned).collect();
        if names.iter().any(String::is_empty) {
            return Err(PathError("a name in the path is empty"));
        }
        Ok(Self(names))
    }
}

impl TryFrom<String> for ArgPath {
    type Error = PathError;

    fn try_from(text: String) -> Result<Self, PathError> {
        text.parse()
    }
}

/// As the policy writes it: `args.beneficiary.account`.
impl fmt::Display for ArgPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "args.{}", self.0.join("."))
    }
}

/// A path written with `args.` before it.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, serde::Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct CallPath(pub(crate) ArgPath);

impl TryFrom<String> for CallPath {
    type Error = PathError;

    fn try_from(text: String) -> Result<Self, PathError> {
        ArgPath::in_call(&text).map(Self)
    }
}

/// What a condition looks at.
#[derive(Clone, Debug, Eq, PartialEq, serde::Deserialize)]
#[serde(try_from = "String")]
pub(crate) enum Field {
    /// The agent's own word.
    Argument(ArgPath),
    /// The platform's word about the target.
    Label(String),
    /// The tool's name.
    Tool,
    /// The reason that the agent gives.
    Reason,
    /// When the call is asked.
    Time,
}

impl TryFrom<String> for Field {
    type Error = PathError;

    fn try_from(text: String) -> Result<Self, PathError> {
        match text.as_str() {
            "tool" => Ok(Self::Tool),
            "reason" => Ok(Self::Reason),
            "time" => Ok(Self::Time),
            _ => match text.strip_prefix("labels.") {
                Some("") => Err(PathError("a label is written as labels.name")),
                Some(label) => Ok(Self::Label(label.to_string())),
                None => ArgPath::in_call(&text).map(Self::Argument).map_err(|_| {
                    PathError("a field is args.name, labels.name, tool, reason or time")
                }),
            },
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Argument(path) => path.fmt(f),
            Self::Label(label) => write!(f, "labels.{label}"),
            Self::Tool => f.write_str("tool"),
            Self::Reason => f.write_str("reason"),
            Self::Time => f.write_str("time"),
        }
    }
}
