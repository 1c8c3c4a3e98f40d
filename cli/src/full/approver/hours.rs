//! The clock a second time: which rules apply by the policy's hours follows from when the call was
//! asked. That is the service's word, so this machine's own clock is held against it.

use countersign_policy::{Assessment, Policy, Question, evaluate_given};
use countersign_record::name::RuleName;

use super::rebuild::Difference;

/// Clocks differ: so much later than here is not worth a word.
const AHEAD_MS: u64 = 5 * 60 * 1000;

/// A question, as the service tells it.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) policy: &'a Policy,
    pub(super) question: &'a Question<'a>,
    /// Which rules apply.
    pub(super) rules: &'a [RuleName],
    /// When it was asked.
    pub(super) at: u64,
    /// Until when it may be answered.
    pub(super) until: u64,
}

/// What the person should know of that time before they answer.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum ClockDoubt {
    #[error(
        "the service says that this was asked {minutes} min later than it is by this machine's \
         clock: one of the two is wrong"
    )]
    Ahead { minutes: u64 },
    #[error(
        "by this machine's clock and the policy's hours, a call that is asked now needs more \
         ({rules}); the service says that this one was asked {minutes} min ago, when it did not"
    )]
    Hours { rules: String, minutes: u64 },
}

impl Asked<'_> {
    /// Holds the rules that apply, which came to `told`, against the hours of that time, and the time
    /// against this machine's.
    pub(super) fn check(
        &self,
        told: &Assessment,
        now: u64,
    ) -> Result<Option<ClockDoubt>, Difference> {
        if self.assessed(self.at).verdict != told.verdict {
            return Err(Difference::Hours);
        }
        if self.at > now.saturating_add(AHEAD_MS) {
            let minutes = (self.at - now) / 60_000;
            return Ok(Some(ClockDoubt::Ahead { minutes }));
        }
        let current = self.assessed(now);
        if now >= self.until || told.verdict.admits(&current.verdict) {
            return Ok(None);
        }
        let other = current.rules.iter().filter(|it| !told.rules.contains(it));
        let rules: Vec<&str> = other.map(RuleName::as_str).collect();
        Ok(Some(ClockDoubt::Hours {
            rules: rules.join(", "),
            minutes: now.saturating_sub(self.at) / 60_000,
        }))
    }

    fn assessed(&self, at: u64) -> Assessment {
        evaluate_given(self.policy, self.question, Some(at), self.rules)
    }
}
