use countersign_ledger::frame::FrameHash;
use countersign_store::testing::MemoryDisk;

use super::*;

/// What a start makes of a snapshot that this fold kept.
fn found_of(fold: u32) -> Option<Snapshot> {
    let snapshots = Snapshots::new(Arc::new(MemoryDisk::new()));
    let mut keyring = Keyring::new();
    keyring.set_snapshot_key([1; 32]);
    let genesis = EntryHash([2; 32]);
    let head = LogHead {
        size: 0,
        frame: FrameHash([3; 32]),
    };
    let job = Job {
        head,
        state: State::default(),
        frontier: Frontier::default(),
        place: place(genesis, &head, fold),
        key: keyring.snapshot_key().unwrap().clone(),
        nonce: [4; 24],
        tree: None,
    };
    job.run(&snapshots).unwrap();
    load(&snapshots, &head, &keyring, genesis)
}

#[test]
fn a_snapshot_of_another_fold_is_passed_over() {
    assert!(found_of(FOLD).is_some());
    assert!(found_of(FOLD + 1).is_none());
}
