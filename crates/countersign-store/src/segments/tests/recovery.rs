use super::*;
use crate::testing::{Effect, Op, Survivors};

/// Whatever survived of the unsynced writes: the log is the acknowledged prefix, or that and one
/// more frame, and goes on.
pub(super) fn check_recovers(disk: &MemoryDisk, acknowledged: u64, frame: u64) {
    let chances = (0..8).map(Survivors::Some);
    for survivors in chances.chain([Survivors::Synced, Survivors::All]) {
        let disk = disk.after_power_cut(survivors);
        let mut log = reopen(&disk, acknowledged).unwrap();
        let size = log.head().size;
        assert!(
            size == acknowledged || size == acknowledged + frame,
            "{survivors:?}"
        );
        check_whole(&log, size);
        append(&mut log, 1).unwrap();
        drop(log);
        check_whole(&reopen(&disk, size + 1).unwrap(), size + 1);
    }
}

/// A log of `frames` frames of two entries, and the bytes of its only segment.
fn small_log(frames: u64) -> (MemoryDisk, Vec<u8>, usize) {
    let disk = MemoryDisk::new();
    let mut log = new_log(&disk);
    for _ in 0..frames {
        append(&mut log, 2).unwrap();
    }
    let used = usize::try_from(log.last.used).unwrap();
    let bytes = disk.bytes(&segment(0)).unwrap();
    (disk, bytes, used)
}

pub(super) fn segment(first_seq: u64) -> String {
    map::segment_name(first_seq)
}

#[test]
fn a_torn_tail_of_every_length_is_kept_aside_and_cut() {
    let (disk, whole, end) = small_log(2);
    let start = end / 2;
    for written in 1..end - start {
        let mut torn = whole.clone();
        torn[start + written..].fill(0);
        let disk = disk.copy();
        disk.put(&segment(0), &torn);
        let mut log = reopen(&disk, 2).unwrap();
        check_whole(&log, 2);
        let [recovered] = log.recovered() else {
            panic!("{written}: {:?}", log.recovered());
        };
        let kept = disk.bytes(&recovered.file).unwrap();
        // A tail's last zeros are not told from those that were there before.
        assert_eq!(kept, torn[start..start + kept.len()]);
        assert!(torn[start + kept.len()..].iter().all(|byte| *byte == 0));
        assert_eq!(recovered.cut_bytes, as_u64(kept.len()));
        assert_eq!(
            recovered.sha256,
            countersign_record::digest::sha256(&[&kept])
        );
        assert!(
            disk.bytes(&segment(0)).unwrap()[start..]
                .iter()
                .all(|byte| *byte == 0)
        );
        append(&mut log, 2).unwrap();
        drop(log);
        assert_eq!(disk.bytes(&segment(0)).unwrap(), whole);
    }
}

#[test]
fn a_recovered_tail_is_told_until_the_log_is_longer() {
    let (disk, mut bytes, end) = small_log(2);
    bytes[end - 1] ^= 1;
    disk.put(&segment(0), &bytes);
    let disk = disk.copy();
    let first = reopen(&disk, 2).unwrap().recovered().to_vec();
    assert_eq!(first.len(), 1);
    let mut log = reopen(&disk, 2).unwrap();
    assert_eq!(log.recovered(), first);
    append(&mut log, 1).unwrap();
    drop(log);
    assert_eq!(reopen(&disk, 2).unwrap().recovered(), []);
}

#[test]
fn cutting_survives_a_power_cut_at_every_step() {
    let (disk, mut bytes, end) = small_log(2);
    bytes[end - 1] ^= 1;
    disk.put(&segment(0), &bytes);
    for n in 1.. {
        let disk = disk.copy();
        disk.fail_at(n, Fault::PowerCut);
        let opened = reopen(&disk, 2).map(drop);
        for survivors in [Survivors::Synced, Survivors::All, Survivors::Some(n)] {
            let disk = disk.after_power_cut(survivors);
            let log = reopen(&disk, 2).unwrap();
            check_whole(&log, 2);
            // The whole tail was kept; when the cut itself was torn, what it left is kept too.
            let mut kept = log
                .recovered()
                .iter()
                .map(|kept| disk.bytes(&kept.file).unwrap());
            assert!(
                kept.any(|kept| kept == bytes[end / 2..end]),
                "{n} {survivors:?}"
            );
        }
        if opened.is_ok() {
            break;
        }
    }
}

#[test]
fn a_signed_entry_is_never_cut() {
    let (disk, whole, end) = small_log(2);
    for size in [3, 4] {
        let mut torn = whole.clone();
        torn[end - 1] ^= 1;
        let disk = disk.copy();
        disk.put(&segment(0), &torn);
        let Err(OpenError::Damage(damage)) = reopen(&disk, size) else {
            panic!("cut");
        };
        assert_eq!((damage.first_bad, damage.offset), (2, as_u64(end / 2)));
        assert_eq!(disk.bytes(&segment(0)).unwrap(), torn);
    }
}

#[test]
fn a_log_that_ends_before_its_signed_size_is_damaged() {
    let (disk, mut bytes, end) = small_log(2);
    bytes[end / 2..].fill(0);
    disk.put(&segment(0), &bytes);
    let refused = reopen(&disk.copy(), 4);
    assert!(matches!(refused, Err(OpenError::Damage(damage)) if damage.first_bad == 2));
}

#[test]
fn a_power_cut_while_the_log_is_made_leaves_no_log_or_a_whole_one() {
    for n in 1.. {
        let disk = MemoryDisk::new();
        disk.create_directory(LOG_DIRECTORY).unwrap();
        disk.fail_at(n, Fault::PowerCut);
        let made = SegmentLog::create(Arc::new(disk.clone()), &format()).map(drop);
        for survivors in [Survivors::Synced, Survivors::All, Survivors::Some(n)] {
            match reopen(&disk.after_power_cut(survivors), 0) {
                Ok(log) => check_whole(&log, 0),
                Err(error) => assert!(
                    made.is_err() && matches!(error, OpenError::Absent),
                    "{error:?}"
                ),
            }
        }
        if made.is_ok() {
            break;
        }
    }
}

/// From now on the disk does `effect` to the next operation that `matches`, once.
fn once(disk: &MemoryDisk, effect: Effect, matches: impl Fn(Op<'_>) -> bool + Send + 'static) {
    let mut is_over = false;
    disk.set_hazard(move |op| {
        if is_over || !matches(op) {
            return Effect::None;
        }
        is_over = true;
        effect
    });
}

fn is_segment(path: &str) -> bool {
    std::path::Path::new(path)
        .extension()
        .is_some_and(|it| it == "seg")
}

#[test]
fn what_a_failed_sync_left_only_in_memory_is_durable_after_the_next_start() {
    let disk = MemoryDisk::new();
    let mut log = new_log(&disk);
    append(&mut log, 1).unwrap();
    let evicted = false;
    once(
        &disk,
        Effect::Forget { evicted },
        |op| matches!(op, Op::Sync(path) if is_segment(path)),
    );
    append(&mut log, 1).unwrap_err();
    drop(log);
    let mut log = reopen(&disk, 1).unwrap();
    check_whole(&log, 2);
    append(&mut log, 1).unwrap();
    let found = disk.after_power_cut(Survivors::Synced);
    check_whole(&reopen(&found, 3).unwrap(), 3);
}

#[test]
fn a_cut_that_was_not_synced_is_made_again_by_the_next_start() {
    for evicted in [false, true] {
        let (disk, mut bytes, end) = small_log(2);
        let start = end / 2;
        bytes[start + 100..start + 200].fill(0);
        disk.put(&segment(0), &bytes);
        let matches = |op: Op<'_>| matches!(op, Op::Sync(path) if is_segment(path));
        let mut syncs = 0;
        // The first one is that of the last frame, which stays.
        disk.set_hazard(move |op| {
            syncs += usize::from(matches(op));
            if matches(op) && syncs == 2 {
                Effect::Forget { evicted }
            } else {
                Effect::None
            }
        });
        let refused = reopen(&disk, 2).map(|_| ()).unwrap_err();
        assert!(
            refused.to_string().contains("cutting a torn tail"),
            "{refused}"
        );
        check_whole(&reopen(&disk, 2).unwrap(), 2);
        let found = disk.after_power_cut(Survivors::Synced);
        let left = found.bytes(&segment(0)).unwrap().split_off(start);
        assert!(left.iter().all(|byte| *byte == 0), "evicted: {evicted}");
    }
}

#[test]
fn a_segment_whose_name_was_not_made_durable_is_not_lost_after_the_next_start() {
    let disk = MemoryDisk::new();
    let mut log = new_log(&disk);
    once(&disk, Effect::Error, |op| {
        matches!(op, Op::SyncDirectory("log"))
    });
    while append(&mut log, 1).is_ok() {}
    let size = log.head().size;
    drop(log);
    let mut log = reopen(&disk, size).unwrap();
    append(&mut log, 1).unwrap();
    let found = disk.after_power_cut(Survivors::Synced);
    check_whole(&reopen(&found, size + 1).unwrap(), size + 1);
}

#[test]
fn nothing_is_cut_on_the_word_of_one_reading() {
    let disk = MemoryDisk::new();
    let mut log = new_log(&disk);
    append(&mut log, 1).unwrap();
    append(&mut log, 1).unwrap();
    drop(log);
    let is_frame = |op: Op<'_>| matches!(op, Op::Read(path, len) if is_segment(path) && len > 1000);
    for number in 0..8 {
        let mut readings = 0;
        disk.set_hazard(move |op| {
            readings += usize::from(is_frame(op));
            let hit = is_frame(op) && readings == number + 1;
            if hit { Effect::Flip(900) } else { Effect::None }
        });
        // It may see through it, or refuse; it never cuts.
        if let Ok(log) = reopen(&disk, 0) {
            assert_eq!(log.head().size, 2);
        }
        disk.set_hazard(|_| Effect::None);
        check_whole(&reopen(&disk, 2).unwrap(), 2);
    }
}
