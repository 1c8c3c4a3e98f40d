//! Likenesses: two disclosed calls of one party and epoch are alike exactly when their actions are
//! equal, and in a later epoch an equal action is named as such where that matters. The salt is never
//! disclosed, so this relation is all that can be checked.

use alloc::collections::BTreeMap;
use alloc::format;

use countersign_flow::{Requester, State};
use countersign_record::digest::{FingerprintDigest, sha256};
use countersign_record::entry::{CallEvaluated, Fact, Fingerprint, Party, UnixMillis};
use countersign_record::json::canonical;

use crate::check::{CheckId, Tallies};
use crate::compact::Compact;
use crate::finding::Finding;
use crate::read::Read;

/// Epochs before the present one that can still be named by `same_as`; an epoch counts for 61 days
/// and the next begins after 30.
const EPOCHS_KEPT: u64 = 2;

/// How long an epoch's likenesses are compared with later ones: 61 days from its first call.
const EPOCH_COUNTS_MS: u64 = 61 * 24 * 60 * 60 * 1000;

/// What was seen of every party's present epochs.
#[derive(Debug, Default)]
pub(crate) struct Fingerprints(BTreeMap<(Requester, u64), Seen>);

#[derive(Debug)]
struct Seen {
    /// When the epoch's first call came.
    first_at: UnixMillis,
    actions: Compact<FingerprintDigest, [u8; 32]>,
    likenesses: Compact<[u8; 32], FingerprintDigest>,
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
        let Some(Ok(document)) = &read.document else {
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
        let at = read.entry.at;
        let is_concealed = self.is_concealed(state, requester, evaluated, action, at);
        let began = state.epochs.get(&requester).map_or(at, |epoch| {
            if epoch.number == evaluated.fp.epoch {
                epoch.first_at
            } else {
                at
            }
        });
        let holds = self.relates(requester, evaluated, action, began) && !is_concealed;
        tallies.judged(CheckId::Fingerprints, holds);
        let seq = read.place;
        let sentence = format!(
            "entry {seq}: the call's likeness and its action do not agree with those of earlier calls"
        );
        (!holds)
            .then(|| Finding::fault(seq, "fingerprint", sentence).of(read.entry.draft.refs.call))
    }

    /// An equal action of the party, in an earlier epoch, was refused and that stands, or can still be
    /// joined; and the entry names no likeness of an earlier epoch.
    fn is_concealed(
        &self,
        state: &State,
        requester: Requester,
        evaluated: &CallEvaluated,
        action: [u8; 32],
        at: UnixMillis,
    ) -> bool {
        let joins = |fp: &Fingerprint| {
            let call = state.live.get(&(requester, fp.clone()));
            let call = call.and_then(|id| state.calls.get(id));
            call.is_some_and(|call| call.question().is_some() && at < call.deadline())
        };
        if evaluated.same_as.is_some() || joins(&evaluated.fp) {
            return false;
        }
        let earlier = self.0.iter().filter(|((other, epoch), seen)| {
            let counts = at < seen.first_at.saturating_add(EPOCH_COUNTS_MS);
            *other == requester && *epoch < evaluated.fp.epoch && counts
        });
        earlier
            .filter_map(|((_, epoch), seen)| {
                let digest = *seen.likenesses.get(&action)?;
                let epoch = *epoch;
                Some(Fingerprint { epoch, digest })
            })
            .any(|fp| joins(&fp) || state.denied(requester, &fp, at).is_some())
    }

    fn relates(
        &mut self,
        requester: Requester,
        evaluated: &CallEvaluated,
        action: [u8; 32],
        began: UnixMillis,
    ) -> bool {
        let Fingerprint { epoch, digest } = evaluated.fp;
        let same = evaluated.same_as.as_ref().is_none_or(|older| {
            let seen = self.0.get(&(requester, older.epoch));
            let known = seen.and_then(|seen| seen.actions.get(&older.digest));
            older.epoch < epoch && known.is_none_or(|known| *known == action)
        });
        self.0.retain(|(other, old), _| {
            *other != requester || old.saturating_add(EPOCHS_KEPT) >= epoch
        });
        let seen = self.0.entry((requester, epoch)).or_insert_with(|| Seen {
            first_at: began,
            actions: Compact::default(),
            likenesses: Compact::default(),
        });
        let by_likeness = seen.actions.get_or_add(digest, action) == action;
        let by_action = seen.likenesses.get_or_add(action, digest) == digest;
        same && by_likeness && by_action
    }
}
