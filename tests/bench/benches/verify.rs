//! How fast a log is verified, beside what its hashes and signatures alone cost on one core of the same
//! machine. `COUNTERSIGN_BENCH_ENTRIES` says how long the log is.

use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use countersign_attest::sshsig::sign_ed25519;
use countersign_attest::{Context, PublicKey};
use countersign_evidence::testing::many;
use countersign_evidence::{Opened, open};
use countersign_ledger::chain::{leaf_hash, link};
use countersign_record::entry::Entry;
use countersign_verify::{Extent, Options, Source as _, Trust, verify};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ed25519_dalek::SigningKey;

const ENTRIES: u64 = 30_000;

#[expect(
    clippy::disallowed_methods,
    reason = "how many entries is told by the environment"
)]
fn verification(criterion: &mut Criterion) {
    let asked = std::env::var("COUNTERSIGN_BENCH_ENTRIES").ok();
    let asked = asked.map_or(ENTRIES, |it| it.parse().unwrap());
    let directory = tempfile::tempdir().unwrap();
    let log = many(directory.path(), asked);
    let trust = Trust {
        log_keys: vec![log.vkey().parse().unwrap()],
        earlier: None,
    };
    parts(criterion, directory.path());
    let mut group = criterion.benchmark_group("verify");
    group.sample_size(10);
    group.throughput(Throughput::Elements(log.size()));
    for (name, extent) in [
        ("structure", Extent::Structure),
        ("everything", Extent::Everything),
    ] {
        let options = Options {
            extent,
            ..Options::default()
        };
        group.bench_function(name, |bench| {
            bench.iter(|| {
                let opened: Opened = open(directory.path()).unwrap();
                let report = verify(&opened, &trust, &options, &mut |_| ());
                assert!(report.findings.iter().all(|it| it.id == "bootstrap"));
            });
        });
    }
    group.finish();
}

/// The limits: what cannot be left out, on one core.
fn parts(criterion: &mut Criterion, log: &Path) {
    let opened = open(log).unwrap();
    let entries = opened.records().map(|record| record.unwrap().entry);
    let entries: Vec<Vec<u8>> = entries.collect();
    let mut group = criterion.benchmark_group("one core");
    group.measurement_time(Duration::from_secs(3));
    group.sample_size(10);
    group.throughput(Throughput::Elements(entries.len() as u64));
    group.bench_function("link and leaf", |bench| {
        bench.iter(|| {
            for entry in &entries {
                black_box((link(entry), leaf_hash(entry)));
            }
        });
    });
    group.bench_function("strict decoding", |bench| {
        bench.iter(|| {
            for entry in &entries {
                black_box(Entry::decode(entry).unwrap());
            }
        });
    });
    group.throughput(Throughput::Elements(1));
    let device = SigningKey::from_bytes(&[9; 32]);
    let key = PublicKey::from_ed25519(&device.verifying_key().to_bytes()).unwrap();
    let statement = [b'x'; 900];
    let signature = sign_ed25519(&device, Context::Approval.as_str(), &statement);
    group.bench_function("signature", |bench| {
        bench.iter(|| {
            countersign_attest::verify(Context::Approval, &key, &statement, &signature).unwrap()
        });
    });
    group.finish();
}

criterion_group!(benches, verification);
criterion_main!(benches);
