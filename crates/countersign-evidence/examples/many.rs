//! Writes a valid data directory of many entries, to measure with:
//! `cargo run --release -p countersign-evidence --features testing --example many -- DIR ENTRIES`
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a tool for developers"
)]

use std::path::PathBuf;

use countersign_evidence::testing::many;

fn main() {
    let mut arguments = std::env::args_os().skip(1);
    let data = PathBuf::from(arguments.next().unwrap());
    let entries = arguments.next().unwrap().to_str().unwrap().parse().unwrap();
    let log = many(&data, entries);
    println!("{} entries; the key to trust: {}", log.size(), log.vkey());
}
