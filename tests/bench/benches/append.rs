//! How many entries become durable in a second, beside a plain file and beside sled, on the same disk
//! in the same run: `cargo bench -p countersign-store -- [DIRECTORY]`
//!
//! So many writers wait at once, and what they bring becomes one batch: one frame, one fdatasync. A
//! figure is the median of five runs of half a second, with the slowest and the fastest.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a tool for developers"
)]

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign_ledger::frame::Record;
use countersign_record::digest::sha256;
use countersign_store::disk::FileDisk;
use countersign_store::log::{Log as _, Urgency};
use countersign_store::segments::{LogFormat, SegmentLog};

const WRITERS: [u16; 3] = [1, 16, 256];
/// An entry and its body, as a routine call has them.
const ENTRY_BYTES: usize = 544;
const BODY_BYTES: usize = 544;
/// Written over from the start when it is full; as long as a segment.
const PLAIN_BYTES: usize = 64 << 20;
const RUNS: usize = 5;
const RUN: Duration = Duration::from_millis(500);

fn main() {
    let named = std::env::args().skip(1).find(|it| !it.starts_with('-'));
    let directory = named.map_or_else(std::env::temp_dir, Into::into);
    let directory = tempfile::tempdir_in(directory).unwrap();
    println!("durable entries of {ENTRY_BYTES} + {BODY_BYTES} bytes for each second");
    for writers in WRITERS {
        let mut plain = plain_file(directory.path());
        let limit = rate("plain file", writers, None, &mut plain);
        let mut log = segment_log(directory.path());
        rate("segment log", writers, Some(limit), &mut log);
        let mut tree = sled_tree(directory.path());
        rate("sled, flushed", writers, Some(limit), &mut tree);
    }
}

/// A frame with its length and hash, over zeros that were written before.
fn plain_file(directory: &Path) -> impl FnMut(usize) {
    let file = fresh(&directory.join("plain"));
    for at in (0..PLAIN_BYTES).step_by(1 << 20) {
        file.write_all_at(&vec![0; 1 << 20], at as u64).unwrap();
    }
    file.sync_all().unwrap();
    let mut at = 0;
    move |writers| {
        let mut frame = vec![7; writers * (ENTRY_BYTES + BODY_BYTES)];
        let hash = sha256(&[&frame]);
        frame.extend_from_slice(&hash);
        if at + frame.len() > PLAIN_BYTES {
            at = 0;
        }
        file.write_all_at(&frame, at as u64).unwrap();
        file.sync_data().unwrap();
        at += frame.len();
    }
}

fn fresh(path: &Path) -> File {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(true);
    options.open(path).unwrap()
}

fn segment_log(directory: &Path) -> impl FnMut(usize) {
    let root = tempfile::tempdir_in(directory).unwrap();
    std::fs::create_dir(root.path().join("log")).unwrap();
    let disk = Arc::new(FileDisk::new(root.path()));
    let mut log = SegmentLog::create(disk, &LogFormat::new("log.example/bench")).unwrap();
    let epoch = log.lease().unwrap();
    let (entry, body) = (vec![7; ENTRY_BYTES], vec![7; BODY_BYTES]);
    move |writers| {
        let _kept = &root;
        let bodies = [body.as_slice()];
        let record = Record {
            entry: &entry,
            bodies: &bodies,
        };
        let head = log.head();
        log.commit(epoch, &head, &vec![record; writers], Urgency::Routine)
            .unwrap();
    }
}

fn sled_tree(directory: &Path) -> impl FnMut(usize) {
    let root = tempfile::tempdir_in(directory).unwrap();
    let tree = sled::open(root.path()).unwrap();
    let mut number = 0_u64;
    move |writers| {
        let _kept = &root;
        let mut batch = sled::Batch::default();
        for _ in 0..writers {
            batch.insert(&number.to_be_bytes(), vec![7; ENTRY_BYTES + BODY_BYTES]);
            number += 1;
        }
        tree.apply_batch(batch).unwrap();
        tree.flush().unwrap();
    }
}

/// Prints and gives the median rate, beside a limit that was measured before.
fn rate(name: &str, writers: u16, limit: Option<f64>, commit: &mut impl FnMut(usize)) -> f64 {
    let mut rates: Vec<f64> = (0..RUNS)
        .map(|_| {
            let (started, mut batches) = (Instant::now(), 0_u32);
            while started.elapsed() < RUN {
                commit(writers.into());
                batches += 1;
            }
            f64::from(batches) * f64::from(writers) / started.elapsed().as_secs_f64()
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    let [slowest, median, fastest] = [0, RUNS / 2, RUNS - 1].map(|place| rates[place]);
    let of = limit.map_or_else(String::new, |limit| {
        format!(", {:.2} of the plain file", median / limit)
    });
    println!("{writers:>4} writers  {name:<14} {median:>9.0} ({slowest:.0} to {fastest:.0}){of}");
    median
}
