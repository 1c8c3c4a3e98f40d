//! Three-valued comparison: yes, no, or cannot tell. Only a definite no ever excludes a rule.

use countersign_record::json::Value;

use crate::kind::Kind;
use crate::normal;

/// What a condition says about a call.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Answer {
    Yes,
    No,
    /// With the reason.
    CannotTell(&'static str),
}

impl Answer {
    pub(crate) fn is(truth: bool) -> Self {
        if truth { Self::Yes } else { Self::No }
    }

    pub(crate) fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::CannotTell(reason) => Self::CannotTell(reason),
        }
    }

    /// Yes if either is; otherwise a doubt remains a doubt.
    pub(crate) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Yes, _) | (_, Self::Yes) => Self::Yes,
            (Self::CannotTell(reason), _) | (_, Self::CannotTell(reason)) => {
                Self::CannotTell(reason)
            }
            (Self::No, Self::No) => Self::No,
        }
    }
}

/// Whether `value` is what the policy says.
pub(crate) fn same(value: &Value, expected: &Value, kind: Option<Kind>) -> Answer {
    match (value, expected) {
        (Value::String(text), Value::String(expected)) => same_text(text, expected, kind),
        (Value::Bool(truth), Value::Bool(expected)) => Answer::is(truth == expected),
        (Value::Number(number), Value::Number(expected)) => Answer::is(number == expected),
        _ => Answer::CannotTell("it is not of the type that the rule names"),
    }
}

/// Whether `value` begins with `prefix`.
pub(crate) fn begins(value: &Value, prefix: &str, kind: Option<Kind>) -> Answer {
    let Value::String(text) = value else {
        return Answer::CannotTell("it is not text");
    };
    let head = |text: &str| text.chars().take(prefix.chars().count()).collect();
    text_answer(text, prefix, kind, head)
}

fn same_text(text: &str, expected: &str, kind: Option<Kind>) -> Answer {
    text_answer(text, expected, kind, alloc::borrow::ToOwned::to_owned)
}

/// A near miss is never a no: an agent that writes `Production ` for `production`, or a Cyrillic
/// letter for a Latin one, does not leave the rule.
fn text_answer(
    text: &str,
    expected: &str,
    kind: Option<Kind>,
    relevant: impl Fn(&str) -> alloc::string::String,
) -> Answer {
    let written = relevant(text);
    if written == expected {
        return Answer::Yes;
    }
    if kind == Some(Kind::Path) {
        if relevant(&normal::path(text)) == expected {
            return Answer::Yes;
        }
        if !normal::is_plain_path(text) {
            return Answer::CannotTell("the path can be read in more than one way");
        }
    }
    if relevant(&normal::folded(text)) == normal::folded(expected) {
        return Answer::CannotTell("it differs only in capitals or spaces");
    }
    if expected.is_ascii() && !written.is_ascii() {
        return Answer::CannotTell("it holds letters that can look like others");
    }
    Answer::No
}
