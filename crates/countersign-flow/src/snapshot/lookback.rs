//! What is remembered of earlier calls. A look has no bytes of its own: it is its place among those of
//! the policy in force, since the state holds no other.

use alloc::vec;
use alloc::vec::Vec;

use countersign_policy::{Amount, Doubt, Earlier, Group, Look, Policy};
use countersign_record::cbor::Item;

use super::{Kept, items};
use crate::state::{Counted, History, State};

kept! {
    Counted { at, call, group, amount }
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

/// A history is the calls that count in it.
impl Kept for History {
    fn put(&self) -> Item {
        let counted = self.counted().map(|it| it.put());
        Item::Array(vec![self.since.put(), Item::Array(counted.collect())])
    }

    fn take(item: Item) -> Option<Self> {
        let (since, all): (_, Vec<Counted>) = Kept::take(item)?;
        let mut history = Self::begun(since);
        for counted in all {
            history.insert(counted);
        }
        Some(history)
    }
}

/// An amount is bytes, and a doubt in its place a number.
impl Kept for Result<Amount, Doubt> {
    fn put(&self) -> Item {
        match self {
            Ok(amount) => amount.put(),
            Err(doubt) => doubt.put(),
        }
    }

    fn take(item: Item) -> Option<Self> {
        match item {
            Item::Uint(_) => Doubt::take(item).map(Err),
            _ => Amount::take(item).map(Ok),
        }
    }
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

/// Its place in the list.
impl Kept for Doubt {
    fn put(&self) -> Item {
        let place = Self::ALL.iter().take_while(|it| *it != self);
        place.fold(0_u64, |place, _| place + 1).put()
    }

    fn take(item: Item) -> Option<Self> {
        let place = usize::try_from(u64::take(item)?).ok()?;
        Self::ALL.get(place).copied()
    }
}
