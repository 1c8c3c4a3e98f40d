//! Whose votes count: who may decide, who has approved, who is left.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use countersign_policy::quorum;
use countersign_policy::quorum::Member;
use countersign_record::entry::Party;
use countersign_record::id::{KeyId, PersonId};
use countersign_record::name::GroupName;
use countersign_record::term::Decision;

use crate::refusal::Refusal;
use crate::requirement;
use crate::state::{Key, Pending, State};

/// Whoever asks does not approve, unless the policy says so in words.
pub(super) fn may_approve(pending: &Pending, person: PersonId) -> bool {
    pending.demand.self_confirm || !pending.requester.contains(&Party::Person(person))
}

pub(super) fn is_frozen(state: &State, person: PersonId, key: KeyId) -> bool {
    let mut freezes = state.freezes.values();
    freezes.any(|freeze| freeze.key == Some(key) || freeze.person == Some(person))
}

pub(super) fn active_key(state: &State, person: PersonId, key: KeyId) -> Result<&Key, Refusal> {
    let key = state.roster.keys.get(&key).ok_or(Refusal::KeyNotActive)?;
    if key.person == person && key.revoked.is_none() {
        Ok(key)
    } else {
        Err(Refusal::KeyNotActive)
    }
}

/// The groups through which a person may decide: pinned at opening, and still held.
pub(super) fn eligible(state: &State, pending: &Pending, person: PersonId) -> BTreeSet<GroupName> {
    let current = state.roster.eligible(person, &pending.demand);
    pending
        .pinned
        .get(&person)
        .map(|pinned| pinned & &current)
        .unwrap_or_default()
}

pub(super) fn groups(state: &State, pending: &Pending, person: PersonId) -> Vec<GroupName> {
    eligible(state, pending, person).into_iter().collect()
}

/// Approvals whose key is not revoked and whose person is still eligible.
pub(super) fn standing(state: &State, pending: &Pending) -> Vec<Member> {
    let approvals = pending
        .votes
        .iter()
        .filter(|(_, vote)| vote.decision == Decision::Approve);
    approvals
        .filter(|(person, vote)| active_key(state, **person, vote.key).is_ok())
        .map(|(person, _)| (*person, groups(state, pending, *person)))
        .filter(|(_, groups)| !groups.is_empty())
        .collect()
}

/// Approvals that count now: those that stand, and are not frozen.
pub(super) fn counted(state: &State, pending: &Pending) -> Vec<Member> {
    let mut approvals = standing(state, pending);
    approvals.retain(|(person, _)| {
        pending
            .votes
            .get(person)
            .is_some_and(|vote| !is_frozen(state, *person, vote.key))
    });
    approvals
}

/// Those who could still approve, whoever refuses just now aside.
pub(super) fn undecided(state: &State, pending: &Pending, refusing: PersonId) -> Vec<Member> {
    let people = pending.pinned.keys().filter(|person| {
        **person != refusing
            && !pending.votes.contains_key(*person)
            && may_approve(pending, **person)
    });
    people
        .map(|person| (*person, groups(state, pending, *person)))
        .filter(|(_, groups)| !groups.is_empty())
        .collect()
}

/// Whether an approved call's quorum still stands on keys and people that count.
pub(in crate::admit) fn quorum_stands(state: &State, pending: &Pending) -> bool {
    requirement::slots(&pending.demand)
        .is_some_and(|slots| quorum::progress(&slots, &counted(state, pending)).met)
}
