//! Likenesses of actions, under salts that stay in the keyring; and how calls ended.

use countersign_flow::{CallDocument, Past, PastStage, Refusal, Requester};
use countersign_record::action::fingerprint;
use countersign_record::entry::{Entry, Fact, Fingerprint, Verdict};
use countersign_record::id::{CallId, ExecutorId};
use countersign_record::keyring::{FingerprintSalt, Keyring, Party as SaltParty};
use countersign_store::index::entry_ids;
use countersign_store::log::Urgency;

use super::{Core, Unread};
use crate::entropy::draw;
use crate::error::{CommandError, Unavailable};
use crate::reading::UNINDEXED_MAX;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;
/// An epoch takes new calls this long.
const EPOCH_MS: u64 = 30 * DAY_MS;
/// Its salt counts this much longer, so that denials of its last day can be recognised; and one more
/// epoch, because it may have begun with a call that was refused.
const AFTER_MS: u64 = 31 * DAY_MS;

impl Core {
    /// The likeness in the party's present epoch, and in older ones that still count.
    pub(crate) fn likeness(
        &mut self,
        requester: Requester,
        document: &CallDocument,
    ) -> Result<(Fingerprint, Vec<Fingerprint>), CommandError> {
        let party = SaltParty {
            agent: requester.asker.to_string(),
            principal: requester
                .principal
                .map(|id| id.to_string())
                .unwrap_or_default(),
        };
        let now = self.now();
        // The ledger says which epoch it is, so that the keyring can never run ahead of it.
        let present = match self.state.epochs.get(&requester) {
            None => 0,
            Some(epoch) if now < epoch.first_at.saturating_add(EPOCH_MS) => epoch.number,
            Some(epoch) => epoch.number.saturating_add(1),
        };
        if self.keyring.fingerprint_salt(&party, present).is_none() {
            self.begin_epoch(&party, present, now)?;
        }
        let action = document.action();
        let mut likenesses: Vec<Fingerprint> = self
            .keyring
            .fingerprint_salts(&party)
            .filter(|(epoch, salt)| {
                *epoch == present || now < salt.started_at.saturating_add(2 * EPOCH_MS + AFTER_MS)
            })
            .map(|(epoch, salt)| Fingerprint {
                epoch,
                digest: fingerprint(&action, &salt.salt),
            })
            .collect();
        let place = likenesses
            .iter()
            .position(|likeness| likeness.epoch == present);
        let place = place.ok_or(Unavailable::Internal)?;
        Ok((likenesses.swap_remove(place), likenesses))
    }

    fn begin_epoch(
        &mut self,
        party: &SaltParty,
        number: u64,
        now: u64,
    ) -> Result<(), CommandError> {
        let mut keyring = Keyring::clone(&self.keyring);
        let salt = FingerprintSalt {
            salt: draw(&mut *self.entropy)?,
            started_at: now,
        };
        keyring
            .add_fingerprint_salt(party.clone(), number, salt)
            .map_err(|_| Unavailable::Internal)?;
        self.save_keyring(keyring, Urgency::Routine)
    }

    /// How a call ended, read back from the log.
    pub(crate) fn past(&self, call: CallId) -> Option<Past> {
        let history = self.history(call);
        let executor = history.iter().find_map(|entry| match entry.draft.fact {
            Fact::CallEvaluated(_) => entry.draft.refs.executor,
            _ => None,
        })?;
        history
            .iter()
            .rev()
            .find_map(|entry| past_of(entry, executor))
    }

    /// Seqs of the entries about an id: from the index as far as it has come, then from the log
    /// itself, then from the batch under way. Nothing, and [`Unread::NotIndexed`], while the index is far
    /// behind.
    pub(crate) fn about(&self, id: &str) -> Vec<u64> {
        let found = self
            .index
            .as_ref()
            .and_then(|index| index.seqs(id, 0..u64::MAX, usize::MAX).ok());
        let (mut seqs, from) = found.map_or((Vec::new(), 0), |it| (it.seqs, it.complete_to));
        if self.index.is_some() && self.durable.size.saturating_sub(from) > UNINDEXED_MAX {
            self.unread.set(Some(Unread::NotIndexed));
            return Vec::new();
        }
        let frames = self.reader.frames(from);
        let frames = frames.filter_map(|frame| self.readable(frame));
        for record in frames
            .flat_map(|frame| frame.records)
            .filter(|record| record.seq >= from)
        {
            if entry_ids(&record.entry).iter().any(|other| other == id) {
                seqs.push(record.seq);
            }
        }
        for (seq, staged) in (self.durable.size..).zip(&self.staged) {
            if entry_ids(&staged.entry).iter().any(|other| other == id) {
                seqs.push(seq);
            }
        }
        seqs
    }

    /// Every entry about a call, in order.
    pub(crate) fn history(&self, call: CallId) -> Vec<Entry> {
        let seqs = self.about(&call.to_string());
        let entries = seqs
            .into_iter()
            .filter_map(|seq| Some(self.record(seq)?.entry));
        entries
            .filter(|entry| entry.draft.refs.call == Some(call))
            .collect()
    }
}

/// What an entry says of how its call ended.
pub(crate) fn past_of(entry: &Entry, executor: ExecutorId) -> Option<Past> {
    let stage = match &entry.draft.fact {
        Fact::CallEvaluated(it) => match it.verdict {
            Verdict::Frozen => PastStage::NotExecuted(Refusal::Frozen),
            Verdict::Deny | Verdict::PreviouslyDenied => {
                PastStage::NotExecuted(Refusal::NotApproved)
            }
            Verdict::Allow | Verdict::Confirm => return None,
        },
        Fact::ConfirmationDenied(_) => PastStage::NotExecuted(Refusal::NotApproved),
        Fact::ConfirmationExpired(_) => PastStage::NotExecuted(Refusal::Expired),
        Fact::ConfirmationWithdrawn(_) | Fact::GrantWithdrawn(_) => {
            PastStage::NotExecuted(Refusal::NotPending)
        }
        Fact::ConfirmationRevoked(_) | Fact::GrantRevoked(_) => {
            PastStage::NotExecuted(Refusal::Revoked)
        }
        Fact::ConfirmationSuperseded(_) | Fact::GrantSuperseded(_) => {
            PastStage::NotExecuted(Refusal::Superseded)
        }
        Fact::GrantLapsed(_) => PastStage::NotExecuted(Refusal::Lapsed),
        Fact::OutcomeRecorded(it) => PastStage::Reported(it.status),
        Fact::OutcomeDisputed(_) => PastStage::Disputed,
        _ => return None,
    };
    Some(Past {
        seq: entry.seq,
        executor,
        stage,
    })
}
