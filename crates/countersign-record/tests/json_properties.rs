//! Strict JSON, for every document.

mod values;

use countersign_record::json::{Limits, Number, Value, canonical, canonical_text, read};
use proptest::prelude::*;

proptest! {
    #[test]
    fn a_canonical_text_reads_back_as_the_same_value(value in values::value()) {
        prop_assert_eq!(read(&canonical(&value), &Limits::DOCUMENT), Ok(value));
    }

    #[test]
    fn the_canonical_form_of_whatever_is_read_is_canonical(text in jsonish()) {
        if let Ok(value) = read(text.as_bytes(), &Limits::REQUEST) {
            let once = canonical(&value);
            let again = canonical(&read(&once, &Limits::REQUEST).unwrap());
            prop_assert_eq!(once, again);
        }
    }

    #[test]
    fn no_bytes_bring_the_reader_down_and_every_fault_lies_inside(
        bytes in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        if let Err(error) = read(&bytes, &Limits::REQUEST) {
            prop_assert!(error.offset <= bytes.len());
        }
    }

    #[test]
    fn a_document_cut_short_is_refused(value in values::value(), cut in any::<prop::sample::Index>()) {
        let whole = canonical(&Value::Array(vec![value]));
        let cut = cut.index(whole.len());
        prop_assert!(read(&whole[..cut], &Limits::DOCUMENT).is_err());
    }

    #[test]
    fn a_number_is_accepted_exactly_when_its_shortest_rendering_says_the_same(
        digits in "-?(0|[1-9][0-9]{0,18})(\\.[0-9]{1,18})?",
    ) {
        let accepted = read(digits.as_bytes(), &Limits::REQUEST).is_ok();
        let nearest: f64 = digits.parse().unwrap();
        if !is_ambiguous(nearest) {
            let expected = Number::try_from(nearest).is_ok() && same(&digits, nearest);
            prop_assert_eq!(accepted, expected);
        }
    }
}

/// Whether another numeral as short as the shortest one denotes the same double. Between two that are
/// equally near, ECMAScript takes the even digit and Rust's `Display` may not.
fn is_ambiguous(nearest: f64) -> bool {
    let shown = nearest.abs().to_string();
    let places = shown
        .split_once('.')
        .map_or(0, |(_, fraction)| fraction.len());
    let digits = shown.replace('.', "").parse::<u128>().unwrap_or_default();
    let denotes = |digits: u128| {
        let padded = format!("{digits:0>width$}", width = places + 1);
        let (whole, fraction) = padded.split_at(padded.len() - places);
        let read = format!("{whole}.{fraction}0").parse::<f64>();
        read.is_ok_and(|read| read.to_bits() == nearest.abs().to_bits())
    };
    denotes(digits + 1) || digits.checked_sub(1).is_some_and(denotes)
}

/// Compares plain decimals by padding; `Display` of a double is its shortest digits without an
/// exponent.
fn same(written: &str, nearest: f64) -> bool {
    fn padded(text: &str) -> (bool, String, String) {
        let unsigned = text.trim_start_matches('-');
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        (
            text.starts_with('-'),
            format!("{whole:0>40}"),
            format!("{fraction:0<40}"),
        )
    }
    padded(written) == padded(&nearest.to_string())
}

/// Text near enough to JSON that a good part of it is.
fn jsonish() -> impl Strategy<Value = String> {
    let token = prop_oneof![
        values::value().prop_map(|value| canonical_text(&value)),
        r#" ?[\[\]{},:" ] ?"#,
        "-?[0-9]{1,3}(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,2})?",
        r#""(\\u[0-9a-fA-F]{4}|\\[bfnrt/"]|[a-z]){0,4}""#,
    ];
    let array = prop::collection::vec(token.clone(), 0..4)
        .prop_map(|tokens| format!("[ {} ]", tokens.join(" ,")));
    prop_oneof![
        token.clone(),
        array,
        prop::collection::vec(token, 0..6).prop_map(|tokens| tokens.concat()),
    ]
}
