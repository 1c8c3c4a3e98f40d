//! Problems of conditions: fields that no tool has, comparisons that can never be sure.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use countersign_record::json::Value;

use super::{Problem, rules};
use crate::condition::{Condition, Operator};
use crate::document::Policy;
use crate::field::{ArgPath, Field};
use crate::hint::did_you_mean;
use crate::kind::Kind;
use crate::look::Counts;
use crate::rule::Rule;

pub(super) fn check(policy: &Policy, problems: &mut Vec<Problem>) {
    for rule in &policy.document.rules {
        let place = format!("rule \"{}\"", rule.id);
        for condition in &rule.when {
            if matches!(condition.operator, Operator::OutsideHours(_, None)) {
                problems.push(Problem::error(
                    "offset-missing",
                    place.clone(),
                    "it speaks of hours, and the policy does not say of which place",
                    "write utc_offset = \"+00:00\" in [policy]",
                ));
            }
            if condition.look().is_some_and(|look| look.within_ms() == 0) {
                problems.push(Problem::error(
                    "looks-at-nothing",
                    place.clone(),
                    "it looks back at no time at all",
                    "say within which time, such as within = \"24h\"",
                ));
            }
            for path in arguments(condition) {
                declared(policy, rule, path, &place, problems);
            }
            match &condition.field {
                Field::Label(label) => known_label(policy, label, &place, problems),
                Field::Argument(path) => fits(policy, rule, condition, path, &place, problems),
                Field::Tool | Field::Reason | Field::Time => {}
            }
        }
    }
}

/// The arguments that the condition looks at.
fn arguments(condition: &Condition) -> impl Iterator<Item = &ArgPath> {
    let field = match &condition.field {
        Field::Argument(path) => Some(path),
        Field::Label(_) | Field::Tool | Field::Reason | Field::Time => None,
    };
    let currency = match &condition.operator {
        Operator::Compared(_, threshold) | Operator::TotalOver(threshold, _) => {
            threshold.money.as_ref()
        }
        _ => None,
    };
    let per = match condition.look().map(|look| &look.counts) {
        Some(Counts::Total { per, .. }) => per.as_ref(),
        Some(Counts::Successes) | None => None,
    };
    field
        .into_iter()
        .chain(currency.map(|money| &money.currency.0))
        .chain(per)
}

fn declared(
    policy: &Policy,
    rule: &Rule,
    path: &ArgPath,
    place: &str,
    problems: &mut Vec<Problem>,
) {
    let (with, without): (Vec<_>, Vec<_>) =
        rules::selected(policy, rule).partition(|(_, tool)| tool.kind(path).is_some());
    if with.is_empty() {
        let known: BTreeSet<String> = without
            .iter()
            .flat_map(|(_, tool)| tool.args.keys().map(ToString::to_string))
            .collect();
        let near = did_you_mean(&path.to_string(), known.iter().map(String::as_str));
        problems.push(Problem::error(
            "field-undeclared",
            place,
            format!("it looks at {path}, which none of its tools declares"),
            format!("declare it in the args of the tool{near}"),
        ));
        return;
    }
    for (name, _) in without {
        problems.push(
            Problem::error(
                "field-undeclared",
                place,
                format!("it looks at {path}, which {name} does not have"),
                "name the tools instead of the class, or the rule applies to each of its calls",
            )
            .warning(),
        );
    }
}

fn known_label(policy: &Policy, label: &str, place: &str, problems: &mut Vec<Problem>) {
    let inventory = &policy.document.inventory;
    if inventory.values().any(|labels| labels.contains_key(label)) {
        return;
    }
    let known = inventory
        .values()
        .flat_map(|labels| labels.keys().map(String::as_str));
    problems.push(
        Problem::error(
            "label-unknown",
            place,
            format!("no target in [inventory] has the label {label}, so the rule always applies"),
            format!("label the targets{}", did_you_mean(label, known)),
        )
        .warning(),
    );
}

/// Whether the operator can ever be sure about an argument of the declared kind.
fn fits(
    policy: &Policy,
    rule: &Rule,
    condition: &Condition,
    path: &ArgPath,
    place: &str,
    problems: &mut Vec<Problem>,
) {
    let kinds =
        rules::selected(policy, rule).filter_map(|(name, tool)| Some((name, tool.kind(path)?)));
    for (name, kind) in kinds {
        let Some((needs, advice)) = misfit(&condition.operator, kind) else {
            continue;
        };
        problems.push(Problem::error(
            "condition-misfit",
            place,
            format!("{path} of {name} is declared {kind}, and {needs}"),
            advice,
        ));
    }
}

fn misfit(operator: &Operator, kind: Kind) -> Option<(&'static str, &'static str)> {
    match operator {
        Operator::Compared(..) | Operator::TotalOver(..) if !kind.is_number() => Some((
            "over, at_least, under and total_over compare numbers",
            "declare it money or count",
        )),
        Operator::Compared(_, threshold) | Operator::TotalOver(threshold, _) => {
            match (kind, threshold.money.is_some()) {
                (Kind::Money, false) => Some((
                    "an amount without a currency says nothing",
                    "add currency = \"args.…\" and in = \"EUR\"",
                )),
                (Kind::Count, true) => Some((
                    "a count has no currency",
                    "take currency and in out, or declare it money",
                )),
                _ => None,
            }
        }
        Operator::MatchesPrefix(_) if !kind.is_text() => {
            Some(("matches_prefix compares text", "use over, under or is"))
        }
        Operator::Is(value) | Operator::IsNot(value) => type_misfit(&value.0, kind),
        Operator::OneOf(list) => list.iter().find_map(|value| type_misfit(&value.0, kind)),
        Operator::MatchesPrefix(_)
        | Operator::Present(_)
        | Operator::FirstSeen(_)
        | Operator::OutsideHours(..) => None,
    }
}

fn type_misfit(value: &Value, kind: Kind) -> Option<(&'static str, &'static str)> {
    if kind.admits(value) || (kind.is_text() && value.as_str().is_some()) {
        return None;
    }
    Some((
        "the rule names a value of another type",
        "write the value as calls of this tool do",
    ))
}
