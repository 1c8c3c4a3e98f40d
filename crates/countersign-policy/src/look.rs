//! How conditions look back: which earlier calls they count, and what is known of those.
//! Who keeps the earlier calls tells the evaluation through [`Facts`]; this crate keeps nothing.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use countersign_record::digest::sha256;
use countersign_record::json::{Value, canonical};
use countersign_record::name::ToolName;

use crate::amount::Amount;
use crate::condition::Money;
use crate::decimal::Decimal;
use crate::field::{ArgPath, Found};
use crate::normal;
use crate::span::Span;

/// One way in which a policy looks back. Two policies that look in the same way at the same tools
/// share what was seen.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Look {
    /// Calls of these tools, sorted.
    pub(crate) tools: Vec<ToolName>,
    pub(crate) field: ArgPath,
    pub(crate) counts: Counts,
    pub(crate) within: Span,
}

#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Counts {
    /// Amounts of calls that have not ended unexecuted, each value of `per` by itself.
    Total {
        money: Option<Money>,
        per: Option<ArgPath>,
    },
    /// Calls with this very value that succeeded.
    Successes,
}

/// Which calls count together: SHA-256 of what they have in common.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Group(pub [u8; 32]);

/// What one call adds to a look.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Share {
    /// With which calls it counts; `None`: it may be with any.
    pub group: Option<Group>,
    /// How much.
    pub amount: Result<Amount, Doubt>,
}

/// Why something earlier cannot be told.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Doubt {
    /// Its arguments are withheld or erased. Others may know them, so it comes first: with any other
    /// doubt beside it they may still come to another answer.
    Withheld,
    /// It had no place any more beside later ones.
    TooMany,
    /// The policy did not look at it yet.
    NotWatched,
    /// Its arguments do not say.
    Unreadable,
    /// Its currency is another.
    OtherCurrency,
    /// Its digits are too many to be added up.
    TooLong,
}

/// What is known of the earlier calls that one look counts together with a call.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Earlier {
    /// How many there are for certain.
    pub calls: u64,
    /// Their amounts, as far as they are known.
    pub total: Amount,
    /// There may be more.
    pub doubt: Option<Doubt>,
}

/// What evaluation takes from the log: the time of the call, and what was before it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// When it is asked, in Unix milliseconds; `None`: nobody knows.
    pub at: Option<u64>,
    /// By look; a look that is missing here is in doubt.
    pub earlier: BTreeMap<Look, Earlier>,
}

impl Look {
    /// Whether calls of this tool count.
    pub fn selects(&self, tool: &str) -> bool {
        self.tools
            .binary_search_by(|name| name.as_str().cmp(tool))
            .is_ok()
    }

    /// An earlier call counts while `its at + within > at`; in milliseconds.
    pub fn within_ms(&self) -> u64 {
        self.within.milliseconds()
    }

    /// Whether only calls count that have succeeded; else all that have not ended unexecuted.
    pub fn counts_successes(&self) -> bool {
        self.counts == Counts::Successes
    }

    /// What a call with these arguments adds.
    pub fn share(&self, arguments: &Value) -> Share {
        match &self.counts {
            Counts::Successes => Share {
                group: exactly(self.field.find(arguments)),
                amount: Ok(Amount::default()),
            },
            Counts::Total { money, per } => Share {
                group: match per {
                    None => Some(Group([0; 32])),
                    Some(per) => roughly(per.find(arguments)),
                },
                amount: self.amount(money.as_ref(), arguments),
            },
        }
    }

    fn amount(&self, money: Option<&Money>, arguments: &Value) -> Result<Amount, Doubt> {
        if money.is_some_and(|money| !money.is_currency_of(arguments)) {
            return Err(Doubt::OtherCurrency);
        }
        let decimal = match self.field.find(arguments) {
            Found::Here(Value::String(text)) => Decimal::read(text),
            Found::Here(Value::Number(number)) if money.is_none() => Decimal::of(*number),
            _ => None,
        };
        let decimal = decimal.filter(|decimal| !decimal.is_negative());
        Amount::of(&decimal.ok_or(Doubt::Unreadable)?).ok_or(Doubt::TooLong)
    }
}

impl Earlier {
    /// Nothing is known.
    pub const UNKNOWN: Self = Self {
        calls: 0,
        total: Amount::ZERO,
        doubt: Some(Doubt::NotWatched),
    };

    /// One more call counts for certain.
    pub fn add(&mut self, amount: Result<Amount, Doubt>) {
        self.calls = self.calls.saturating_add(1);
        match amount {
            Ok(amount) => self.total = self.total.plus(amount),
            Err(doubt) => self.doubt(doubt),
        }
    }

    /// Something cannot be told; of several doubts the first in the order of their list stays.
    pub fn doubt(&mut self, doubt: Doubt) {
        self.doubt = Some(self.doubt.map_or(doubt, |other| other.min(doubt)));
    }
}

impl Facts {
    /// The facts under which fewest rules apply, if what is withheld could be anything; `None`: nothing
    /// is withheld.
    pub fn at_best(&self) -> Option<Self> {
        let withheld = |earlier: &Earlier| earlier.doubt == Some(Doubt::Withheld);
        if !self.earlier.values().any(withheld) {
            return None;
        }
        let mut best = self.clone();
        for (look, earlier) in &mut best.earlier {
            if withheld(earlier) {
                earlier.doubt = None;
                earlier.calls += u64::from(look.counts_successes());
            }
        }
        Some(best)
    }
}

impl Doubt {
    /// Every one, in order.
    pub const ALL: [Self; 6] = [
        Self::Withheld,
        Self::TooMany,
        Self::NotWatched,
        Self::Unreadable,
        Self::OtherCurrency,
        Self::TooLong,
    ];

    /// In words, as the end of a sentence.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::TooMany => "there are too many earlier calls",
            Self::Withheld => "an earlier call is withheld",
            Self::NotWatched => "earlier calls are not known",
            Self::Unreadable => "an earlier call does not say",
            Self::OtherCurrency => "an earlier call has another currency",
            Self::TooLong => "an earlier amount has too many digits",
        }
    }
}

/// One value, and no other that only looks like it.
fn exactly(found: Found<'_>) -> Option<Group> {
    match found {
        Found::Here(value @ (Value::String(_) | Value::Number(_) | Value::Bool(_))) => {
            Some(group(&canonical(value)))
        }
        _ => None,
    }
}

/// One value in whatever spelling: an account is not another one with spaces or small letters.
fn roughly(found: Found<'_>) -> Option<Group> {
    let Found::Here(Value::String(text)) = found else {
        return exactly(found);
    };
    let folded: String = text
        .to_lowercase()
        .chars()
        .filter(|character| !character.is_whitespace())
        .collect();
    let normal = if folded.starts_with('/') {
        normal::path(&folded)
    } else {
        folded
    };
    (!normal.is_empty()).then(|| group(&canonical(&Value::from(normal.as_str()))))
}

fn group(bytes: &[u8]) -> Group {
    Group(sha256(&[b"countersign/look/v1\n", bytes]))
}
