//! What the policy demands of one call, and when a later demand is no stricter.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::cmp::{max, min};
use core::fmt;
use core::str::FromStr;

use countersign_record::name::{GroupName, RuleName};
use countersign_record::term::{Client, KeyClass};

use crate::confirm::Confirm;

/// Seats of one rule that the same groups may fill.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Slot {
    /// The rule that demands it.
    pub rule: RuleName,
    /// A member of any of these counts; sorted.
    pub groups: Vec<GroupName>,
    /// How many different persons, at least 1.
    pub need: u32,
}

/// A fact in which the approver's way must differ from the agent's.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fact {
    /// Another account.
    Account,
    /// Another channel.
    Channel,
    /// Another credential.
    Credential,
    /// Another device.
    Device,
    /// Another network.
    Network,
}

impl Fact {
    /// Every fact, in order.
    pub const ALL: &[Self] = &[
        Self::Account,
        Self::Channel,
        Self::Credential,
        Self::Device,
        Self::Network,
    ];

    /// The word as it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Channel => "channel",
            Self::Credential => "credential",
            Self::Device => "device",
            Self::Network => "network",
        }
    }
}

/// A word that is no fact of independence.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not one of account, channel, credential, device, network")]
pub struct UnknownFact;

impl FromStr for Fact {
    type Err = UnknownFact;

    fn from_str(text: &str) -> Result<Self, UnknownFact> {
        Self::ALL
            .iter()
            .copied()
            .find(|fact| fact.as_str() == text)
            .ok_or(UnknownFact)
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What must be true before a call may run: the strictest of all rules that matched.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Requirement {
    /// The rules that matched, sorted.
    pub rules: Vec<RuleName>,
    /// All seats of all rules, sorted; within a rule they need distinct persons.
    pub slots: Vec<Slot>,
    /// The least key class that counts.
    pub key_class: KeyClass,
    /// The least client that counts; `None`: any.
    pub client: Option<Client>,
    /// No decision in this time is a cancel.
    pub decide_within_ms: u64,
    /// An approval not redeemed in this time lapses.
    pub execute_within_ms: u64,
    /// The executor reports in this time after redeeming.
    pub outcome_within_ms: u64,
    /// Nobody can approve earlier than this after opening.
    pub cool_down_ms: u64,
    /// Whether each approver writes a reason.
    pub reason_required: bool,
    /// So many denials end it.
    pub deny_threshold: u32,
    /// Whether a person of the requester's circle may approve.
    pub self_confirm: bool,
    /// The same action of the same party is refused for this time after a denial.
    pub after_denial_ms: u64,
    /// Facts that must differ between approver and agent.
    pub independence: BTreeSet<Fact>,
    /// Reserved, always `false`: a number shown to the agent's user is typed by the approver.
    pub match_number: bool,
    /// Reserved, always `None`: the argument that the approver types.
    pub type_to_confirm: Option<crate::field::ArgPath>,
}

impl Requirement {
    /// The strictest in every component; every rule keeps its own slots. `None` without a rule.
    pub(crate) fn strictest<'a>(
        rules: impl IntoIterator<Item = (&'a RuleName, &'a Confirm)>,
    ) -> Option<Self> {
        rules
            .into_iter()
            .map(|(rule, confirm)| Self::of(rule, confirm))
            .reduce(Self::and)
    }

    fn of(rule: &RuleName, confirm: &Confirm) -> Self {
        let slots = confirm.seats.iter().map(|seats| Slot {
            rule: rule.clone(),
            groups: seats.groups.clone(),
            need: seats.need,
        });
        let mut slots: Vec<Slot> = slots.collect();
        slots.sort();
        Self {
            rules: Vec::from([rule.clone()]),
            slots,
            key_class: confirm.key_class,
            client: confirm.client,
            decide_within_ms: confirm.expires.milliseconds(),
            execute_within_ms: confirm.execute_within.milliseconds(),
            outcome_within_ms: confirm.outcome_within.milliseconds(),
            cool_down_ms: confirm.cool_down.milliseconds(),
            reason_required: confirm.reason_required,
            deny_threshold: confirm.deny_threshold,
            self_confirm: confirm.self_confirm,
            after_denial_ms: confirm.after_denial.milliseconds(),
            independence: confirm.independence.clone(),
            match_number: false,
            type_to_confirm: None,
        }
    }

    fn and(mut self, other: Self) -> Self {
        self.rules.extend(other.rules);
        self.rules.sort();
        self.rules.dedup();
        self.slots.extend(other.slots);
        self.slots.sort();
        self.independence.extend(other.independence);
        Self {
            key_class: max(self.key_class, other.key_class),
            client: max(self.client, other.client),
            decide_within_ms: min(self.decide_within_ms, other.decide_within_ms),
            execute_within_ms: min(self.execute_within_ms, other.execute_within_ms),
            outcome_within_ms: min(self.outcome_within_ms, other.outcome_within_ms),
            cool_down_ms: max(self.cool_down_ms, other.cool_down_ms),
            reason_required: self.reason_required || other.reason_required,
            deny_threshold: min(self.deny_threshold, other.deny_threshold),
            self_confirm: self.self_confirm && other.self_confirm,
            after_denial_ms: max(self.after_denial_ms, other.after_denial_ms),
            ..self
        }
    }

    /// Whether `current` demands nothing that this requirement did not demand already: what was
    /// approved under this one may then go on under `current` (docs/spec/policy.md, part 7).
    pub fn admits(&self, current: &Self) -> bool {
        let same_rule = |mine: &Slot, theirs: &Slot| mine.rule == theirs.rule;
        covers(&self.slots, &current.slots, same_rule) && self.is_as_strict_as(current)
    }

    /// Every component but the slots.
    pub(crate) fn is_as_strict_as(&self, other: &Self) -> bool {
        self.key_class >= other.key_class
            && self.client >= other.client
            && self.decide_within_ms <= other.decide_within_ms
            && self.execute_within_ms <= other.execute_within_ms
            && self.outcome_within_ms <= other.outcome_within_ms
            && self.cool_down_ms >= other.cool_down_ms
            && self.reason_required >= other.reason_required
            && self.deny_threshold <= other.deny_threshold
            && self.self_confirm <= other.self_confirm
            && self.after_denial_ms >= other.after_denial_ms
            && self.independence.is_superset(&other.independence)
            && self.match_number >= other.match_number
            && (self.type_to_confirm == other.type_to_confirm || other.type_to_confirm.is_none())
    }

    /// How many different persons are needed at least: the most that one rule asks for.
    pub fn approvals(&self) -> u32 {
        let of_rule = |rule: &RuleName| -> u32 {
            self.slots
                .iter()
                .filter(|slot| slot.rule == *rule)
                .map(|slot| slot.need)
                .sum()
        };
        self.rules.iter().map(of_rule).max().unwrap_or(0)
    }
}

/// Whether each slot of `theirs`, in order, finds a slot of `mine` of its own that is no easier:
/// the first that is not taken.
pub(crate) fn covers(
    mine: &[Slot],
    theirs: &[Slot],
    comparable: impl Fn(&Slot, &Slot) -> bool,
) -> bool {
    let mut taken = BTreeSet::new();
    theirs.iter().all(|theirs| {
        let free = mine.iter().enumerate().find(|(place, mine)| {
            !taken.contains(place)
                && comparable(mine, theirs)
                && mine.need >= theirs.need
                && mine
                    .groups
                    .iter()
                    .all(|group| theirs.groups.contains(group))
        });
        free.is_some_and(|(place, _)| taken.insert(place))
    })
}
