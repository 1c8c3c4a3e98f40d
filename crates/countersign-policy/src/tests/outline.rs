//! What can be said of a verdict by somebody who does not know the arguments.

use super::*;
use crate::reserved_tools;

const ALWAYS: &str = r#"
[[rule]]
id = "always"
title = "Every removal"
tool = "remove"
confirm = { from = ["ops"] }

[[rule]]
id = "never"
title = "Nobody removes what is live"
tool = "remove"
when = [{ field = "labels.environment", is = "production" }]
deny = true
"#;

#[test]
fn a_call_can_be_allowed_where_nothing_always_speaks_against_it() {
    let policy = with(ALWAYS);
    assert!(policy.can_allow("pay"), "its rule has a condition");
    assert!(!policy.can_allow("remove"), "a rule applies to every call");
    assert!(!policy.can_allow("shell"), "nobody declared it");
    for tool in reserved_tools() {
        assert!(!policy.can_allow(tool), "{tool}");
    }
    let asks = changed("default = \"allow\"", "default = \"confirm\"");
    assert!(!asks.can_allow("pay"), "the default asks");
}

#[test]
fn only_rules_that_deny_such_a_call_can_deny_it() {
    let policy = with(ALWAYS);
    let can_deny = |tool, rules: &[&str]| {
        let rules: Vec<RuleName> = rules.iter().map(|rule| rule_name(rule)).collect();
        policy.can_deny(Some(tool), &rules)
    };
    assert!(can_deny("remove", &["never"]));
    assert!(!can_deny("remove", &["always", "never"]), "one only asks");
    assert!(!can_deny("pay", &["never"]), "it is about another tool");
    assert!(!can_deny("remove", &["unknown"]));
}

#[test]
fn a_demand_is_that_of_all_rules_that_always_apply_and_of_those_named() {
    let policy = with(ALWAYS);
    let asked = |tool, rules: &[&str]| {
        let rules: Vec<RuleName> = rules.iter().map(|rule| rule_name(rule)).collect();
        let requirement = policy.requirement_of(Some(tool), &rules)?;
        Some(requirement.rules)
    };
    assert_eq!(
        asked("remove", &["always"]),
        Some([rule_name("always")].into())
    );
    assert_eq!(asked("pay", &["large"]), Some([rule_name("large")].into()));
    assert_eq!(asked("remove", &["rest"]), None, "it leaves one out");
    assert_eq!(asked("pay", &["always"]), None, "it is about another tool");
    let tool = reserved_tools()[0];
    assert_eq!(asked(tool, &["rest"]), None, "the governance is left out");
}
