//! Problems of the document as a whole: defaults, governance, groups, the owner's examples.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::vec::Vec;

use countersign_record::name::GroupName;

use super::Problem;
use crate::confirm::Confirm;
use crate::document::{Fallback, Guarded, Policy};
use crate::hint::did_you_mean;

pub(super) fn check(policy: &Policy, problems: &mut Vec<Problem>) {
    fallback(policy, problems);
    governance(policy, problems);
    not_built(policy, problems);
    groups(policy, problems);
    examples(policy, problems);
}

fn fallback(policy: &Policy, problems: &mut Vec<Problem>) {
    let head = &policy.document.policy;
    let confirms = head.default == Fallback::Confirm
        || head.unknown_tool == Guarded::Confirm
        || head.on_error == Guarded::Confirm;
    match (&head.fallback_rule, policy.fallback()) {
        (None, _) if confirms => problems.push(Problem::error(
            "fallback-missing",
            "[policy]",
            "it says confirm without saying who is asked",
            "name a rule: fallback_rule = \"…\"",
        )),
        (Some(name), None) => problems.push(Problem::error(
            "fallback-missing",
            "[policy]",
            format!("the fallback rule \"{name}\" does not exist"),
            format!(
                "write a [[rule]] of that id{}",
                did_you_mean(
                    name.as_str(),
                    policy.document.rules.iter().map(|rule| rule.id.as_str())
                ),
            ),
        )),
        (_, Some(rule)) if rule.confirm().is_none() => problems.push(Problem::error(
            "fallback-denies",
            format!("rule \"{}\"", rule.id),
            "it is the fallback rule, and it asks nobody",
            "give it a confirm block, or write deny in [policy]",
        )),
        _ => {}
    }
}

fn governance(policy: &Policy, problems: &mut Vec<Problem>) {
    let Some(governance) = &policy.document.governance else {
        problems.push(Problem::error(
            "governance-missing",
            "[governance]",
            "nobody must agree when people, keys or this policy itself change",
            "write a [governance] section; an empty one means two of owners",
        ));
        return;
    };
    let needed: u32 = governance.0.seats.iter().map(|seats| seats.need).sum();
    if needed < 2 {
        problems.push(
            Problem::error(
                "governance-single",
                "[governance]",
                "one person alone can change people, keys and this policy",
                "ask for two approvals, unless the log is meant for one person",
            )
            .warning(),
        );
    }
}

fn not_built(policy: &Policy, problems: &mut Vec<Problem>) {
    let document = &policy.document;
    let mut refuse = |place: &str, word: &str| {
        problems.push(Problem::error(
            "not-built",
            place,
            format!("{word} is not built yet"),
            "take it out: nothing would enforce it",
        ));
    };
    if document.budget.is_some() {
        refuse("[budget]", "budget");
    }
    if document.plan.is_some() {
        refuse("[plan]", "plan");
    }
    for word in document
        .governance
        .iter()
        .flat_map(|governance| &governance.0.not_built)
    {
        refuse("[governance]", word);
    }
    for rule in &document.rules {
        for word in &rule.not_built {
            refuse(&format!("rule \"{}\"", rule.id), word);
        }
    }
}

fn groups(policy: &Policy, problems: &mut Vec<Problem>) {
    let declared = &policy.document.groups;
    let mut used: BTreeSet<&GroupName> = BTreeSet::new();
    for (place, confirm) in confirms(policy) {
        let named: BTreeSet<&GroupName> = confirm
            .seats
            .iter()
            .flat_map(|seats| &seats.groups)
            .collect();
        for group in named.iter().filter(|group| !declared.contains_key(**group)) {
            let near = did_you_mean(group.as_str(), declared.keys().map(GroupName::as_str));
            problems.push(Problem::error(
                "group-undefined",
                place.clone(),
                format!("the group \"{group}\" is not declared"),
                format!("declare it in [groups] with its purpose{near}"),
            ));
        }
        used.extend(named);
    }
    for group in declared.keys().filter(|group| !used.contains(group)) {
        problems.push(
            Problem::error(
                "group-unused",
                format!("group \"{group}\""),
                "no rule asks it",
                "take it out, or name it in a rule",
            )
            .warning(),
        );
    }
}

/// Every confirm block with its place.
pub(super) fn confirms(policy: &Policy) -> impl Iterator<Item = (alloc::string::String, &Confirm)> {
    let governance = policy.document.governance.iter();
    let governance = governance.map(|governance| ("[governance]".into(), &governance.0));
    let rules = policy.document.rules.iter();
    governance
        .chain(rules.filter_map(|rule| Some((format!("rule \"{}\"", rule.id), rule.confirm()?))))
}

fn examples(policy: &Policy, problems: &mut Vec<Problem>) {
    let results = policy.test();
    if results.is_empty() {
        problems.push(
            Problem::error(
                "no-tests",
                "[[test]]",
                "the owner gives no examples",
                "write one example for each rule, and one for a call that may run",
            )
            .warning(),
        );
    }
    for result in results {
        if let Some(shortfall) = result.shortfalls.first() {
            problems.push(Problem::error(
                "test-fails",
                format!("test \"{}\"", result.name),
                format!("{shortfall}"),
                "correct the rule or the example",
            ));
        }
    }
}
