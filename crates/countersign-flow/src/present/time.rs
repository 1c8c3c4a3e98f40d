//! Times as people write them, without a calendar library in the pure tier.

use alloc::format;
use alloc::string::String;
use core::fmt::Write as _;

use countersign_record::entry::UnixMillis;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// RFC 3339 in UTC, to the second.
pub(super) fn rfc3339(at: UnixMillis) -> String {
    format!("{}Z", seconds(at))
}

/// RFC 3339 in UTC, to the millisecond.
pub fn rfc3339_ms(at: UnixMillis) -> String {
    format!("{}.{:03}Z", seconds(at), at % 1000)
}

fn seconds(at: UnixMillis) -> String {
    let (year, month, day) = civil(at / DAY_MS);
    let second = at % DAY_MS / 1000;
    let (hour, minute) = (second / 3600, second % 3600 / 60);
    format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{:02}",
        second % 60
    )
}

/// A span in the largest units that are exact.
pub(super) fn span(ms: u64) -> String {
    let units = [
        (DAY_MS, "d"),
        (3_600_000, "h"),
        (60_000, "min"),
        (1000, "s"),
        (1, "ms"),
    ];
    let mut rest = ms;
    let mut words = String::new();
    for (unit, name) in units {
        if rest >= unit {
            let space = if words.is_empty() { "" } else { " " };
            let _infallible = write!(words, "{space}{} {name}", rest / unit);
            rest %= unit;
        }
    }
    if words.is_empty() {
        String::from("0 s")
    } else {
        words
    }
}

/// Year, month and day of a day number since 1970-01-01, in eras of 400 years that begin in March.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    (era * 400 + year_of_era + carry, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_date() {
        // date -u -d @N +%FT%TZ
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(seconds * 1000 + 999), text);
        }
        assert_eq!(rfc3339_ms(1_709_210_096_007), "2024-02-29T12:34:56.007Z");
    }

    #[test]
    fn spans_name_what_is_there() {
        assert_eq!(span(0), "0 s");
        assert_eq!(span(90_000), "1 min 30 s");
        assert_eq!(span(2 * DAY_MS + 5), "2 d 5 ms");
    }
}
