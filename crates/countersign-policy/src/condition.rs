//! One condition of a rule: a field and one operator of the closed list.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use countersign_record::json::Value;
use serde::de::IgnoredAny;

use crate::catalogue::Tool;
use crate::compare::{self, Answer};
use crate::decimal::{Decimal, grouped};
use crate::field::{CallPath, Field, Found};
use crate::kind::Kind;
use crate::literal::Scalar;

/// The platform's words about one target.
pub(crate) type Labels = BTreeMap<String, Scalar>;

/// The call as conditions see it.
pub(crate) struct Seen<'a> {
    pub(crate) name: &'a str,
    pub(crate) tool: Option<&'a Tool>,
    pub(crate) arguments: &'a Value,
    pub(crate) reason: Option<&'a str>,
    pub(crate) labels: Option<&'a Labels>,
}

#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(try_from = "ConditionText")]
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
    /// A word that later versions give a meaning.
    NotBuilt(&'static str),
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
#[derive(Clone, Debug, PartialEq)]
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
        };
        match (found, &self.operator) {
            (Found::Unreadable, _) => Answer::CannotTell("the arguments have another shape"),
            (_, Operator::NotBuilt(_)) => Answer::CannotTell("this operator is not built yet"),
            (Found::Here(Value::Null), _) => Answer::CannotTell("it is null"),
            (Found::Absent, Operator::Present(expected)) => Answer::is(!expected),
            (Found::Absent, _) => Answer::CannotTell("it is missing"),
            (Found::Here(value), operator) => operator.answer(value, self.kind(call), call),
        }
    }

    fn kind(&self, call: &Seen<'_>) -> Option<Kind> {
        match &self.field {
            Field::Argument(path) => call.tool?.kind(path),
            Field::Label(_) | Field::Tool | Field::Reason => None,
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
            Self::NotBuilt(_) => Answer::CannotTell("this operator is not built yet"),
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
                let unit = threshold.money.as_ref().map_or("", |money| &money.code);
                let amount = grouped(&threshold.written);
                format!("is {comparison} {amount} {unit}")
                    .trim_end()
                    .to_string()
            }
            Self::MatchesPrefix(prefix) => format!("begins with \"{prefix}\""),
            Self::Present(true) => "is given".into(),
            Self::Present(false) => "is not given".into(),
            Self::NotBuilt(word) => format!("({word}: not built yet)"),
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

    fn read(number: &Scalar, money: Option<Money>) -> Result<Self, ConditionError> {
        let written = match &number.0 {
            Value::String(text) => text.clone(),
            Value::Number(whole) if whole.as_u64().is_some() => whole.as_f64().to_string(),
            _ => return Err(ConditionError::Threshold),
        };
        let decimal = Decimal::read(&written).ok_or(ConditionError::Threshold)?;
        Ok(Self {
            decimal,
            written,
            money,
        })
    }
}

impl Money {
    fn is_currency_of(&self, arguments: &Value) -> bool {
        match self.currency.0.find(arguments) {
            Found::Here(value) => value.as_str() == Some(&self.code),
            Found::Absent | Found::Unreadable => false,
        }
    }
}

/// A condition as it is written.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct ConditionText {
    field: Field,
    is: Option<Scalar>,
    is_not: Option<Scalar>,
    one_of: Option<Vec<Scalar>>,
    over: Option<Scalar>,
    at_least: Option<Scalar>,
    under: Option<Scalar>,
    currency: Option<CallPath>,
    #[serde(rename = "in")]
    code: Option<String>,
    matches_prefix: Option<String>,
    present: Option<bool>,
    total_over: Option<IgnoredAny>,
    first_seen: Option<IgnoredAny>,
    outside_hours: Option<IgnoredAny>,
    within: Option<IgnoredAny>,
    per: Option<IgnoredAny>,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum ConditionError {
    #[error(
        "a condition has exactly one operator: is, is_not, one_of, over, at_least, under, \
         matches_prefix or present; write two conditions instead of two operators"
    )]
    OneOperator,
    #[error("a limit is a whole number, or decimal text such as \"10000.00\" without grouping")]
    Threshold,
    #[error("`currency` and `in` belong together, beside over, at_least or under")]
    Currency,
    #[error("`within` and `per` belong to total_over and first_seen")]
    Window,
}

impl TryFrom<ConditionText> for Condition {
    type Error = ConditionError;

    fn try_from(text: ConditionText) -> Result<Self, ConditionError> {
        let money = match (text.currency, text.code) {
            (Some(currency), Some(code)) => Some(Money { currency, code }),
            (None, None) => None,
            _ => return Err(ConditionError::Currency),
        };
        let priced = money.is_some();
        let mut operators: Vec<Operator> = Vec::new();
        operators.extend(text.is.map(Operator::Is));
        operators.extend(text.is_not.map(Operator::IsNot));
        operators.extend(text.one_of.map(Operator::OneOf));
        operators.extend(text.matches_prefix.map(Operator::MatchesPrefix));
        operators.extend(text.present.map(Operator::Present));
        for (comparison, number) in [
            (Comparison::Over, text.over),
            (Comparison::AtLeast, text.at_least),
            (Comparison::Under, text.under),
        ] {
            if let Some(number) = number {
                let threshold = Threshold::read(&number, money.clone())?;
                operators.push(Operator::Compared(comparison, threshold));
            }
        }
        for (word, used) in [
            ("total_over", text.total_over.is_some()),
            ("first_seen", text.first_seen.is_some()),
            ("outside_hours", text.outside_hours.is_some()),
        ] {
            operators.extend(used.then_some(Operator::NotBuilt(word)));
        }
        let (Some(operator), true) = (operators.pop(), operators.is_empty()) else {
            return Err(ConditionError::OneOperator);
        };
        let reserved = matches!(operator, Operator::NotBuilt(_));
        if priced && !reserved && !matches!(operator, Operator::Compared(..)) {
            return Err(ConditionError::Currency);
        }
        if (text.within.is_some() || text.per.is_some()) && !reserved {
            return Err(ConditionError::Window);
        }
        Ok(Self {
            field: text.field,
            operator,
        })
    }
}
