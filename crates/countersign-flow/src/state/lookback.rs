//! Earlier calls that the policy in force looks back at: as many as fit its windows, and no more of
//! them than what its conditions add up.

use alloc::collections::{BTreeMap, BTreeSet};

use countersign_policy::{Amount, Doubt, Earlier, Facts, Group, Look, Policy, Share};
use countersign_record::entry::UnixMillis;
use countersign_record::id::CallId;
use countersign_record::json::Value;

/// By way of looking. A policy that looks in another way begins anew (docs/spec/flow.md, part 6).
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct LookBack {
    pub(crate) histories: BTreeMap<Look, History>,
}

/// A call at its place in time.
pub(crate) type Asked = (UnixMillis, CallId);

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct History {
    /// Calls until then were not looked at, and why that is; `None`: all were.
    pub(crate) since: Option<(UnixMillis, Doubt)>,
    pub(crate) groups: BTreeMap<Group, Counted>,
    /// Calls that may count with any other.
    pub(crate) anywhere: BTreeMap<Asked, Doubt>,
    /// Where each call is counted.
    pub(crate) places: BTreeMap<CallId, (UnixMillis, Option<Group>)>,
    pub(crate) order: BTreeSet<Asked>,
}

/// Calls that count together.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Counted {
    pub(crate) amounts: BTreeMap<Asked, Amount>,
    pub(crate) total: Amount,
    pub(crate) doubts: BTreeMap<Asked, Doubt>,
}

impl LookBack {
    /// From now on the calls at which this policy looks are kept. What an earlier policy looked at in
    /// the same way goes on; `before` says why other calls until now are not known, `None` if there
    /// were none.
    pub(crate) fn watch(&mut self, policy: Option<&Policy>, before: Option<(UnixMillis, Doubt)>) {
        let mut known = core::mem::take(&mut self.histories);
        for look in policy.into_iter().flat_map(Policy::looks) {
            let fresh = || History {
                since: before,
                ..History::default()
            };
            let history = known.remove(look).unwrap_or_else(fresh);
            self.histories.insert(look.clone(), history);
        }
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
        for (look, history) in &mut self.histories {
            if look.counts_successes() == success && look.selects(tool) {
                history.forget(look.within_ms(), call.0);
                history.insert(call, arguments.map(|it| look.share(it)));
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

impl History {
    fn forget(&mut self, within: UnixMillis, now: UnixMillis) {
        while let Some((at, call)) = self.order.first().copied() {
            if counts(at, within, now) {
                break;
            }
            self.remove(call);
        }
    }

    fn insert(&mut self, call: Asked, share: Option<Share>) {
        // A forged log may name a call twice: each stands in one place, or `forget` would not end.
        self.remove(call.1);
        let group = share.and_then(|share| share.group);
        match (share, group) {
            (None, _) => {
                self.anywhere.insert(call, Doubt::Withheld);
            }
            (Some(_), None) => {
                self.anywhere.insert(call, Doubt::Unreadable);
            }
            (Some(share), Some(group)) => self.groups.entry(group).or_default().insert(call, share),
        }
        self.places.insert(call.1, (call.0, group));
        self.order.insert(call);
    }

    fn remove(&mut self, call: CallId) {
        let Some((at, group)) = self.places.remove(&call) else {
            return;
        };
        let asked = (at, call);
        self.order.remove(&asked);
        match group {
            None => {
                self.anywhere.remove(&asked);
            }
            Some(group) => {
                if let Some(counted) = self.groups.get_mut(&group) {
                    counted.remove(&asked);
                    if counted.is_empty() {
                        self.groups.remove(&group);
                    }
                }
            }
        }
    }

    fn earlier(&self, group: Option<Group>, now: UnixMillis, within: UnixMillis) -> Earlier {
        let counted = group.and_then(|group| self.groups.get(&group));
        let mut earlier = counted.map_or_else(Earlier::default, |it| it.within(now, within));
        let doubts = self.anywhere.iter();
        for (_, doubt) in doubts.filter(|((at, _), _)| counts(*at, within, now)) {
            earlier.doubt(*doubt);
        }
        match self.since {
            Some((since, doubt)) if counts(since, within, now) => earlier.doubt(doubt),
            _ => {}
        }
        earlier
    }
}

impl Counted {
    fn insert(&mut self, call: Asked, share: Share) {
        match share.amount {
            Ok(amount) => {
                self.total = self.total.plus(amount);
                self.amounts.insert(call, amount);
            }
            Err(doubt) => {
                self.doubts.insert(call, doubt);
            }
        }
    }

    fn remove(&mut self, call: &Asked) {
        if let Some(amount) = self.amounts.remove(call) {
            self.total = self.total.minus(amount);
        }
        self.doubts.remove(call);
    }

    fn is_empty(&self) -> bool {
        self.amounts.is_empty() && self.doubts.is_empty()
    }

    /// What of it counts now: few calls are over that have not left yet.
    fn within(&self, now: UnixMillis, within: UnixMillis) -> Earlier {
        let amounts = self.amounts.iter();
        let over = amounts.take_while(|((at, _), _)| !counts(*at, within, now));
        let (left, total) = over.fold((self.amounts.len(), self.total), |(left, total), it| {
            (left - 1, total.minus(*it.1))
        });
        let mut earlier = Earlier {
            calls: u64::try_from(left).unwrap_or(u64::MAX),
            total,
            doubt: None,
        };
        let doubts = self.doubts.iter();
        for (_, doubt) in doubts.filter(|((at, _), _)| counts(*at, within, now)) {
            earlier.add(Err(*doubt));
        }
        earlier
    }
}

/// Whether a window that ends now still holds what was then.
fn counts(at: UnixMillis, within: UnixMillis, now: UnixMillis) -> bool {
    at.saturating_add(within) > now
}
