//! Numbers as people write them: `24,000`, `24.000,00`, `EUR24000`, `24k`.

use alloc::string::String;
use alloc::vec::Vec;

/// In millionths, with how far from it another number may be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Number {
    millionths: u128,
    slack: u128,
}

const FRACTION_DIGITS: usize = 6;
const ONE: u128 = 1_000_000;
/// Longer numbers are compared as they are written.
const DIGITS_MAX: usize = 20;

impl Number {
    /// Whether this can be what is left of `exact`.
    pub(super) fn covers(self, exact: Self) -> bool {
        self.millionths.abs_diff(exact.millionths) <= self.slack
    }

    /// The same as people mean it after "about": within a twentieth.
    pub(super) fn hedged(self) -> Self {
        let slack = self.slack.max(self.millionths / 20);
        Self { slack, ..self }
    }
}

/// What the word can mean; nothing: it is no number.
pub(super) fn readings(word: &str) -> Vec<Number> {
    let word = without_currency(word);
    let (digits, factor) = scaled(word);
    let mut readings: Vec<Number> = Vec::new();
    for (groups, point) in [([',', '\''], '.'), (['.', '\''], ',')] {
        let Some((millionths, places)) = read(digits, groups, point) else {
            continue;
        };
        // Of 24k the last digit is a thousand.
        let last = factor * ONE / 10_u128.pow(places);
        let slack = if factor == 1 { 0 } else { last / 2 };
        let number = Number {
            millionths: millionths.saturating_mul(factor),
            slack,
        };
        if !readings.contains(&number) {
            readings.push(number);
        }
    }
    readings
}

/// `€24`, `24€`, `EUR24` and `24EUR` are 24.
fn without_currency(word: &str) -> &str {
    let word = word.trim_matches(|letter: char| "€$£¥~%".contains(letter));
    let is_code = |code: &&str| code.len() == 3 && code.bytes().all(|it| it.is_ascii_uppercase());
    if word.get(..3).as_ref().is_some_and(is_code) {
        return word.get(3..).unwrap_or_default();
    }
    let end = word.len().saturating_sub(3);
    if word.get(end..).as_ref().is_some_and(is_code) {
        return word.get(..end).unwrap_or_default();
    }
    word
}

fn scaled(word: &str) -> (&str, u128) {
    for (suffix, factor) in [
        ("bn", 1_000_000_000),
        ("k", 1_000),
        ("K", 1_000),
        ("M", 1_000_000),
        ("m", 1_000_000),
    ] {
        if let Some(digits) = word.strip_suffix(suffix) {
            return (digits, factor);
        }
    }
    (word, 1)
}

/// Groups of three, if any, and then a fraction: in millionths, and how many places there were.
fn read(word: &str, groups: [char; 2], point: char) -> Option<(u128, u32)> {
    let (whole, fraction) = word.split_once(point).unwrap_or((word, ""));
    if word.ends_with(point) || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    let parts: Vec<&str> = whole.split(groups).collect();
    let (first, rest) = parts.split_first()?;
    let grouped = rest.is_empty() || first.len() <= 3;
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|it| it.is_ascii_digit());
    let well_formed = is_number(first) && rest.iter().all(|it| it.len() == 3 && is_number(it));
    let digits: String = parts.concat();
    let fits = digits.len() <= DIGITS_MAX && fraction.len() <= FRACTION_DIGITS;
    if !(grouped && well_formed && fits) {
        return None;
    }
    let whole: u128 = digits.parse().ok()?;
    let places = u32::try_from(fraction.len()).ok()?;
    let parts: u128 = if fraction.is_empty() {
        0
    } else {
        fraction.parse().ok()?
    };
    Some((whole * ONE + parts * ONE / 10_u128.pow(places), places))
}
