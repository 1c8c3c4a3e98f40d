//! The whole examination: one pass over the records, then the checks in order.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use countersign_flow::{Call, Stage, Unchecked};
use countersign_record::entry::Fact;
use countersign_record::id::CallId;

use crate::check::CheckId;
use crate::conclude;
use crate::count::count;
use crate::finding::{Finding, Findings, Severity};
use crate::fingerprints::Fingerprints;
use crate::head::{Earlier, Newest, Trust};
use crate::notice;
use crate::options::{Extent, Options};
use crate::read::{Group, Read, Reader};
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
    let mut run = Run::new(source, trust, options.extent);
    source.prepared(options.extent, &mut |record| match record {
        Ok(prepared) if run.broke_off.is_none() => {
            run.groups(|reader| reader.take(prepared));
            progress(run.reader.size());
        }
        Err(error) if run.broke_off.is_none() => run.broke_off = Some(error),
        _ => {}
    });
    run.groups(|reader| reader.finish().into_iter().collect());
    run.open_calls();
    conclude::conclude(run, options)
}

/// Open calls whose demand no policy was held against, and how many such were approved.
#[derive(Debug, Default)]
pub(crate) struct OnTrust {
    open: BTreeSet<CallId>,
    pub(crate) approvals: u64,
}

impl OnTrust {
    fn take(&mut self, group: &[Read], judged: &Judged) {
        for read in group {
            let Some(call) = read.entry.draft.refs.call else {
                continue;
            };
            match read.fact() {
                Fact::ConfirmationOpened(_) if judged.unchecked.contains(&Unchecked::Policy) => {
                    self.open.insert(call);
                }
                Fact::ConfirmationApproved(_) if self.open.remove(&call) => self.approvals += 1,
                Fact::ConfirmationDenied(_)
                | Fact::ConfirmationExpired(_)
                | Fact::ConfirmationWithdrawn(_)
                | Fact::ConfirmationSuperseded(_)
                | Fact::ConfirmationRevoked(_) => {
                    self.open.remove(&call);
                }
                _ => {}
            }
        }
    }
}

/// What was found so far.
pub(crate) struct Run {
    pub(crate) extent: Extent,
    pub(crate) reader: Reader,
    pub(crate) replay: Replay,
    pub(crate) newest: Newest,
    pub(crate) earlier: Earlier,
    pub(crate) findings: Findings,
    pub(crate) broke_off: Option<SourceError>,
    /// Guards other than a call's policy and presentation that withheld bodies kept from being checked.
    pub(crate) guards_unchecked: u64,
    /// Questions whose demand was taken from the log itself.
    pub(crate) on_trust: OnTrust,
    /// Commands that could not be replayed.
    pub(crate) not_replayed: u64,
    /// The checkpoint ends within a command, so that its first part was not replayed.
    pub(crate) is_cut_by_checkpoint: bool,
    /// Somebody is appending to the log right now.
    pub(crate) is_being_written: bool,
    pub(crate) by_scheme: BTreeMap<&'static str, u64>,
    bootstrap: Option<(u64, u64)>,
    fingerprints: Fingerprints,
}

impl Run {
    fn new(source: &dyn Source, trust: &Trust, extent: Extent) -> Self {
        let newest = Newest::open(source.checkpoint().as_deref(), &trust.log_keys);
        let earlier = Earlier::read(trust.earlier.as_deref());
        let sizes = [newest.checkpoint(), earlier.checkpoint()];
        let sizes = sizes
            .into_iter()
            .flatten()
            .map(|checkpoint| checkpoint.size);
        Self {
            extent,
            reader: Reader::watching(sizes),
            replay: Replay::default(),
            newest,
            earlier,
            findings: Findings::default(),
            broke_off: None,
            guards_unchecked: 0,
            on_trust: OnTrust::default(),
            not_replayed: 0,
            is_cut_by_checkpoint: false,
            is_being_written: source.is_being_written(),
            by_scheme: BTreeMap::new(),
            bootstrap: None,
            fingerprints: Fingerprints::default(),
        }
    }

    fn groups(&mut self, read: impl FnOnce(&mut Reader) -> Vec<Group>) {
        for group in read(&mut self.reader) {
            if !self.is_covered(&group) || self.extent == Extent::Structure {
                continue;
            }
            if group.whole {
                self.judge(&group);
            } else {
                self.not_replayed += 1;
            }
            self.replay.fold(&group);
        }
        self.findings.extend(self.reader.findings.drain(..));
    }

    /// What stands behind the checkpoint is nobody's word: it is neither judged nor folded.
    fn is_covered(&mut self, group: &Group) -> bool {
        let Some(checkpoint) = self.newest.checkpoint() else {
            return true;
        };
        let covers = |place| place < checkpoint.size;
        let (first, last) = (covers(group.first), covers(group.last));
        self.is_cut_by_checkpoint |= first && !last;
        last
    }

    fn judge(&mut self, group: &Group) {
        let judged = self.replay.judge(&group.reads);
        count(&mut self.reader.tallies, &group.reads, &judged);
        self.unchecked(&group.reads, &judged);
        self.on_trust.take(&group.reads, &judged);
        for read in &group.reads {
            self.scheme(read, &judged);
            self.findings.extend(notice::notice(read));
            if notice::is_bootstrap(read.fact()) {
                let seq = read.place;
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

    /// Of a call, policy and presentation have lines of their own in the report.
    fn unchecked(&mut self, group: &[Read], judged: &Judged) {
        let of_call = group
            .iter()
            .any(|read| matches!(read.fact(), Fact::CallEvaluated(_)));
        let has_line =
            |it: &Unchecked| of_call && matches!(it, Unchecked::Policy | Unchecked::Presentation);
        let others = judged.unchecked.iter().filter(|it| !has_line(it));
        self.guards_unchecked += u64::try_from(others.count()).unwrap_or(u64::MAX);
    }

    fn scheme(&mut self, read: &Read, judged: &Judged) {
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
