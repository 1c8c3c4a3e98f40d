//! Quorums, against a search through every way to seat people.

use countersign_record::id::PersonId;
use proptest::prelude::*;

use super::*;
use crate::Slot;
use crate::quorum::{Member, progress, reachable};

fn person(number: u8) -> PersonId {
    PersonId::new([number; 16])
}

fn member(number: u8, groups: &[&str]) -> Member {
    (
        person(number),
        groups.iter().map(|name| group(name)).collect(),
    )
}

fn slot(rule: &str, groups: &[&str], need: u32) -> Slot {
    let groups = groups.iter().map(|name| group(name)).collect();
    Slot {
        rule: rule_name(rule),
        groups,
        need,
    }
}

#[test]
fn one_of_two_is_not_enough_and_two_are() {
    let slots = [slot("r", &["treasury"], 2)];
    let first = progress(&slots, &[member(1, &["treasury"])]);
    assert_eq!((first.have, first.need, first.met), (1, 2, false));
    let second = progress(
        &slots,
        &[member(1, &["treasury"]), member(2, &["treasury", "ops"])],
    );
    assert_eq!((second.have, second.need, second.met), (2, 2, true));
    assert_eq!(second.filled, [[person(1), person(2)]]);
}

#[test]
fn one_person_named_twice_is_one_person() {
    let slots = [slot("r", &["treasury"], 2)];
    let twice = progress(
        &slots,
        &[member(1, &["treasury"]), member(1, &["treasury"])],
    );
    assert_eq!((twice.have, twice.met), (1, false));
}

#[test]
fn a_person_of_another_group_does_not_count() {
    assert_eq!(
        progress(&[slot("r", &["treasury"], 1)], &[member(1, &["ops"])]).have,
        0
    );
}

#[test]
fn within_a_rule_one_person_has_one_seat() {
    let slots = [slot("r", &["a"], 1), slot("r", &["b"], 1)];
    assert!(!progress(&slots, &[member(1, &["a", "b"])]).met);
    assert!(progress(&slots, &[member(1, &["a", "b"]), member(2, &["a"])]).met);
}

#[test]
fn whoever_holds_a_seat_moves_on_when_another_needs_it() {
    let slots = [slot("r", &["a"], 1), slot("r", &["b"], 1)];
    let seated = progress(&slots, &[member(1, &["a", "b"]), member(2, &["a"])]);
    assert_eq!(seated.filled, [[person(2)], [person(1)]]);
}

#[test]
fn across_rules_one_person_may_sit_in_each() {
    let slots = [
        slot("large", &["treasury"], 2),
        slot("money", &["treasury"], 1),
    ];
    let both = [member(1, &["treasury"]), member(2, &["treasury"])];
    assert!(progress(&slots, &both).met);
    let one = progress(&slots, &both[..1]);
    assert_eq!((one.have, one.need, one.met), (1, 2, false));
}

#[test]
fn a_quorum_that_the_remaining_people_cannot_fill_is_out_of_reach() {
    let slots = [slot("r", &["a"], 2)];
    let approved = [member(1, &["a"])];
    assert!(reachable(&slots, &approved, &[member(2, &["a"])]));
    assert!(!reachable(
        &slots,
        &approved,
        &[member(1, &["a"]), member(3, &["b"])]
    ));
    assert!(!reachable(&slots, &approved, &[]));
}

#[test]
fn without_seats_nothing_is_needed() {
    let nobody = progress(&[], &[]);
    assert_eq!((nobody.have, nobody.need, nobody.met), (0, 0, true));
}

/// Tries every way to give each seat of the rule to somebody who has none yet.
fn some_way_to_seat(seats: &[&Slot], people: &[Member]) -> bool {
    let Some((seat, rest)) = seats.split_first() else {
        return true;
    };
    people.iter().enumerate().any(|(place, (_, groups))| {
        let others = [&people[..place], &people[place + 1..]].concat();
        groups.iter().any(|group| seat.groups.contains(group)) && some_way_to_seat(rest, &others)
    })
}

fn brute_force(slots: &[Slot], people: &[Member]) -> bool {
    ["x", "y"].iter().all(|rule| {
        let of_rule = slots.iter().filter(|slot| slot.rule.as_str() == *rule);
        let seats: Vec<&Slot> = of_rule
            .flat_map(|slot| (0..slot.need).map(move |_| slot))
            .collect();
        some_way_to_seat(&seats, people)
    })
}

fn groups() -> impl Strategy<Value = Vec<GroupName>> {
    proptest::sample::subsequence(Vec::from(["a", "b", "c"]), 1..=3)
        .prop_map(|names| names.into_iter().map(group).collect())
}

fn slots() -> impl Strategy<Value = Vec<Slot>> {
    let slot = (proptest::bool::ANY, groups(), 1_u32..3).prop_map(|(x, groups, need)| Slot {
        rule: rule_name(if x { "x" } else { "y" }),
        groups,
        need,
    });
    proptest::collection::vec(slot, 0..4)
}

fn people() -> impl Strategy<Value = Vec<Member>> {
    proptest::collection::vec(groups(), 0..6).prop_map(|list| (1..).map(person).zip(list).collect())
}

proptest! {
    #[test]
    fn a_quorum_is_met_exactly_when_there_is_some_way_to_seat_people(
        slots in slots(), people in people(),
    ) {
        let progress = progress(&slots, &people);
        prop_assert_eq!(progress.met, brute_force(&slots, &people));
        prop_assert_eq!(progress.met, progress.have == progress.need);
    }

    #[test]
    fn every_seat_is_held_by_somebody_whom_it_suits_and_once_per_rule(
        slots in slots(), people in people(),
    ) {
        let filled = progress(&slots, &people).filled;
        for (slot, holders) in slots.iter().zip(&filled) {
            prop_assert!(holders.len() <= usize::try_from(slot.need).unwrap());
            for holder in holders {
                let (_, groups) = people.iter().find(|(person, _)| person == holder).unwrap();
                prop_assert!(groups.iter().any(|group| slot.groups.contains(group)));
            }
        }
        for rule in ["x", "y"] {
            let mut seated: Vec<PersonId> = slots.iter().zip(&filled)
                .filter(|(slot, _)| slot.rule.as_str() == rule)
                .flat_map(|(_, holders)| holders.clone()).collect();
            let all = seated.len();
            seated.sort();
            seated.dedup();
            prop_assert_eq!(seated.len(), all);
        }
    }

    #[test]
    fn more_people_never_undo_a_quorum(slots in slots(), people in people(), more in groups()) {
        let before = progress(&slots, &people);
        let mut everybody = people;
        everybody.push((person(200), more));
        let after = progress(&slots, &everybody);
        prop_assert!(after.have >= before.have && after.met >= before.met);
    }
}
