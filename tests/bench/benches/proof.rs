//! What a proof costs in a log of a million entries whose tree lies in its file: the path from stored
//! nodes, and the check of it that is made before it leaves.

use std::hint::black_box;
use std::sync::Arc;

use countersign_ledger::merkle::{Nodes as _, consistency, inclusion, verify_inclusion};
use countersign_record::digest::{LeafHash, sha256};
use countersign_store::disk::FileDisk;
use countersign_store::tree::StoredTree;
use criterion::{Criterion, criterion_group, criterion_main};

const ENTRIES: u64 = 1_000_000;

fn proof(criterion: &mut Criterion) {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("index")).unwrap();
    let mut tree = StoredTree::empty(Arc::new(FileDisk::new(directory.path())));
    for seq in 0..ENTRIES {
        tree.append(LeafHash(sha256(&[&seq.to_be_bytes()])));
    }
    tree.save(ENTRIES).unwrap();
    let root = tree.frontier().root();
    let mut seq = 0;
    let mut next = move || {
        seq = (seq + 618_033) % ENTRIES;
        seq
    };
    let mut group = criterion.benchmark_group("proof in a million");
    group.bench_function("inclusion, made and checked", |bench| {
        bench.iter(|| {
            let seq = next();
            let path = inclusion(&tree, seq, ENTRIES).unwrap();
            let leaf = LeafHash(tree.node(0, seq).unwrap());
            verify_inclusion(leaf, seq, ENTRIES, &path, root).unwrap();
            path
        });
    });
    group.bench_function("consistency", |bench| {
        bench.iter(|| black_box(consistency(&tree, next() + 1, ENTRIES).unwrap()));
    });
    group.finish();
}

criterion_group!(benches, proof);
criterion_main!(benches);
