//! Documents that cannot be read: the place and what was meant.

use super::*;
use crate::PolicyError;

fn refusal(from: &str, to: &str) -> String {
    match Policy::parse(&changed_text(from, to)) {
        Err(error) => error.to_string(),
        Ok(_) => panic!("read, though {to} is wrong"),
    }
}

fn check(from: &str, to: &str, expected: &[&str]) {
    let refusal = refusal(from, to);
    for part in expected {
        assert!(refusal.contains(part), "{refusal}");
    }
}

#[test]
fn a_typo_is_named_with_its_line_and_the_word_that_was_meant() {
    check(
        "cool_down = \"1m\"",
        "cooldown = \"1m\"",
        &[
            "line 40, column",
            "`cooldown`",
            "did you mean \"cool_down\"?",
        ],
    );
    check(
        "unknown_tool",
        "unknown_tools",
        &["line 7, column 1:", "did you mean \"unknown_tool\"?"],
    );
    check("field =", "feild =", &["did you mean \"field\"?"]);
    check(
        "[governance]",
        "[goverment]",
        &["unknown field `goverment`"],
    );
    check(
        "class = \"money\"",
        "class = \"money\"\nexecuter = \"bank\"",
        &["did you mean \"executor\"?"],
    );
}

#[test]
fn a_wrong_value_is_named_with_what_is_expected() {
    check("version = 1", "version = \"1\"", &["line 4, column 11:"]);
    check(
        "default = \"allow\"",
        "default = \"alow\"",
        &["`alow`", "did you mean \"allow\"?"],
    );
    check("\"1m\"", "\"1 minute\"", &["such as \"30m\""]);
    check(
        "amount = \"money\"",
        "amount = \"cash\"",
        &["`cash`", "`money`"],
    );
    check("[\"ops\"]", "[\"Ops\"]", &["a-z"]);
    check(
        "ops = \"run it\"",
        "ops = [\"alice\"]",
        &["line 28, column 7:", "who is in it is recorded"],
    );
    check("{args.amount}", "{amount}", &["{args.name}"]);
    check("{args.amount}", "{args.amount", &["{args.name}"]);
    check(
        "tool = \"pay\"",
        "tool = \"pay\"\nclass = \"money\"",
        &["one of tool, tools or class"],
    );
    for nothing in ["tools = []", "class = []"] {
        check("tool = \"pay\"", nothing, &["one of tool, tools or class"]);
    }
    check("tool = \"pay\"", "tool = \"p y\"", &["A-Z"]);
    check(
        "title = \"Large payments\"",
        "title = \"Large payments\"\ndeny = true",
        &["either confirm"],
    );
    check(
        "version = 1",
        "version = 1\nutc_offset = \"+1\"",
        &["+01:00"],
    );
}

#[test]
fn what_is_not_toml_is_named_with_its_line() {
    let refusal = Policy::parse("[policy]\nid = \n").unwrap_err();
    assert!(
        matches!(refusal, PolicyError::Form { line: 2, .. }),
        "{refusal}"
    );
    assert!(matches!(
        Policy::parse(""),
        Err(PolicyError::Form {
            line: 1,
            column: 1,
            ..
        })
    ));
}

#[test]
fn a_document_is_at_most_128_kib_long() {
    let most = format!("{GOOD}{}", "#".repeat(128 * 1024 - GOOD.len()));
    assert!(Policy::parse(&most).is_ok());
    let longer = format!("{most}#");
    assert_eq!(
        Policy::parse(&longer),
        Err(PolicyError::TooLarge {
            bytes: 128 * 1024 + 1
        })
    );
}

/// The worked example of docs/spec/policy.md, part 9.
const WORKED: &str = r#"[policy]
id = "worked"
version = 1
owner = "The owner"
default = "allow"
unknown_tool = "deny"
on_error = "deny"

[tools.pay]
class = "money"
verb = "pay"
sentence = "Pay {args.currency} {args.amount} to {args.to}"
target = "args.to"
args = { amount = "money", currency = "currency", to = "account" }
executor = "bank"

[groups]
owners = "answer for everything"
treasury = "may move money"

[governance]

[[rule]]
id = "large"
title = "Large payments"
tool = "pay"
when = [{ field = "args.amount", over = "1000.00", currency = "args.currency", in = "EUR" }]
confirm = { approvals = 2, from = ["treasury"] }
"#;

#[test]
fn the_worked_example_of_the_specification_holds() {
    let policy = policy(WORKED);
    assert_eq!(
        policy.digest().to_string(),
        "496abda61ef77772fd51febc41ad0623d8960cc38dc83955fa323fe5ca0a3f1a"
    );
    let call = r#"{"amount":"1000.01","currency":"USD","to":"DE89370400440532013000"}"#;
    let assessment = assess(&policy, "pay", call);
    assert_eq!(rules(&assessment), ["large"]);
    assert_eq!(
        assessment.why,
        [
            "rule \"large\" applies because it cannot be told whether args.amount is more than \
          1,000.00 EUR: the currency is another or is not given"
        ]
    );
    assert_eq!(
        crate::sentence(&policy, "pay", &json(call)),
        "Pay USD 1,000.01 to DE89370400440532013000."
    );
    assert_eq!(requirement(&policy, "pay", call).approvals(), 2);
}

#[test]
fn nesting_without_end_is_refused_and_not_followed() {
    let deep = |left: &str, right: &str, levels: usize| {
        let value = format!("{}1{}", left.repeat(levels), right.repeat(levels));
        changed_text("command = \"ls\"", &format!("command = {value}"))
    };
    for text in [
        deep("[", "]", 30_000),
        deep("{a=", "}", 20_000),
        changed_text(
            "command = \"ls\"",
            &format!("command.{}a = 1", "a.".repeat(30_000)),
        ),
        format!("{GOOD}\n[{}a]\n", "a.".repeat(30_000)),
        format!("{GOOD}\n[inventory.{}a]\n", "a.".repeat(30_000)),
    ] {
        assert!(Policy::parse(&text).is_err());
    }
}

#[test]
fn offsets_from_utc() {
    for (text, right) in [
        ("+01:00", true),
        ("-05:30", true),
        ("+14:00", true),
        ("+15:00", false),
        ("+01:60", false),
        ("01:00", false),
        ("++1:00", false),
        ("+0é:0", false),
    ] {
        let offset = changed_text(
            "version = 1",
            &format!("version = 1\nutc_offset = \"{text}\""),
        );
        assert_eq!(Policy::parse(&offset).is_ok(), right, "{text}");
    }
}
