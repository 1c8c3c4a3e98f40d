//! Every operator: yes, no, cannot tell.

use super::*;
use crate::compare::Answer;
use crate::condition::{Condition, Seen};

const YES: Answer = Answer::Yes;
const NO: Answer = Answer::No;

/// What `condition` says about a call of `remove` with these arguments.
fn answer(condition: &str, arguments: &str) -> Answer {
    answer_with_reason(condition, arguments, None)
}

fn answer_with_reason(condition: &str, arguments: &str, reason: Option<&str>) -> Answer {
    let policy = good();
    let condition: Condition =
        toml::from_str(condition).unwrap_or_else(|error| panic!("{error}: {condition}"));
    let (tool, arguments) = (policy.tool("remove"), json(arguments));
    let target = tool.and_then(|tool| tool.target(&arguments));
    condition.answer(&Seen {
        name: "remove",
        tool,
        arguments: &arguments,
        reason,
        labels: target.and_then(|target| policy.document.inventory.get(target)),
        facts: &Facts::default(),
    })
}

fn check(condition: &str, arguments: &str, expected: Answer) {
    assert_eq!(
        answer(condition, arguments),
        expected,
        "{condition} over {arguments}"
    );
}

fn check_doubt(condition: &str, arguments: &str) {
    let answer = answer(condition, arguments);
    assert!(
        matches!(answer, Answer::CannotTell(_)),
        "{condition} over {arguments}: {answer:?}"
    );
}

#[test]
fn is() {
    let condition = "field = 'args.note'\nis = 'old'";
    check(condition, r#"{"note":"old"}"#, YES);
    check(condition, r#"{"note":"new"}"#, NO);
    for doubt in [
        r"{}",
        r#"{"note":1}"#,
        r#"{"note":null}"#,
        r#"{"note":["old"]}"#,
    ] {
        check_doubt(condition, doubt);
    }
}

#[test]
fn is_compares_flags_and_numbers_of_their_own_type_only() {
    check("field = 'args.force'\nis = true", r#"{"force":true}"#, YES);
    check("field = 'args.force'\nis = true", r#"{"force":false}"#, NO);
    check_doubt("field = 'args.force'\nis = true", r#"{"force":"true"}"#);
    check("field = 'args.count'\nis = 3", r#"{"count":3}"#, YES);
    check("field = 'args.count'\nis = 3", r#"{"count":4}"#, NO);
    check_doubt("field = 'args.count'\nis = 3", r#"{"count":"3"}"#);
}

#[test]
fn a_near_miss_is_no_definite_no() {
    let condition = "field = 'args.note'\nis = 'production'";
    for near in ["Production", "production ", "PRODUCTION", "prоduction"] {
        check_doubt(condition, &format!("{{\"note\":\"{near}\"}}"));
    }
}

#[test]
fn is_not() {
    let condition = "field = 'args.note'\nis_not = 'old'";
    check(condition, r#"{"note":"new"}"#, YES);
    check(condition, r#"{"note":"old"}"#, NO);
    check_doubt(condition, r"{}");
    check_doubt(condition, r#"{"note":"OLD"}"#);
}

#[test]
fn one_of() {
    let condition = "field = 'args.note'\none_of = ['a', 'b']";
    check(condition, r#"{"note":"b"}"#, YES);
    check(condition, r#"{"note":"c"}"#, NO);
    check_doubt(condition, r#"{"note":"B"}"#);
    check_doubt(condition, r"{}");
    check("field = 'args.note'\none_of = []", r#"{"note":"c"}"#, NO);
}

#[test]
fn over_at_least_under() {
    for (operator, below, equal, above) in [
        ("over", NO, NO, YES),
        ("at_least", NO, YES, YES),
        ("under", YES, NO, NO),
    ] {
        let condition = format!("field = 'args.count'\n{operator} = 10");
        check(&condition, r#"{"count":9}"#, below);
        check(&condition, r#"{"count":10}"#, equal);
        check(&condition, r#"{"count":11}"#, above);
        check(&condition, r#"{"count":"11"}"#, above);
        for doubt in [
            r"{}",
            r#"{"count":"eleven"}"#,
            r#"{"count":true}"#,
            r#"{"count":[11]}"#,
        ] {
            check_doubt(&condition, doubt);
        }
    }
}

#[test]
fn money_is_compared_in_one_currency_and_from_text_only() {
    let condition =
        "field = 'args.amount'\nover = '100.00'\ncurrency = 'args.currency'\nin = 'EUR'";
    check(condition, r#"{"amount":"100.01","currency":"EUR"}"#, YES);
    check(condition, r#"{"amount":"100","currency":"EUR"}"#, NO);
    for doubt in [
        r#"{"amount":"1.00","currency":"USD"}"#,
        r#"{"amount":"1.00","currency":"eur"}"#,
        r#"{"amount":"1.00"}"#,
        r#"{"currency":"EUR"}"#,
        r#"{"amount":1,"currency":"EUR"}"#,
        r#"{"amount":"1,00","currency":"EUR"}"#,
        r#"{"amount":"1e0","currency":"EUR"}"#,
        r#"{"amount":" 1.00","currency":"EUR"}"#,
        r#"{"amount":"-5.00","currency":"EUR"}"#,
    ] {
        check_doubt(condition, doubt);
    }
}

#[test]
fn matches_prefix() {
    let condition = "field = 'args.note'\nmatches_prefix = 'keep:'";
    check(condition, r#"{"note":"keep: this"}"#, YES);
    check(condition, r#"{"note":"drop: this"}"#, NO);
    check_doubt(condition, r#"{"note":"Keep: this"}"#);
    check_doubt(condition, r#"{"note":5}"#);
    check_doubt(condition, r"{}");
}

#[test]
fn a_path_cannot_leave_a_prefix_by_a_detour() {
    let condition = "field = 'args.path'\nmatches_prefix = '/srv/live'";
    check(condition, r#"{"path":"/srv/live/x"}"#, YES);
    check(condition, r#"{"path":"/srv/tmp/../live/x"}"#, YES);
    check(condition, r#"{"path":"/srv//./live/x"}"#, YES);
    check(condition, r#"{"path":"/opt/x"}"#, NO);
    for doubt in ["live/x", "/opt/../x", "~/x", "/opt/$HOME", "/SRV/live/x"] {
        check_doubt(condition, &format!("{{\"path\":\"{doubt}\"}}"));
    }
}

#[test]
fn present() {
    let given = "field = 'args.note'\npresent = true";
    check(given, r#"{"note":""}"#, YES);
    check(given, r"{}", NO);
    check_doubt(given, r#"{"note":null}"#);
    check_doubt(given, r"[]");
    check("field = 'args.note'\npresent = false", r"{}", YES);
    check("field = 'args.note'\npresent = false", r#"{"note":""}"#, NO);
}

#[test]
fn labels_come_from_the_inventory_and_an_absent_one_cannot_be_told() {
    let live = r#"{"path":"/srv/live"}"#;
    check("field = 'labels.environment'\nis = 'production'", live, YES);
    check("field = 'labels.environment'\nis = 'dev'", live, NO);
    check("field = 'labels.rows'\nover = 1000", live, YES);
    check_doubt("field = 'labels.regulated'\nis = true", live);
    check_doubt("field = 'labels.regulated'\npresent = true", live);
    let claimed = r#"{"path":"/srv/else","labels":{"environment":"dev"}}"#;
    check_doubt("field = 'labels.environment'\nis = 'production'", claimed);
}

#[test]
fn the_tool_and_the_reason_are_fields() {
    check("field = 'tool'\nis = 'remove'", "{}", YES);
    check("field = 'tool'\nmatches_prefix = 'pay'", "{}", NO);
    let present = "field = 'reason'\npresent = true";
    assert_eq!(answer_with_reason(present, "{}", Some("tidy up")), YES);
    assert_eq!(answer_with_reason(present, "{}", None), NO);
    check_doubt("field = 'reason'\nis = 'tidy up'", "{}");
}

#[test]
fn a_place_that_the_arguments_cannot_have_cannot_be_told() {
    check_doubt(
        "field = 'args.note.deeper'\npresent = true",
        r#"{"note":"text"}"#,
    );
}

#[test]
fn a_condition_has_one_operator_and_complete_money() {
    for wrong in [
        "field = 'args.count'",
        "field = 'args.count'\nover = 1\nunder = 5",
        "field = 'args.count'\nover = 1.5",
        "field = 'args.count'\nover = 'many'",
        "field = 'args.count'\nover = -1",
        "field = 'args.amount'\nover = '1.00'\ncurrency = 'args.currency'",
        "field = 'args.amount'\nis = '1.00'\ncurrency = 'args.currency'\nin = 'EUR'",
        "field = 'args.count'\nover = 1\nwithin = '24h'",
        "field = 'args.count'\ntotal_over = 1",
        "field = 'args.count'\ntotal_over = 1\nwithin = '32d'",
        "field = 'args.count'\ntotal_over = -1\nwithin = '1d'",
        "field = 'reason'\ntotal_over = 1\nwithin = '1d'",
        "field = 'args.count'\nover = 1\nper = 'args.note'",
        "field = 'args.note'\nfirst_seen = true",
        "field = 'args.note'\nfirst_seen = false\nwithin = '1d'",
        "field = 'args.note'\nfirst_seen = true\nwithin = '1d'\nper = 'args.note'",
        "field = 'args.note'\noutside_hours = '08:00-18:00'",
        "field = 'time'\nis = 'noon'",
        "field = 'time'\noutside_hours = '18:00-08:00'",
        "field = 'time'\noutside_hours = '08:00-24:01'",
        "field = 'time'\noutside_hours = '8:00-18:00'",
        "field = 'time'\noutside_hours = 'fri-mon 08:00-18:00'",
        "field = 'time'\noutside_hours = 'monday 08:00-18:00'",
        "field = 'amount'\nover = 1",
        "field = 'args.'\nover = 1",
        "field = 'labels.'\nis = 'x'",
        "field = 'args.note'\nis = 1979-05-27",
        "field = 'args.note'\nis = ['a']",
    ] {
        assert!(toml::from_str::<Condition>(wrong).is_err(), "{wrong}");
    }
}
