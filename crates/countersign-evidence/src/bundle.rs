//! The evidence bundle: a directory of files that anybody can check with stock tools
//! (docs/spec/bundle.md).
//!
//! Every file but the manifest follows from the entries, their disclosures, the checkpoint and the
//! case: `derive` makes them all. Writing puts them on disk; checking makes them
//! again from what the bundle holds and compares byte for byte.

mod attest;
mod check;
mod derive;
mod description;
mod keys;
pub(crate) mod layout;
mod manifest;
mod view;
mod write;

pub use check::check_files;
pub use derive::DeriveError;
pub use description::{Counts, Description};
pub use write::{BundleOptions, WriteError, Written, write};

#[cfg(test)]
mod tests;
