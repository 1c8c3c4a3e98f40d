//! Strict JSON (profile CS-JSON-1) and its canonical form (RFC 8785): docs/spec/json.md.

mod fault;
mod limits;
mod number;
pub(crate) mod pointer;
mod read;
mod serde;
pub(crate) mod text;
mod value;
mod write;

pub use fault::{Fault, ReadError};
pub use limits::Limits;
pub use read::read;
pub use value::{Number, NumberError, Object, Value};
pub use write::{canonical, canonical_text};

#[cfg(test)]
mod tests;
