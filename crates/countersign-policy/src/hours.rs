//! Hours of the week, in the policy's own time.

use alloc::string::String;
use core::fmt;

/// `mon-fri 08:00-18:00`; without days: every day.
#[derive(Clone, Debug, Eq, PartialEq, serde::Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Hours {
    /// From 0, Monday; both belong to it.
    days: (u32, u32),
    /// Minutes of the day; the last one does not belong to it.
    from: u32,
    to: u32,
}

/// A moment of the week, for examples: `sat 23:30`.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct WeekTime {
    minute: u32,
}

/// Text that is no hours of a week.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HoursError {
    #[error("hours are written \"08:00-18:00\" or \"mon-fri 08:00-18:00\", on the days mon to sun")]
    Hours,
    #[error("a time of the week is written \"sat 23:30\"")]
    Time,
}

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const DAY_MINUTES: u32 = 24 * 60;
const WEEK_MINUTES: u32 = 7 * DAY_MINUTES;
const MINUTE_MS: u64 = 60_000;
/// 1970-01-01 was a Thursday.
const EPOCH_MINUTE: i64 = 3 * 24 * 60;
/// A Monday, 00:00 UTC, on which examples take place.
const EXAMPLE_WEEK_MS: u64 = (4 + 7 * 2_000) * 24 * 60 * MINUTE_MS;

impl Hours {
    /// Whether the moment, in Unix milliseconds, lies in these hours of a place with that offset from
    /// UTC in minutes.
    pub(crate) fn hold(&self, at: u64, offset: i32) -> bool {
        let minute = i64::try_from(at / MINUTE_MS).unwrap_or(i64::MAX / 2);
        let local = (minute + EPOCH_MINUTE + i64::from(offset)).rem_euclid(WEEK_MINUTES.into());
        let local = u32::try_from(local).unwrap_or_default();
        let (day, minute) = (local / DAY_MINUTES, local % DAY_MINUTES);
        (self.days.0..=self.days.1).contains(&day) && (self.from..self.to).contains(&minute)
    }
}

impl WeekTime {
    /// Such a moment in Unix milliseconds, in a place with that offset from UTC in minutes.
    pub(crate) fn at(self, offset: i32) -> u64 {
        let minutes = i64::from(self.minute) - i64::from(offset);
        let ms = minutes.unsigned_abs() * MINUTE_MS;
        if minutes < 0 {
            EXAMPLE_WEEK_MS - ms
        } else {
            EXAMPLE_WEEK_MS + ms
        }
    }
}

impl TryFrom<String> for Hours {
    type Error = HoursError;

    fn try_from(text: String) -> Result<Self, HoursError> {
        let (days, hours) = match text.split_once(' ') {
            None => (Some((0, 6)), text.as_str()),
            Some((days, hours)) => (days_of(days), hours),
        };
        let (from, to) = hours.split_once('-').ok_or(HoursError::Hours)?;
        let (days, from, to) = (
            days.ok_or(HoursError::Hours)?,
            minute_of(from).ok_or(HoursError::Hours)?,
            minute_of(to).ok_or(HoursError::Hours)?,
        );
        if days.0 <= days.1 && from < to {
            Ok(Self { days, from, to })
        } else {
            Err(HoursError::Hours)
        }
    }
}

impl TryFrom<String> for WeekTime {
    type Error = HoursError;

    fn try_from(text: String) -> Result<Self, HoursError> {
        let (day, time) = text.split_once(' ').ok_or(HoursError::Time)?;
        let day = day_of(day).ok_or(HoursError::Time)?;
        let minute = minute_of(time).filter(|minute| *minute < DAY_MINUTES);
        Ok(Self {
            minute: day * DAY_MINUTES + minute.ok_or(HoursError::Time)?,
        })
    }
}

fn days_of(text: &str) -> Option<(u32, u32)> {
    match text.split_once('-') {
        None => day_of(text).map(|day| (day, day)),
        Some((first, last)) => Some((day_of(first)?, day_of(last)?)),
    }
}

fn day_of(text: &str) -> Option<u32> {
    let place = DAYS.iter().position(|day| *day == text)?;
    u32::try_from(place).ok()
}

/// `00:00` to `24:00`.
fn minute_of(text: &str) -> Option<u32> {
    let (hour, minute) = text.split_once(':')?;
    let number = |part: &str| {
        let plain = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| part.parse::<u32>().ok()).flatten()
    };
    let (hour, minute) = (number(hour)?, number(minute)?);
    let total = hour * 60 + minute;
    (minute < 60 && total <= DAY_MINUTES).then_some(total)
}

/// `08:00 to 18:00, mon to fri`
impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clock = |minute: u32| alloc::format!("{:02}:{:02}", minute / 60, minute % 60);
        let day = |day: u32| {
            usize::try_from(day)
                .ok()
                .and_then(|day| DAYS.get(day))
                .copied()
                .unwrap_or_default()
        };
        write!(f, "{} to {}", clock(self.from), clock(self.to))?;
        match self.days {
            (0, 6) => Ok(()),
            (first, last) if first == last => write!(f, " on {}", day(first)),
            (first, last) => write!(f, ", {} to {}", day(first), day(last)),
        }
    }
}
