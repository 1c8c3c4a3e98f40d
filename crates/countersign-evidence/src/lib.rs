//! Where evidence lies: reads a log's data directory or an evidence bundle for the verifier, and
//! writes bundles.
//! In scope: finding out what a path holds, reading it without a lock, telling a torn tail from
//! damage, the bundle's files and the check that they are exactly those (docs/spec/bundle.md).
//! Not here: what the entries say and whether it was all so (`countersign-verify`); writing a log
//! (`countersign-store`); printing (cli).

pub mod bundle;
mod files;
mod inspect;
mod source;

pub use inspect::{Fault, Inspection, Looked};
pub use source::{BundleDirectory, DataDirectory, OpenError, Opened, open};

#[cfg(any(test, feature = "testing"))]
pub mod testing;
