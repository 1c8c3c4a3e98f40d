//! Was it all so: reads a ledger or bundle through [`Source`], replays it through the same pure code
//! that the server used, and reports every finding.
//! In scope: form, chain, tree, checkpoint, bodies, statements, policy, flow; traces of one thing.
//! Not here: files, networks, clocks (`countersign-evidence`, cli); pages for people.
#![no_std]

extern crate alloc;

mod source;

pub use source::{BodyState, Source, SourceError, Stored};
