//! An entry as JSON, for reading. What is hashed is the file beside it.

use countersign_ledger::chain::{leaf_hash, link};
use countersign_record::cbor;
use countersign_record::cbor::Item;
use countersign_record::digest::hex;
use countersign_record::json::{Number, Object, Value, canonical_text};

/// `{"entry", "hash", "leaf"}`; `None` for bytes that are not deterministic CBOR.
pub(super) fn view(entry: &[u8]) -> Option<String> {
    let object = Object::new()
        .with("entry", json(&cbor::decode(entry).ok()?))
        .with("hash", link(entry).to_string())
        .with("leaf", leaf_hash(entry).to_string());
    Some(canonical_text(&object.into()) + "\n")
}

/// Byte strings become hexadecimal, numbers that JSON readers cannot keep become text.
fn json(item: &Item) -> Value {
    match item {
        Item::Uint(number) => {
            Number::try_from(*number).map_or_else(|_| number.to_string().into(), Value::Number)
        }
        Item::Negative(number) => {
            let negative = -1 - i128::from(*number);
            let kept = i64::try_from(negative)
                .ok()
                .and_then(|it| Number::try_from(it).ok());
            kept.map_or_else(|| negative.to_string().into(), Value::Number)
        }
        Item::Bytes(bytes) => hex(bytes).into(),
        Item::Text(text) => text.as_str().into(),
        Item::Bool(truth) => (*truth).into(),
        Item::Array(items) => Value::Array(items.iter().map(json).collect()),
        Item::Map(map) => {
            let mut object = Object::new();
            for (name, item) in map.iter() {
                object = object.with(name, json(item));
            }
            object.into()
        }
    }
}
