//! Problems with the people there are: quorums that nobody can meet.

use alloc::format;
use alloc::vec::Vec;

use countersign_record::name::RuleName;

use super::{LivePerson, Population, Problem};
use crate::confirm::Confirm;
use crate::control;
use crate::document::Policy;
use crate::quorum::{self, Member};
use crate::requirement::Requirement;

pub(super) fn check(policy: &Policy, population: &Population, problems: &mut Vec<Problem>) {
    let Population::Known(people) = population else {
        return;
    };
    for rule in &policy.document.rules {
        let requirement = rule
            .confirm()
            .and_then(|confirm| Requirement::strictest([(&rule.id, confirm)]));
        if requirement.is_some_and(|requirement| !can_meet(&requirement, people)) {
            problems.push(Problem::error(
                "quorum-unmet",
                format!("rule \"{}\"", rule.id),
                "the people enrolled today cannot meet it",
                "add people or keys of that class to its groups, or ask for fewer",
            ));
        }
    }
    if let (Ok(name), Some(governance)) = (control::GOVERNANCE.parse(), &policy.document.governance)
    {
        governed(policy, &name, &governance.0, people, problems);
    }
}

/// The control must survive the loss of any one person, or it can lock everybody out.
fn governed(
    policy: &Policy,
    name: &RuleName,
    governance: &Confirm,
    people: &[LivePerson],
    problems: &mut Vec<Problem>,
) {
    let mut judged: Vec<Requirement> = Vec::new();
    for (tool, entry) in policy.control_tools() {
        let rules = policy.document.rules.iter().filter_map(|rule| {
            let selects = rule.about.selects(tool.as_str(), Some(entry.class()));
            Some((&rule.id, rule.confirm().filter(|_| selects)?))
        });
        let Some(requirement) = Requirement::strictest(rules.chain([(name, governance)])) else {
            continue;
        };
        if judged.contains(&requirement) {
            continue;
        }
        let by_governance_alone = requirement.rules == [name.clone()];
        let place = if by_governance_alone {
            "[governance]".into()
        } else {
            format!("tool \"{tool}\"")
        };
        if !can_meet(&requirement, people) {
            problems.push(Problem::error(
                "quorum-unmet",
                place,
                "the people enrolled today cannot meet it",
                "add people or keys of that class to its groups, or ask for fewer",
            ));
        } else if !survives_any_loss(&requirement, people) {
            problems.push(Problem::error(
                "governance-fragile",
                place,
                "if one person is lost, nobody can change the control any more",
                "enrol one person more in its groups than it needs",
            ));
        }
        judged.push(requirement);
    }
}

fn can_meet(requirement: &Requirement, people: &[LivePerson]) -> bool {
    quorum::reachable(
        &requirement.slots,
        &[],
        &eligible(requirement, people.iter()),
    )
}

fn survives_any_loss(requirement: &Requirement, people: &[LivePerson]) -> bool {
    people.iter().all(|lost| {
        let others = people.iter().filter(|person| person.person != lost.person);
        quorum::reachable(&requirement.slots, &[], &eligible(requirement, others))
    })
}

fn eligible<'a>(
    requirement: &Requirement,
    people: impl Iterator<Item = &'a LivePerson>,
) -> Vec<Member> {
    people
        .filter(|person| {
            person.keys.iter().any(|key| {
                key.class >= requirement.key_class && Some(key.client) >= requirement.client
            })
        })
        .map(|person| (person.person, person.groups.clone()))
        .collect()
}
