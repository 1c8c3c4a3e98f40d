//! Rules only add, and their order means nothing.

use countersign_hostile::mutated_text;
use proptest::prelude::*;

use super::*;
use crate::decimal::{Decimal, grouped};
use crate::{Population, explain};

/// A rule about some of the calls of `remove`.
fn rule() -> impl Strategy<Value = String> {
    let about = prop_oneof![
        Just("tool = \"remove\""),
        Just("class = \"deletion\""),
        Just("class = [\"money\", \"deletion\"]"),
        Just("tool = \"pay\""),
    ];
    let when = prop_oneof![
        Just(""),
        Just("when = [{ field = \"args.count\", over = 10 }]"),
        Just("when = [{ field = \"args.note\", is = \"x\" }]"),
        Just("when = [{ field = \"labels.environment\", is = \"production\" }]"),
        Just("when = [{ field = \"args.force\", present = false }]"),
    ];
    let says = prop_oneof![
        8 => confirm(),
        1 => Just("deny = true".to_string()),
    ];
    (about, when, says).prop_map(|(about, when, says)| format!("{about}\n{when}\n{says}\n"))
}

fn confirm() -> impl Strategy<Value = String> {
    let who = prop_oneof![
        Just("from = [\"ops\"]"),
        Just("from = [\"owners\"], approvals = 2"),
        Just("from_each = [\"ops\", \"owners\"], approvals = 3"),
    ];
    let class = prop_oneof![Just("software"), Just("synced"), Just("device")];
    let how = (
        1_u32..9,
        0_u32..3,
        proptest::bool::ANY,
        proptest::bool::ANY,
        1_u32..4,
    );
    (who, class, how).prop_map(|(who, class, (minutes, wait, reason, own, denials))| {
        format!(
            "confirm = {{ {who}, key_class = \"{class}\", expires = \"{minutes}m\", cool_down = \
             \"{wait}s\", reason_required = {reason}, self_confirm = {own}, deny_threshold = \
             {denials}, after_denial = \"{minutes}h\" }}"
        )
    })
}

fn arguments() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        Just(r#"{"path":"/x"}"#),
        Just(r#"{"path":"/srv/live","count":11,"force":true}"#),
        Just(r#"{"path":"/x","count":3,"note":"x"}"#),
        Just(r#"{"path":"/x","count":"many","note":"y","force":false}"#),
        Just(r"{}"),
        Just(r"[]"),
    ]
}

/// Rules with ids that do not depend on their order.
fn with_rules<'a>(rules: impl IntoIterator<Item = &'a (usize, String)>) -> Policy {
    let rules: Vec<String> = rules
        .into_iter()
        .map(|(number, rule)| format!("[[rule]]\nid = \"r{number}\"\ntitle = \"T\"\n{rule}"))
        .collect();
    with(&rules.concat())
}

fn numbered(rules: Vec<String>) -> Vec<(usize, String)> {
    rules.into_iter().enumerate().collect()
}

proptest! {
    #![proptest_config(countersign_hostile::cases(96))]

    #[test]
    fn one_rule_more_never_weakens_what_is_demanded(
        rules in proptest::collection::vec(rule(), 1..5), arguments in arguments(),
    ) {
        let rules = numbered(rules);
        let before = assess(&with_rules(&rules[1..]), "remove", arguments).verdict;
        let after = assess(&with_rules(&rules), "remove", arguments).verdict;
        // The fallback rule speaks only where no other does, so it can step aside.
        let only_fallback = matches!(&before, Verdict::Confirm(requirement)
            if requirement.rules == [rule_name("rest")]);
        prop_assert!(only_fallback || after.admits(&before), "{:?}\n{:?}", before, after);
        prop_assert!(!only_fallback || after != Verdict::Allow);
    }

    #[test]
    fn the_order_of_rules_means_nothing(
        rules in proptest::collection::vec(rule(), 0..6), arguments in arguments(), turn in 0_usize..6,
    ) {
        let rules = numbered(rules);
        let mut turned = rules.clone();
        turned.reverse();
        let by = turn % turned.len().max(1);
        turned.rotate_left(by);
        let one = assess(&with_rules(&rules), "remove", arguments);
        let other = assess(&with_rules(&turned), "remove", arguments);
        prop_assert_eq!(one.verdict, other.verdict);
        prop_assert_eq!(one.rules, other.rules);
    }

    #[test]
    fn no_text_makes_the_reader_fail_otherwise_than_by_an_error(text in "\\PC{0,200}") {
        if let Ok(policy) = Policy::parse(&text) {
            prop_assert_eq!(policy.text(), text);
        }
    }
}

/// A decimal with `scale` places, as text.
fn decimal(number: i64, scale: usize) -> String {
    let digits = format!("{:0>width$}", number.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let point = if scale == 0 { "" } else { "." };
    let sign = if number < 0 { "-" } else { "" };
    format!("{sign}{whole}{point}{fraction}")
}

proptest! {
    #[test]
    fn decimals_are_compared_as_the_numbers_that_they_are(
        one in any::<i64>(), other in any::<i64>(), near in -3..4_i64, scale in 0_usize..12,
    ) {
        for other in [other, one.saturating_add(near)] {
            let read = |number| Decimal::read(&decimal(number, scale)).unwrap();
            prop_assert_eq!(read(one).cmp(&read(other)), one.cmp(&other));
            prop_assert_eq!(read(one) == read(other), one == other);
        }
    }

    #[test]
    fn grouping_adds_commas_and_nothing_else(number in any::<i64>(), scale in 0_usize..12) {
        let written = decimal(number, scale);
        let shown = grouped(&written);
        prop_assert_eq!(shown.replace(',', ""), written);
        let whole = shown.split('.').next().unwrap().trim_start_matches('-');
        let mut groups = whole.split(',');
        prop_assert!((1..=3).contains(&groups.next().unwrap().len()));
        prop_assert!(groups.all(|group| group.len() == 3));
    }

    #[test]
    fn what_is_no_plain_decimal_is_refused(text in "[-+0-9.,eE_ ]{0,8}|\\PC{0,6}") {
        let unsigned = text.strip_prefix('-').unwrap_or(&text);
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|it| it.is_ascii_digit());
        let plain = digits(whole) && digits(fraction) && (whole == "0" || !whole.starts_with('0'));
        prop_assert_eq!(Decimal::read(&text).is_some(), plain);
    }

    #[test]
    fn a_changed_policy_is_refused_or_can_be_checked_explained_and_tested(
        changed in prop::sample::select(alloc::vec![
            include_str!("../../../../fixtures/policies/workstation.toml"),
            include_str!("../../../../fixtures/policies/demo.toml"),
        ]).prop_flat_map(mutated_text),
    ) {
        if let Ok(policy) = Policy::parse(&changed) {
            let _any = (policy.check(&Population::Unknown), explain(&policy), policy.test());
            prop_assert_eq!(policy.text(), changed);
        }
    }
}
