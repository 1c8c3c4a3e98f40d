//! Numbers: accepted when the shortest rendering of the nearest double says the same number.

use alloc::vec::Vec;

use super::fault::Fault;
use super::value::Number;

/// Reads a JSON number at the start of `text`: the number and its length, or the place and fault.
pub(super) fn parse(text: &str) -> Result<(Number, usize), (usize, Fault)> {
    let length = scan(text.as_bytes())?;
    let written = &text[..length];
    // The grammar is a subset of what Rust reads, and Rust reads to the nearest double.
    let nearest: f64 = written.parse().map_err(|_| (0, Fault::NumberNotExact))?;
    let denoted = Decimal::of(written);
    if denoted.negative && denoted.is_zero() {
        return Err((0, Fault::NegativeZero));
    }
    if nearest.abs() > Number::MAGNITUDE_MAX {
        return Err((0, Fault::NumberTooLarge));
    }
    let mut shortest = ryu_js::Buffer::new();
    let exact = Decimal::of(shortest.format_finite(nearest)) == denoted;
    let number = Number::try_from(nearest).ok().filter(|_| exact);
    number
        .map(|number| (number, length))
        .ok_or((0, Fault::NumberNotExact))
}

/// The length of the number that `bytes` begins with, by the grammar of RFC 8259 §6.
fn scan(bytes: &[u8]) -> Result<usize, (usize, Fault)> {
    let at = |place: usize| bytes.get(place).copied();
    let digits = |from: usize| {
        let count = bytes[from..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        match (count, at(from)) {
            (0, None) => Err((from, Fault::End)),
            (0, Some(_)) => Err((
                from,
                Fault::Syntax {
                    expected: "a digit",
                },
            )),
            (count, _) => Ok(from + count),
        }
    };
    let first = usize::from(at(0) == Some(b'-'));
    let mut end = digits(first)?;
    if at(first) == Some(b'0') && end > first + 1 {
        let expected = "a number without a leading zero";
        return Err((first, Fault::Syntax { expected }));
    }
    if at(end) == Some(b'.') {
        end = digits(end + 1)?;
    }
    if matches!(at(end), Some(b'e' | b'E')) {
        let sign = matches!(at(end + 1), Some(b'+' | b'-'));
        end = digits(end + 1 + usize::from(sign))?;
    }
    Ok(end)
}

/// What a numeral denotes: ± 0.d₁d₂d₃… × 10^point, without zeros at either end of the digits.
/// Two numerals denote one number exactly when these are equal.
#[derive(PartialEq)]
struct Decimal {
    negative: bool,
    digits: Vec<u8>,
    point: i64,
}

impl Decimal {
    fn of(numeral: &str) -> Self {
        let negative = numeral.starts_with('-');
        let unsigned = numeral.trim_start_matches('-');
        let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let written = [whole, fraction].concat();
        let left = written.trim_start_matches('0');
        let digits = Vec::from(left.trim_end_matches('0'));
        let point = if digits.is_empty() {
            0
        } else {
            let places = offset(whole.len()) - offset(written.len() - left.len());
            power(exponent).saturating_add(places)
        };
        Self {
            negative,
            digits,
            point,
        }
    }

    fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }
}

/// An exponent too long to count with is far beyond every double, on its side.
fn power(exponent: &str) -> i64 {
    let beyond = if exponent.starts_with('-') {
        i64::MIN
    } else {
        i64::MAX
    };
    exponent.parse().unwrap_or(beyond)
}

fn offset(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}
