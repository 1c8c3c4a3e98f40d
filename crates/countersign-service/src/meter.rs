//! What happens often is recorded at once the first time, then as one count when its window is over.

use std::collections::BTreeMap;

use countersign_record::entry::{Disclosed, Party};
use countersign_record::id::{CallId, CredentialId, ExecutorId, GrantId};

const MINUTE_MS: u64 = 60 * 1000;

/// At most so many kinds of events are gathered at once; more are recorded one by one.
const KINDS_MAX: usize = 10_000;

/// What is counted together.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Repeated {
    /// Attempts of a party that were refused with one code.
    Refused(Party, &'static str),
    /// Attempts to redeem a grant again.
    Replayed(ExecutorId, GrantId, CallId),
    /// Readings of content.
    Read(CredentialId, Disclosed),
}

impl Repeated {
    /// Refusals are gathered for a minute, readings for an hour.
    const fn window_ms(&self) -> u64 {
        match self {
            Self::Refused(..) | Self::Replayed(..) => MINUTE_MS,
            Self::Read(..) => 60 * MINUTE_MS,
        }
    }
}

struct Window {
    since: u64,
    more: u64,
    call: Option<CallId>,
}

/// What was gathered beyond the first time.
pub(crate) struct Gathered {
    pub(crate) what: Repeated,
    pub(crate) call: Option<CallId>,
    pub(crate) count: u64,
}

/// Windows that are open.
#[derive(Default)]
pub(crate) struct Meter {
    windows: BTreeMap<Repeated, Window>,
    /// Opened by the batch under way: they count only once it is durable.
    fresh: Vec<Repeated>,
}

impl Meter {
    /// Counts this where its first time is recorded already; whether it is.
    pub(crate) fn counts(&mut self, what: &Repeated) -> bool {
        let window = self.windows.get_mut(what);
        window.is_some_and(|window| {
            window.more += 1;
            true
        })
    }

    /// The first time was recorded.
    pub(crate) fn open(&mut self, what: Repeated, call: Option<CallId>, now: u64) {
        // Readings are few, and each may use the disk reserve.
        if self.windows.len() < KINDS_MAX || matches!(what, Repeated::Read(..)) {
            let window = Window {
                since: now,
                more: 0,
                call,
            };
            self.windows.insert(what.clone(), window);
            self.fresh.push(what);
        }
    }

    /// The batch became durable, or did not.
    pub(crate) fn settle(&mut self, durable: bool) {
        for what in self.fresh.drain(..).filter(|_| !durable) {
            self.windows.remove(&what);
        }
    }

    /// Takes the windows that are over at `now`.
    pub(crate) fn over(&mut self, now: u64) -> Vec<Gathered> {
        let is_over =
            |what: &Repeated, window: &Window| now >= window.since.saturating_add(what.window_ms());
        let over = self
            .windows
            .extract_if(.., |what, window| is_over(what, window));
        let gathered = over.filter(|(_, window)| window.more > 0);
        gathered
            .map(
                |(
                    what,
                    Window {
                        more: count, call, ..
                    },
                )| Gathered { what, call, count },
            )
            .collect()
    }

    /// Takes everything, at the end of the service's life.
    pub(crate) fn drain(&mut self) -> Vec<Gathered> {
        self.over(u64::MAX)
    }
}
