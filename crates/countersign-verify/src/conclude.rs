//! From counts to checks, from checks to a verdict. Nothing here says more than was checked.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use countersign_flow::escape;
use countersign_ledger::checkpoint::SIGNED_SIZE_MIN;
use countersign_record::digest::RootHash;

use crate::check::{Check, CheckId, Status, Weight};
use crate::finding::{Finding, Severity};
use crate::head::{Earlier, Newest, named_by_log};
use crate::options::{Extent, FailOn, Options, Require};
use crate::report::{Report, Scope, Verdict};
use crate::shows::shows;
use crate::verify::Run;

/// Status and sentence of a check that counts alone do not decide.
type Told = Option<(Status, String)>;

pub(crate) fn conclude(mut run: Run, options: &Options) -> Report {
    let told: Vec<(CheckId, Told)> = CheckId::ALL.iter().map(|id| (*id, run.told(*id))).collect();
    let checks: Vec<Check> = told
        .into_iter()
        .map(|(id, told)| run.check(id, told))
        .collect();
    let mut findings = core::mem::take(&mut run.findings).told();
    findings.extend(named(&checks, &run));
    findings.sort_by_key(|it| (core::cmp::Reverse(it.severity), it.seq.is_none(), it.seq));
    let scope = run.scope();
    let doubts = doubts(&checks, &scope, &run, options);
    let verdict = verdict(&checks, &findings, &doubts, options.fail_on);
    let shows = shows(&checks, &scope, run.on_trust.approvals);
    Report {
        scope,
        checks,
        findings,
        doubts,
        verdict,
        shows,
    }
}

impl Run {
    fn scope(&self) -> Scope {
        let created = self.reader.created.as_ref();
        Scope {
            origin: created.map(|created| escape(&created.origin)),
            entries: self.reader.size(),
            checkpoint: self.newest.checkpoint().map(|checkpoint| checkpoint.size),
            signed: matches!(self.newest, Newest::Signed(..)),
            first_at: self.reader.times.map(|(first, _)| first),
            last_at: self.reader.times.map(|(_, last)| last),
            withheld: self.reader.withheld,
        }
    }

    /// What the check says beyond its counts.
    fn told(&mut self, id: CheckId) -> Told {
        if self.extent == Extent::Structure && !id.is_of_structure() {
            return Some((Status::Skip, "only the structure was asked for".into()));
        }
        match id {
            CheckId::Form => self.form(),
            CheckId::Tree => Some(self.tree()),
            CheckId::Checkpoint => Some(self.checkpoint()),
            CheckId::Since => Some(self.since()),
            CheckId::Flow => self.flow(),
            CheckId::Bodies if self.reader.tallies.tally(id).not_checked > 0 => Some((
                Status::Skip,
                "those not checked are there; what is in them was not looked at".into(),
            )),
            CheckId::Bodies if self.reader.withheld > 0 => Some((
                Status::Warn,
                format!("{} withheld in part or whole", self.reader.withheld),
            )),
            CheckId::Signatures => {
                let schemes: Vec<_> = self
                    .by_scheme
                    .iter()
                    .map(|(scheme, times)| format!("{times} {scheme}"))
                    .collect();
                let status = self.reader.tallies.tally(id).status();
                Some((status, schemes.join(", "))).filter(|(_, text)| !text.is_empty())
            }
            CheckId::Quorum if self.on_trust.approvals > 0 => Some((
                Status::Warn,
                format!(
                    "{} under demands that were not checked",
                    self.on_trust.approvals
                ),
            )),
            CheckId::Ended => Some(self.ended()),
            _ => None,
        }
    }

    fn form(&self) -> Told {
        let unknown = self.reader.tallies.tally(CheckId::Form).not_checked;
        let seq = self.reader.unreadable?;
        (unknown > 0).then(|| {
            let text = format!("unknown version: {unknown} entries, the first is {seq}");
            (Status::Skip, text)
        })
    }

    fn flow(&self) -> Told {
        if let Some(seq) = self.reader.unreadable {
            return Some((
                Status::Skip,
                format!("replayed up to entry {seq}, which cannot be read"),
            ));
        }
        let mut parts = Vec::new();
        if self.guards_unchecked > 0 {
            parts.push(format!(
                "{} guards need bodies that are withheld",
                self.guards_unchecked
            ));
        }
        if self.not_replayed > 0 {
            parts.push(format!(
                "{} incomplete commands not replayed",
                self.not_replayed
            ));
        }
        (!parts.is_empty()).then(|| (Status::Warn, parts.join("; ")))
    }

    fn tree(&mut self) -> (Status, String) {
        let entries = self.reader.size();
        let Some(checkpoint) = self.newest.checkpoint() else {
            return (
                Status::Skip,
                "there is no checkpoint to hold the entries against".into(),
            );
        };
        let size = checkpoint.size;
        if entries < size {
            let text = format!("the checkpoint covers {size} entries, {entries} are here");
            return (Status::Fail, text);
        }
        if self.root(size) != Some(checkpoint.root) {
            let text = format!("the first {size} entries do not have the root of the checkpoint");
            return (Status::Fail, text);
        }
        let unsigned = if matches!(self.newest, Newest::Signed(..)) {
            ""
        } else {
            "; the checkpoint's signature is another matter"
        };
        if let Some(more) = entries.checked_sub(size).filter(|more| *more > 0) {
            let text = format!(
                "checked to size {size}; {more} further entries are chained but unsigned, not judged{unsigned}"
            );
            return (Status::Warn, text);
        }
        (
            Status::Pass,
            format!("the root of all {size} entries is the checkpoint's{unsigned}"),
        )
    }

    fn root(&self, size: u64) -> Option<RootHash> {
        self.reader.roots.get(&size).copied().flatten()
    }

    fn checkpoint(&self) -> (Status, String) {
        match &self.newest {
            Newest::Absent => (Status::Skip, "there is no checkpoint".into()),
            Newest::Unsigned(_) => {
                let text = "no log key was named: who signed it is not known; name one with --trusted-log-key";
                (Status::Skip, text.into())
            }
            Newest::Refused(_, why) => (Status::Fail, why.clone()),
            Newest::Signed(_, key) => {
                let own = self
                    .reader
                    .created
                    .as_ref()
                    .and_then(|created| named_by_log(created));
                if own.as_ref() == Some(key) {
                    (
                        Status::Pass,
                        format!("signed by {}", escape(&key.to_string())),
                    )
                } else {
                    let text = "signed by the key named, which is not the one that entry 0 names";
                    (Status::Fail, text.into())
                }
            }
        }
    }

    fn since(&self) -> (Status, String) {
        let failed = |why: &str| (Status::Fail, String::from(why));
        let earlier = match &self.earlier {
            Earlier::Head(earlier) => earlier,
            Earlier::Unreadable => return failed("the earlier head given is not a checkpoint"),
            Earlier::NotGiven => {
                let text = "append-only since your last look: not checked";
                return (Status::Skip, text.into());
            }
        };
        let size = earlier.size;
        let Some(newest) = self.newest.checkpoint() else {
            return failed("you kept a head of this log, and now it has none");
        };
        if newest.origin != earlier.origin {
            return failed("the earlier head given is another log's");
        }
        if newest.size < size {
            return failed("the log now has fewer entries than when you looked");
        }
        if self.root(size) == Some(earlier.root) {
            let text = format!("its first {size} entries are those of your last look");
            (Status::Pass, text)
        } else {
            failed(
                "the entries that stood there when you looked are not those that stand there now",
            )
        }
    }

    fn ended(&self) -> (Status, String) {
        if self.reader.unreadable.is_some() {
            let text = "not known: not all commands were replayed";
            return (Status::Skip, text.into());
        }
        match self.reader.tallies.tally(CheckId::Ended).not_checked {
            0 => (Status::Pass, "every call has ended".into()),
            open => (Status::Warn, format!("{open} of them still open")),
        }
    }

    fn check(&self, id: CheckId, told: Told) -> Check {
        let tally = self.reader.tallies.tally(id);
        let (status, sentence) = told.unwrap_or((tally.status(), String::new()));
        let status = if tally.failed > 0 {
            Status::Fail
        } else {
            status
        };
        let unread = self.reader.size() == 0 && id.weight() == Weight::Mandatory;
        let (checked, failed) = match id {
            CheckId::Tree => (
                self.reader
                    .size()
                    .min(self.newest.checkpoint().map_or(0, |it| it.size)),
                u64::from(status == Status::Fail),
            ),
            CheckId::Checkpoint | CheckId::Since => (
                u64::from(status != Status::Skip),
                u64::from(status == Status::Fail),
            ),
            _ => (tally.checked, tally.failed),
        };
        Check {
            id,
            status: if unread && status != Status::Fail {
                Status::Skip
            } else {
                status
            },
            checked,
            failed,
            not_checked: if id == CheckId::Ended {
                0
            } else {
                tally.not_checked
            },
            sentence,
        }
    }
}

/// Failures of the whole log, each with the first entry it is about where that can be told.
fn named(checks: &[Check], run: &Run) -> Vec<Finding> {
    let mut findings = Vec::new();
    let failed = |id: CheckId| {
        checks
            .iter()
            .find(|check| check.id == id && check.status == Status::Fail)
    };
    if let Some(check) = failed(CheckId::Tree) {
        let entries = run.reader.size();
        let size = run
            .newest
            .checkpoint()
            .map_or(0, |checkpoint| checkpoint.size);
        let chained = failed(CheckId::Chain).is_none() && failed(CheckId::Form).is_none();
        let (seq, hint) = if entries < size {
            (Some(entries), "; the first that is missing is named")
        } else if chained {
            (
                size.checked_sub(1),
                "; the chain is whole, so the last of them was changed, or many were made anew",
            )
        } else {
            (None, "")
        };
        findings.push(Finding {
            id: "tree",
            severity: Severity::Integrity,
            seq,
            call: None,
            sentence: format!("{}{hint}", check.sentence),
        });
    }
    for id in [CheckId::Checkpoint, CheckId::Since] {
        findings.extend(failed(id).map(|check| Finding {
            id: id.as_str(),
            severity: Severity::Integrity,
            seq: None,
            call: None,
            sentence: check.sentence.clone(),
        }));
    }
    if let Some(error) = run.broke_off.as_ref().filter(|_| is_damage(run)) {
        findings.push(Finding {
            id: "damage",
            severity: Severity::Integrity,
            seq: error.seq.or(Some(run.reader.size())),
            call: None,
            sentence: escape(&error.to_string()),
        });
    }
    findings
}

/// The records broke off among those that a checkpoint covers; behind it is a torn tail.
fn is_damage(run: &Run) -> bool {
    run.newest
        .checkpoint()
        .is_some_and(|checkpoint| run.reader.size() < checkpoint.size)
}

/// Why there is no conclusion, each a sentence.
fn doubts(checks: &[Check], scope: &Scope, run: &Run, options: &Options) -> Vec<String> {
    let mut doubts = Vec::new();
    if scope.entries == 0 {
        doubts.push("there is nothing to check".into());
    } else if let Some(size) = scope.checkpoint.filter(|size| *size < SIGNED_SIZE_MIN) {
        // Entries behind it are nobody's word while the log grows: without this, nothing would be judged.
        doubts.push(format!("no log signs a checkpoint of size {size}"));
    }
    for check in checks {
        if check.status == Status::Skip && check.id.weight() == Weight::Mandatory {
            doubts.push(format!(
                "{} was not checked: {}",
                check.id.as_str(),
                check.sentence
            ));
        }
    }
    if let Some(error) = run.broke_off.as_ref().filter(|_| !is_damage(run)) {
        doubts.push(format!(
            "the records break off: {}",
            escape(&error.to_string())
        ));
    }
    doubts.extend(unsigned_tail(scope, run));
    let status = |id: CheckId| {
        checks
            .iter()
            .find(|check| check.id == id)
            .map(|check| check.status)
    };
    let passed = |id: &CheckId| status(*id) == Some(Status::Pass);
    for require in &options.require {
        let met = match require {
            Require::Policy => {
                let by_policy = [
                    CheckId::Policy,
                    CheckId::Presentation,
                    CheckId::Fingerprints,
                ];
                by_policy.iter().all(passed) && run.guards_unchecked == 0
            }
            Require::Committed => passed(&CheckId::Tree),
            Require::Completeness => scope.withheld == 0,
            Require::Since => passed(&CheckId::Since),
        };
        if !met {
            doubts.push(format!(
                "{} is required, and was not established",
                require.as_str()
            ));
        }
    }
    doubts
}

/// What stands behind the checkpoint was not judged; while somebody writes, that is as it should be.
fn unsigned_tail(scope: &Scope, run: &Run) -> Option<String> {
    let size = scope.checkpoint?;
    let more = scope.entries.checked_sub(size).filter(|more| *more > 0)?;
    if run.is_cut_by_checkpoint {
        return Some(format!(
            "the checkpoint of size {size} ends within a command"
        ));
    }
    (!run.is_being_written)
        .then(|| format!("{more} further entries are chained but unsigned, and were not judged"))
}

fn verdict(checks: &[Check], findings: &[Finding], doubts: &[String], fail_on: FailOn) -> Verdict {
    let failed = checks.iter().any(|check| check.status == Status::Fail)
        || findings
            .iter()
            .any(|finding| finding.severity == Severity::Integrity);
    let least = match fail_on {
        FailOn::High => Some(Severity::High),
        FailOn::Medium => Some(Severity::Medium),
        FailOn::Never => None,
    };
    let counts = |finding: &Finding| least.is_some_and(|least| finding.severity >= least);
    if failed {
        Verdict::Broken
    } else if !doubts.is_empty() {
        Verdict::Inconclusive
    } else if findings.iter().any(counts) {
        Verdict::Findings
    } else {
        Verdict::Verified
    }
}
