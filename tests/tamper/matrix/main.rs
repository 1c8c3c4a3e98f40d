//! Every way to tamper with the golden ledger and the golden bundle of version 1: each
//! change must be found, and the first bad entry or file must be named (docs/testing.md).
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails where something is wrong"
)]

mod beside;
mod bundle;
mod cbor;
#[path = "../../interop/ledgers/draw.rs"]
#[expect(dead_code, reason = "generated ledgers draw more")]
mod draw;
mod entries;
#[path = "../../crash/figures.rs"]
mod figures;
mod golden;
mod notes;
mod pairing;
#[path = "../../interop/ledgers/people.rs"]
#[expect(dead_code, reason = "a ledger that is told enrols them")]
mod people;
mod proofs;
mod segments;
mod shelf;
mod tally;
