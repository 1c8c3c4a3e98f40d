//! What an argument is declared to be.

use core::fmt;

use countersign_record::json::Value;

use crate::decimal::Decimal;

/// The declared kind of an argument.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Kind {
    /// A decimal string without a sign: `"24000.00"`.
    Money,
    /// Three capital letters: `"EUR"`.
    Currency,
    /// An account to pay to or from: text; IBANs are recognised.
    Account,
    /// A file path.
    Path,
    /// An address with a scheme and a host.
    Url,
    /// An e-mail address.
    Email,
    /// A whole number, not negative.
    Count,
    /// Text without further meaning.
    Text,
    /// `true` or `false`.
    Flag,
    /// Anything; no condition but `present` can be sure about it.
    Any,
}

impl Kind {
    /// Whether `value` has this kind; a list has it when each of its items does.
    pub fn admits(self, value: &Value) -> bool {
        match value {
            Value::Array(items) => items.iter().all(|item| self.admits_one(item)),
            one => self.admits_one(one),
        }
    }

    fn admits_one(self, value: &Value) -> bool {
        let text = |check: fn(&str) -> bool| value.as_str().is_some_and(check);
        match self {
            Self::Money => text(is_money),
            Self::Currency => text(is_currency),
            Self::Account | Self::Path => text(|text| !text.is_empty()),
            Self::Url => text(is_url),
            Self::Email => text(is_email),
            Self::Count => value.as_u64().is_some(),
            Self::Text => text(|_| true),
            Self::Flag => value.as_bool().is_some(),
            Self::Any => true,
        }
    }

    /// Whether `over`, `at_least` and `under` mean something here.
    pub(crate) fn is_number(self) -> bool {
        matches!(self, Self::Money | Self::Count | Self::Any)
    }

    /// Whether `matches_prefix` means something here.
    pub(crate) fn is_text(self) -> bool {
        !matches!(self, Self::Money | Self::Count | Self::Flag)
    }

    /// The word in the policy.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Money => "money",
            Self::Currency => "currency",
            Self::Account => "account",
            Self::Path => "path",
            Self::Url => "url",
            Self::Email => "email",
            Self::Count => "count",
            Self::Text => "text",
            Self::Flag => "flag",
            Self::Any => "any",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A negative amount is no amount: what it would do depends on the receiver.
fn is_money(text: &str) -> bool {
    !text.starts_with('-') && Decimal::read(text).is_some()
}

fn is_currency(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

fn is_url(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, rest)| {
        !scheme.is_empty() && !rest.is_empty() && !text.contains(char::is_whitespace)
    })
}

fn is_email(text: &str) -> bool {
    text.split_once('@').is_some_and(|(mailbox, host)| {
        !mailbox.is_empty()
            && !host.is_empty()
            && !host.contains('@')
            && !text.contains(|character: char| character.is_whitespace() || character == ',')
    })
}
