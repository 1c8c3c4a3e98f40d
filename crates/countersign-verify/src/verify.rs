//! The whole examination: one pass over the records, then the checks in order.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use countersign_flow::{Call, Stage, Unchecked};

use crate::check::CheckId;
use crate::conclude;
use crate::count::count;
use crate::finding::{Finding, Severity};
use crate::fingerprints::Fingerprints;
use crate::head::{Earlier, Newest, Trust};
use crate::notice;
use crate::options::Options;
use crate::read::{Group, Reader};
use crate::replay::{Judged, Replay};
use crate::report::Report;
use crate::source::{Source, SourceError};

/// Examines a log from its first entry on. `progress` hears how many entries were read.
pub fn verify(
    source: &dyn Source,
    trust: &Trust,
    options: &Options,
    progress: &mut dyn FnMut(u64),
) -> Report {
    let mut run = Run::new(source, trust);
    for record in source.records() {
        match record {
            Ok(stored) => run.groups(|reader| reader.take(stored)),
            Err(error) => {
                run.broke_off = Some(error);
                break;
            }
        }
        progress(run.reader.size());
    }
    run.groups(|reader| reader.finish().into_iter().collect());
    run.open_calls();
    conclude::conclude(run, options)
}

/// What was found so far.
pub(crate) struct Run<'s> {
    pub(crate) reader: Reader,
    pub(crate) replay: Replay<'s>,
    pub(crate) newest: Newest,
    pub(crate) earlier: Earlier,
    pub(crate) findings: Vec<Finding>,
    pub(crate) broke_off: Option<SourceError>,
    /// Guards other than policy and presentation that withheld bodies kept from being checked.
    pub(crate) guards_unchecked: u64,
    /// Commands that could not be replayed.
    pub(crate) not_replayed: u64,
    pub(crate) by_scheme: alloc::collections::BTreeMap<&'static str, u64>,
    bootstrap: Option<(u64, u64)>,
    fingerprints: Fingerprints,
}

impl<'s> Run<'s> {
    fn new(source: &'s dyn Source, trust: &Trust) -> Self {
        let newest = Newest::open(source.checkpoint().as_deref(), &trust.log_keys);
        let earlier = Earlier::read(trust.earlier.as_deref());
        let sizes = [newest.checkpoint(), earlier.checkpoint()];
        let sizes = sizes
            .into_iter()
            .flatten()
            .map(|checkpoint| checkpoint.size);
        Self {
            reader: Reader::watching(sizes),
            replay: Replay::new(source),
            newest,
            earlier,
            findings: Vec::new(),
            broke_off: None,
            guards_unchecked: 0,
            not_replayed: 0,
            by_scheme: alloc::collections::BTreeMap::new(),
            bootstrap: None,
            fingerprints: Fingerprints::default(),
        }
    }

    fn groups(&mut self, read: impl FnOnce(&mut Reader) -> Vec<Group>) {
        for group in read(&mut self.reader) {
            if group.whole {
                self.judge(&group);
            } else {
                self.not_replayed += 1;
            }
            self.replay.fold(&group);
        }
        self.findings.append(&mut self.reader.findings);
    }

    fn judge(&mut self, group: &Group) {
        let judged = self.replay.judge(&group.reads);
        count(&mut self.reader.tallies, &group.reads, &judged);
        self.unchecked(&judged);
        for read in &group.reads {
            self.scheme(read, &judged);
            self.findings.extend(notice::notice(read));
            if notice::is_bootstrap(read.fact()) {
                let seq = read.entry.seq;
                let (first, times) = self.bootstrap.unwrap_or((seq, 0));
                self.bootstrap = Some((first, times + 1));
            }
            let tallies = &mut self.reader.tallies;
            self.findings
                .extend(self.fingerprints.take(&self.replay.state, read, tallies));
            if judged.unredeemed {
                self.findings.push(notice::unredeemed(read));
            }
        }
        if let Some(fault) = judged.fault {
            let sentence = format!("illegal transition: {}", fault.why);
            self.findings
                .push(Finding::fault(fault.seq, fault.id, sentence).of(fault.call));
        }
    }

    fn unchecked(&mut self, judged: &Judged) {
        let others = judged.unchecked.iter();
        let others = others.filter(|it| !matches!(it, Unchecked::Policy | Unchecked::Presentation));
        self.guards_unchecked += u64::try_from(others.count()).unwrap_or(u64::MAX);
    }

    fn scheme(&mut self, read: &crate::read::Read, judged: &Judged) {
        use countersign_record::entry::Fact;
        let signed = match read.fact() {
            Fact::VoteApprove(_) | Fact::VoteDeny(_) => true,
            Fact::ConfirmationRevoked(revoked) => revoked.statement.is_some(),
            _ => false,
        };
        let key = read
            .entry
            .draft
            .refs
            .key
            .and_then(|id| self.replay.state.roster.keys.get(&id));
        if let (true, None, Some(key)) = (signed, &judged.fault, key) {
            *self
                .by_scheme
                .entry(key.enrolled.scheme.as_str())
                .or_default() += 1;
        }
    }

    fn open_calls(&mut self) {
        if let Some((first, times)) = self.bootstrap {
            let sentence = format!(
                "{times} changes of people, keys, agents and policy were made by the operator alone, before arming"
            );
            self.findings
                .push(Finding::at(first, "bootstrap", Severity::Low, sentence));
        }
        if self.reader.unreadable.is_some() {
            return;
        }
        let now = self.replay.state.last_at;
        let notes: Vec<_> = self
            .replay
            .state
            .calls
            .values()
            .map(|call| still_open(call, now))
            .collect();
        for finding in notes {
            self.reader.tallies.not_checked(CheckId::Ended);
            self.findings.push(finding);
        }
    }
}

fn still_open(call: &Call, now: u64) -> Finding {
    let stage = match &call.stage {
        Stage::Judged | Stage::Pending(_) => "waits for a decision",
        Stage::Allowed(_) => "is allowed and not yet redeemed",
        Stage::Approved(..) => "is approved and not yet redeemed",
        Stage::Redeemed(_) => "was redeemed; nothing is reported yet",
    };
    let overdue = if now >= call.deadline() {
        ", and its time is over"
    } else {
        ""
    };
    let sentence: String = format!("the call {stage}{overdue}");
    Finding::at(call.version, "open-call", Severity::Note, sentence).of(Some(call.id))
}
