//! Strict JSON (profile CS-JSON-1) and its canonical form (RFC 8785): docs/spec/record.md, part 1.

mod value;

pub use value::{Number, NumberError, Object, Value};
