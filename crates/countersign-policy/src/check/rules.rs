//! Problems of rules: what they are about, and whether they add anything.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use countersign_record::name::ToolName;
use countersign_record::term::KeyClass;

use super::{Problem, head};
use crate::catalogue::Tool;
use crate::control;
use crate::document::Policy;
use crate::hint::did_you_mean;
use crate::requirement::{Requirement, covers};
use crate::rule::{Rule, Saying, Selector};

pub(super) fn check(policy: &Policy, problems: &mut Vec<Problem>) {
    let mut ids = BTreeSet::new();
    for (place_in_list, rule) in policy.document.rules.iter().enumerate() {
        let place = format!("rule \"{}\"", rule.id);
        if !ids.insert(&rule.id) || rule.id.as_str() == control::GOVERNANCE {
            problems.push(Problem::error(
                "rule-repeated",
                place.clone(),
                "the id is taken",
                "give each rule an id of its own, and none the id governance",
            ));
        }
        about(policy, rule, &place, problems);
        if let Some(stronger) = stronger(policy, place_in_list, rule) {
            problems.push(
                Problem::error(
                    "rule-without-effect",
                    place.clone(),
                    format!(
                        "the rule \"{}\" always demands at least as much",
                        stronger.id
                    ),
                    "take one of the two out, or make this one stricter",
                )
                .warning(),
            );
        }
        let locks = rule
            .about
            .selects(control::POLICY_ADOPT, Some(control::CLASS));
        if rule.says == Saying::Deny && locks {
            problems.push(Problem::error(
                "policy-locked",
                place,
                "it refuses every later policy, so nothing could ever be put right",
                "leave countersign.policy.adopt out of it",
            ));
        }
    }
    confirms(policy, problems);
}

fn about(policy: &Policy, rule: &Rule, place: &str, problems: &mut Vec<Problem>) {
    let mut unknown = |code, what: &str, word: &str, near: String| {
        problems.push(Problem::error(
            code,
            place,
            format!("the catalogue has no {what} \"{word}\""),
            format!("write it as [tools] does{near}"),
        ));
    };
    match &rule.about {
        Selector::Tools(tools) => {
            for tool in tools
                .iter()
                .filter(|tool| policy.tool(tool.as_str()).is_none())
            {
                let known = policy.tools().chain(policy.control_tools());
                let near = did_you_mean(tool.as_str(), known.map(|(name, _)| name.as_str()));
                unknown("tool-unknown", "tool", tool.as_str(), near);
            }
        }
        Selector::Classes(classes) => {
            let known: BTreeSet<&str> = policy
                .tools()
                .chain(policy.control_tools())
                .map(|(_, tool)| tool.class())
                .collect();
            for class in classes
                .iter()
                .filter(|class| !known.contains(class.as_str()))
            {
                let near = did_you_mean(class, known.iter().copied());
                unknown("class-unknown", "class", class, near);
            }
        }
        Selector::Nothing => {
            if policy.document.policy.fallback_rule.as_ref() != Some(&rule.id) {
                problems.push(Problem::error(
                    "rule-about-nothing",
                    place,
                    "it names no tool and no class, and it is not the fallback rule",
                    "write tool, tools or class",
                ));
            }
        }
    }
}

/// The tools that a rule is about.
pub(super) fn selected<'a>(
    policy: &'a Policy,
    rule: &'a Rule,
) -> impl Iterator<Item = (&'a ToolName, &'a Tool)> {
    policy
        .tools()
        .chain(policy.control_tools())
        .filter(|(name, tool)| rule.about.selects(name.as_str(), Some(tool.class())))
}

/// A rule without conditions about all the same tools that demands at least as much.
fn stronger<'a>(policy: &'a Policy, place: usize, rule: &Rule) -> Option<&'a Rule> {
    let rules = &policy.document.rules;
    rules.iter().enumerate().find_map(|(other_place, other)| {
        let mutual = makes_needless(policy, rule, other);
        let later = place > other_place;
        let needless = other_place != place && makes_needless(policy, other, rule);
        (needless && (!mutual || later)).then_some(other)
    })
}

fn makes_needless(policy: &Policy, strong: &Rule, weak: &Rule) -> bool {
    let mut tools = selected(policy, weak).peekable();
    let is_fallback = policy.document.policy.fallback_rule.as_ref() == Some(&weak.id);
    let everywhere = tools.peek().is_some()
        && tools.all(|(name, tool)| strong.about.selects(name.as_str(), Some(tool.class())));
    let as_strict = match (strong.confirm(), weak.confirm()) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(strong_block), Some(weak_block)) => {
            let strong = Requirement::strictest([(&strong.id, strong_block)]);
            let weak = Requirement::strictest([(&weak.id, weak_block)]);
            strong.zip(weak).is_some_and(|(strong, weak)| {
                covers(&strong.slots, &weak.slots, |_, _| true) && strong.is_as_strict_as(&weak)
            })
        }
    };
    strong.when.is_empty() && !is_fallback && everywhere && as_strict
}

fn confirms(policy: &Policy, problems: &mut Vec<Problem>) {
    for (place, confirm) in head::confirms(policy) {
        if confirm.key_class == KeyClass::Service {
            problems.push(Problem::error(
                "key-class-service",
                place.clone(),
                "keys of the service itself never approve",
                "write software, synced, device or hardware-attested",
            ));
        }
        if confirm.cool_down >= confirm.expires {
            problems.push(Problem::error(
                "cool-down-too-long",
                place,
                "it expires before anybody could approve",
                "make cool_down shorter than expires",
            ));
        }
    }
}
