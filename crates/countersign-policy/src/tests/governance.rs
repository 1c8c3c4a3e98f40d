//! Changes of the control itself.

use super::*;
use crate::{is_reserved, reserved_tools};

#[test]
fn every_reserved_tool_needs_two_owners_by_default() {
    for tool in reserved_tools() {
        let requirement = requirement(&good(), tool, "{}");
        assert_eq!(requirement.rules, [rule_name("governance")], "{tool}");
        assert_eq!(requirement.slots.len(), 1);
        assert_eq!(requirement.slots[0].groups, [group("owners")]);
        assert_eq!(requirement.slots[0].need, 2);
    }
}

#[test]
fn the_catalogue_of_reserved_tools_is_the_list() {
    let policy = good();
    let names: Vec<&str> = policy
        .control_tools()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(names, reserved_tools());
    for (name, tool) in policy.control_tools() {
        assert_eq!(tool.class(), "control");
        assert!(
            tool.target_path()
                .is_none_or(|path| tool.kind(path).is_some()),
            "{name}"
        );
        assert!(is_reserved(name.as_str()));
    }
}

#[test]
fn every_rule_has_its_title_and_so_has_the_governance() {
    let policy = good();
    let title = |rule| policy.rule_title(&rule_name(rule));
    assert_eq!(title("large"), Some("Large payments"));
    assert_eq!(title("governance"), Some("Changes of the control itself"));
    assert_eq!(title("unknown"), None);
}

#[test]
fn no_default_ever_allows_a_change_of_the_control() {
    for default in ["allow", "confirm", "deny"] {
        let policy = changed("default = \"allow\"", &format!("default = \"{default}\""));
        for tool in reserved_tools() {
            assert_eq!(rules(&assess(&policy, tool, "{}")), ["governance"]);
        }
    }
}

#[test]
fn an_invented_change_of_the_control_is_refused() {
    let assessment = assess(&good(), "countersign.gate.open", "{}");
    assert_eq!(assessment.verdict, Verdict::Deny);
    assert_eq!(
        assessment.why,
        ["the name is reserved, and no such change exists"]
    );
}

#[test]
fn without_governance_nothing_of_the_control_changes() {
    let policy = changed("[governance]\n", "");
    for tool in reserved_tools() {
        assert_eq!(assess(&policy, tool, "{}").verdict, Verdict::Deny);
    }
}

#[test]
fn rules_about_the_control_add_to_governance_and_never_replace_it() {
    for about in ["tool = \"countersign.policy.adopt\"", "class = \"control\""] {
        let policy = with(&format!(
            "[[rule]]\nid = \"more\"\ntitle = \"More\"\n{about}\nconfirm = {{ from = [\"ops\"], \
             key_class = \"software\", self_confirm = true }}"
        ));
        let before = requirement(&good(), "countersign.policy.adopt", "{}");
        let after = requirement(&policy, "countersign.policy.adopt", "{}");
        assert_eq!(after.rules, [rule_name("governance"), rule_name("more")]);
        assert!(after.admits(&before), "{after:?}");
    }
}

#[test]
fn a_rule_can_forbid_a_change_for_ever() {
    let policy = with(
        "[[rule]]\nid = \"keep\"\ntitle = \"Keep\"\ntool = \"countersign.denial.lift\"\ndeny = true",
    );
    assert_eq!(
        assess(&policy, "countersign.denial.lift", "{}").verdict,
        Verdict::Deny
    );
}

#[test]
fn a_tool_that_squats_on_a_reserved_name_changes_nothing() {
    let policy = changed("[tools.pay]", "[tools.\"countersign.denial.lift\"]");
    assert_eq!(
        rules(&assess(&policy, "countersign.denial.lift", "{}")),
        ["governance"]
    );
}
