//! Decimal numbers, compared exactly: amounts of money never pass through a float.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use core::cmp::Ordering;

use countersign_record::json::Number;

/// A decimal number of any length.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Decimal {
    negative: bool,
    /// No leading zero, except for zero itself.
    whole: String,
    /// No trailing zero.
    fraction: String,
}

impl Decimal {
    /// Reads `-?(0|[1-9][0-9]*)(\.[0-9]+)?` and nothing else: no exponent, no grouping, no spaces.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = match unsigned.split_once('.') {
            Some((_, "")) => return None,
            Some(parts) => parts,
            None => (unsigned, ""),
        };
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let canonical = whole == "0" || !whole.starts_with('0');
        if whole.is_empty() || !canonical || !digits(whole) || !digits(fraction) {
            return None;
        }
        let fraction = fraction.trim_end_matches('0');
        let zero = whole == "0" && fraction.is_empty();
        Some(Self {
            negative: unsigned.len() < text.len() && !zero,
            whole: whole.to_owned(),
            fraction: fraction.to_owned(),
        })
    }

    /// The very number that was sent: the shortest rendering denotes it (CS-JSON-1), and Rust prints
    /// it without an exponent.
    pub(crate) fn of(number: Number) -> Option<Self> {
        Self::read(&number.as_f64().to_string())
    }

    pub(crate) fn is_negative(&self) -> bool {
        self.negative
    }

    /// The digits before the point and behind it; `None` of a negative number.
    pub(crate) fn digits(&self) -> Option<(&str, &str)> {
        (!self.negative).then_some((&self.whole, &self.fraction))
    }

    fn magnitude(&self) -> (usize, &str, &str) {
        (self.whole.len(), &self.whole, &self.fraction)
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => self.magnitude().cmp(&other.magnitude()),
            (true, true) => other.magnitude().cmp(&self.magnitude()),
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The same digits with a comma between thousands: `24000.00` becomes `24,000.00`.
pub(crate) fn grouped(decimal: &str) -> String {
    let (whole, rest) = match decimal.find('.') {
        Some(point) => decimal.split_at(point),
        None => (decimal, ""),
    };
    let digits = whole.len() - usize::from(whole.starts_with('-'));
    let mut text = String::with_capacity(decimal.len() + digits / 3);
    for (place, character) in whole.chars().enumerate() {
        let left = whole.len() - place;
        if left < digits && left.is_multiple_of(3) {
            text.push(',');
        }
        text.push(character);
    }
    text + rest
}
