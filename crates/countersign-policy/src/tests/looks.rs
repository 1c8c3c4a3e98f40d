//! Rules that look back, and at the clock.

use super::*;
use crate::{Amount, Doubt, Earlier, evaluate_given};

const SUM: &str = r#"
[[rule]]
id = "sum"
title = "Payments to one account add up"
tool = "pay"
when = [{ field = "args.amount", total_over = "100.00", currency = "args.currency", in = "EUR", within = "24h", per = "args.to.account" }]
confirm = { approvals = 3, from = ["ops"] }

[[rule]]
id = "new"
title = "Somebody new"
tool = "pay"
when = [{ field = "args.to.account", first_seen = true, within = "31d" }]
confirm = { from = ["ops"] }

[[rule]]
id = "night"
title = "At night"
tool = "remove"
when = [{ field = "time", outside_hours = "mon-fri 08:00-18:00" }]
confirm = { from = ["ops"] }
"#;

/// Runs one example and returns the rules that apply.
fn rules_of(example: &str) -> Vec<String> {
    let text = GOOD.replacen("version = 1", "version = 1\nutc_offset = \"+01:00\"", 1);
    let example = format!("[[test]]\nname = \"x\"\nexpect = {{ decision = \"allow\" }}\n{example}");
    let policy = policy(&format!("{text}\n{SUM}\n{example}"));
    let results = policy.test();
    let assessment = &results.last().unwrap().assessment;
    rules(assessment).into_iter().map(String::from).collect()
}

fn pay(amount: &str, account: &str) -> String {
    format!(
        "tool = \"pay\", args = {{ amount = \"{amount}\", currency = \"EUR\", to = {{ name = \"X\", account = \"{account}\" }} }}"
    )
}

/// The rules over a payment after earlier ones.
fn after(amount: &str, earlier: &[(&str, &str)]) -> Vec<String> {
    let earlier: Vec<String> = earlier
        .iter()
        .map(|(call, more)| format!("{{ {call}{more} }}"))
        .collect();
    rules_of(&format!(
        "call = {{ {} }}\nearlier = [{}]",
        pay(amount, "DE1"),
        earlier.join(", ")
    ))
}

#[test]
fn amounts_add_up_with_those_of_open_calls() {
    let open = pay("60.00", "DE1");
    assert_eq!(after("40.00", &[(&open, "")]), ["new"]);
    assert_eq!(after("40.01", &[(&open, "")]), ["new", "sum"]);
    let third = pay("33.34", "DE1");
    assert_eq!(
        after("33.34", &[(&third, ""), (&third, "")]),
        ["new", "sum"]
    );
}

#[test]
fn what_ended_unexecuted_counts_no_more_and_what_failed_does() {
    let open = pay("60.00", "DE1");
    assert_eq!(
        after("50.00", &[(&open, ", ended = \"unexecuted\"")]),
        ["new"]
    );
    assert_eq!(
        after("50.00", &[(&open, ", ended = \"failed\"")]),
        ["new", "sum"]
    );
}

#[test]
fn a_window_has_an_end() {
    let open = pay("60.00", "DE1");
    assert_eq!(after("50.00", &[(&open, ", ago = \"24h\"")]), ["new"]);
    assert_eq!(
        after("50.00", &[(&open, ", ago = \"1439m\"")]),
        ["new", "sum"]
    );
}

#[test]
fn another_account_is_another_sum_and_another_spelling_is_not() {
    assert_eq!(after("50.00", &[(&pay("60.00", "DE2"), "")]), ["new"]);
    assert_eq!(
        after("50.00", &[(&pay("60.00", "de 1"), "")]),
        ["new", "sum"]
    );
}

#[test]
fn a_sum_with_another_currency_cannot_be_told() {
    let dollars = pay("1.00", "DE1").replace("EUR", "USD");
    assert_eq!(after("1.00", &[(&dollars, "")]), ["new", "sum"]);
    let elsewhere = pay("1.00", "DE2").replace("EUR", "USD");
    assert_eq!(after("1.00", &[(&elsewhere, "")]), ["new"]);
}

#[test]
fn a_call_that_names_no_account_may_count_with_any() {
    let nobody = "tool = \"pay\", args = { amount = \"1.00\", currency = \"EUR\" }";
    assert_eq!(after("1.00", &[(nobody, "")]), ["new", "sum"]);
}

#[test]
fn only_an_executed_call_makes_an_account_known() {
    let small = pay("1.00", "DE1");
    let none: [&str; 0] = [];
    assert_eq!(after("1.00", &[(&small, "")]), ["new"]);
    assert_eq!(after("1.00", &[(&small, ", ended = \"failed\"")]), ["new"]);
    assert_eq!(after("1.00", &[(&small, ", ended = \"succeeded\"")]), none);
    let spelled = pay("1.00", "de1");
    assert_eq!(
        after("1.00", &[(&spelled, ", ended = \"succeeded\"")]),
        ["new"]
    );
}

#[test]
fn hours_are_those_of_the_policys_own_place() {
    let at = |time: &str| {
        rules_of(&format!(
            "call = {{ tool = \"remove\", args = {{ path = \"/x\" }} }}\n{time}"
        ))
    };
    let none: [&str; 0] = [];
    assert_eq!(at("time = \"mon 08:00\""), none);
    assert_eq!(at("time = \"fri 17:59\""), none);
    assert_eq!(at("time = \"mon 07:59\""), ["night"]);
    assert_eq!(at("time = \"fri 18:00\""), ["night"]);
    assert_eq!(at("time = \"sat 12:00\""), ["night"]);
    assert_eq!(at(""), ["night"], "nobody knows the time");
}

#[test]
fn a_moment_has_its_place_in_the_week() {
    let text = GOOD.replacen("version = 1", "version = 1\nutc_offset = \"-05:30\"", 1);
    let policy = policy(&format!("{text}\n{SUM}"));
    let arguments = json(r#"{"path":"/x"}"#);
    let question = Question {
        tool: "remove",
        arguments: &arguments,
        reason: None,
    };
    let asks = |at| {
        let facts = Facts {
            at: Some(at),
            ..Facts::default()
        };
        !evaluate(&policy, &question, &facts).rules.is_empty()
    };
    // 2026-11-27, a Friday, 23:29:59.999 and 23:30 UTC: 17:59 and 18:00 there.
    assert!(!asks(1_795_822_199_999));
    assert!(asks(1_795_822_200_000));
    assert!(asks(0), "Wednesday, 31 December 1969, 18:30 there");
}

#[test]
fn without_facts_every_rule_that_looks_back_applies() {
    let policy = policy(&format!("{GOOD}\n{SUM}"));
    let call = r#"{"amount":"1.00","currency":"EUR","to":{"name":"X","account":"DE1"}}"#;
    let assessment = assess(&policy, "pay", call);
    assert_eq!(rules(&assessment), ["new", "sum"]);
    assert_eq!(
        assessment.why[0],
        "rule \"sum\" applies because it cannot be told whether args.amount adds up to more than \
         100.00 EUR within 1 day per args.to.account: earlier calls are not known"
    );
}

#[test]
fn a_reader_without_facts_believes_those_rules_only_where_they_can_be() {
    let policy = policy(&format!("{GOOD}\n{SUM}"));
    let given = |arguments: &str, names: &[&str]| {
        let names: Vec<RuleName> = names.iter().map(|name| rule_name(name)).collect();
        let arguments = json(arguments);
        let question = Question {
            tool: "pay",
            arguments: &arguments,
            reason: None,
        };
        let assessment = evaluate_given(&policy, &question, None, &names);
        assessment.rules == names
    };
    let small = r#"{"amount":"1.00","currency":"EUR","to":{"name":"X","account":"DE1"}}"#;
    assert!(given(small, &["new", "sum"]) && given(small, &["sum"]) && given(small, &[]));
    assert!(!given(small, &["large"]) && !given(small, &["night"]));
    let large = r#"{"amount":"101.00","currency":"EUR","to":{"name":"X","account":"DE1"}}"#;
    assert!(given(large, &["large", "sum"]) && !given(large, &["sum"]));
}

#[test]
fn a_reader_who_knows_the_time_believes_no_other_hours() {
    let text = GOOD.replacen("version = 1", "version = 1\nutc_offset = \"+01:00\"", 1);
    let policy = policy(&format!("{text}\n{SUM}"));
    let arguments = json(r#"{"path":"/srv/1"}"#);
    let question = Question {
        tool: "remove",
        arguments: &arguments,
        reason: None,
    };
    // A Monday, 07:30 and 16:30 in UTC.
    for (at, at_night) in [(4, 7 * 60 + 30), (4, 16 * 60 + 30), (4, 17 * 60 + 30)]
        .map(|(day, minute)| day * 24 * 60 + minute)
        .into_iter()
        .zip([false, false, true])
    {
        for given in [&[][..], &[rule_name("night")]] {
            let assessment = evaluate_given(&policy, &question, Some(at * 60_000), given);
            assert_eq!(rules(&assessment).contains(&"night"), at_night);
        }
    }
}

#[test]
fn without_the_time_a_rule_that_looks_at_the_clock_applies_where_it_is_given() {
    let policy = policy(&format!("{GOOD}\n{SUM}"));
    let arguments = json(r#"{"path":"/tmp/a"}"#);
    let question = Question {
        tool: "remove",
        arguments: &arguments,
        reason: None,
    };
    let applied = |given: &[RuleName]| {
        let assessment = evaluate_given(&policy, &question, None, given);
        rules(&assessment).join(" ")
    };
    assert_eq!(applied(&[]), "");
    assert_eq!(applied(&[rule_name("night")]), "night");
}

#[test]
fn what_is_withheld_can_make_a_rule_apply_or_not() {
    let policy = policy(&format!("{GOOD}\n{SUM}"));
    let arguments = json(r#"{"amount":"1.00","currency":"EUR","to":{"name":"X","account":"DE1"}}"#);
    let question = Question {
        tool: "pay",
        arguments: &arguments,
        reason: None,
    };
    let facts = |doubt| {
        let earlier = Earlier {
            doubt,
            ..Earlier::default()
        };
        Facts {
            at: None,
            earlier: policy
                .looks()
                .into_iter()
                .map(|look| (look.clone(), earlier))
                .collect(),
        }
    };
    let withheld = facts(Some(Doubt::Withheld));
    let worst = evaluate(&policy, &question, &withheld);
    let best = evaluate(&policy, &question, &withheld.at_best().unwrap());
    assert_eq!(rules(&worst), ["new", "sum"]);
    assert_eq!(best.verdict, Verdict::Allow);
    assert_eq!(facts(Some(Doubt::OtherCurrency)).at_best(), None);
}

#[test]
fn an_amount_of_too_many_digits_cannot_be_added() {
    for amount in ["1234567890123456789.00", "0.0123456789"] {
        assert!(after(amount, &[]).contains(&"sum".into()), "{amount}");
    }
    let largest = pay("999999999999999999.999999999", "DE1");
    assert_eq!(
        after("1.00", &[(&largest, ""), (&largest, "")]),
        ["new", "sum"]
    );
    let units = |text: &str| {
        let decimal = crate::decimal::Decimal::read(text)?;
        Amount::of(&decimal).map(Amount::units)
    };
    assert_eq!(units("24000.05"), Some(24_000_050_000_000));
    assert_eq!(units("0"), Some(0));
    assert_eq!(units("-1"), None);
}
