//! Likenesses: two disclosed calls of one party and epoch are alike exactly when their actions are
//! equal. The salt is never disclosed, so this relation is all that can be checked.

use alloc::collections::BTreeMap;
use alloc::format;

use countersign_flow::{CallDocument, Requester, State};
use countersign_record::digest::{FingerprintDigest, sha256};
use countersign_record::entry::{CallEvaluated, Fact, Fingerprint, Party};
use countersign_record::json::canonical;

use crate::check::{CheckId, Tallies};
use crate::finding::Finding;
use crate::read::Read;

/// Epochs before the present one that can still be named by `same_as`; an epoch counts for 61 days
/// and the next begins after 30.
const EPOCHS_KEPT: u64 = 2;

/// What was seen of every party's present epochs.
#[derive(Debug, Default)]
pub(crate) struct Fingerprints(BTreeMap<(Requester, u64), Seen>);

#[derive(Debug, Default)]
struct Seen {
    actions: BTreeMap<FingerprintDigest, [u8; 32]>,
    likenesses: BTreeMap<[u8; 32], FingerprintDigest>,
}

impl Fingerprints {
    /// Compares a call with the earlier ones; `state` is that before its entry.
    pub(crate) fn take(
        &mut self,
        state: &State,
        read: &Read,
        tallies: &mut Tallies,
    ) -> Option<Finding> {
        let Fact::CallEvaluated(evaluated) = read.fact() else {
            return None;
        };
        let document = read
            .whole("call")
            .and_then(|body| CallDocument::read(body).ok());
        let Some(document) = document else {
            tallies.not_checked(CheckId::Fingerprints);
            return None;
        };
        let by = read.entry.draft.by;
        let principal = match by {
            Party::Agent(id) => state.roster.agents.get(&id).map(|agent| agent.principal),
            Party::Executor(_) | Party::Person(_) | Party::Credential(_) => None,
        };
        let requester = Requester {
            asker: by,
            principal,
        };
        let action = sha256(&[&canonical(&document.action())]);
        let holds = self.relates(requester, evaluated, action);
        tallies.judged(CheckId::Fingerprints, holds);
        let seq = read.entry.seq;
        let sentence = format!(
            "entry {seq}: the call's likeness and its action do not agree with those of earlier calls"
        );
        (!holds)
            .then(|| Finding::fault(seq, "fingerprint", sentence).of(read.entry.draft.refs.call))
    }

    fn relates(
        &mut self,
        requester: Requester,
        evaluated: &CallEvaluated,
        action: [u8; 32],
    ) -> bool {
        let Fingerprint { epoch, digest } = evaluated.fp;
        let same = evaluated.same_as.as_ref().is_none_or(|older| {
            let seen = self.0.get(&(requester, older.epoch));
            let known = seen.and_then(|seen| seen.actions.get(&older.digest));
            older.epoch < epoch && known.is_none_or(|known| *known == action)
        });
        self.0
            .retain(|(other, old), _| *other != requester || *old + EPOCHS_KEPT >= epoch);
        let seen = self.0.entry((requester, epoch)).or_default();
        let by_likeness = *seen.actions.entry(digest).or_insert(action) == action;
        let by_action = *seen.likenesses.entry(action).or_insert(digest) == digest;
        same && by_likeness && by_action
    }
}
