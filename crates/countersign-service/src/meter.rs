//! Refused attempts are recorded at once the first time in a minute, then as one count.

use std::collections::BTreeMap;

use countersign_record::entry::Party;
use countersign_record::id::{CallId, GrantId};

/// How long attempts of one kind are gathered, in ms.
const WINDOW_MS: u64 = 60 * 1000;

/// At most so many kinds of attempts are gathered at once; more are recorded one by one.
const KINDS_MAX: usize = 10_000;

/// What is counted together.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Attempt {
    /// Whose.
    pub(crate) by: Party,
    /// The error code.
    pub(crate) code: &'static str,
    /// The replayed grant.
    pub(crate) grant: Option<GrantId>,
}

struct Window {
    since: u64,
    more: u64,
    call: Option<CallId>,
}

/// Attempts of the last minute.
#[derive(Default)]
pub(crate) struct Meter {
    windows: BTreeMap<Attempt, Window>,
}

impl Meter {
    /// Whether to record this attempt now; otherwise it is counted.
    pub(crate) fn is_first(&mut self, attempt: Attempt, call: Option<CallId>, now: u64) -> bool {
        if let Some(window) = self.windows.get_mut(&attempt) {
            window.more += 1;
            return false;
        }
        if self.windows.len() < KINDS_MAX {
            self.windows.insert(
                attempt,
                Window {
                    since: now,
                    more: 0,
                    call,
                },
            );
        }
        true
    }

    /// Windows that are over, with what was counted in them beyond the first attempt.
    pub(crate) fn over(&mut self, now: u64) -> Vec<(Attempt, Option<CallId>, u64)> {
        let is_over = |window: &Window| now >= window.since.saturating_add(WINDOW_MS);
        let over: Vec<Attempt> = self
            .windows
            .iter()
            .filter(|(_, window)| is_over(window))
            .map(|(attempt, _)| attempt.clone())
            .collect();
        let taken = over.into_iter().filter_map(|attempt| {
            let window = self.windows.remove(&attempt)?;
            (window.more > 0).then_some((attempt, window.call, window.more))
        });
        taken.collect()
    }

    /// Everything that was counted, at the end of the service's life.
    pub(crate) fn drain(&mut self) -> Vec<(Attempt, Option<CallId>, u64)> {
        self.over(u64::MAX)
    }
}
