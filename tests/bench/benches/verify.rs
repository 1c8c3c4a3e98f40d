//! How fast a log is verified, beside what its hashes and signatures alone cost on the same machine:
//! `cargo bench -p countersign-evidence --features testing -- [ENTRIES]`
//!
//! Each figure is the best of three; the machine's other work only ever makes one worse.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a tool for developers"
)]

use std::hint::black_box;
use std::time::Instant;

use countersign_attest::sshsig::sign_ed25519;
use countersign_attest::{Context, PublicKey};
use countersign_evidence::testing::many;
use countersign_evidence::{Opened, open};
use countersign_ledger::chain::{leaf_hash, link};
use countersign_record::entry::Entry;
use countersign_verify::{Extent, Options, Source as _, Trust, verify};
use ed25519_dalek::SigningKey;

const ENTRIES: u64 = 30_000;

fn main() {
    let named = std::env::args().find_map(|argument| argument.parse().ok());
    let directory = tempfile::tempdir().unwrap();
    let log = many(directory.path(), named.unwrap_or(ENTRIES));
    let trust = Trust {
        log_keys: vec![log.vkey().parse().unwrap()],
        earlier: None,
    };
    let opened = open(directory.path()).unwrap();
    let entries: Vec<Vec<u8>> = opened
        .records()
        .map(|record| record.unwrap().entry)
        .collect();
    let bytes: usize = entries.iter().map(Vec::len).sum();
    println!(
        "{} entries of {} bytes on average",
        entries.len(),
        bytes / entries.len()
    );

    on_one_core(&entries);
    for (name, extent) in [
        ("structure", Extent::Structure),
        ("everything", Extent::Everything),
    ] {
        let options = Options {
            extent,
            ..Options::default()
        };
        rate(name, entries.len(), || {
            let opened: Opened = open(directory.path()).unwrap();
            let report = verify(&opened, &trust, &options, &mut |_| ());
            assert!(report.findings.iter().all(|it| it.id == "bootstrap"));
        });
    }
}

fn on_one_core(entries: &[Vec<u8>]) {
    rate("link and leaf, one core", entries.len(), || {
        for entry in entries {
            black_box((link(entry), leaf_hash(entry)));
        }
    });
    rate("strict decoding, one core", entries.len(), || {
        for entry in entries {
            black_box(Entry::decode(entry).unwrap());
        }
    });
    let device = SigningKey::from_bytes(&[9; 32]);
    let key = PublicKey::from_ed25519(&device.verifying_key().to_bytes()).unwrap();
    let statement = [b'x'; 900];
    let signature = sign_ed25519(&device, Context::Approval.as_str(), &statement);
    rate("signatures, one core", 2000, || {
        for _ in 0..2000 {
            let proof = countersign_attest::verify(Context::Approval, &key, &statement, &signature);
            black_box(proof.unwrap());
        }
    });
}

fn rate(name: &str, times: usize, mut work: impl FnMut()) {
    let seconds = || {
        let begun = Instant::now();
        work();
        begun.elapsed().as_secs_f64()
    };
    let best = std::iter::repeat_with(seconds)
        .take(3)
        .fold(f64::MAX, f64::min);
    let each = std::time::Duration::from_secs_f64(best) / u32::try_from(times).unwrap();
    println!(
        "{name:<28} {:>9} a second",
        1_000_000_000 / each.as_nanos().max(1)
    );
}
