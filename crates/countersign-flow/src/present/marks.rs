//! Mechanical mismatches: what the agent's words name and the parameters do not hold. A mark says
//! where to look; its absence says nothing.

mod claim;
mod number;
#[cfg(test)]
mod tests;

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use claim::{Claim, Sort, claims};
use countersign_record::body::flatten;
use countersign_record::json::Value;
use number::Number;

/// More marks than these say nothing more.
const MARKS_MAX: usize = 10;

/// The end of an account or card that people quote.
const ENDING_DIGITS: usize = 4;

/// Numbers, names, paths and addresses in `words` that stand in no leaf of `arguments`, in order.
pub(super) fn unsupported(words: &str, arguments: &Value) -> Vec<String> {
    let leaves = leaves(arguments);
    let mut marks: Vec<String> = Vec::new();
    for claim in claims(words) {
        if !leaves.iter().any(|leaf| holds(leaf, &claim)) && !marks.contains(&claim.text) {
            marks.push(claim.text);
        }
    }
    marks.truncate(MARKS_MAX);
    marks
}

fn leaves(arguments: &Value) -> Vec<String> {
    let fields = flatten(arguments).unwrap_or_default();
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.as_f64().to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    fields
        .iter()
        .filter_map(|field| text(&field.value))
        .collect()
}

fn holds(leaf: &str, claim: &Claim) -> bool {
    match &claim.sort {
        Sort::Number(readings) => holds_number(leaf, &claim.text, readings),
        Sort::Exact => leaf.contains(&claim.text),
        Sort::Name => {
            let words: Vec<&str> = claim.text.split(' ').collect();
            // A title or a department before a name is no other name.
            (0..words.len().saturating_sub(1))
                .filter_map(|from| words.get(from..))
                .any(|name| folded(leaf).contains(&folded(&name.concat())))
        }
        Sort::Word => {
            let plain = claim.text.strip_prefix(['v', 'V', '#']);
            folded(leaf).contains(&folded(&claim.text))
                || plain.is_some_and(|plain| !plain.is_empty() && leaf.contains(plain))
        }
    }
}

/// A number is held by the same number, by one of which it is the rounding, by a reference that has
/// it between other signs, and by an account that ends with it.
fn holds_number(leaf: &str, text: &str, readings: &[Number]) -> bool {
    let numbers = leaf.split_whitespace().flat_map(number::readings);
    let is_number = numbers
        .into_iter()
        .any(|held| readings.iter().any(|claimed| claimed.covers(held)));
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let is_reference = || {
        leaf.contains(char::is_alphabetic)
            && leaf
                .split(|letter: char| !letter.is_ascii_digit())
                .any(|run| run == text)
    };
    let is_ending = || {
        text.len() >= ENDING_DIGITS
            && leaf.len() > 2 * ENDING_DIGITS
            && leaf.chars().all(char::is_alphanumeric)
            && leaf.ends_with(text)
    };
    is_number || (digits && (is_reference() || is_ending()))
}

/// Without spaces and capitals: a name is not another one for its spelling.
fn folded(text: &str) -> String {
    let letters = text.chars().filter(|letter| !letter.is_whitespace());
    letters.flat_map(char::to_lowercase).collect()
}
