//! Spans of time as the policy writes them: `90s`, `30m`, `24h`, `2d`.

use alloc::string::String;
use core::fmt;

/// A span of time, 0 to 31 days.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, serde::Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Span {
    seconds: u32,
}

/// Text that is not a span of time.
#[derive(Debug, thiserror::Error)]
#[error("not a span of time: write a whole number and s, m, h or d, such as \"30m\"; at most 31d")]
pub(crate) struct SpanError;

const MINUTE: u32 = 60;
const HOUR: u32 = 60 * MINUTE;
const DAY: u32 = 24 * HOUR;

/// The ledger looks back 31 days and no further, so nothing can be promised for longer.
const SECONDS_MAX: u32 = 31 * DAY;

impl Span {
    pub(crate) const ZERO: Self = Self { seconds: 0 };
    pub(crate) const TEN_MINUTES: Self = Self {
        seconds: 10 * MINUTE,
    };
    pub(crate) const ONE_HOUR: Self = Self { seconds: HOUR };
    pub(crate) const ONE_DAY: Self = Self { seconds: DAY };

    pub(crate) fn milliseconds(self) -> u64 {
        u64::from(self.seconds) * 1_000
    }
}

impl TryFrom<String> for Span {
    type Error = SpanError;

    fn try_from(text: String) -> Result<Self, SpanError> {
        let unit = text.chars().next_back().ok_or(SpanError)?;
        let digits = text.strip_suffix(unit).ok_or(SpanError)?;
        let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
        let count: u32 = digits.parse().map_err(|_| SpanError)?;
        let seconds = match unit {
            's' => 1,
            'm' => MINUTE,
            'h' => HOUR,
            'd' => DAY,
            _ => return Err(SpanError),
        };
        count
            .checked_mul(seconds)
            .filter(|seconds| plain && *seconds <= SECONDS_MAX)
            .map(|seconds| Self { seconds })
            .ok_or(SpanError)
    }
}

/// In words: `1 hour`, `90 seconds`, `2 days`.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, unit) = [
            (DAY, "day"),
            (HOUR, "hour"),
            (MINUTE, "minute"),
            (1, "second"),
        ]
        .into_iter()
        .find(|(length, _)| self.seconds >= *length && self.seconds.is_multiple_of(*length))
        .map_or((0, "second"), |(length, unit)| {
            (self.seconds / length, unit)
        });
        let plural = if count == 1 { "" } else { "s" };
        write!(f, "{count} {unit}{plural}")
    }
}
