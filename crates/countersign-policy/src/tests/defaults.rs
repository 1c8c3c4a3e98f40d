//! Calls that no rule speaks about, tools that nobody knows, calls that cannot be read.

use super::*;

const SMALL: &str = r#"{"amount":"1.00","currency":"EUR","to":{"name":"A","account":"1"}}"#;

fn decision(policy: &Policy, tool: &str, arguments: &str) -> (String, String) {
    let assessment = assess(policy, tool, arguments);
    let verdict = match &assessment.verdict {
        Verdict::Allow => "allow",
        Verdict::Deny => "deny",
        Verdict::Confirm(_) => "confirm",
    };
    (verdict.into(), rules(&assessment).join(" "))
}

fn check(policy: &Policy, tool: &str, arguments: &str, verdict: &str, rules: &str) {
    assert_eq!(
        decision(policy, tool, arguments),
        (verdict.into(), rules.into())
    );
}

#[test]
fn a_call_that_no_rule_speaks_about_follows_the_default() {
    check(&good(), "pay", SMALL, "allow", "");
    check(
        &changed("default = \"allow\"", "default = \"deny\""),
        "pay",
        SMALL,
        "deny",
        "",
    );
    check(
        &changed("default = \"allow\"", "default = \"confirm\""),
        "pay",
        SMALL,
        "confirm",
        "rest",
    );
}

#[test]
fn a_rule_that_matches_sets_the_default_aside() {
    let large = SMALL.replace("1.00", "101.00");
    for default in ["allow", "confirm", "deny"] {
        let policy = changed("default = \"allow\"", &format!("default = \"{default}\""));
        check(&policy, "pay", &large, "confirm", "large");
    }
}

#[test]
fn an_unknown_tool_is_never_allowed() {
    let refusing = changed("unknown_tool = \"confirm\"", "unknown_tool = \"deny\"");
    for tool in ["shell", "pay ", "Pay", "pаy", "", "pay\u{200b}", "pay\n"] {
        check(&good(), tool, SMALL, "confirm", "rest");
        check(&refusing, tool, SMALL, "deny", "");
    }
    let lax = changed_text("unknown_tool = \"confirm\"", "unknown_tool = \"allow\"");
    assert!(
        Policy::parse(&lax)
            .unwrap_err()
            .to_string()
            .contains("`confirm` or `deny`")
    );
}

#[test]
fn a_call_that_cannot_be_read_is_asked_or_refused() {
    let refusing = changed("on_error = \"confirm\"", "on_error = \"deny\"");
    for arguments in [
        r"[]",
        r"null",
        r#"{"amount":"1.00","currency":"EUR","to":{"name":"A"}}"#,
        r#"{"amount":"1.00","currency":"EUR","to":{"name":"A","account":7}}"#,
        r#"{"amount":"1.00","currency":"EUR","to":{"name":7,"account":"1"}}"#,
        r#"{"amount":"1.00","currency":"EUR","to":"A"}"#,
    ] {
        let expected = if arguments.starts_with('{') {
            "rest"
        } else {
            "large"
        };
        check(&good(), "pay", arguments, "confirm", expected);
        check(&refusing, "pay", arguments, "deny", "");
    }
    let lax = changed_text("on_error = \"confirm\"", "on_error = \"allow\"");
    assert!(Policy::parse(&lax).is_err());
}

#[test]
fn an_undeclared_argument_is_no_fault_but_a_list_of_wrong_items_is() {
    check(
        &good(),
        "remove",
        r#"{"path":"/x","colour":"red"}"#,
        "allow",
        "",
    );
    check(
        &good(),
        "remove",
        r#"{"path":"/x","note":["a","b"]}"#,
        "allow",
        "",
    );
    check(
        &good(),
        "remove",
        r#"{"path":"/x","note":["a",1]}"#,
        "confirm",
        "rest",
    );
    check(&good(), "remove", r#"{"path":["/x"]}"#, "confirm", "rest");
    check(&good(), "remove", r#"{"path":""}"#, "confirm", "rest");
}

#[test]
fn what_nobody_would_see_in_a_target_is_named() {
    let policy = good();
    let tool = policy.tool("remove").unwrap();
    let unseen = |path: &str| tool.unseen_in_target(&json(&format!(r#"{{"path":"{path}"}}"#)));
    assert_eq!(unseen("/srv/my files"), None);
    assert_eq!(unseen("/srv/\u{200b}live"), Some('\u{200b}'), "no width");
    assert_eq!(unseen("/srv/\u{a0}live"), Some('\u{a0}'), "another blank");
    assert_eq!(tool.unseen_in_target(&json("{}")), None, "no target");
}

#[test]
fn without_a_fallback_rule_confirm_becomes_deny() {
    check(
        &changed("fallback_rule = \"rest\"\n", ""),
        "shell",
        "{}",
        "deny",
        "",
    );
}

#[test]
fn a_doubt_makes_the_rule_apply_and_is_recorded_without_the_agents_words() {
    let assessment = assess(&good(), "pay", &SMALL.replace("EUR", "XTS"));
    assert_eq!(rules(&assessment), ["large"]);
    assert_eq!(
        assessment.why,
        [
            "rule \"large\" applies because it cannot be told whether args.amount is more than \
          100.00 EUR: the currency is another or is not given"
        ]
    );
}

#[test]
fn a_denial_outweighs_every_confirmation() {
    let policy = with(
        "[[rule]]\nid = \"never\"\ntitle = \"Never\"\nclass = \"money\"\nwhen = [{ field = \
         \"args.to.name\", is = \"Mallory\" }]\ndeny = true",
    );
    let large = SMALL.replace("1.00", "101.00");
    check(&policy, "pay", &large, "confirm", "large");
    check(
        &policy,
        "pay",
        &large.replace("\"A\"", "\"Mallory\""),
        "deny",
        "never",
    );
    check(
        &policy,
        "pay",
        &large.replace("\"A\"", "\"mallory\""),
        "deny",
        "never",
    );
}

#[test]
fn a_rule_can_name_a_list_of_tools_or_classes() {
    for about in [
        "tools = [\"pay\", \"remove\"]",
        "class = [\"money\", \"deletion\"]",
    ] {
        let policy = with(&format!(
            "[[rule]]\nid = \"both\"\ntitle = \"Both\"\n{about}\nconfirm = {{ from = [\"ops\"] }}"
        ));
        check(&policy, "pay", SMALL, "confirm", "both");
        check(&policy, "remove", r#"{"path":"/x"}"#, "confirm", "both");
    }
}
