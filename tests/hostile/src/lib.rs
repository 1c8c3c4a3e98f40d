//! What tests throw at every parser and every screen.
//! In scope: bytes that are nearly right (proptest strategies), the table of hostile texts
//! (`fixtures/hostile/text.txt`), and what may never reach a terminal.
//! Not here: what a parser must say to it (tests of its crate).

mod mutate;
mod text;

pub use mutate::{cases, mutated, mutated_text};
pub use text::{Text, all_at_once, steers, texts};
