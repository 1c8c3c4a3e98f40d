//! Personal names and addresses: a policy is kept for ever and never erased, so it holds none.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::{Population, Problem};
use crate::document::Policy;

pub(super) fn check(policy: &Policy, population: &Population, problems: &mut Vec<Problem>) {
    let mut in_example = false;
    for (number, line) in (1..).zip(policy.text().lines()) {
        let begins = line.trim_start();
        if begins.starts_with('[') {
            in_example = begins.starts_with("[[test]]");
        }
        if has_address(line, in_example) {
            problems.push(named(
                number,
                "it holds an @, which is how addresses of people look",
            ));
        }
        if let Population::Known(people) = population {
            let names = people.iter().flat_map(|person| &person.names);
            if names.into_iter().any(|name| mentions(line, name)) {
                problems.push(named(number, "it holds the name of an enrolled person"));
            }
        }
    }
}

fn named(line: u32, sentence: &str) -> Problem {
    Problem::error(
        "person-named",
        format!("line {line}"),
        sentence,
        "name a role or a group; who is in a group is recorded in the ledger",
    )
}

/// An example needs a recipient, and nobody lives in the domains that RFC 2606 keeps for examples.
fn has_address(line: &str, in_example: bool) -> bool {
    line.match_indices('@').any(|(place, _)| {
        let host: String = line[place + 1..]
            .chars()
            .take_while(|character| character.is_ascii_alphanumeric() || ".-".contains(*character))
            .collect();
        let nobody = EXAMPLE_DOMAINS.iter().any(|domain| {
            host.strip_suffix(domain)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        });
        !(in_example && nobody)
    })
}

const EXAMPLE_DOMAINS: &[&str] = &[
    "example",
    "example.com",
    "example.net",
    "example.org",
    "test",
    "invalid",
];

/// Whether `name` stands in the line as words of its own, in capitals or not.
fn mentions(line: &str, name: &str) -> bool {
    let (line, name) = (line.to_lowercase(), name.trim().to_lowercase());
    name.chars().count() >= NAME_CHARACTERS_MIN
        && line.match_indices(&name).any(|(place, _)| {
            let before = line[..place].chars().next_back();
            let after = line[place + name.len()..].chars().next();
            !before.into_iter().chain(after).any(char::is_alphanumeric)
        })
}

/// Shorter ones are found in every text.
const NAME_CHARACTERS_MIN: usize = 3;
