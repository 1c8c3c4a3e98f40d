//! Mechanical mismatches: what the agent's words name and the parameters do not hold. A mark says
//! where to look; its absence says nothing.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use countersign_record::body::flatten;
use countersign_record::json::Value;

/// More marks than these say nothing more.
const MARKS_MAX: usize = 10;

/// Numbers, names, paths and addresses in `words` that stand in no leaf of `arguments`, in order.
pub(super) fn unsupported(words: &str, arguments: &Value) -> Vec<String> {
    let leaves = leaves(arguments);
    let mut marks: Vec<String> = Vec::new();
    for claim in claims(words) {
        if !leaves.iter().any(|leaf| supports(leaf, &claim)) && !marks.contains(&claim) {
            marks.push(claim);
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

/// Words that name something: with a digit, `/` or `@` in them; and runs of capitalised words, the
/// first of a sentence aside.
fn claims(words: &str) -> Vec<String> {
    let mut claims = Vec::new();
    let mut name: Vec<&str> = Vec::new();
    let mut begins = true;
    for written in words.split_whitespace() {
        let word = written.trim_matches(|letter: char| ".,;:!?()[]{}<>\"'".contains(letter));
        let names = word.contains(|letter: char| letter.is_numeric() || "/@".contains(letter));
        let capital = word.starts_with(char::is_uppercase) && !names && !begins;
        if capital {
            name.push(word);
        }
        if !capital || word.len() != written.trim_start_matches(['(', '"', '\'']).len() {
            claims.extend((name.len() > 1).then(|| name.join(" ")));
            name.clear();
        }
        claims.extend(names.then(|| word.to_string()));
        begins = written.ends_with(['.', '!', '?', ':']);
    }
    claims.extend((name.len() > 1).then(|| name.join(" ")));
    claims
}

/// A number counts as the same however its digits are grouped; anything else must stand as it is.
fn supports(leaf: &str, claim: &str) -> bool {
    let number = |text: &str| {
        let plain = text
            .trim_matches(|letter: char| "€$£".contains(letter))
            .replace([',', '\''], "");
        let numeral = plain
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.');
        let plain = match plain.split_once('.') {
            Some((whole, fraction)) => {
                let fraction = fraction.trim_end_matches('0');
                let point = if fraction.is_empty() { "" } else { "." };
                [whole, point, fraction].concat()
            }
            None => plain,
        };
        numeral.then_some(plain)
    };
    match number(claim) {
        Some(claimed) => leaf
            .split_whitespace()
            .any(|word| number(word).as_ref() == Some(&claimed)),
        None => leaf.contains(claim),
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use countersign_record::json::Object;

    use super::*;

    fn transfer() -> Value {
        let arguments = Object::new()
            .with("amount", "24000.00")
            .with("to", "ACME GmbH")
            .with("file", "/srv/invoices/7.pdf");
        Value::Object(arguments.with("reference", "INV-7"))
    }

    fn check(words: &str, marks: &[&str]) {
        assert_eq!(unsupported(words, &transfer()), marks, "{words}");
    }

    #[test]
    fn what_the_parameters_hold_is_not_marked() {
        check(
            "Invoice INV-7 over EUR 24,000 to ACME GmbH, see /srv/invoices/7.pdf.",
            &[],
        );
        check("Please pay.", &[]);
        check("", &[]);
    }

    #[test]
    fn a_number_a_name_a_path_or_an_address_that_they_do_not_hold_is() {
        check("It is only EUR 24.00.", &["24.00"]);
        check("Pay the people at Other Ltd now.", &["Other Ltd"]);
        check("See (/srv/invoices/8.pdf)", &["/srv/invoices/8.pdf"]);
        check(
            "Ask bob@bank.example, or INV-8",
            &["bob@bank.example", "INV-8"],
        );
    }

    #[test]
    fn a_mark_is_made_once_and_not_without_end() {
        let many: Vec<String> = (100..200).map(|number| number.to_string()).collect();
        assert_eq!(unsupported(&many.join(" "), &transfer()).len(), MARKS_MAX);
        assert_eq!(unsupported("9 9 9", &transfer()), vec!["9".to_string()]);
    }
}
