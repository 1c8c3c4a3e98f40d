//! The golden ledger and the golden bundle of version 1, made by the service's own core and the real
//! export: the same at every run. `cargo run -p countersign-tamper` writes them to `fixtures/`.
//! In scope: what happens in them, and where they are kept.
//! Not here: what is done to them (`matrix/`).
#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a fixture that fails should say where"
)]

mod clock;
#[path = "../../interop/ledgers/draw.rs"]
#[expect(
    dead_code,
    reason = "generated ledgers draw more than a story that is told"
)]
mod draw;
pub mod golden;
#[path = "../../interop/ledgers/people.rs"]
mod people;
mod story;

pub use story::{DEVICES, ORIGIN};
