//! What a reader should know, with the place it is about.

use alloc::string::String;

use countersign_record::id::CallId;

/// How bad, from least.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Severity {
    /// Good to know.
    Note,
    /// Right by the rules, and yet a reader may want to ask.
    Low,
    /// Somebody tried what is not allowed, or the operator vouched for something.
    Medium,
    /// Something ran that nobody had let run.
    High,
    /// The ledger is not what its own rules make, or not what was signed.
    Integrity,
}

impl Severity {
    /// The word as it is printed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Integrity => "integrity",
        }
    }
}

/// One finding.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Finding {
    /// Stable, for scripts: docs/spec/verify.md has the list.
    pub id: &'static str,
    /// How bad.
    pub severity: Severity,
    /// The entry it is about.
    pub seq: Option<u64>,
    /// The call it is about.
    pub call: Option<CallId>,
    /// For people; text from the ledger is escaped.
    pub sentence: String,
}

impl Finding {
    /// About one entry.
    pub(crate) fn at(seq: u64, id: &'static str, severity: Severity, sentence: String) -> Self {
        Self {
            id,
            severity,
            seq: Some(seq),
            call: None,
            sentence,
        }
    }

    /// An integrity failure at one entry.
    pub(crate) fn fault(seq: u64, id: &'static str, sentence: String) -> Self {
        Self::at(seq, id, Severity::Integrity, sentence)
    }

    /// The same, about that call.
    pub(crate) fn of(mut self, call: Option<CallId>) -> Self {
        self.call = call;
        self
    }
}
