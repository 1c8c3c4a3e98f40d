//! Names that a policy declares, and tool names: the only words of others in headers.

use alloc::borrow::ToOwned;
use alloc::string::String;
use core::borrow::Borrow;
use core::fmt;
use core::str::FromStr;

/// Text that does not have the form of a name.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a name: {rule}")]
pub struct NameError {
    rule: &'static str,
}

/// `a-z`, `0-9`, `-`, `_`, `.`; begins with a letter or digit; 1 to 64 bytes.
fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (1..=64).contains(&text.len())
        && allowed(text.as_bytes()[0])
        && text
            .bytes()
            .all(|byte| allowed(byte) || b"-_.".contains(&byte))
}

/// ASCII letters, digits and `_ . : / -`; begins with a letter, digit or `_`; 1 to 128 bytes.
/// A look-alike or a trailing space is therefore never a known tool.
fn is_tool_name(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && (text.as_bytes()[0].is_ascii_alphanumeric() || text.starts_with('_'))
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_.:/-".contains(&byte))
}

macro_rules! names {
    ($($(#[$doc:meta])+ $name:ident: $check:ident, $rule:literal;)+) => {$(
        $(#[$doc])+
        #[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name(String);

        impl $name {
            /// The name as it is written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                if $check(text) { Ok(Self(text.to_owned())) } else { Err(NameError { rule: $rule }) }
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )+};
}

names! {
    /// A rule's name in the policy.
    RuleName: is_name, "1 to 64 of a-z, 0-9, - _ .";
    /// A group's name in the policy: a purpose, never a person.
    GroupName: is_name, "1 to 64 of a-z, 0-9, - _ .";
    /// An executor's name in the policy's catalogue.
    ExecutorName: is_name, "1 to 64 of a-z, 0-9, - _ .";
    /// A tool's name; matched exactly.
    ToolName: is_tool_name, "1 to 128 of A-Z, a-z, 0-9, _ . : / -";
}
