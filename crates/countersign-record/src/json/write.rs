//! The canonical writer (RFC 8785).

use alloc::string::String;
use alloc::vec::Vec;

use super::text;
use super::value::Value;

/// The one canonical text of a value: UTF-8, no white space, members sorted by UTF-16 units.
pub fn canonical_text(value: &Value) -> String {
    let mut canonical = String::new();
    write(value, &mut canonical);
    canonical
}

/// The bytes of [`canonical_text`]: what is hashed.
pub fn canonical(value: &Value) -> Vec<u8> {
    canonical_text(value).into_bytes()
}

fn write(value: &Value, canonical: &mut String) {
    match value {
        Value::Null => canonical.push_str("null"),
        Value::Bool(true) => canonical.push_str("true"),
        Value::Bool(false) => canonical.push_str("false"),
        Value::Number(number) => {
            canonical.push_str(ryu_js::Buffer::new().format_finite(number.as_f64()));
        }
        Value::String(string) => text::quote(string, canonical),
        Value::Array(items) => {
            canonical.push('[');
            for (place, item) in items.iter().enumerate() {
                separate(place, canonical);
                write(item, canonical);
            }
            canonical.push(']');
        }
        Value::Object(object) => {
            canonical.push('{');
            for (place, (name, member)) in object.iter().enumerate() {
                separate(place, canonical);
                text::quote(name, canonical);
                canonical.push(':');
                write(member, canonical);
            }
            canonical.push('}');
        }
    }
}

fn separate(place: usize, canonical: &mut String) {
    if place > 0 {
        canonical.push(',');
    }
}
