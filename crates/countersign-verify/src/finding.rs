//! What a reader should know, with the place it is about.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

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

/// Findings of one kind that are told one by one; whoever sees so many has seen enough, and a log
/// that is bad throughout must not fill the memory.
const KEPT_OF_A_KIND: u64 = 1000;

/// What was found, in the order in which it was: the first of each kind one by one, the rest counted.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    kept: Vec<Finding>,
    kinds: BTreeMap<&'static str, (Severity, u64)>,
}

impl Findings {
    pub(crate) fn push(&mut self, finding: Finding) {
        let (severity, times) = self
            .kinds
            .entry(finding.id)
            .or_insert((finding.severity, 0));
        *severity = (*severity).max(finding.severity);
        *times += 1;
        if *times <= KEPT_OF_A_KIND {
            self.kept.push(finding);
        }
    }

    pub(crate) fn extend(&mut self, findings: impl IntoIterator<Item = Finding>) {
        findings.into_iter().for_each(|finding| self.push(finding));
    }

    /// All that are told, with a line for each kind of which there are more.
    pub(crate) fn told(self) -> Vec<Finding> {
        let Self { mut kept, kinds } = self;
        let more = kinds.into_iter().filter_map(|(id, (severity, times))| {
            let more = times.checked_sub(KEPT_OF_A_KIND).filter(|more| *more > 0)?;
            Some(Finding {
                id,
                severity,
                seq: None,
                call: None,
                sentence: format!("… and {more} more of this kind"),
            })
        });
        kept.extend(more);
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_each_kind_the_first_are_told_and_the_rest_are_counted() {
        let mut findings = Findings::default();
        for seq in 0..KEPT_OF_A_KIND + 5 {
            findings.push(Finding::fault(seq, "chain", String::new()));
        }
        findings.push(Finding::fault(7, "form", String::new()));
        let told = findings.told();
        assert_eq!(told.len(), 1002);
        assert_eq!(told[0].seq, Some(0));
        assert_eq!(told[1000].id, "form");
        assert_eq!(told[1001].sentence, "… and 5 more of this kind");
        assert_eq!(told[1001].severity, Severity::Integrity);
    }
}
