//! A requirement as the policy makes it, and the same as a header holds it.

use alloc::string::ToString;
use alloc::vec::Vec;

use countersign_policy::{Fact, Requirement, Slot};
use countersign_record::entry;
use countersign_record::entry::Demand;
use countersign_record::name::RuleName;

/// More slots than any policy makes: a bound on what a header can make a reader compute.
const SLOTS_MAX: usize = 64;

/// More people than any slot asks for, likewise.
const NEED_MAX: u64 = 1_000;

/// The header's form of a requirement.
pub fn demand(requirement: &Requirement) -> Demand {
    let slot = |slot: &Slot| entry::Slot {
        rule: slot.rule.clone(),
        groups: slot.groups.clone(),
        need: u64::from(slot.need),
    };
    Demand {
        slots: requirement.slots.iter().map(slot).collect(),
        class: requirement.key_class,
        client: requirement.client,
        decide_within: requirement.decide_within_ms,
        execute_within: requirement.execute_within_ms,
        outcome_within: requirement.outcome_within_ms,
        cool_down: requirement.cool_down_ms,
        reason_required: requirement.reason_required,
        self_confirm: requirement.self_confirm,
        deny_threshold: u64::from(requirement.deny_threshold),
        after_denial: requirement.after_denial_ms,
        independence: requirement
            .independence
            .iter()
            .map(ToString::to_string)
            .collect(),
        number: false,
        typed: false,
    }
}

/// The requirement that a header holds; `None` where it names what this version does not know.
pub(crate) fn requirement(rules: &[RuleName], demand: &Demand) -> Option<Requirement> {
    if demand.number || demand.typed {
        return None;
    }
    let independence = demand
        .independence
        .iter()
        .map(|fact| fact.parse::<Fact>().ok());
    Some(Requirement {
        rules: rules.to_vec(),
        slots: slots(demand)?,
        key_class: demand.class,
        client: demand.client,
        decide_within_ms: demand.decide_within,
        execute_within_ms: demand.execute_within,
        outcome_within_ms: demand.outcome_within,
        cool_down_ms: demand.cool_down,
        reason_required: demand.reason_required,
        self_confirm: demand.self_confirm,
        deny_threshold: u32::try_from(demand.deny_threshold).ok()?,
        after_denial_ms: demand.after_denial,
        independence: independence.collect::<Option<_>>()?,
        match_number: false,
        type_to_confirm: None,
    })
}

/// Whom a header's demand needs, in the policy's form.
pub(crate) fn slots(demand: &Demand) -> Option<Vec<Slot>> {
    let slot = |slot: &entry::Slot| {
        Some(Slot {
            rule: slot.rule.clone(),
            groups: slot.groups.clone(),
            need: u32::try_from(slot.need).ok()?,
        })
    };
    demand.slots.iter().map(slot).collect()
}

/// Whether a header's demand can be met by people and by nobody else: what a reader without the
/// policy can say of it. Every rule names whom it needs, and nothing in it is reserved.
pub(crate) fn is_sound(rules: &[RuleName], demand: &Demand) -> bool {
    let of_rule = |rule: &RuleName| demand.slots.iter().any(|slot| slot.rule == *rule);
    let slot = |slot: &entry::Slot| {
        (1..=NEED_MAX).contains(&slot.need) && !slot.groups.is_empty() && rules.contains(&slot.rule)
    };
    demand.slots.len() <= SLOTS_MAX
        && !rules.is_empty()
        && rules.is_sorted()
        && rules.iter().all(of_rule)
        && demand.slots.iter().all(slot)
        && demand.deny_threshold > 0
        && requirement(rules, demand).is_some()
}
