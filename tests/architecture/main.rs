//! The invariants of docs/architecture.md that no single crate can hold by itself.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test's helper fails the test"
)]

mod dependencies;
mod text;
mod threats;
mod workspace;
