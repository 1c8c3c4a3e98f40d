//! One condition of a rule: a field and one operator of the closed list.

mod read;

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use countersign_record::json::Value;
use countersign_record::name::ToolName;

use crate::amount::Amount;
use crate::catalogue::Tool;
use crate::compare::{self, Answer};
use crate::decimal::{Decimal, grouped};
use crate::document::UtcOffset;
use crate::field::{CallPath, Field, Found};
use crate::hours::Hours;
use crate::kind::Kind;
use crate::literal::Scalar;
use crate::look::{Counts, Doubt, Earlier, Facts, Look};

/// The platform's words about one target.
pub(crate) type Labels = BTreeMap<String, Scalar>;

/// The call as conditions see it.
pub(crate) struct Seen<'a> {
    pub(crate) name: &'a str,
    pub(crate) tool: Option<&'a Tool>,
    pub(crate) arguments: &'a Value,
    pub(crate) reason: Option<&'a str>,
    pub(crate) labels: Option<&'a Labels>,
    pub(crate) facts: &'a Facts,
}

#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(try_from = "read::ConditionText")]
pub(crate) struct Condition {
    pub(crate) field: Field,
    pub(crate) operator: Operator,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Operator {
    Is(Scalar),
    IsNot(Scalar),
    OneOf(Vec<Scalar>),
    Compared(Comparison, Threshold),
    MatchesPrefix(String),
    Present(bool),
    TotalOver(Threshold, Look),
    FirstSeen(Look),
    OutsideHours(Hours, Option<UtcOffset>),
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Comparison {
    Over,
    AtLeast,
    Under,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Threshold {
    decimal: Decimal,
    written: String,
    pub(crate) money: Option<Money>,
}

/// Where the call names its currency, and the only one that is compared.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Money {
    pub(crate) currency: CallPath,
    code: String,
}

impl Condition {
    pub(crate) fn answer(&self, call: &Seen<'_>) -> Answer {
        let reason;
        let name;
        let found = match &self.field {
            Field::Argument(path) => path.find(call.arguments),
            Field::Label(label) => match call.labels.and_then(|labels| labels.get(label)) {
                Some(label) => Found::Here(&label.0),
                // Nobody said so is not the same as it is not so.
                None => return Answer::CannotTell("the inventory does not say"),
            },
            Field::Tool => {
                name = Value::from(call.name);
                Found::Here(&name)
            }
            Field::Reason => match call.reason {
                Some(text) => {
                    reason = Value::from(text);
                    Found::Here(&reason)
                }
                None => Found::Absent,
            },
            Field::Time => Found::Absent,
        };
        match (found, &self.operator) {
            (_, Operator::OutsideHours(hours, offset)) => {
                outside(hours, offset.as_ref(), call.facts.at)
            }
            (Found::Unreadable, _) => Answer::CannotTell("the arguments have another shape"),
            (Found::Here(Value::Null), _) => Answer::CannotTell("it is null"),
            (Found::Absent, Operator::Present(expected)) => Answer::is(!expected),
            (Found::Absent, _) => Answer::CannotTell("it is missing"),
            (Found::Here(value), operator) => operator.answer(value, self.kind(call), call),
        }
    }

    /// How it looks back, if it does.
    pub(crate) fn look(&self) -> Option<&Look> {
        match &self.operator {
            Operator::TotalOver(_, look) | Operator::FirstSeen(look) => Some(look),
            _ => None,
        }
    }

    /// Whether it looks at the clock.
    pub(crate) fn looks_at_clock(&self) -> bool {
        matches!(self.operator, Operator::OutsideHours(..))
    }

    /// What the rest of the document says: about which tools the rule is, and which time it has.
    pub(crate) fn resolve(&mut self, tools: &[ToolName], utc_offset: Option<&UtcOffset>) {
        match &mut self.operator {
            Operator::TotalOver(_, look) | Operator::FirstSeen(look) => look.tools = tools.to_vec(),
            Operator::OutsideHours(_, offset) => *offset = utc_offset.cloned(),
            _ => {}
        }
    }

    fn kind(&self, call: &Seen<'_>) -> Option<Kind> {
        match &self.field {
            Field::Argument(path) => call.tool?.kind(path),
            Field::Label(_) | Field::Tool | Field::Reason | Field::Time => None,
        }
    }
}

impl Operator {
    fn answer(&self, value: &Value, kind: Option<Kind>, call: &Seen<'_>) -> Answer {
        match self {
            Self::Is(expected) => compare::same(value, &expected.0, kind),
            Self::IsNot(expected) => compare::same(value, &expected.0, kind).not(),
            Self::OneOf(list) => list
                .iter()
                .map(|expected| compare::same(value, &expected.0, kind))
                .fold(Answer::No, Answer::or),
            Self::Compared(comparison, threshold) => threshold.answer(*comparison, value, call),
            Self::MatchesPrefix(prefix) => compare::begins(value, prefix, kind),
            Self::Present(expected) => Answer::is(*expected),
            Self::TotalOver(threshold, look) => threshold.exceeded(look, call),
            Self::FirstSeen(look) => first(look, call),
            Self::OutsideHours(hours, offset) => outside(hours, offset.as_ref(), call.facts.at),
        }
    }

    /// The operator as the end of a sentence: `is more than 10,000.00 EUR`.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Is(expected) => format!("is {expected}"),
            Self::IsNot(expected) => format!("is not {expected}"),
            Self::OneOf(list) => {
                let list: Vec<String> = list.iter().map(ToString::to_string).collect();
                format!("is one of {}", list.join(", "))
            }
            Self::Compared(comparison, threshold) => {
                let comparison = match comparison {
                    Comparison::Over => "more than",
                    Comparison::AtLeast => "at least",
                    Comparison::Under => "less than",
                };
                format!("is {comparison} {}", threshold.words())
            }
            Self::MatchesPrefix(prefix) => format!("begins with \"{prefix}\""),
            Self::Present(true) => "is given".into(),
            Self::Present(false) => "is not given".into(),
            Self::TotalOver(threshold, look) => {
                let per = match &look.counts {
                    Counts::Total { per: Some(per), .. } => format!(" per {per}"),
                    _ => String::new(),
                };
                let (limit, within) = (threshold.words(), look.within);
                format!("adds up to more than {limit} within {within}{per}")
            }
            Self::FirstSeen(look) => {
                format!("was in no call that succeeded within {}", look.within)
            }
            Self::OutsideHours(hours, offset) => {
                let offset = offset.as_ref().map_or("", UtcOffset::as_str);
                format!("is outside of {hours} (UTC{offset})")
            }
        }
    }
}

impl Threshold {
    fn answer(&self, comparison: Comparison, value: &Value, call: &Seen<'_>) -> Answer {
        if let Some(money) = &self.money
            && !money.is_currency_of(call.arguments)
        {
            return Answer::CannotTell("the currency is another or is not given");
        }
        let decimal = match value {
            Value::String(text) => Decimal::read(text),
            // Money travels as text; a number may have lost its last digits before it came here.
            Value::Number(number) if self.money.is_none() => Decimal::of(*number),
            _ => None,
        };
        let Some(decimal) = decimal else {
            return Answer::CannotTell("it is not a decimal number");
        };
        if self.money.is_some() && decimal.is_negative() {
            return Answer::CannotTell("the amount is negative");
        }
        Answer::is(match comparison {
            Comparison::Over => decimal > self.decimal,
            Comparison::AtLeast => decimal >= self.decimal,
            Comparison::Under => decimal < self.decimal,
        })
    }

    /// Whether this call and the earlier ones together are over it.
    fn exceeded(&self, look: &Look, call: &Seen<'_>) -> Answer {
        let share = look.share(call.arguments);
        let own = match share.amount {
            Ok(amount) => amount,
            Err(Doubt::OtherCurrency) => {
                return Answer::CannotTell("the currency is another or is not given");
            }
            Err(Doubt::TooLong) => return Answer::CannotTell("it has too many digits"),
            Err(_) => return Answer::CannotTell("it is not a decimal number"),
        };
        let earlier = known(look, call);
        let is_over = |limit| own.plus(earlier.total) > limit;
        match (Amount::of(&self.decimal), earlier.doubt) {
            (Some(limit), _) if is_over(limit) => Answer::Yes,
            (None, _) => Answer::CannotTell("the limit has too many digits"),
            _ if share.group.is_none() => {
                Answer::CannotTell("the call does not say with which others it counts")
            }
            (_, Some(doubt)) => Answer::CannotTell(doubt.words()),
            (Some(_), None) => Answer::No,
        }
    }

    /// `10,000.00 EUR`
    pub(crate) fn words(&self) -> String {
        let amount = grouped(&self.written);
        match &self.money {
            Some(money) => format!("{amount} {}", money.code),
            None => amount,
        }
    }

    fn read(number: &Scalar, money: Option<Money>) -> Result<Self, read::ConditionError> {
        let written = match &number.0 {
            Value::String(text) => text.clone(),
            Value::Number(whole) if whole.as_u64().is_some() => whole.as_f64().to_string(),
            _ => return Err(read::ConditionError::Threshold),
        };
        let decimal = Decimal::read(&written).ok_or(read::ConditionError::Threshold)?;
        Ok(Self {
            decimal,
            written,
            money,
        })
    }
}

/// Whether no earlier call with the value succeeded.
fn first(look: &Look, call: &Seen<'_>) -> Answer {
    let earlier = known(look, call);
    match earlier.doubt {
        _ if earlier.calls > 0 => Answer::No,
        _ if look.share(call.arguments).group.is_none() => {
            Answer::CannotTell("it is not text, a number or a truth value")
        }
        Some(doubt) => Answer::CannotTell(doubt.words()),
        None => Answer::Yes,
    }
}

fn outside(hours: &Hours, offset: Option<&UtcOffset>, at: Option<u64>) -> Answer {
    match (at, offset) {
        (None, _) => Answer::CannotTell("the time is not known"),
        (_, None) => Answer::CannotTell("the policy does not say its utc_offset"),
        (Some(at), Some(offset)) => Answer::is(!hours.hold(at, offset.minutes())),
    }
}

fn known(look: &Look, call: &Seen<'_>) -> Earlier {
    let known = call.facts.earlier.get(look).copied();
    known.unwrap_or(Earlier::UNKNOWN)
}

impl Money {
    pub(crate) fn is_currency_of(&self, arguments: &Value) -> bool {
        match self.currency.0.find(arguments) {
            Found::Here(value) => value.as_str() == Some(&self.code),
            Found::Absent | Found::Unreadable => false,
        }
    }
}
