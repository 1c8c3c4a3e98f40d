//! What the examination found, for people and for scripts.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use countersign_flow::rfc3339_ms;
use countersign_record::entry::UnixMillis;
use countersign_record::json::{Number, Value};
use countersign_record::object;

use crate::check::Check;
use crate::finding::Finding;

/// The shape of the JSON form.
const SCHEMA_VERSION: u32 = 1;

/// What was examined.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Scope {
    /// The log's name as entry 0 gives it, escaped.
    pub origin: Option<String>,
    /// How many entries were read.
    pub entries: u64,
    /// How many the newest checkpoint covers.
    pub checkpoint: Option<u64>,
    /// Whether a key that the caller named has signed it.
    pub signed: bool,
    /// The first entry's time.
    pub first_at: Option<UnixMillis>,
    /// The last entry's time.
    pub last_at: Option<UnixMillis>,
    /// How many bodies are disclosed in part or not at all.
    pub withheld: u64,
}

/// The conclusion.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// Everything mandatory was checked, and holds.
    Verified,
    /// Something that was checked does not hold.
    Broken,
    /// Something mandatory or required was not checked.
    Inconclusive,
    /// All holds, and there are findings at or above the severity asked for.
    Findings,
}

impl Verdict {
    /// The word as it is printed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Broken => "broken",
            Self::Inconclusive => "cannot conclude",
            Self::Findings => "verified, with findings",
        }
    }

    /// The exit code of the command.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Verified => 0,
            Self::Broken => 1,
            Self::Inconclusive => 3,
            Self::Findings => 4,
        }
    }
}

/// The whole report. Text from the ledger is escaped wherever it stands in it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Report {
    /// What was examined.
    pub scope: Scope,
    /// Every check, in fixed order.
    pub checks: Vec<Check>,
    /// Every finding, the worst first, then by entry.
    pub findings: Vec<Finding>,
    /// Why there is no conclusion; empty where there is one.
    pub doubts: Vec<String>,
    /// The conclusion.
    pub verdict: Verdict,
    /// What this shows and what it does not.
    pub shows: [String; 7],
}

impl Report {
    /// 0 verified, 1 integrity failure, 3 cannot conclude, 4 findings.
    pub const fn exit_code(&self) -> u8 {
        self.verdict.exit_code()
    }

    /// For a terminal: ends with a newline.
    pub fn to_text(&self) -> String {
        let mut lines = Vec::new();
        lines.push(self.scope.line());
        lines.push(String::new());
        lines.extend(self.checks.iter().map(Check::line));
        lines.push(String::new());
        if self.findings.is_empty() {
            lines.push("No findings.".into());
        }
        lines.extend(self.findings.iter().map(Finding::line));
        lines.push(String::new());
        let verdict = self.verdict.as_str().to_uppercase();
        lines.push(format!("{verdict} (exit {})", self.exit_code()));
        lines.extend(self.doubts.iter().map(|doubt| format!("  {doubt}")));
        lines.push(String::new());
        lines.push("What this shows, and what it does not:".into());
        lines.extend(self.shows.iter().map(|line| format!("  - {line}")));
        lines.join("\n") + "\n"
    }

    /// For scripts.
    pub fn to_json(&self) -> Value {
        let checks: Vec<Value> = self.checks.iter().map(Check::to_json).collect();
        let findings: Vec<Value> = self.findings.iter().map(Finding::to_json).collect();
        object! {
            "schema_version": SCHEMA_VERSION,
            "scope": self.scope.to_json(),
            "checks": checks,
            "findings": findings,
            "verdict": self.verdict.as_str(),
            "doubts": self.doubts.clone(),
            "exit_code": u32::from(self.exit_code()),
            "shows": self.shows.to_vec(),
        }
        .into()
    }
}

impl Scope {
    fn line(&self) -> String {
        let origin = self.origin.as_deref().unwrap_or("a log without a name");
        let covered = match (self.checkpoint, self.signed) {
            (None, _) => "no checkpoint".into(),
            (Some(size), true) => format!("checkpoint of size {size}, signed by a key you named"),
            (Some(size), false) => format!("checkpoint of size {size}, signature not established"),
        };
        let times = match (self.first_at, self.last_at) {
            (Some(first), Some(last)) => format!(", {} to {}", rfc3339_ms(first), rfc3339_ms(last)),
            _ => String::new(),
        };
        format!("{origin}: {} entries{times}; {covered}", self.entries)
    }

    fn to_json(&self) -> Value {
        object! {
            "origin": self.origin.as_deref().map_or(Value::Null, Value::from),
            "entries": number(self.entries),
            "checkpoint": self.checkpoint.map_or(Value::Null, number),
            "signed": self.signed,
            "first_at": self.first_at.map_or(Value::Null, number),
            "last_at": self.last_at.map_or(Value::Null, number),
            "withheld_bodies": number(self.withheld),
        }
        .into()
    }
}

impl Check {
    fn line(&self) -> String {
        let counts = format!("{} {}", self.checked, self.id.unit());
        let mut parts = Vec::from([format!(
            "[{}] {:<16} {counts}",
            self.status.as_str(),
            self.id.as_str()
        )]);
        if self.failed > 0 {
            parts.push(format!(", {} failed", self.failed));
        }
        if self.not_checked > 0 {
            parts.push(format!(", {} not checked", self.not_checked));
        }
        if !self.sentence.is_empty() {
            parts.push(format!("; {}", self.sentence));
        }
        parts.concat()
    }

    fn to_json(&self) -> Value {
        object! {
            "id": self.id.as_str(),
            "status": self.status.as_str(),
            "checked": number(self.checked),
            "failed": number(self.failed),
            "not_checked": number(self.not_checked),
            "sentence": self.sentence.as_str(),
        }
        .into()
    }
}

impl Finding {
    fn line(&self) -> String {
        let place = self
            .seq
            .map_or_else(String::new, |seq| format!(" entry {seq}"));
        let call = self
            .call
            .map_or_else(String::new, |call| format!(" ({call})"));
        format!(
            "[{}]{place}: {}{call}",
            self.severity.as_str(),
            self.sentence
        )
    }

    fn to_json(&self) -> Value {
        object! {
            "id": self.id,
            "severity": self.severity.as_str(),
            "seq": self.seq.map_or(Value::Null, number),
            "call": self.call.map_or(Value::Null, |call| call.to_string().into()),
            "sentence": self.sentence.as_str(),
        }
        .into()
    }
}

/// A count in JSON; as text above 2^53−1.
pub(crate) fn number(number: u64) -> Value {
    Number::try_from(number).map_or_else(|_| number.to_string().into(), Value::Number)
}
