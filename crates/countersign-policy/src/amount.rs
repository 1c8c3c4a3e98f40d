//! Amounts that can be added up, exactly.

use crate::decimal::Decimal;

/// A sum, or a part of one: not negative, in units of 10⁻⁹.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Amount(u128);

/// Digits after the point: no currency has more than four, and a coin's smallest unit that has more is
/// no amount that a person would be asked about.
const FRACTION_DIGITS: usize = 9;
/// Digits before the point: more than there is money of any kind.
const WHOLE_DIGITS: usize = 18;

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// `None` where it is negative or has more digits than can be added up.
    pub(crate) fn of(decimal: &Decimal) -> Option<Self> {
        let (whole, fraction) = decimal.digits()?;
        if whole.len() > WHOLE_DIGITS || fraction.len() > FRACTION_DIGITS {
            return None;
        }
        let padded = whole
            .bytes()
            .chain(fraction.bytes())
            .chain(core::iter::repeat_n(b'0', FRACTION_DIGITS - fraction.len()));
        let units = padded.fold(0_u128, |units, digit| units * 10 + u128::from(digit - b'0'));
        Some(Self(units))
    }

    /// The sum. A hundred thousand million of the largest amounts fit; then it grows no more.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The rest of a sum that one part leaves.
    #[must_use]
    pub fn minus(self, part: Self) -> Self {
        Self(self.0.saturating_sub(part.0))
    }

    /// In units of 10⁻⁹, as it is stored.
    pub fn units(self) -> u128 {
        self.0
    }

    /// The amount of so many units of 10⁻⁹.
    pub fn from_units(units: u128) -> Self {
        Self(units)
    }
}
