//! The policies that we ship: readable, without problems, and as their owners expect.

use super::*;
use crate::{Population, explain};

const ACME: &str = include_str!("../../../../fixtures/policies/acme.toml");
const WORKSTATION: &str = include_str!("../../../../fixtures/policies/workstation.toml");
const DEMO: &str = include_str!("../../../../fixtures/policies/demo.toml");

#[test]
fn the_owners_examples_hold() {
    for (text, least) in [(ACME, 12), (WORKSTATION, 6), (DEMO, 6)] {
        let results = policy(text).test();
        assert!(results.len() >= least);
        for result in results {
            assert!(
                result.passed(),
                "{}: {}",
                result.name,
                lines(&result.shortfalls)
            );
        }
    }
}

#[test]
fn nothing_is_wrong_with_them() {
    assert_eq!(lines(&policy(ACME).check(&Population::Unknown)), "");
    assert_eq!(lines(&policy(DEMO).check(&Population::Unknown)), "");
    assert_eq!(
        lines(&policy(WORKSTATION).check(&Population::Unknown)),
        "warning: [governance]: one person alone can change people, keys and this policy; ask for \
         two approvals, unless the log is meant for one person"
    );
}

#[test]
fn the_english_of_acme_is_what_was_read_aloud() {
    assert_eq!(explain(&policy(ACME)), include_str!("acme.explained.txt"));
}

#[test]
fn an_example_that_does_not_hold_says_where() {
    let policy = changed(
        "expect = { decision = \"confirm\", rules = [\"rest\"], approvals = 1 }",
        "expect = { decision = \"allow\", rules = [\"rest\", \"large\"], approvals = 2 }",
    );
    let results = policy.test();
    assert!(!results[0].passed());
    assert_eq!(
        lines(&results[0].shortfalls),
        "decision: expected allow, the policy says confirm\n\
         rules: expected large, rest, the policy says rest\n\
         approvals: expected 2, the policy says 1"
    );
}
