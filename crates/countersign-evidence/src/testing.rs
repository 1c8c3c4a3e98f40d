//! A small log as a server would have written it: every entry was admitted by `countersign-flow`,
//! every signature and seal is real. Only keys, salts and times are fixed, so that it is the same
//! log at every run.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a fixture that fails should say where"
)]

mod disk;
mod people;
mod story;
#[cfg(test)]
pub(crate) mod waiting;

pub use disk::{LogOnDisk, many, story};
