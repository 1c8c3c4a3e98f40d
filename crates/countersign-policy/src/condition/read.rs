//! A condition as it is written, and what of that is no condition.

use alloc::string::String;
use alloc::vec::Vec;

use super::{Comparison, Condition, Money, Operator, Threshold};
use crate::field::{CallPath, Field};
use crate::hours::Hours;
use crate::literal::Scalar;
use crate::look::{Counts, Look};
use crate::span::Span;

/// A condition as it is written.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ConditionText {
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
    total_over: Option<Scalar>,
    first_seen: Option<bool>,
    outside_hours: Option<Hours>,
    within: Option<Span>,
    per: Option<CallPath>,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum ConditionError {
    #[error(
        "a condition has exactly one operator: is, is_not, one_of, over, at_least, under, \
         matches_prefix, present, total_over, first_seen or outside_hours; write two conditions \
         instead of two operators"
    )]
    OneOperator,
    #[error("a limit is a whole number, or decimal text such as \"10000.00\" without grouping")]
    Threshold,
    #[error("`currency` and `in` belong together, beside over, at_least, under or total_over")]
    Currency,
    #[error(
        "total_over and first_seen need `within`, such as \"24h\"; `per` belongs to total_over; \
         no other operator has them"
    )]
    Window,
    #[error("total_over and first_seen look back at an argument: field = \"args.…\"")]
    LookBack,
    #[error("first_seen is true or not written")]
    NotFirstSeen,
    #[error("the field time and the operator outside_hours belong together")]
    Time,
}

impl TryFrom<ConditionText> for Condition {
    type Error = ConditionError;

    fn try_from(text: ConditionText) -> Result<Self, ConditionError> {
        let money = match (text.currency, text.code) {
            (Some(currency), Some(code)) => Some(Money { currency, code }),
            (None, None) => None,
            _ => return Err(ConditionError::Currency),
        };
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
        operators.extend(
            text.outside_hours
                .map(|hours| Operator::OutsideHours(hours, None)),
        );
        let looks_back = text.total_over.is_some() || text.first_seen.is_some();
        if looks_back != text.within.is_some() || (text.per.is_some() && text.total_over.is_none())
        {
            return Err(ConditionError::Window);
        }
        if let Some(within) = text.within {
            let Field::Argument(field) = &text.field else {
                return Err(ConditionError::LookBack);
            };
            let look = |counts| Look {
                tools: Vec::new(),
                field: field.clone(),
                counts,
                within,
            };
            if let Some(number) = &text.total_over {
                let counts = Counts::Total {
                    money: money.clone(),
                    per: text.per.map(|per| per.0),
                };
                let threshold = Threshold::read(number, money.clone())?;
                operators.push(Operator::TotalOver(threshold, look(counts)));
            }
            match text.first_seen {
                None => {}
                Some(true) => operators.push(Operator::FirstSeen(look(Counts::Successes))),
                Some(false) => return Err(ConditionError::NotFirstSeen),
            }
        }
        let (Some(operator), true) = (operators.pop(), operators.is_empty()) else {
            return Err(ConditionError::OneOperator);
        };
        let compares = matches!(operator, Operator::Compared(..) | Operator::TotalOver(..));
        if money.is_some() && !compares {
            return Err(ConditionError::Currency);
        }
        let of_time = text.field == Field::Time;
        if of_time != matches!(operator, Operator::OutsideHours(..)) {
            return Err(ConditionError::Time);
        }
        Ok(Self {
            field: text.field,
            operator,
        })
    }
}
