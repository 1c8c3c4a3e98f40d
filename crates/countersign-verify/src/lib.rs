//! Was it all so: reads a ledger or bundle through [`Source`], replays it through the same pure code
//! that the server used, and reports every finding.
//! In scope: form, chain, tree, checkpoint, bodies, statements, policy, flow; traces of one thing
//! (docs/spec/verify.md).
//! Not here: files, networks, clocks (`countersign-evidence`, cli); pages for people.
#![no_std]

extern crate alloc;

mod check;
mod command;
mod compact;
mod compare;
mod conclude;
mod count;
mod explain;
mod finding;
mod fingerprints;
mod head;
mod known;
mod notice;
mod options;
mod prepare;
mod read;
mod replay;
mod report;
mod shows;
mod source;
mod time;
mod trace;
mod verify;

pub use check::{Check, CheckId, Status};
pub use finding::{Finding, Severity};
pub use head::Trust;
pub use options::{Extent, FailOn, Options, Require};
pub use prepare::{Prepared, Preparer};
pub use report::{Report, Scope, Verdict};
pub use source::{BodyState, Source, SourceError, Stored};
pub use trace::{Answer, CallTrace, Line, NotFound, Trace, Word, trace};
pub use verify::verify;
