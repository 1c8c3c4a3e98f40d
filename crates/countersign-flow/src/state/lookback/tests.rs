//! What a history answers about earlier calls, and what of it is in doubt.

use alloc::vec::Vec;

use super::*;

fn call(number: u64) -> CallId {
    let [low, high] = [number, 0].map(u64::to_be_bytes);
    CallId::new([high, low].concat().try_into().unwrap())
}

/// A history of so many calls; each by itself, in a group or in doubt.
fn history(calls: u64, group: Option<Group>, amount: Result<Amount, Doubt>) -> History {
    let mut history = History::default();
    for number in 1..=calls {
        history.insert(Counted {
            at: number,
            call: call(number),
            group,
            amount,
        });
    }
    history
}

#[test]
fn a_full_history_is_in_doubt_until_no_window_reaches_a_call_that_left() {
    let (group, one) = (Some(Group([7; 32])), Amount::from_units(1));
    let mut history = history(10, group, Ok(one));
    history.keep(8);
    assert_eq!(history.since, Some((2, Doubt::TooMany)));
    let [doubtful, certain] = [101, 102].map(|now| history.earlier(group, now, 100));
    assert_eq!(doubtful.doubt, Some(Doubt::TooMany));
    assert_eq!((certain.doubt, certain.calls), (None, 8));
}

#[test]
fn what_is_withheld_from_a_reader_stays_so_beside_calls_that_left() {
    let (group, one) = (Some(Group([7; 32])), Amount::from_units(1));
    let mut withheld = history(9, group, Ok(one));
    withheld.since = Some((0, Doubt::Withheld));
    withheld.keep(8);
    assert_eq!(withheld.since, Some((1, Doubt::Withheld)));
    let mut among = history(9, None, Err(Doubt::Withheld));
    among.keep(8);
    let found = among.earlier(group, 100, 100);
    assert_eq!(found.doubt, Some(Doubt::Withheld), "the first that holds");
}

#[test]
fn of_doubts_the_first_that_still_counts_is_told() {
    let mut history = History::default();
    let doubts = Doubt::ALL.into_iter().zip(1..);
    for (doubt, at) in doubts.clone() {
        history.insert(Counted {
            at,
            call: call(at),
            group: None,
            amount: Err(doubt),
        });
    }
    let told: Vec<_> = (0..6)
        .map(|over| history.earlier(None, 10 + over, 10).doubt)
        .collect();
    let all: Vec<_> = Doubt::ALL.into_iter().map(Some).collect();
    assert_eq!(told, all);
}
