//! Tests of the whole: a small policy, one thing changed at a time.

mod checks;
mod defaults;
mod fixtures;
mod governance;
mod looks;
mod numbers;
mod operators;
mod outline;
mod properties;
mod quorums;
mod reading;
mod requirements;
mod sentences;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use countersign_record::json::{Limits, Value, read};
use countersign_record::name::{GroupName, RuleName};

use crate::{Assessment, Facts, Policy, Question, Requirement, Verdict, evaluate};

/// A policy in which everything is right.
const GOOD: &str = r#"
[policy]
id = "small"
version = 1
owner = "The owner"
default = "allow"
unknown_tool = "confirm"
on_error = "confirm"
fallback_rule = "rest"

[tools.pay]
class = "money"
verb = "send money"
sentence = "Send {args.currency} {args.amount} to {args.to.name}"
target = "args.to.account"
args = { amount = "money", currency = "currency", "to.name" = "text", "to.account" = "account" }
executor = "bank"

[tools.remove]
class = "deletion"
verb = "remove a file"
target = "args.path"
args = { path = "path", count = "count", force = "flag", note = "text" }
executor = "files"

[groups]
owners = "answer for everything"
ops = "run it"

[governance]

[inventory]
"/srv/live" = { environment = "production", rows = 5000 }

[[rule]]
id = "large"
title = "Large payments"
tool = "pay"
when = [{ field = "args.amount", over = "100.00", currency = "args.currency", in = "EUR" }]
confirm = { approvals = 2, from = ["ops"], cool_down = "1m" }

[[rule]]
id = "rest"
title = "Whatever is not recognised"
confirm = { from = ["ops"] }

[[test]]
name = "a tool that nobody knows is asked"
call = { tool = "shell", args = { command = "ls" } }
expect = { decision = "confirm", rules = ["rest"], approvals = 1 }
"#;

fn good() -> Policy {
    policy(GOOD)
}

fn policy(text: &str) -> Policy {
    Policy::parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// The good policy with one thing changed.
fn changed(from: &str, to: &str) -> Policy {
    policy(&changed_text(from, to))
}

fn changed_text(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "nothing to change: {from}");
    GOOD.replacen(from, to, 1)
}

/// The good policy with more at its end.
fn with(more: &str) -> Policy {
    policy(&format!("{GOOD}\n{more}"))
}

fn json(text: &str) -> Value {
    read(text.as_bytes(), &Limits::REQUEST).unwrap_or_else(|error| panic!("{error:?}: {text}"))
}

fn assess(policy: &Policy, tool: &str, arguments: &str) -> Assessment {
    evaluate(
        policy,
        &Question {
            tool,
            arguments: &json(arguments),
            reason: None,
        },
        &Facts::default(),
    )
}

fn requirement(policy: &Policy, tool: &str, arguments: &str) -> Requirement {
    match assess(policy, tool, arguments).verdict {
        Verdict::Confirm(requirement) => requirement,
        other => panic!("nobody is asked: {other:?}"),
    }
}

fn rules(assessment: &Assessment) -> Vec<&str> {
    assessment.rules.iter().map(RuleName::as_str).collect()
}

fn group(name: &str) -> GroupName {
    name.parse().unwrap()
}

fn rule_name(name: &str) -> RuleName {
    name.parse().unwrap()
}

fn lines(items: &[impl ToString]) -> String {
    let lines: Vec<String> = items.iter().map(ToString::to_string).collect();
    lines.join("\n")
}
