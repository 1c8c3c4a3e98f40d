//! Spans for people.

use alloc::format;
use alloc::string::String;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_two_units() {
        assert_eq!(span(999), "999 ms");
        assert_eq!(span(125_000), "2 min 5 s");
        assert_eq!(span(90_000_000), "1 d 1 h");
    }
}
