//! Strictest wins, and what counts as no stricter.

use countersign_record::term::{Client, KeyClass};

use super::*;
use crate::{Fact, Slot};

/// The requirement of a call that exactly these confirm blocks speak about: rules r0, r1, …
fn of(blocks: &[&str]) -> Requirement {
    let rules: Vec<String> = blocks
        .iter()
        .enumerate()
        .map(|(place, block)| {
            format!("[[rule]]\nid = \"r{place}\"\ntitle = \"T\"\ntool = \"remove\"\nconfirm = {{ {block} }}")
        })
        .collect();
    requirement(&with(&rules.join("\n")), "remove", r#"{"path":"/x"}"#)
}

#[test]
fn a_block_that_says_only_who_has_strict_defaults() {
    let requirement = of(&["from = [\"ops\"]"]);
    let slot = Slot {
        rule: rule_name("r0"),
        groups: Vec::from([group("ops")]),
        need: 1,
    };
    assert_eq!(
        requirement,
        Requirement {
            rules: Vec::from([rule_name("r0")]),
            slots: Vec::from([slot]),
            key_class: KeyClass::Device,
            client: None,
            decide_within_ms: 3_600_000,
            execute_within_ms: 600_000,
            outcome_within_ms: 86_400_000,
            cool_down_ms: 0,
            reason_required: false,
            deny_threshold: 1,
            self_confirm: false,
            after_denial_ms: 86_400_000,
            independence: [].into(),
            match_number: false,
            type_to_confirm: None,
        }
    );
}

#[test]
fn the_strictest_of_all_rules_counts_in_every_component() {
    let lax = "from = [\"ops\"], key_class = \"software\", expires = \"2h\", execute_within = \"1h\", \
        outcome_within = \"2d\", deny_threshold = 2, self_confirm = true, after_denial = \"1h\", \
        independence = [\"device\"], client = \"page\"";
    let strict = "approvals = 2, from = [\"owners\"], key_class = \"synced\", expires = \"1h\", \
        execute_within = \"1m\", outcome_within = \"1d\", cool_down = \"5m\", reason_required = true, \
        after_denial = \"2d\", independence = [\"account\"], client = \"cli\"";
    for blocks in [[lax, strict], [strict, lax]] {
        let requirement = of(&blocks);
        assert_eq!(requirement.slots.len(), 2);
        assert_eq!(requirement.approvals(), 2);
        assert_eq!(requirement.key_class, KeyClass::Synced);
        assert_eq!(requirement.client, Some(Client::Cli));
        assert_eq!(requirement.decide_within_ms, 3_600_000);
        assert_eq!(requirement.execute_within_ms, 60_000);
        assert_eq!(requirement.outcome_within_ms, 86_400_000);
        assert_eq!(requirement.cool_down_ms, 300_000);
        assert_eq!(requirement.deny_threshold, 1);
        assert_eq!(requirement.after_denial_ms, 172_800_000);
        assert_eq!(
            requirement.independence,
            [Fact::Account, Fact::Device].into()
        );
        assert!(requirement.reason_required && !requirement.self_confirm);
    }
}

#[test]
fn self_confirm_needs_the_word_of_every_rule() {
    let yes = "from = [\"ops\"], self_confirm = true";
    assert!(of(&[yes, yes]).self_confirm);
    assert!(!of(&[yes, "from = [\"ops\"]"]).self_confirm);
}

#[test]
fn from_each_is_one_seat_per_group_and_the_rest_from_any() {
    let needs = |block| -> Vec<(usize, u32)> {
        of(&[block])
            .slots
            .iter()
            .map(|slot| (slot.groups.len(), slot.need))
            .collect()
    };
    assert_eq!(needs("from_each = [\"ops\", \"owners\"]"), [(1, 1), (1, 1)]);
    assert_eq!(
        needs("from_each = [\"ops\", \"owners\"], approvals = 4"),
        [(1, 1), (2, 2), (1, 1)]
    );
    assert_eq!(
        needs("from = [\"owners\", \"ops\"], approvals = 3"),
        [(2, 3)]
    );
}

#[test]
fn blocks_that_ask_nobody_or_for_the_impossible_are_refused() {
    for block in [
        "",
        "from = []",
        "approvals = 0, from = [\"ops\"]",
        "approvals = 21, from = [\"ops\"]",
        "approvals = 1, from_each = [\"ops\", \"owners\"]",
        "from = [\"ops\"], from_each = [\"owners\"]",
        "from = [\"ops\", \"ops\"]",
        "from = [\"ops\"], deny_threshold = 0",
        "from = [\"ops\"], expires = \"0s\"",
        "from = [\"ops\"], execute_within = \"0s\"",
        "from = [\"ops\"], after_denial = \"32d\"",
        "from = [\"ops\"], key_class = \"strong\"",
        "from = [\"ops\"], independence = [\"mood\"]",
        "from = [\"ops\"], approval = 2",
    ] {
        let text = changed_text(
            "confirm = { from = [\"ops\"] }",
            &format!("confirm = {{ {block} }}"),
        );
        assert!(Policy::parse(&text).is_err(), "{block}");
    }
}

/// One component at a time: strict admits lax, lax does not admit strict.
#[test]
fn weaker_in_one_component_goes_on_and_stricter_does_not() {
    for (strict, lax) in [
        (
            "from = [\"ops\"], key_class = \"device\"",
            "from = [\"ops\"], key_class = \"software\"",
        ),
        ("from = [\"ops\"], client = \"cli\"", "from = [\"ops\"]"),
        (
            "from = [\"ops\"], client = \"external\"",
            "from = [\"ops\"], client = \"cli\"",
        ),
        (
            "from = [\"ops\"], expires = \"1m\"",
            "from = [\"ops\"], expires = \"2m\"",
        ),
        (
            "from = [\"ops\"], execute_within = \"1m\"",
            "from = [\"ops\"], execute_within = \"2m\"",
        ),
        (
            "from = [\"ops\"], outcome_within = \"1m\"",
            "from = [\"ops\"], outcome_within = \"2m\"",
        ),
        (
            "from = [\"ops\"], cool_down = \"2m\"",
            "from = [\"ops\"], cool_down = \"1m\"",
        ),
        (
            "from = [\"ops\"], reason_required = true",
            "from = [\"ops\"]",
        ),
        ("from = [\"ops\"]", "from = [\"ops\"], deny_threshold = 2"),
        ("from = [\"ops\"]", "from = [\"ops\"], self_confirm = true"),
        (
            "from = [\"ops\"], after_denial = \"2d\"",
            "from = [\"ops\"], after_denial = \"1d\"",
        ),
        (
            "from = [\"ops\"], independence = [\"account\", \"device\"]",
            "from = [\"ops\"], independence = [\"device\"]",
        ),
        ("from = [\"ops\"], approvals = 2", "from = [\"ops\"]"),
        ("from = [\"ops\"]", "from = [\"ops\", \"owners\"]"),
        ("from_each = [\"ops\", \"owners\"]", "from = [\"ops\"]"),
    ] {
        let (strict, lax) = (of(&[strict]), of(&[lax]));
        assert!(strict.admits(&lax), "{strict:?}\n{lax:?}");
        assert!(!lax.admits(&strict), "{lax:?}\n{strict:?}");
        assert!(strict.admits(&strict) && lax.admits(&lax));
    }
}

#[test]
fn another_rule_is_stricter_even_when_it_asks_the_same_people() {
    let (one, two) = (
        of(&["from = [\"ops\"]"]),
        of(&["from = [\"ops\"]", "from = [\"ops\"]"]),
    );
    assert!(two.admits(&one));
    assert!(!one.admits(&two));
}

#[test]
fn verdicts_go_on_only_where_nothing_is_stricter() {
    let asked = Verdict::Confirm(of(&["from = [\"ops\"]"]));
    let asked_more = Verdict::Confirm(of(&["from = [\"ops\"], approvals = 2"]));
    for (pinned, current, goes_on) in [
        (&Verdict::Allow, &Verdict::Allow, true),
        (&Verdict::Allow, &asked, false),
        (&Verdict::Allow, &Verdict::Deny, false),
        (&asked, &Verdict::Allow, true),
        (&asked, &asked, true),
        (&asked_more, &asked, true),
        (&asked, &asked_more, false),
        (&asked, &Verdict::Deny, false),
        (&Verdict::Deny, &Verdict::Allow, true),
    ] {
        assert_eq!(pinned.admits(current), goes_on, "{pinned:?} {current:?}");
    }
}
