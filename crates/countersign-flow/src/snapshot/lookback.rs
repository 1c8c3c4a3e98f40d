//! What is remembered of earlier calls. A look has no bytes of its own: it is its place among those of
//! the policy in force, since the state holds no other.

use alloc::vec;
use alloc::vec::Vec;

use countersign_policy::{Amount, Doubt, Earlier, Group, Look, Policy};
use countersign_record::cbor::Item;

use super::{Kept, items};
use crate::state::{Counted, History, State};

kept! {
    History { since, groups, anywhere, places, order }
    Counted { amounts, total, doubts }
    Earlier { calls, total, doubt }
}

as_bytes! { Group }

/// The history of each look, and what each open call has of it.
pub(super) fn put(state: &State) -> Item {
    let histories = &state.lookback.histories;
    let calls = state.calls.values().map(|call| {
        let looks = histories.keys();
        Item::Array(
            looks
                .map(|it| call.facts.earlier.get(it).copied().put())
                .collect(),
        )
    });
    Item::Array(vec![
        Item::Array(histories.values().map(Kept::put).collect()),
        Item::Array(calls.collect()),
    ])
}

/// Gives a state, with policy and calls, what was put.
pub(super) fn take(state: &mut State, item: Item) -> Option<()> {
    let (histories, calls): (Vec<History>, Vec<Vec<Option<Earlier>>>) = Kept::take(item)?;
    let looks = state.document().map(Policy::looks).unwrap_or_default();
    let looks: Vec<Look> = looks.into_iter().cloned().collect();
    let is_whole = histories.len() == looks.len()
        && calls.len() == state.calls.len()
        && calls.iter().all(|earlier| earlier.len() == looks.len());
    if !is_whole {
        return None;
    }
    for (call, earlier) in state.calls.values_mut().zip(calls) {
        let earlier = looks.iter().cloned().zip(earlier);
        let known = earlier.filter_map(|(look, earlier)| Some((look, earlier?)));
        call.facts.earlier = known.collect();
    }
    state.lookback.histories = looks.into_iter().zip(histories).collect();
    Some(())
}

impl Kept for Amount {
    fn put(&self) -> Item {
        self.units().to_be_bytes().put()
    }

    fn take(item: Item) -> Option<Self> {
        let bytes = Kept::take(item)?;
        Some(Self::from_units(u128::from_be_bytes(bytes)))
    }
}

impl Kept for Doubt {
    fn put(&self) -> Item {
        Item::Uint(match self {
            Self::Withheld => 0,
            Self::NotWatched => 1,
            Self::Unreadable => 2,
            Self::OtherCurrency => 3,
            Self::TooLong => 4,
        })
    }

    fn take(item: Item) -> Option<Self> {
        Some(match u64::take(item)? {
            0 => Self::Withheld,
            1 => Self::NotWatched,
            2 => Self::Unreadable,
            3 => Self::OtherCurrency,
            4 => Self::TooLong,
            _ => return None,
        })
    }
}
