//! Times and spans for people.

use alloc::format;
use alloc::string::String;

use countersign_record::entry::UnixMillis;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// RFC 3339 in UTC, to the millisecond.
pub(crate) fn rfc3339(at: UnixMillis) -> String {
    let (year, month, day) = civil(at / DAY_MS);
    let ms = at % DAY_MS;
    let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
    format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z",
        ms % 1000
    )
}

/// A span in its largest unit and the next: `2 min 5 s`.
pub(crate) fn span(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{}.{:03} s", ms / 1000, ms % 1000),
        60_000..3_600_000 => format!("{} min {} s", ms / 60_000, ms / 1000 % 60),
        3_600_000..DAY_MS => format!("{} h {} min", ms / 3_600_000, ms / 60_000 % 60),
        _ => format!("{} d {} h", ms / DAY_MS, ms / 3_600_000 % 24),
    }
}

/// Year, month and day of a day since 1970-01-01: whole years first, then whole months.
fn civil(mut days: u64) -> (u64, usize, u64) {
    // 400 years have 146,097 days.
    let mut year = 1970 + days / 146_097 * 400;
    days %= 146_097;
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let february = 28 + u64::from(is_leap(year));
    let months = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while month < 11 && days >= months[month] {
        days -= months[month];
        month += 1;
    }
    (year, month + 1, days + 1)
}

const fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

#[cfg(test)]
mod tests {
    use super::*;

    // date -u -d @… +%FT%T
    #[test]
    fn times_are_what_date_says() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(1_709_210_096_789), "2024-02-29T12:34:56.789Z");
        assert_eq!(rfc3339(4_107_542_400_000), "2100-03-01T00:00:00.000Z");
    }

    #[test]
    fn spans_have_two_units() {
        assert_eq!(span(999), "999 ms");
        assert_eq!(span(125_000), "2 min 5 s");
        assert_eq!(span(90_000_000), "1 d 1 h");
    }
}
