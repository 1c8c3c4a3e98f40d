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
use crate::compact::{Blocks, Compact};
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
    pairs: Pairs,
}

/// Which likeness goes with which action. Every pair is held once, in the order of coming, and found
/// from both sides by its number.
#[derive(Debug, Default)]
struct Pairs {
    all: Blocks<Pair>,
    by_likeness: Compact<FingerprintDigest, u32>,
    by_action: Compact<ActionHash, u32>,
}

#[derive(Clone, Copy, Debug)]
struct Pair {
    likeness: FingerprintDigest,
    action: ActionHash,
}

/// SHA-256 of an action without its salt.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct ActionHash([u8; 32]);

impl Pairs {
    fn action(&self, likeness: FingerprintDigest) -> Option<ActionHash> {
        let number = self
            .by_likeness
            .get(&likeness, |it| self.all.pair(*it).likeness);
        number.map(|it| self.all.pair(*it).action)
    }

    fn likeness(&self, action: ActionHash) -> Option<FingerprintDigest> {
        let number = self.by_action.get(&action, |it| self.all.pair(*it).action);
        number.map(|it| self.all.pair(*it).likeness)
    }

    /// Whether each goes with the other; what is new of them goes with the other from now on.
    fn agree(&mut self, pair: Pair) -> bool {
        let action = self.action(pair.likeness);
        let likeness = self.likeness(pair.action);
        if action.is_none() || likeness.is_none() {
            let Ok(number) = u32::try_from(self.all.len()) else {
                return false; // as many calls as nobody holds in memory
            };
            self.all.push(pair);
            if action.is_none() {
                self.by_likeness
                    .add(number, |it| self.all.pair(*it).likeness);
            }
            if likeness.is_none() {
                self.by_action.add(number, |it| self.all.pair(*it).action);
            }
        }
        action.is_none_or(|it| it == pair.action) && likeness.is_none_or(|it| it == pair.likeness)
    }
}

impl Blocks<Pair> {
    fn pair(&self, number: u32) -> &Pair {
        self.at(usize::try_from(number).unwrap_or(usize::MAX))
    }
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
        let action = ActionHash(sha256(&[&canonical(&document.action())]));
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
        action: ActionHash,
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
                let digest = seen.pairs.likeness(action)?;
                let epoch = *epoch;
                Some(Fingerprint { epoch, digest })
            })
            .any(|fp| joins(&fp) || state.denied(requester, &fp, at).is_some())
    }

    fn relates(
        &mut self,
        requester: Requester,
        evaluated: &CallEvaluated,
        action: ActionHash,
        began: UnixMillis,
    ) -> bool {
        let Fingerprint { epoch, digest } = evaluated.fp;
        let same = evaluated.same_as.as_ref().is_none_or(|older| {
            let seen = self.0.get(&(requester, older.epoch));
            let known = seen.and_then(|seen| seen.pairs.action(older.digest));
            older.epoch < epoch && known.is_none_or(|known| known == action)
        });
        self.0.retain(|(other, old), _| {
            *other != requester || old.saturating_add(EPOCHS_KEPT) >= epoch
        });
        let seen = self.0.entry((requester, epoch)).or_insert_with(|| Seen {
            first_at: began,
            pairs: Pairs::default(),
        });
        let likeness = digest;
        same && seen.pairs.agree(Pair { likeness, action })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(likeness: u8, action: u8) -> Pair {
        Pair {
            likeness: FingerprintDigest([likeness; 32]),
            action: ActionHash([action; 32]),
        }
    }

    #[test]
    fn a_likeness_goes_with_one_action_and_an_action_with_one_likeness() {
        let mut pairs = Pairs::default();
        assert!(pairs.agree(pair(1, 1)));
        assert!(pairs.agree(pair(1, 1)));
        assert!(!pairs.agree(pair(1, 2)));
        assert!(!pairs.agree(pair(2, 1)));
        // What was new of a pair that does not agree stays with what it came with.
        assert!(!pairs.agree(pair(3, 2)));
        assert!(!pairs.agree(pair(2, 3)));
        assert!(pairs.agree(pair(4, 4)));
        assert_eq!(pairs.all.len(), 6);
    }
}
