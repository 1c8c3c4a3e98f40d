//! RFC 9457 problems: what the service says when it does not do as asked.

use std::fmt;

use countersign_record::json::Value;

/// A refusal by the service. The code is stable and for programs, the rest is for people.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// The stable code.
    pub code: String,
    /// A sentence about what kind of problem it is.
    pub title: String,
    /// A sentence about this occurrence.
    pub detail: String,
    /// `never`, `same-request` or `after`.
    pub retry: String,
    /// The call that it is about.
    pub call: Option<String>,
    /// What to tell an agent in-band.
    pub message: Option<String>,
}

impl Problem {
    /// Reads a problem document; a missing member is empty.
    pub fn read(status: u16, body: &Value) -> Self {
        let text = |name| {
            body.member(name)
                .and_then(Value::as_str)
                .map(ToOwned::to_owned)
        };
        Self {
            status,
            code: text("code").unwrap_or_default(),
            title: text("title").unwrap_or_default(),
            detail: text("detail").unwrap_or_default(),
            retry: text("retry").unwrap_or_default(),
            call: text("call"),
            message: text("message"),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            status,
            code,
            title,
            detail,
            ..
        } = self;
        match (detail.as_str(), title.as_str()) {
            ("", "") => write!(f, "the service answered {status} {code}"),
            ("", title) => write!(f, "{title} ({code})"),
            (detail, _) => write!(f, "{detail} ({code})"),
        }
    }
}
