//! Earlier calls that the policy in force looks back at: as many as fit its windows, and no more of
//! them than what its conditions add up.

use alloc::collections::{BTreeMap, BTreeSet};

use countersign_policy::{Amount, Doubt, Earlier, Facts, Group, Look, Policy};
use countersign_record::entry::UnixMillis;
use countersign_record::id::CallId;
use countersign_record::json::Value;

/// So many calls are kept, the same number for each look: some 250 MB where each is alone in its
/// group, and as much again while a snapshot is written. What has no place is in doubt, and so the
/// rule applies: 16,000 calls a day in a window of 31 days are not asked about for that.
const CALLS_MAX: usize = if cfg!(test) { 200 } else { 500_000 };

const FIRST_CALL: CallId = CallId::new([0; 16]);
const LAST_CALL: CallId = CallId::new([0xff; 16]);

/// By way of looking. A policy that looks in another way begins anew (docs/spec/flow.md, part 6).
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct LookBack {
    pub(crate) histories: BTreeMap<Look, History>,
}

/// A call at its place in time.
pub(crate) type Asked = (UnixMillis, CallId);

/// A call that counts, and with which others; without a group it may be with any.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Counted {
    pub(crate) at: UnixMillis,
    pub(crate) call: CallId,
    pub(crate) group: Option<Group>,
    pub(crate) amount: Result<Amount, Doubt>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct History {
    /// Calls until then were not looked at, or had no place, and why that is; `None`: all were.
    pub(crate) since: Option<(UnixMillis, Doubt)>,
    amounts: BTreeMap<(Option<Group>, UnixMillis, CallId), Result<Amount, Doubt>>,
    // What follows from the amounts, so that no question is answered by a walk over them.
    sums: BTreeMap<Option<Group>, Sum>,
    doubts: BTreeSet<(Option<Group>, Doubt, UnixMillis, CallId)>,
    places: BTreeMap<CallId, (UnixMillis, Option<Group>)>,
    order: BTreeSet<Asked>,
}

/// Calls that count together.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Sum {
    calls: u64,
    total: Amount,
}

impl LookBack {
    /// From now on the calls at which this policy looks are kept. What an earlier policy looked at in
    /// the same way goes on; `before` says why other calls until now are not known, `None` if there
    /// were none.
    pub(crate) fn watch(&mut self, policy: Option<&Policy>, before: Option<(UnixMillis, Doubt)>) {
        let mut known = core::mem::take(&mut self.histories);
        for look in policy.into_iter().flat_map(Policy::looks) {
            let history = known.remove(look);
            let history = history.unwrap_or_else(|| History::begun(before));
            self.histories.insert(look.clone(), history);
        }
        let most = self.most();
        for history in self.histories.values_mut() {
            history.keep(most);
        }
    }

    /// How many calls each look may hold.
    fn most(&self) -> usize {
        CALLS_MAX / self.histories.len().max(1)
    }

    /// How many calls it holds.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.histories.values().map(|it| it.places.len()).sum()
    }

    /// Whether somebody looks back in this way.
    pub(crate) fn knows(&self, look: &Look) -> bool {
        self.histories.contains_key(look)
    }

    /// What is known before a call of the tool with these arguments.
    pub(crate) fn facts(&self, tool: &str, arguments: &Value, now: UnixMillis) -> Facts {
        let looks = self.histories.iter();
        let looks = looks.filter(|(look, _)| look.selects(tool));
        let earlier = looks.map(|(look, history)| {
            let group = look.share(arguments).group;
            let earlier = history.earlier(group, now, look.within_ms());
            (look.clone(), earlier)
        });
        Facts {
            at: Some(now),
            earlier: earlier.collect(),
        }
    }

    /// A call was asked that may run; `arguments` are missing where they are withheld.
    pub(crate) fn asked(&mut self, call: Asked, tool: &str, arguments: Option<&Value>) {
        self.count(call, tool, arguments, false);
    }

    /// A call has succeeded.
    pub(crate) fn succeeded(&mut self, call: Asked, tool: &str, arguments: Option<&Value>) {
        self.count(call, tool, arguments, true);
    }

    fn count(&mut self, call: Asked, tool: &str, arguments: Option<&Value>, success: bool) {
        let most = self.most();
        for (look, history) in &mut self.histories {
            if look.counts_successes() == success && look.selects(tool) {
                history.insert(counted(look, call, arguments));
                history.keep(most);
            }
        }
    }

    /// A call ended unexecuted.
    pub(crate) fn not_executed(&mut self, call: CallId) {
        self.uncount(call, false);
    }

    /// That the call succeeded is disputed.
    pub(crate) fn disputed(&mut self, call: CallId) {
        self.uncount(call, true);
    }

    fn uncount(&mut self, call: CallId, success: bool) {
        for (look, history) in &mut self.histories {
            if look.counts_successes() == success {
                history.remove(call);
            }
        }
    }

    /// Calls that no window reaches any more leave.
    pub(crate) fn forget(&mut self, now: UnixMillis) {
        for (look, history) in &mut self.histories {
            history.forget(look.within_ms(), now);
        }
    }
}

/// What the call adds to that look.
fn counted(look: &Look, (at, call): Asked, arguments: Option<&Value>) -> Counted {
    let (group, amount) = match arguments.map(|it| look.share(it)) {
        None => (None, Err(Doubt::Withheld)),
        Some(share) if share.group.is_none() => (None, Err(Doubt::Unreadable)),
        Some(share) => (share.group, share.amount),
    };
    Counted {
        at,
        call,
        group,
        amount,
    }
}

impl History {
    pub(crate) fn begun(since: Option<(UnixMillis, Doubt)>) -> Self {
        Self {
            since,
            ..Self::default()
        }
    }

    /// The calls that count, all there is to a history beside `since`.
    pub(crate) fn counted(&self) -> impl Iterator<Item = Counted> {
        let counted = self.amounts.iter();
        counted.map(|((group, at, call), amount)| Counted {
            at: *at,
            call: *call,
            group: *group,
            amount: *amount,
        })
    }

    pub(crate) fn insert(&mut self, counted: Counted) {
        let Counted {
            at,
            call,
            group,
            amount,
        } = counted;
        // A forged log may name a call twice: each stands in one place, or `forget` would not end.
        self.remove(call);
        let sum = self.sums.entry(group).or_default();
        sum.calls = sum.calls.saturating_add(1);
        match amount {
            Ok(amount) => sum.total = sum.total.plus(amount),
            Err(doubt) => {
                self.doubts.insert((group, doubt, at, call));
            }
        }
        self.amounts.insert((group, at, call), amount);
        self.places.insert(call, (at, group));
        self.order.insert((at, call));
    }

    fn remove(&mut self, call: CallId) {
        let Some((at, group)) = self.places.remove(&call) else {
            return;
        };
        self.order.remove(&(at, call));
        let amount = self.amounts.remove(&(group, at, call));
        if let Some(Err(doubt)) = amount {
            self.doubts.remove(&(group, doubt, at, call));
        }
        if let Some(sum) = self.sums.get_mut(&group) {
            *sum = sum.without(amount.and_then(Result::ok));
            if sum.calls == 0 {
                self.sums.remove(&group);
            }
        }
    }

    fn forget(&mut self, within: UnixMillis, now: UnixMillis) {
        while let Some((at, call)) = self.order.first().copied() {
            if counts(at, within, now) {
                break;
            }
            self.remove(call);
        }
    }

    /// The oldest calls beyond `most` leave, and are in doubt from now on.
    fn keep(&mut self, most: usize) {
        while self.order.len() > most
            && let Some((at, call)) = self.order.first().copied()
        {
            self.remove(call);
            self.since = Some(match self.since {
                Some((since, doubt)) => (since.max(at), doubt.min(Doubt::TooMany)),
                None => (at, Doubt::TooMany),
            });
        }
    }

    fn earlier(&self, group: Option<Group>, now: UnixMillis, within: UnixMillis) -> Earlier {
        let counts = |at| counts(at, within, now);
        let mut earlier = match group {
            None => Earlier::default(),
            Some(_) => self.sum(group, counts),
        };
        let of_group = self.doubt(group, counts);
        for doubt in of_group.into_iter().chain(self.doubt(None, counts)) {
            earlier.doubt(doubt);
        }
        match self.since {
            Some((since, doubt)) if counts(since) => earlier.doubt(doubt),
            _ => {}
        }
        earlier
    }

    /// What of a group counts now.
    fn sum(&self, group: Option<Group>, counts: impl Fn(UnixMillis) -> bool) -> Earlier {
        let all = self.sums.get(&group).copied().unwrap_or_default();
        let of_group = self.amounts.range((group, 0, FIRST_CALL)..);
        // Those whose window has ended since the last call was folded, which took the others away.
        let over = of_group.take_while(|((of, at, _), _)| *of == group && !counts(*at));
        let sum = over.fold(all, |sum, (_, amount)| sum.without(amount.ok()));
        Earlier {
            calls: sum.calls,
            total: sum.total,
            doubt: None,
        }
    }

    /// The first doubt of a group of which a call still counts.
    fn doubt(&self, group: Option<Group>, counts: impl Fn(UnixMillis) -> bool) -> Option<Doubt> {
        Doubt::ALL.into_iter().find(|doubt| {
            let at = |at, call| (group, *doubt, at, call);
            let all = at(0, FIRST_CALL)..=at(UnixMillis::MAX, LAST_CALL);
            let newest = self.doubts.range(all).next_back();
            newest.is_some_and(|(_, _, at, _)| counts(*at))
        })
    }
}

impl Sum {
    fn without(self, amount: Option<Amount>) -> Self {
        Self {
            calls: self.calls.saturating_sub(1),
            total: self.total.minus(amount.unwrap_or_default()),
        }
    }
}

/// Whether a window that ends now still holds what was then.
fn counts(at: UnixMillis, within: UnixMillis, now: UnixMillis) -> bool {
    at.saturating_add(within) > now
}

#[cfg(test)]
mod tests;
