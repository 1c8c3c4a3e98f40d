use super::recovery::segment;
use super::*;
use crate::testing::Survivors;

/// Three frames of one entry each, in one segment.
fn three() -> (MemoryDisk, Vec<u8>, usize) {
    let disk = MemoryDisk::new();
    let mut log = new_log(&disk);
    for _ in 0..3 {
        append(&mut log, 1).unwrap();
    }
    let used = usize::try_from(log.last.used).unwrap();
    let bytes = disk.bytes(&segment(0)).unwrap();
    (disk, bytes, used)
}

#[test]
fn a_flipped_bit_anywhere_is_damage_with_its_place_or_a_body_that_is_gone() {
    let (disk, whole, used) = three();
    let frame = used / 3;
    let (mut damaged, mut gone) = (0, 0);
    for place in 0..used {
        let mut bytes = whole.clone();
        bytes[place] ^= 1 << (place % 8);
        let disk = disk.copy();
        disk.put(&segment(0), &bytes);
        match reopen(&disk, 3) {
            Err(OpenError::Damage(damage)) => {
                damaged += 1;
                assert_eq!(damage.file, segment(0));
                assert_eq!(damage.offset, as_u64(place / frame * frame), "{place}");
                assert_eq!(damage.first_bad, as_u64(place / frame), "{place}");
                assert_eq!(
                    disk.bytes(&segment(0)).unwrap(),
                    bytes,
                    "nothing is changed"
                );
            }
            Ok(log) => {
                gone += 1;
                let seq = as_u64(place / frame);
                let stored = log.reader().read(seq).unwrap().unwrap();
                assert_eq!(
                    (stored.entry, stored.bodies),
                    (entry(seq), vec![None]),
                    "{place}"
                );
            }
            Err(other) => panic!("{place}: {other}"),
        }
    }
    // The last frame's body is under the signed size: it counts as damage.
    assert_eq!(gone, 2 * body(0).len());
    assert_eq!(damaged, used - gone);
}

#[test]
fn a_bit_in_the_unused_part_is_found() {
    let (disk, whole, used) = three();
    for place in [used, used + 1, used + 64, whole.len() - 1] {
        let mut bytes = whole.clone();
        bytes[place] = 1;
        let disk = disk.copy();
        disk.put(&segment(0), &bytes);
        let log = reopen(&disk, 3).unwrap();
        check_whole(&log, 3);
        assert_eq!(log.recovered().len(), 1);
    }
}

fn check_damaged(disk: &MemoryDisk, first_bad: u64) {
    match reopen(&disk.copy(), 0) {
        Err(OpenError::Damage(damage)) => assert_eq!(damage.first_bad, first_bad, "{damage}"),
        other => panic!("{other:?}"),
    }
}

/// Several segments; the first entries of each.
fn many() -> (MemoryDisk, Vec<u64>) {
    let disk = MemoryDisk::new();
    let mut log = new_log(&disk);
    while log.head().size < 20 {
        append(&mut log, 1).unwrap();
    }
    let firsts: Vec<_> = disk
        .list(LOG_DIRECTORY)
        .unwrap()
        .iter()
        .filter_map(|name| countersign_ledger::segment::parse_name(name))
        .collect();
    assert!(firsts.len() > 2);
    (disk, firsts)
}

#[test]
fn a_missing_segment_is_damage_where_it_was() {
    let (disk, firsts) = many();
    for first in &firsts[..firsts.len() - 1] {
        let disk = disk.copy();
        disk.remove(&segment(*first)).unwrap();
        check_damaged(&disk, *first);
    }
}

#[test]
fn a_missing_last_segment_is_found_by_the_signed_size() {
    let (disk, firsts) = many();
    let last = *firsts.last().unwrap();
    disk.remove(&segment(last)).unwrap();
    let refused = reopen(&disk.copy(), 20);
    assert!(matches!(refused, Err(OpenError::Damage(damage)) if damage.first_bad == last));
}

#[test]
fn swapped_segments_are_damage() {
    let (disk, firsts) = many();
    let (first, second) = (segment(firsts[0]), segment(firsts[1]));
    let (one, two) = (disk.bytes(&first).unwrap(), disk.bytes(&second).unwrap());
    disk.put(&first, &two);
    disk.put(&second, &one);
    check_damaged(&disk, 0);
}

#[test]
fn a_segment_of_another_log_is_damage() {
    let (disk, _) = many();
    let other = MemoryDisk::new();
    other.create_directory(LOG_DIRECTORY).unwrap();
    let format = LogFormat {
        origin: "log.example/other".to_owned(),
        ..format()
    };
    append(
        &mut SegmentLog::create(Arc::new(other.clone()), &format).unwrap(),
        1,
    )
    .unwrap();
    disk.put(&segment(0), &other.bytes(&segment(0)).unwrap());
    check_damaged(&disk, 0);
}

#[test]
fn an_unfinished_frame_with_another_segment_behind_it_is_damage() {
    let (disk, firsts) = many();
    let mut bytes = disk.bytes(&segment(firsts[0])).unwrap();
    let frame = 64 + 4 + entry(0).len() + 4 + 4 + 32 + body(0).len() + 32;
    let last = frame * usize::try_from(firsts[1] - 1).unwrap();
    bytes[last + 64..].fill(0);
    disk.put(&segment(firsts[0]), &bytes);
    check_damaged(&disk, firsts[1] - 1);
}

#[test]
fn damage_that_comes_while_the_log_is_open_is_named_by_the_reader() {
    let (disk, mut bytes, used) = three();
    let disk = disk.after_power_cut(Survivors::All);
    let log = reopen(&disk, 3).unwrap();
    bytes[used / 3 + 70] ^= 1;
    disk.put(&segment(0), &bytes);
    let reader = log.reader();
    assert!(reader.read(0).unwrap().is_some());
    for wrong in [
        reader.read(1).map(drop),
        reader.frames(0).nth(1).unwrap().map(drop),
    ] {
        let Err(crate::log::ReadError::Damage(damage)) = wrong else {
            panic!("{wrong:?}");
        };
        assert_eq!((damage.first_bad, damage.offset), (1, as_u64(used / 3)));
    }
    // After the damage an iterator has nothing more to say.
    assert_eq!(reader.frames(0).count(), 2);
}
