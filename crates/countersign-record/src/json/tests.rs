//! What the vector files (fixtures/vectors/json) do not show: messages, building, serde.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec;

use super::{Fault, Limits, Number, Object, Value, canonical_text, read};
use crate::object;

fn refusal(text: &str) -> String {
    read(text.as_bytes(), &Limits::REQUEST)
        .unwrap_err()
        .to_string()
}

#[test]
fn a_refused_number_says_where_it_is_and_what_to_do() {
    assert_eq!(
        refusal(r#"{"transfer": {"amount": 9007199254740993}}"#),
        "at /transfer/amount (byte 24): the number is larger than 2^53-1; \
         send large numbers and money as strings"
    );
    assert_eq!(
        refusal("0.30000000000000001"),
        "at the top of the document (byte 0): the number has digits that are lost; \
         send large numbers and money as strings"
    );
}

#[test]
fn a_message_holds_no_control_or_bidi_characters_and_no_endless_names() {
    let message = refusal("{\"a\u{202e}\\n\": x}");
    assert!(message.starts_with("at /a\\u{202e}\\n (byte"), "{message}");
    let long = refusal(&format!("{{\"{}\": x}}", "n".repeat(100_000)));
    assert!(long.len() < 400, "{}", long.len());
}

#[test]
fn endless_brackets_are_refused_without_descending() {
    let brackets = "[".repeat(256 * 1024);
    let error = read(brackets.as_bytes(), &Limits::REQUEST).unwrap_err();
    assert_eq!(error.fault, Fault::Depth { max: 64 });
}

#[test]
fn the_first_repeated_name_is_the_one_that_is_named() {
    let error = read(br#"{"b":1,"a":2,"b":3,"a":4}"#, &Limits::REQUEST).unwrap_err();
    assert_eq!((error.pointer.as_str(), error.offset), ("/b", 13));
}

#[test]
fn an_object_is_written_in_utf16_order_however_it_was_built() {
    let built = object! { "\u{fb33}": 1, "\u{1f600}": 2, "a": vec![Value::Null] };
    assert_eq!(
        canonical_text(&built.into()),
        "{\"a\":[null],\"\u{1f600}\":2,\"\u{fb33}\":1}"
    );
}

#[test]
fn a_pointer_finds_escaped_names_and_items() {
    let value = Value::from(object! { "a/b": vec![object! { "~": true }] });
    assert_eq!(value.at("/a~1b/0/~0"), Some(&Value::Bool(true)));
    assert_eq!(value.at("/a~1b/00/~0"), None);
    assert_eq!(value.at("/a~1b/0/~2"), None);
    assert_eq!(value.at("a~1b"), None);
}

#[test]
fn numbers_outside_the_profile_cannot_be_made() {
    assert!(Number::try_from(9_007_199_254_740_991_u64).is_ok());
    assert!(Number::try_from(9_007_199_254_740_992_u64).is_err());
    assert!(Number::try_from(-9_007_199_254_740_992_i64).is_err());
    assert!(Number::try_from(-0.0).is_err());
    assert!(Number::try_from(f64::NAN).is_err());
    assert!(Number::try_from(f64::INFINITY).is_err());
}

#[test]
fn serde_writes_and_reads_a_value_back() {
    let value = Value::from(
        object! { "a": vec![Value::from(1), Value::Null, true.into()], "b": "x", "c": Object::new() },
    );
    let mut bytes = vec![];
    ciborium::into_writer(&value, &mut bytes).unwrap();
    assert_eq!(ciborium::from_reader::<Value, _>(&*bytes).unwrap(), value);
}

#[test]
fn serde_refuses_what_the_reader_refuses() {
    // CBOR: 2^53, {"a": 1, "a": 2}, "\u{fffe}".
    for bytes in [
        b"\x1b\x00\x20\x00\x00\x00\x00\x00\x00".as_slice(),
        b"\xa2\x61a\x01\x61a\x02",
        b"\x63\xef\xbf\xbe",
    ] {
        assert!(
            ciborium::from_reader::<Value, _>(bytes).is_err(),
            "{bytes:x?}"
        );
    }
}
